import ArcuateCore

/// Where the rows of the inputs of a block come from: the caller's arrays, read when a tile needs
/// them.
struct Feed {
  let inputs: InputPorts
  let batch: Int
  /// The frame that step 0 of the block belongs to; each step is a frame of its own with `isFrames`.
  let frame: Int
  let isFrames: Bool
  /// From this step of the block on the inputs are silent.
  let silence: Int

  /// Writes the input of a step and a stream.
  @inline(__always)
  func fill(_ row: Row<Float>, port: Int, _ t: Int, _ b: Int) {
    if t >= silence { return row.fill(0) }
    inputs.copy(port, from: self.row(t, b) * row.count, to: row)
  }

  /// Which row of the call a step and a stream have.
  @inline(__always)
  func row(_ t: Int, _ b: Int) -> Int { (isFrames ? frame + t : frame) * batch + b }
}

extension Session {
  /// Brings the row of an input up to date, and the list beside it.
  @inline(__always)
  func enter(_ slot: Slot, _ t: Int, _ b: Int) {
    if let feed, !slot.constant {
      if slot.isBare, t < feed.silence, slot.port == plan.maskedPort, masks.isUnit(feed.row(t, b)) {
        nonzero(slot, t, b)[0] = masks.list(
          feed.row(t, b), count: slot.count, into: list(slot, t, b))
        return
      }
      feed.fill(row(slot, t, b).part(0, slot.count), port: slot.port, t, b)
    }
    listRow(slot, t, b)
  }
}

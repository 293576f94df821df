import ArcuateCore

/// The source of a block's input rows: the caller's arrays, read when a tile needs them.
struct Feed {
  let inputs: InputPorts
  let batch: Int
  /// The frame of step 0 of the block; each step is a frame of its own with `isFrames`.
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

  /// The row of the call that a step and a stream have.
  @inline(__always)
  func row(_ t: Int, _ b: Int) -> Int { (isFrames ? frame + t : frame) * batch + b }
}

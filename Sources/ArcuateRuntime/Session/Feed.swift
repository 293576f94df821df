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
    let f = isFrames ? frame + t : frame
    inputs.copy(port, from: (f * batch + b) * row.count, to: row)
  }
}

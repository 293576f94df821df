import ArcuateCore

/// Makes rows of one width outside a session's arena.
struct RowSpace {
  let width: Int

  func row() throws -> View<Float> {
    try AlignedBuffer(byteCount: width * 4).view(start: 0, count: width)
  }

  func list() throws -> View<UInt32> {
    try AlignedBuffer(byteCount: width * 4).view(start: 0, count: width)
  }
}

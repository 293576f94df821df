import ArcuateCore

/// The numbers of a checkpoint in the model's order, with one copy of them, and their hash. Both end
/// early by request.
extension Parameter {
  /// Rows that are transposed together: they fill whole lines of the other order.
  private static let tile = 16

  /// Numbers stored like the values. Throws. `outOfMemory`, `canceled`.
  func tensor(_ view: View<Float>) throws(ArcuateError) -> Tensor {
    precondition(view.count >= (rows - 1) * stride + width, "numbers stored like the values")
    let bytes = try Bytes.allocated(4 * count) { block throws(ArcuateError) in
      guard let base = block.baseAddress else { return }
      // SAFETY: the block has `rows * width` elements, at a multiple of 64 bytes, and the view the
      // last of `rows` rows, as checked above.
      let (out, from) = (base.assumingMemoryBound(to: Float.self), view.row.pointer)
      guard isTransposed else {
        out.update(from: from, count: width)
        return
      }
      for first in Swift.stride(from: 0, to: rows, by: Self.tile) {
        try Cancellation.check()
        let last = min(first + Self.tile, rows)
        for j in 0..<width {
          var i = first
          while i < last {
            out[j &* rows &+ i] = from[i &* stride &+ j]
            i &+= 1
          }
        }
      }
    }
    return try Tensor(shape: shape, element: .float32, bytes: bytes)
  }
}

extension FNV {
  /// The elements of a float32 tensor, in row-major order. Throws. `canceled`.
  mutating func add(_ tensor: Tensor) throws(ArcuateError) {
    precondition(tensor.element == .float32, "numbers of four bytes")
    // SAFETY: a tensor has four bytes for each element; loads are unaligned.
    try tensor.bytes.withUnsafeBytes { bytes throws(ArcuateError) in
      for first in stride(from: 0, to: tensor.count, by: 1 << 20) {
        try Cancellation.check()
        var own = self
        for i in first..<min(first + (1 << 20), tensor.count) {
          own.add(UInt64(bytes.loadUnaligned(fromByteOffset: 4 &* i, as: UInt32.self)))
        }
        self = own
      }
    }
  }
}

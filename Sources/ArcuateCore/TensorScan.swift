extension Tensor {
  /// The element at `i` in row-major order, as float32.
  /// Needs. 0 <= i < count; checked.
  public func value(at i: Int) -> Float {
    precondition(i >= 0 && i < count, "index outside the tensor")
    return bytes.withUnsafeBytes { raw in
      // SAFETY: `init` checked that the bytes hold `count` elements; loads are unaligned.
      switch element {
      case .float32: raw.loadUnaligned(fromByteOffset: 4 * i, as: Float.self)
      case .bfloat16:
        Float(bitPattern: UInt32(raw.loadUnaligned(fromByteOffset: 2 * i, as: UInt16.self)) << 16)
      case .int8: Float(Int8(bitPattern: raw[i])) * scale(at: i)
      }
    }
  }

  /// The smallest and the largest element; nil for an empty tensor. NaN is ignored.
  /// Cost: one pass, without a copy.
  public var extremes: (least: Float, largest: Float)? {
    guard count > 0 else { return nil }
    var (least, largest) = (Float.infinity, -Float.infinity)
    func take(_ value: Float) {
      if value < least { least = value }
      if value > largest { largest = value }
    }
    if element == .float32 {
      // SAFETY: `init` checked that the bytes hold `count` elements; loads are unaligned.
      bytes.withUnsafeBytes { raw in
        for i in 0..<count { take(raw.loadUnaligned(fromByteOffset: 4 &* i, as: Float.self)) }
      }
    } else {
      for i in 0..<count { take(value(at: i)) }
    }
    return (least, largest)
  }
}

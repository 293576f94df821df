/// Whether numbers are finite, in one pass without data-dependent branches.
///
/// An infinite number or NaN has all bits of the exponent set, so that adding one carries into the
/// sign. On integers, since vector comparisons compile to scalar code.
enum FiniteCheck {
  // SAFETY: the callers have `count` elements from `p` on.
  static func float32(_ p: UnsafeRawPointer, count: Int) -> Bool {
    isFinite(p, count: count, exponent: 0x7F80_0000 as UInt32)
  }

  static func bfloat16(_ p: UnsafeRawPointer, count: Int) -> Bool {
    isFinite(p, count: count, exponent: 0x7F80 as UInt16)
  }

  /// `exponent` is the mask of the exponent, just below the sign.
  @inline(__always)
  private static func isFinite<Bits: FixedWidthInteger & SIMDScalar & BitwiseCopyable>(
    _ p: UnsafeRawPointer, count: Int, exponent: Bits
  ) -> Bool {
    let size = MemoryLayout<Bits>.size
    let one = exponent & (0 &- exponent)
    var all: Bits = 0
    var carries = SIMD16<Bits>.zero
    // SAFETY: loads stay within `count` elements and are unaligned.
    var end = count
    while end & 15 != 0 {
      end -= 1
      all |= (p.loadUnaligned(fromByteOffset: size * end, as: Bits.self) & exponent) &+ one
    }
    // Backward, so that the beginning, which is read next, is in a cache.
    while end > 0 {
      let start = (end - 1) & ~0xFFFF
      var i = start
      while i < end {
        let bits = p.loadUnaligned(fromByteOffset: size * i, as: SIMD16<Bits>.self)
        carries |= (bits & SIMD16(repeating: exponent)) &+ SIMD16(repeating: one)
        i += 16
      }
      end = start
    }
    for lane in 0..<16 { all |= carries[lane] }
    return all.leadingZeroBitCount != 0
  }
}

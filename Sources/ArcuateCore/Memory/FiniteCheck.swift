/// Whether numbers are finite, found in one pass without branches.
///
/// All bits of the exponent are set in what is not: one more carries into the sign. In integers,
/// since comparisons of vectors are taken apart into lanes.
enum FiniteCheck {
  // SAFETY: loads stay within `count` elements from `p`, which the callers have, and are unaligned.
  static func float32(_ p: UnsafeRawPointer, count: Int) -> Bool {
    let exponent = SIMD16<UInt32>(repeating: 0x7F80_0000)
    let one = SIMD16<UInt32>(repeating: 0x0080_0000)
    var carries = SIMD16<UInt32>.zero
    var i = 0
    while i + 16 <= count {
      carries |= (p.loadUnaligned(fromByteOffset: 4 * i, as: SIMD16<UInt32>.self) & exponent) &+ one
      i += 16
    }
    var all: UInt32 = 0
    for lane in 0..<16 { all |= carries[lane] }
    while i < count {
      all |= (p.loadUnaligned(fromByteOffset: 4 * i, as: UInt32.self) & exponent[0]) &+ one[0]
      i += 1
    }
    return all & 0x8000_0000 == 0
  }

  static func bfloat16(_ p: UnsafeRawPointer, count: Int) -> Bool {
    let exponent = SIMD16<UInt16>(repeating: 0x7F80)
    let one = SIMD16<UInt16>(repeating: 0x0080)
    var carries = SIMD16<UInt16>.zero
    var i = 0
    while i + 16 <= count {
      carries |= (p.loadUnaligned(fromByteOffset: 2 * i, as: SIMD16<UInt16>.self) & exponent) &+ one
      i += 16
    }
    var all: UInt16 = 0
    for lane in 0..<16 { all |= carries[lane] }
    while i < count {
      all |= (p.loadUnaligned(fromByteOffset: 2 * i, as: UInt16.self) & exponent[0]) &+ one[0]
      i += 1
    }
    return all & 0x8000 == 0
  }
}

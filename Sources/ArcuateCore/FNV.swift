/// A 64-bit FNV-1a hash, which tells contents apart; not cryptographic.
///
/// Source. G. Fowler, L. C. Noll, K.-P. Vo.
package struct FNV {
  package var hash: UInt64 = 0xCBF2_9CE4_8422_2325

  package init() {}

  @inline(__always)
  package mutating func add(_ part: UInt64) { hash = (hash ^ part) &* 0x100_0000_01B3 }
}

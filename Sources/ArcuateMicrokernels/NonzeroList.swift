import CShims

/// The ascending indices of the elements that are not zero (a NaN is not), and whether all of them
/// are exactly 1.
///
/// Needs. x padded with zeros to a multiple of 16; `list` has room for `count` rounded up to 8.
@inline(never)
public func nonzeroList(
  _ x: UnsafePointer<Float>, count: Int, list: UnsafeMutablePointer<UInt32>
) -> (count: Int, unit: Bool) {
  let zero = SIMD8<Float>(repeating: 0)
  let one = SIMD8<Float>(repeating: 1)
  // Lanes of -1 where something is neither 0 nor 1.
  var others = SIMD8<Int32>.zero
  var found = 0
  var i = 0
  // Without branches: whether eight elements have one that is not zero cannot be foretold.
  while i < count {
    let v = load8(x + i)
    let isNonzero = cshims_not_equal(v, zero)
    others |= isNonzero & cshims_not_equal(v, one)
    found &+= Int(
      cshims_append(cshims_bits(isNonzero), UInt32(truncatingIfNeeded: i), list + found))
    i &+= 8
  }
  return (found, cshims_bits(others) == 0)
}

/// The bits of the lanes of eight elements from `i` that are among the first `count`.
@inline(__always)
func lanes(from i: Int, of count: Int) -> UInt32 {
  count &- i >= 8 ? 0xFF : (1 << UInt32(truncatingIfNeeded: count &- i)) &- 1
}

@inline(__always)
func load8(_ p: UnsafePointer<Float>) -> SIMD8<Float> {
  UnsafeRawPointer(p).load(as: SIMD8<Float>.self)
}

@inline(__always)
func load16(_ p: UnsafePointer<Float>) -> SIMD16<Float> {
  UnsafeRawPointer(p).load(as: SIMD16<Float>.self)
}

@inline(__always)
func store16(_ v: SIMD16<Float>, _ p: UnsafeMutablePointer<Float>) {
  UnsafeMutableRawPointer(p).storeBytes(of: v, as: SIMD16<Float>.self)
}

@inline(__always)
func store8(_ v: SIMD8<Float>, _ p: UnsafeMutablePointer<Float>) {
  UnsafeMutableRawPointer(p).storeBytes(of: v, as: SIMD8<Float>.self)
}

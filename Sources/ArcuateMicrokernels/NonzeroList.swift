import CShims

/// The ascending indices of the elements that are not zero (a NaN is not), and whether all of them
/// are exactly 1.
///
/// Needs. x padded with zeros to a multiple of 16; `list` has room for `count` rounded up to 16.
@inline(never)
public func nonzeroList(
  _ x: UnsafePointer<Float>, count: Int, list: UnsafeMutablePointer<UInt32>
) -> (count: Int, unit: Bool) {
  let zero = Lanes(repeating: 0)
  let one = Lanes(repeating: 1)
  // Lanes of -1 where something is neither 0 nor 1.
  var others = LaneMask.zero
  var found = 0
  var i = 0
  // Without branches: whether a vector has an element that is not zero cannot be foretold.
  while i < count {
    let v = load(x + i)
    let isNonzero = cshims_not_equal(v, zero)
    others |= isNonzero & cshims_not_equal(v, one)
    found &+= Int(
      cshims_append(cshims_bits(isNonzero), UInt32(truncatingIfNeeded: i), list + found))
    i &+= laneCount
  }
  return (found, cshims_bits(others) == 0)
}

import CShims

/// The ascending indices of the elements that are not zero (a NaN is not), and whether all of them
/// are exactly 1.
///
/// Needs. x padded, with anything, to a multiple of 16; `list` has space for `count` rounded up to 16.
@inline(never)
public func nonzeroList(
  _ x: UnsafePointer<Float>, count: Int, list: UnsafeMutablePointer<UInt32>
) -> (count: Int, unit: Bool) {
  let zero = Lanes(repeating: 0)
  let one = Lanes(repeating: 1)
  // Lanes of -1 where something is neither 0 nor 1.
  var others = LaneMask.zero
  var found = 0
  @inline(__always) func append(_ bits: UInt32, _ i: Int) {
    found &+= Int(cshims_append(bits, UInt32(truncatingIfNeeded: i), list + found))
  }
  var i = 0
  // Without branches: whether a vector has an element that is not zero cannot be foretold.
  while i &+ laneCount <= count {
    let v = load(x + i)
    let isNonzero = cshims_not_equal(v, zero)
    others |= isNonzero & cshims_not_equal(v, one)
    append(cshims_bits(isNonzero), i)
    i &+= laneCount
  }
  if i == count { return (found, cshims_bits(others) == 0) }
  // What stands behind the last element may be no number: 0 times infinity.
  let inside = lanes(from: i, of: count)
  let v = load(x + i)
  let isNonzero = cshims_not_equal(v, zero)
  append(cshims_bits(isNonzero) & inside, i)
  let last = cshims_bits(isNonzero & cshims_not_equal(v, one)) & inside
  return (found, cshims_bits(others) | last == 0)
}

/// Checks a row that somebody else wrote, and keeps where it is not zero as bits: whether all of it
/// is finite, and whether what is not zero is exactly 1.
///
/// Needs. `masks` has one for every sixteen elements, the last of which may be fewer; x may be
/// anywhere and is not read beyond `count`.
@inline(never)
public func nonzeroMasks(
  _ x: UnsafePointer<Float>, count: Int, masks: UnsafeMutablePointer<UInt16>
) -> (finite: Bool, unit: Bool) {
  let zero = Lanes(repeating: 0)
  let one = Lanes(repeating: 1)
  var others = LaneMask.zero
  // Lanes of -1 where a number less itself is not 0: NaN and infinity.
  var infinite = LaneMask.zero
  @inline(__always) func bits(_ i: Int) -> UInt32 {
    let v = UnsafeRawPointer(x + i).loadUnaligned(as: Lanes.self)
    let isNonzero = cshims_not_equal(v, zero)
    others |= isNonzero & cshims_not_equal(v, one)
    infinite |= cshims_not_equal(v - v, zero)
    return cshims_bits(isNonzero)
  }
  var i = 0
  while i &+ 16 <= count {
    // Rows follow one another, from memory.
    cshims_prefetch_far(x + (i &+ 1024))
    var mask: UInt32 = 0
    var k = 0
    while k < 16 {
      mask |= bits(i &+ k) << UInt32(truncatingIfNeeded: k)
      k &+= laneCount
    }
    masks[i >> 4] = UInt16(truncatingIfNeeded: mask)
    i &+= 16
  }
  var (isFinite, isUnit) = (cshims_bits(infinite) == 0, cshims_bits(others) == 0)
  if i < count {
    var mask: UInt16 = 0
    for k in i..<count where x[k] != 0 {
      mask |= 1 << UInt16(truncatingIfNeeded: k &- i)
      isUnit = isUnit && x[k] == 1
      isFinite = isFinite && x[k] - x[k] == 0
    }
    masks[i >> 4] = mask
  }
  return (isFinite, isUnit)
}

/// The ascending positions of the bits of `masks`, sixteen in each, for `count` elements; returns how
/// many. Needs. `list` has space for `count` rounded up to 16.
@inline(never)
public func listMasks(
  _ masks: UnsafePointer<UInt16>, count: Int, list: UnsafeMutablePointer<UInt32>
) -> Int {
  var found = 0
  var i = 0
  while i < count {
    let mask = UInt32(masks[i >> 4])
    var k = 0
    while k < 16 {
      let bits = mask >> UInt32(truncatingIfNeeded: k) & ((1 << UInt32(laneCount)) &- 1)
      found &+= Int(cshims_append(bits, UInt32(truncatingIfNeeded: i &+ k), list + found))
      k &+= laneCount
    }
    i &+= 16
  }
  return found
}

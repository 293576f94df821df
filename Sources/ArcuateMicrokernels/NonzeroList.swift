/// The ascending indices of the elements that are not zero (a NaN is not), and whether all of them
/// are exactly 1.
///
/// Needs. x padded with zeros to a multiple of 16; `list` has room for `count`.
@inline(never)
public func nonzeroList(
  _ x: UnsafePointer<Float>, count: Int, list: UnsafeMutablePointer<UInt32>
) -> (count: Int, unit: Bool) {
  var found = 0
  var unit = true
  var i = 0
  while i < count {
    let v = load(x + i)
    let nonzero = v .!= SIMD16(repeating: 0)
    if any(nonzero) {
      let end = min(16, count - i)
      for lane in 0..<end {
        // Writing first and counting after keeps the loop free of unpredictable branches.
        let value = x[i + lane]
        list[found] = UInt32(truncatingIfNeeded: i + lane)
        found += value != 0 ? 1 : 0
        unit = unit && (value == 0 || value == 1)
      }
    }
    i += 16
  }
  return (found, unit)
}

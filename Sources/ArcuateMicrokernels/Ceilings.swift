/// The sum of `count` floats, `passes` times over, in four sums of sixteen lanes: what reading costs where adding is
/// hidden behind it, and, from the first-level cache, what adding rows of weights costs.
///
/// Needs. `count` a multiple of 64; `x` aligned to 64 bytes.
@inline(never)
public func ceilingRead(_ x: UnsafePointer<Float>, count: Int, passes: Int) -> Float {
  var a0 = SIMD16<Float>.zero
  var a1 = SIMD16<Float>.zero
  var a2 = SIMD16<Float>.zero
  var a3 = SIMD16<Float>.zero
  // Inside, since a caller's loop over calls that give the same would be left out.
  for _ in 0..<passes {
    var i = 0
    while i < count {
      a0 += load16(x + i)
      a1 += load16(x + i + 16)
      a2 += load16(x + i + 32)
      a3 += load16(x + i + 48)
      i &+= 64
    }
  }
  return ((a0 + a1) + (a2 + a3)).sum()
}

/// `ceilingRead` of the rows that `list` names, each of `width` floats.
///
/// Needs. As `ceilingRead` for every row; `width` a multiple of 64.
@inline(never)
public func ceilingReadRows(
  _ x: UnsafePointer<Float>, width: Int, list: UnsafePointer<UInt32>, listCount: Int
) -> Float {
  var sum: Float = 0
  for e in 0..<listCount {
    sum += ceilingRead(x + Int(list[e]) &* width, count: width, passes: 1)
  }
  return sum
}

/// Twelve independent chains of eight fused multiply-adds each, `count` times: 192 `count`
/// operations on registers alone, enough chains to hide the latency of each.
@inline(never)
public func ceilingMultiplyAdd(_ seed: Float, count: Int) -> Float {
  typealias V = Lanes
  // Twice as many at once, half as often: the same operations, and the same sum.
  let share = V.scalarCount / 8
  let factor = V(repeating: seed)
  let term = V(repeating: 1 - seed)
  var a0 = factor
  var a1 = a0 + 1
  var a2 = a0 + 2
  var a3 = a0 + 3
  var a4 = a0 + 4
  var a5 = a0 + 5
  var a6 = a0 + 6
  var a7 = a0 + 7
  var a8 = a0 + 8
  var a9 = a0 + 9
  var aA = a0 + 10
  var aB = a0 + 11
  for _ in 0..<count / share {
    a0 = term.addingProduct(factor, a0)
    a1 = term.addingProduct(factor, a1)
    a2 = term.addingProduct(factor, a2)
    a3 = term.addingProduct(factor, a3)
    a4 = term.addingProduct(factor, a4)
    a5 = term.addingProduct(factor, a5)
    a6 = term.addingProduct(factor, a6)
    a7 = term.addingProduct(factor, a7)
    a8 = term.addingProduct(factor, a8)
    a9 = term.addingProduct(factor, a9)
    aA = term.addingProduct(factor, aA)
    aB = term.addingProduct(factor, aB)
  }
  let low = ((a0 + a1) + (a2 + a3)) + (a4 + a5)
  return (low + ((a6 + a7) + (a8 + a9)) + (aA + aB)).sum() / Float(share)
}

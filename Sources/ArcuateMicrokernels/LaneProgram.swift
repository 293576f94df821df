import ArcuateKernelTypes
import CShims

/// Runs the instructions of a program on `count` neurons, tile by tile. Returns the number of
/// neurons whose membrane changed and the number of spikes in the list.
///
/// The list holds position + 0, 1 and so on.
/// Numbers. Each instruction is rounded as it is written; those that combine two round twice.
/// Needs. Rows of layers padded to a multiple of 16 and aligned to 64 bytes, with space for `count`
/// elements; `bases` with an address for each base that an operand has; a list with space for `count`
/// rounded up to 16 where spikes are emitted. A nil `y` is not written; its padding is 0.
@inline(never)
public func laneProgram(
  _ code: UnsafePointer<LaneInstruction>, instructions: Int,
  bases: UnsafePointer<UnsafeMutablePointer<Float>>, output y: UnsafeMutablePointer<Float>?,
  list: UnsafeMutablePointer<UInt32>, count: Int, position: Int, tile: Int,
  random: LaneRandom
) -> NeuronOutcome {
  var outcome = NeuronOutcome(changed: 0, listed: 0, unit: true)
  var first = 0
  while first < count {
    let size = min(tile, count &- first)
    let rows = LaneRows(bases: bases, first: first, count: (size &+ 15) & ~15)
    let listed = outcome.listed
    for k in 0..<instructions {
      if code[k].operation == .resetListed {
        laneResetListed(code + k, rows, list, listed..<outcome.listed, position)
        continue
      }
      run(code + k, rows, size, y, list, position, random, &outcome)
    }
    first &+= tile
  }
  if let y { for i in count..<(count &+ 15) & ~15 { y[i] = 0 } }
  return outcome
}

@inline(__always)
private func run(
  _ n: UnsafePointer<LaneInstruction>, _ rows: LaneRows, _ size: Int,
  _ y: UnsafeMutablePointer<Float>?,
  _ list: UnsafeMutablePointer<UInt32>, _ position: Int, _ random: LaneRandom,
  _ outcome: inout NeuronOutcome
) {
  switch n.pointee.operation {
  case .copy: rows.unary(n) { $0 }
  case .add: rows.binary(n) { $0 + $1 }
  case .subtract: rows.binary(n) { $0 - $1 }
  case .multiply: rows.binary(n) { $0 * $1 }
  case .divide: rows.binary(n) { $0 / $1 }
  case .negative: rows.unary(n) { cshims_negative($0) }
  case .abs: rows.unary(n) { cshims_abs($0) }
  case .min: rows.binary(n) { cshims_select(cshims_greater($1, $0), $0, $1) }
  case .max: rows.binary(n) { cshims_select(cshims_greater($0, $1), $0, $1) }
  case .floor: rows.unary(n) { cshims_floor($0) }
  case .sqrt: rows.unary(n) { cshims_sqrt($0) }
  case .exp: rows.unary(n) { laneExp($0) }
  case .log: rows.unary(n) { laneLog($0) }
  case .tanh: rows.unary(n) { laneTanh($0) }
  case .multiplyAdd: rows.ternary(n) { $0 * $1 + $2 }
  case .multiplySubtract: rows.ternary(n) { $0 * $1 - $2 }
  case .subtractProduct: rows.ternary(n) { $2 - $0 * $1 }
  case .twoProducts: rows.products(n) { $0 * $1 + $2 * $3 }
  case .addTwoProducts: rows.addProducts(n)
  case .sumTimesAdd: rows.sumTimesAdd(n)
  case .greater: rows.compare(n) { cshims_greater($0, $1) }
  case .greaterEqual: rows.compare(n) { cshims_greater_equal($0, $1) }
  case .equal: rows.compare(n) { cshims_equal($0, $1) }
  case .and: rows.integers(n) { $0 & $1 }
  case .or: rows.integers(n) { $0 | $1 }
  case .not: rows.unary(n) { cshims_as_lanes(~cshims_as_integers($0)) }
  case .select: rows.ternary(n) { cshims_select(cshims_as_integers($0), $1, $2) }
  case .selectGreater: rows.quaternary(n) { cshims_select(cshims_greater($0, $1), $2, $3) }
  case .selectGreaterEqual:
    rows.quaternary(n) { cshims_select(cshims_greater_equal($0, $1), $2, $3) }
  case .addIntegers: rows.integers(n) { cshims_add_integers($0, $1) }
  case .subtractIntegers: rows.integers(n) { cshims_subtract_integers($0, $1) }
  case .multiplyIntegers: rows.integers(n) { cshims_multiply_integers($0, $1) }
  case .negativeInteger:
    rows.integers(n) { a, _ in cshims_subtract_integers(.zero, a) }
  case .absInteger:
    rows.integers(n) { a, _ in
      let isNegative = cshims_greater_integers(.zero, a)
      return cshims_subtract_integers(a ^ isNegative, isNegative)
    }
  case .minIntegers:
    rows.integers(n) { a, b in
      let isLess = cshims_greater_integers(b, a)
      return (a & isLess) | (b & ~isLess)
    }
  case .maxIntegers:
    rows.integers(n) { a, b in
      let isGreater = cshims_greater_integers(a, b)
      return (a & isGreater) | (b & ~isGreater)
    }
  case .shiftLeft: rows.integers(n) { cshims_shift_left($0, $1) }
  case .shiftRight: rows.integers(n) { cshims_shift_right($0, $1) }
  case .greaterIntegers: rows.integers(n) { cshims_greater_integers($0, $1) }
  case .greaterEqualIntegers: rows.integers(n) { ~cshims_greater_integers($1, $0) }
  case .equalIntegers: rows.integers(n) { cshims_equal_integers($0, $1) }
  case .toInteger: rows.unary(n) { cshims_as_lanes(cshims_to_integers($0)) }
  case .toNumber: rows.unary(n) { cshims_to_numbers(cshims_as_integers($0)) }
  case .uniform: rows.draw(n, random)
  case .normal:
    rows.draw(n, random)
    let y = rows.target(n.pointee.target)
    rows.eachVector { i in store(laneNormal(load(y + i)), y + i) }
  case .spike: laneEmitSpikes(n, rows, size, y, list, position, &outcome)
  case .count: laneEmitCounts(n, rows, size, y, list, position, &outcome)
  case .value:
    guard let y else { return }
    let a = rows.address(n.pointee.a)
    rows.eachVector { i in store(a.lanes(i), y + rows.first + i) }
  case .commit: laneCommit(n, rows, size, &outcome) { cshims_not_equal($0, $1) }
  case .commitIntegers:
    laneCommit(n, rows, size, &outcome) {
      ~cshims_equal_integers(cshims_as_integers($0), cshims_as_integers($1))
    }
  case .fireGreater: laneFire(n, rows, size, y, list, position, &outcome) { cshims_greater($0, $1) }
  case .fireGreaterEqual:
    laneFire(n, rows, size, y, list, position, &outcome) { cshims_greater_equal($0, $1) }
  // Runs where the list of the tile is known.
  case .resetListed: break
  }
}

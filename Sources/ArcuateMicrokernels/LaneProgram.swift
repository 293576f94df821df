import ArcuateKernelTypes
import CShims

/// Where the rows of a layer are, and what it emits.
private struct LaneRows {
  let bases: UnsafePointer<UnsafeMutablePointer<Float>>
  /// The first neuron of the tile, and how many floats of it are computed.
  var first: Int
  var count: Int

  /// A row of the tile; `mask` is 0 for sixteen copies of one number.
  struct Address {
    let pointer: UnsafeMutablePointer<Float>
    let mask: Int

    @inline(__always)
    func lanes(_ i: Int) -> Lanes { load(pointer + (i & mask)) }
    @inline(__always)
    func integers(_ i: Int) -> LaneMask { cshims_as_integers(lanes(i)) }
  }

  // Bit n says whether rows from base n differ from lane to lane, or from tile to tile.
  private static var wide: UInt64 { ~0b10_0001 }
  private static var tiled: UInt64 { ~0b10_1001 }

  @inline(__always)
  func address(_ operand: LaneOperand) -> Address {
    let base = UInt64(truncatingIfNeeded: operand.base)
    let isTiled = 0 &- Int((LaneRows.tiled >> base) & 1)
    let isWide = 0 &- Int((LaneRows.wide >> base) & 1)
    let pointer = bases[Int(operand.base)] + ((Int(operand.offset) << 4) &+ (first & isTiled))
    return Address(pointer: pointer, mask: isWide)
  }

  @inline(__always)
  func target(_ operand: LaneOperand) -> UnsafeMutablePointer<Float> { address(operand).pointer }

  @inline(__always)
  func unary(_ n: UnsafePointer<LaneInstruction>, _ body: (Lanes) -> Lanes) {
    let (a, y) = (address(n.pointee.a), target(n.pointee.target))
    var i = 0
    while i < count {
      store(body(a.lanes(i)), y + i)
      i &+= laneCount
    }
  }

  // Where the first factor of a product, or an operand of a sum, is the same for all lanes, it stays in
  // a register: two loads a vector would bound the loop.

  @inline(__always)
  func binary(_ n: UnsafePointer<LaneInstruction>, _ body: (Lanes, Lanes) -> Lanes) {
    let (a, b) = (address(n.pointee.a), address(n.pointee.b))
    let y = target(n.pointee.target)
    var i = 0
    if b.mask == 0 {
      let second = b.lanes(0)
      while i < count {
        store(body(a.lanes(i), second), y + i)
        i &+= laneCount
      }
      return
    }
    while i < count {
      store(body(a.lanes(i), b.lanes(i)), y + i)
      i &+= laneCount
    }
  }

  @inline(__always)
  func integers(_ n: UnsafePointer<LaneInstruction>, _ body: (LaneMask, LaneMask) -> LaneMask) {
    let (a, b) = (address(n.pointee.a), address(n.pointee.b))
    let y = target(n.pointee.target)
    var i = 0
    while i < count {
      store(cshims_as_lanes(body(a.integers(i), b.integers(i))), y + i)
      i &+= laneCount
    }
  }

  @inline(__always)
  func compare(_ n: UnsafePointer<LaneInstruction>, _ body: (Lanes, Lanes) -> LaneMask) {
    binary(n) { cshims_as_lanes(body($0, $1)) }
  }

  @inline(__always)
  func ternary(_ n: UnsafePointer<LaneInstruction>, _ body: (Lanes, Lanes, Lanes) -> Lanes) {
    let (a, b, c) = (address(n.pointee.a), address(n.pointee.b), address(n.pointee.c))
    let y = target(n.pointee.target)
    var i = 0
    if a.mask == 0 {
      let first = a.lanes(0)
      while i < count {
        store(body(first, b.lanes(i), c.lanes(i)), y + i)
        i &+= laneCount
      }
      return
    }
    while i < count {
      store(body(a.lanes(i), b.lanes(i), c.lanes(i)), y + i)
      i &+= laneCount
    }
  }

  /// a and c the same for all lanes, or none.
  @inline(__always)
  func products(_ n: UnsafePointer<LaneInstruction>, _ body: (Lanes, Lanes, Lanes, Lanes) -> Lanes) {
    let (a, c) = (address(n.pointee.a), address(n.pointee.c))
    guard a.mask | c.mask == 0 else { return quaternary(n, body) }
    let (b, d) = (address(n.pointee.b), address(n.pointee.d))
    let y = target(n.pointee.target)
    let (first, third) = (a.lanes(0), c.lanes(0))
    var i = 0
    while i < count {
      store(body(first, b.lanes(i), third, d.lanes(i)), y + i)
      i &+= laneCount
    }
  }

  @inline(__always)
  func addProducts(_ n: UnsafePointer<LaneInstruction>) {
    let (a, b) = (address(n.pointee.a), address(n.pointee.b))
    let (c, d) = (address(n.pointee.c), address(n.pointee.d))
    let (e, y) = (address(n.pointee.e), target(n.pointee.target))
    var i = 0
    if a.mask | c.mask == 0 {
      let (first, third) = (a.lanes(0), c.lanes(0))
      while i < count {
        store(e.lanes(i) + first * b.lanes(i) + third * d.lanes(i), y + i)
        i &+= laneCount
      }
      return
    }
    while i < count {
      store(e.lanes(i) + a.lanes(i) * b.lanes(i) + c.lanes(i) * d.lanes(i), y + i)
      i &+= laneCount
    }
  }

  @inline(__always)
  func sumTimesAdd(_ n: UnsafePointer<LaneInstruction>) {
    let (a, b) = (address(n.pointee.a), address(n.pointee.b))
    let (c, d) = (address(n.pointee.c), address(n.pointee.d))
    let y = target(n.pointee.target)
    var i = 0
    if a.mask | c.mask | d.mask == 0 {
      let (factor, summand, last) = (a.lanes(0), c.lanes(0), d.lanes(0))
      while i < count {
        store((b.lanes(i) + summand) * factor + last, y + i)
        i &+= laneCount
      }
      return
    }
    while i < count {
      store((b.lanes(i) + c.lanes(i)) * a.lanes(i) + d.lanes(i), y + i)
      i &+= laneCount
    }
  }

  @inline(__always)
  func quaternary(
    _ n: UnsafePointer<LaneInstruction>, _ body: (Lanes, Lanes, Lanes, Lanes) -> Lanes
  ) {
    let (a, b) = (address(n.pointee.a), address(n.pointee.b))
    let (c, d) = (address(n.pointee.c), address(n.pointee.d))
    let y = target(n.pointee.target)
    var i = 0
    while i < count {
      store(body(a.lanes(i), b.lanes(i), c.lanes(i), d.lanes(i)), y + i)
      i &+= laneCount
    }
  }

  /// Uniform random numbers, which have no operands.
  @inline(__always)
  func draw(_ n: UnsafePointer<LaneInstruction>, _ random: LaneRandom) {
    cshims_uniform_row(
      target(n.pointee.target), random.first &+ UInt32(truncatingIfNeeded: first),
      Int32(truncatingIfNeeded: count), random.step, random.stream, random.key0,
      random.key1 &+ n.pointee.site)
  }
}

/// Runs the instructions of a program on `count` neurons, tile by tile; says how many lanes of the
/// committed states changed and, if spikes are emitted, what was listed.
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
        resetListed(code + k, rows, list, listed..<outcome.listed, position)
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
  _ n: UnsafePointer<LaneInstruction>, _ rows: LaneRows, _ size: Int, _ y: UnsafeMutablePointer<Float>?,
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
    for i in stride(from: 0, to: rows.count, by: laneCount) { store(laneNormal(load(y + i)), y + i) }
  case .spike: emitSpikes(n, rows, size, y, list, position, &outcome)
  case .count: emitCounts(n, rows, size, y, list, position, &outcome)
  case .value:
    guard let y else { return }
    let a = rows.address(n.pointee.a)
    for i in stride(from: 0, to: rows.count, by: laneCount) {
      store(a.lanes(i), y + rows.first + i)
    }
  case .commit: commit(n, rows, size, &outcome) { cshims_not_equal($0, $1) }
  case .commitIntegers:
    commit(n, rows, size, &outcome) {
      ~cshims_equal_integers(cshims_as_integers($0), cshims_as_integers($1))
    }
  case .fireGreater: fire(n, rows, size, y, list, position, &outcome) { cshims_greater($0, $1) }
  case .fireGreaterEqual:
    fire(n, rows, size, y, list, position, &outcome) { cshims_greater_equal($0, $1) }
  // Runs where the list of the tile is known.
  case .resetListed: break
  }
}

/// Sets the rows of neurons that were listed.
@inline(__always)
private func resetListed(
  _ n: UnsafePointer<LaneInstruction>, _ rows: LaneRows, _ list: UnsafeMutablePointer<UInt32>,
  _ listed: Range<Int>, _ position: Int
) {
  let (a, y) = (rows.address(n.pointee.a), rows.target(n.pointee.target))
  for k in listed {
    let i = Int(list[k]) &- position &- rows.first
    y[i] = a.pointer[i & a.mask]
  }
}

/// Goes through the vectors of a tile; `body` has the index of each and the bits of its neurons. Says
/// in how many lanes of these `body` is true.
@inline(__always)
private func eachVector(_ size: Int, _ body: (Int, UInt32) -> LaneMask) -> Int {
  var sums = LaneMask.zero
  var i = 0
  while i &+ laneCount <= size {
    sums &-= body(i, ~0)
    i &+= laneCount
  }
  let whole = Int(sums.wrappedSum())
  guard i < size else { return whole }
  let inside = lanes(from: i, of: size)
  return whole &+ (cshims_bits(body(i, inside)) & inside).nonzeroBitCount
}

/// Lists the lanes where `fired` is true.
@inline(__always)
private func append(
  _ fired: LaneMask, _ inside: UInt32, _ position: Int, _ list: UnsafeMutablePointer<UInt32>,
  _ listed: inout Int
) {
  // Few neurons spike.
  guard cshims_any(fired) else { return }
  listed &+= Int(
    cshims_append(
      cshims_bits(fired) & inside, UInt32(truncatingIfNeeded: position), list + listed))
}

@inline(__always)
private func emitSpikes(
  _ n: UnsafePointer<LaneInstruction>, _ rows: LaneRows, _ size: Int,
  _ y: UnsafeMutablePointer<Float>?, _ list: UnsafeMutablePointer<UInt32>, _ position: Int,
  _ outcome: inout NeuronOutcome
) {
  let a = rows.address(n.pointee.a)
  var listed = outcome.listed
  _ = eachVector(size) { i, inside in
    let fired = a.integers(i)
    if let y { store(cshims_select(fired, Lanes(repeating: 1), .zero), y + rows.first + i) }
    append(fired, inside, position &+ rows.first &+ i, list, &listed)
    return .zero
  }
  outcome.listed = listed
}

@inline(__always)
private func emitCounts(
  _ n: UnsafePointer<LaneInstruction>, _ rows: LaneRows, _ size: Int,
  _ y: UnsafeMutablePointer<Float>?, _ list: UnsafeMutablePointer<UInt32>, _ position: Int,
  _ outcome: inout NeuronOutcome
) {
  let a = rows.address(n.pointee.a)
  var listed = outcome.listed
  let others = eachVector(size) { i, inside in
    let v = a.lanes(i)
    if let y { store(v, y + rows.first + i) }
    let isNonzero = cshims_not_equal(v, .zero)
    append(isNonzero, inside, position &+ rows.first &+ i, list, &listed)
    return isNonzero & cshims_not_equal(v, Lanes(repeating: 1))
  }
  outcome.listed = listed
  if others != 0 { outcome.unit = false }
}

@inline(__always)
private func commit(
  _ n: UnsafePointer<LaneInstruction>, _ rows: LaneRows, _ size: Int,
  _ outcome: inout NeuronOutcome, differ: (Lanes, Lanes) -> LaneMask
) {
  let (a, v) = (rows.address(n.pointee.a), rows.target(n.pointee.target))
  outcome.changed &+= eachVector(size) { i, _ in
    let (new, old) = (a.lanes(i), load(v + i))
    store(new, v + i)
    return differ(new, old)
  }
}

@inline(__always)
private func fire(
  _ n: UnsafePointer<LaneInstruction>, _ rows: LaneRows, _ size: Int,
  _ y: UnsafeMutablePointer<Float>?, _ list: UnsafeMutablePointer<UInt32>, _ position: Int,
  _ outcome: inout NeuronOutcome, reaches: (Lanes, Lanes) -> LaneMask
) {
  let (a, b) = (rows.address(n.pointee.a), rows.address(n.pointee.b))
  let (c, v) = (rows.address(n.pointee.c), rows.target(n.pointee.target))
  var listed = outcome.listed
  @inline(__always) func all(_ y: UnsafeMutablePointer<Float>?) -> Int {
    eachVector(size) { i, inside in
      let (now, old) = (a.lanes(i), load(v + i))
      let fired = reaches(now, b.lanes(i))
      let new = cshims_select(fired, c.lanes(i), now)
      store(new, v + i)
      if let y { store(cshims_select(fired, Lanes(repeating: 1), .zero), y + rows.first + i) }
      append(fired, inside, position &+ rows.first &+ i, list, &listed)
      return cshims_not_equal(new, old)
    }
  }
  // Two loops, so that neither asks.
  if let y { outcome.changed &+= all(y) } else { outcome.changed &+= all(nil) }
  outcome.listed = listed
}

import ArcuateKernelTypes
import CShims

extension LaneAddress {
  @inline(__always)
  func lanes(_ i: Int) -> Lanes { load(pointer + (i & mask)) }
  @inline(__always)
  func integers(_ i: Int) -> LaneMask { cshims_as_integers(lanes(i)) }
}

extension LaneRows {
  // Bit n says whether rows from base n differ from lane to lane, or from tile to tile.
  fileprivate static var wide: UInt64 { ~0b10_0001 }
  fileprivate static var tiled: UInt64 { ~0b10_1001 }

  @inline(__always)
  func address(_ operand: LaneOperand) -> LaneAddress {
    let base = UInt64(truncatingIfNeeded: operand.base)
    let isTiled = 0 &- Int((LaneRows.tiled >> base) & 1)
    let isWide = 0 &- Int((LaneRows.wide >> base) & 1)
    let pointer = bases[Int(operand.base)] + ((Int(operand.offset) << 4) &+ (first & isTiled))
    return LaneAddress(pointer: pointer, mask: isWide)
  }

  @inline(__always)
  func target(_ operand: LaneOperand) -> UnsafeMutablePointer<Float> { address(operand).pointer }

  /// Two vectors at a time.
  @inline(__always)
  func eachVector(_ body: (Int) -> Void) {
    var i = 0
    while i &+ 2 &* laneCount <= count {
      body(i)
      body(i &+ laneCount)
      i &+= 2 &* laneCount
    }
    if i < count { body(i) }
  }

  @inline(__always)
  func unary(_ n: UnsafePointer<LaneInstruction>, _ body: (Lanes) -> Lanes) {
    let (a, y) = (address(n.pointee.a), target(n.pointee.target))
    eachVector { i in
      store(body(a.lanes(i)), y + i)
    }
  }

  // Where the first factor of a product, or an operand of a sum, is the same for all lanes, it stays in
  // a register: two loads a vector would bound the loop.

  @inline(__always)
  func binary(_ n: UnsafePointer<LaneInstruction>, _ body: (Lanes, Lanes) -> Lanes) {
    let (a, b) = (address(n.pointee.a), address(n.pointee.b))
    let y = target(n.pointee.target)
    if b.mask == 0 {
      let second = b.lanes(0)
      eachVector { i in
        store(body(a.lanes(i), second), y + i)
      }
      return
    }
    eachVector { i in
      store(body(a.lanes(i), b.lanes(i)), y + i)
    }
  }

  @inline(__always)
  func integers(_ n: UnsafePointer<LaneInstruction>, _ body: (LaneMask, LaneMask) -> LaneMask) {
    let (a, b) = (address(n.pointee.a), address(n.pointee.b))
    let y = target(n.pointee.target)
    eachVector { i in
      store(cshims_as_lanes(body(a.integers(i), b.integers(i))), y + i)
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
    if a.mask == 0 {
      let first = a.lanes(0)
      eachVector { i in
        store(body(first, b.lanes(i), c.lanes(i)), y + i)
      }
      return
    }
    eachVector { i in
      store(body(a.lanes(i), b.lanes(i), c.lanes(i)), y + i)
    }
  }

  /// a and c the same for all lanes, or none.
  @inline(__always)
  func products(_ n: UnsafePointer<LaneInstruction>, _ body: (Lanes, Lanes, Lanes, Lanes) -> Lanes)
  {
    let (a, c) = (address(n.pointee.a), address(n.pointee.c))
    guard a.mask | c.mask == 0 else { return quaternary(n, body) }
    let (b, d) = (address(n.pointee.b), address(n.pointee.d))
    let y = target(n.pointee.target)
    let (first, third) = (a.lanes(0), c.lanes(0))
    eachVector { i in
      store(body(first, b.lanes(i), third, d.lanes(i)), y + i)
    }
  }

  @inline(__always)
  func addProducts(_ n: UnsafePointer<LaneInstruction>) {
    let (a, b) = (address(n.pointee.a), address(n.pointee.b))
    let (c, d) = (address(n.pointee.c), address(n.pointee.d))
    let (e, y) = (address(n.pointee.e), target(n.pointee.target))
    if a.mask | c.mask == 0 {
      let (first, third) = (a.lanes(0), c.lanes(0))
      eachVector { i in
        store(e.lanes(i) + first * b.lanes(i) + third * d.lanes(i), y + i)
      }
      return
    }
    eachVector { i in
      store(e.lanes(i) + a.lanes(i) * b.lanes(i) + c.lanes(i) * d.lanes(i), y + i)
    }
  }

  @inline(__always)
  func sumTimesAdd(_ n: UnsafePointer<LaneInstruction>) {
    let (a, b) = (address(n.pointee.a), address(n.pointee.b))
    let (c, d) = (address(n.pointee.c), address(n.pointee.d))
    let y = target(n.pointee.target)
    if a.mask | c.mask | d.mask == 0 {
      let (factor, summand, last) = (a.lanes(0), c.lanes(0), d.lanes(0))
      eachVector { i in
        store((b.lanes(i) + summand) * factor + last, y + i)
      }
      return
    }
    eachVector { i in
      store((b.lanes(i) + c.lanes(i)) * a.lanes(i) + d.lanes(i), y + i)
    }
  }

  @inline(__always)
  func quaternary(
    _ n: UnsafePointer<LaneInstruction>, _ body: (Lanes, Lanes, Lanes, Lanes) -> Lanes
  ) {
    let (a, b) = (address(n.pointee.a), address(n.pointee.b))
    let (c, d) = (address(n.pointee.c), address(n.pointee.d))
    let y = target(n.pointee.target)
    eachVector { i in
      store(body(a.lanes(i), b.lanes(i), c.lanes(i), d.lanes(i)), y + i)
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

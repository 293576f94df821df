import ArcuateKernelTypes
import CShims

// The instructions that end a step: what is emitted, and what the states become.

/// Sets the rows of neurons that were listed.
@inline(__always)
func laneResetListed(
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
  var whole = 0
  for lane in 0..<laneCount { whole &+= Int(sums[lane]) }
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
func laneEmitSpikes(
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
func laneEmitCounts(
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
func laneCommit(
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
func laneFire(
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

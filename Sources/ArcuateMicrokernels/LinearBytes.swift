import ArcuateKernelTypes
import CShims

/// `linearShared` for int8 weights, by the rows' own lists: panels of outputs whose sums are made in
/// integers, two bytes at once, in registers, while the next panel's part of each weight row is on
/// its way.
///
/// `counts[r]` is the length of row r's list.
@inline(never)
public func linearSharedBytes(
  lists: UnsafePointer<UInt32>, listStarts: UnsafePointer<Int>, counts: UnsafePointer<Int32>,
  weights: WeightMatrix, output y: UnsafeMutablePointer<Float>, offsets: UnsafePointer<Int>,
  rows: Int, first: Int, count: Int
) {
  let end = first &+ count
  withUnsafeTemporaryAllocation(byteCount: 6 &* bytesPanel, alignment: 64) { scratch in
    // Narrow sums, then wide ones.
    let sums = scratch.baseAddress.unsafelyUnwrapped
    let wide = (sums + 2 &* bytesPanel).assumingMemoryBound(to: Int32.self)
    var o = first
    while o < end {
      let width = min(bytesPanel, (end &- o &+ 31) & ~31)
      let column = weights.rows + o
      for r in 0..<rows {
        let list = lists + listStarts[r]
        let all = Int(counts[r])
        var (e, emptied) = (0, 0)
        while true {
          // Sums of 16 bits hold 257 bytes; beyond, they are emptied into wider ones.
          let last = min(e &+ 257, all)
          var total = zeros()
          while e < last {
            let row = column + Int(list[e]) &* weights.rowBytes
            if weights.isFar {
              if o == first {
                let later = column + Int(list[min(e &+ 16, all &- 1)]) &* weights.rowBytes
                prefetchFar(later, byteCount: bytesPanel)
              }
              prefetchFar(row + bytesPanel, byteCount: bytesPanel)
            }
            if width == bytesPanel {
              add(row, width: bytesPanel, to: &total)
            } else {
              add(row, width: width, to: &total)
            }
            e &+= 1
          }
          store(total, sums)
          if last == all { break }
          empty(
            sums, wide, Int32(truncatingIfNeeded: last &- emptied), isFirst: emptied == 0)
          emptied = last
        }
        finish(
          sums, width: width, excess: Int32(truncatingIfNeeded: (all &- emptied) &* 128),
          wide: emptied > 0 ? wide : nil, weights, column: o, end: end, y + offsets[r])
      }
      o &+= width
    }
  }
}

/// `linearMany` for int8 weights, in panels whose sums are made in integers, two bytes at once. Needs.
/// `scratch` has `manyBytesScratchBytes(rows:block:panel:)` bytes, aligned to 64; a block has at most
/// `mostManyBytes` inputs.
@inline(never)
public func linearManyBytes(
  _ spikes: ManySpikeRows, weights: WeightMatrix, output y: UnsafeMutablePointer<Float>,
  first: Int, count: Int, scratch: UnsafeMutableRawPointer
) {
  let sums = scratch + spikes.block &* bytesPanel
  let wide = (sums + spikes.rows &* (2 &* bytesPanel)).assumingMemoryBound(to: Int32.self)
  // Ones of a row that the wide sums have already.
  let emptied = wide + spikes.rows &* bytesPanel
  let end = first &+ count
  let blocks = (spikes.inputs &+ spikes.block &- 1) / spikes.block
  var o = first
  while o < end {
    let width = min(bytesPanel, (end &- o &+ 31) & ~31)
    clearWords(sums, spikes.rows &* (2 &* bytesPanel))
    for r in 0..<spikes.rows { emptied[r] = 0 }
    for b in 0..<blocks {
      let firstInput = b &* spikes.block
      let source = weights.rows + (firstInput &* weights.rowBytes &+ o)
      for i in 0..<min(spikes.block, spikes.inputs &- firstInput) {
        var k = 0
        while k < width {
          storeWords(
            loadWords(source + (i &* weights.rowBytes &+ k)), scratch + (bytesPanel &* i &+ k))
          k &+= 32
        }
      }
      let next = nextBlock(spikes, weights, b, of: blocks, o, bytesPanel, end)
      let base = UnsafeRawPointer(scratch) - firstInput &* bytesPanel
      for r in 0..<spikes.rows {
        bringNearer(next, row: r)
        let split = spikes.splits + (r &* spikes.splitStride &+ b)
        var e = spikes.lists + (spikes.listStarts[r] &+ Int(split[0]))
        let last = spikes.lists + (spikes.listStarts[r] &+ Int(split[1]))
        if e == last { continue }
        let row = sums + (2 &* bytesPanel) &* r
        // Sums of 16 bits hold 257 bytes; they are emptied into wider ones in time.
        if Int32(truncatingIfNeeded: split[1]) &- emptied[r] > 257 {
          let now = Int32(truncatingIfNeeded: split[0])
          empty(row, wide + bytesPanel &* r, now &- emptied[r], isFirst: emptied[r] == 0)
          emptied[r] = now
        }
        var total = load(row)
        repeat {
          add(base + Int(e.pointee) &* bytesPanel, width: bytesPanel, to: &total)
          e += 1
        } while e != last
        store(total, row)
      }
    }
    for r in 0..<spikes.rows {
      let all = Int32(truncatingIfNeeded: spikes.splits[r &* spikes.splitStride &+ blocks])
      finish(
        sums + (2 &* bytesPanel) &* r, width: width, excess: (all &- emptied[r]) &* 128,
        wide: emptied[r] > 0 ? wide + bytesPanel &* r : nil, weights, column: o, end: end,
        y + spikes.offsets[r])
    }
    o &+= width
  }
}

/// The outputs of a panel of int8 weights: two lines of a cache, four where there are registers for their
/// sums.
@inline(__always)
private var bytesPanel: Int {
  #if ARCUATE_WIDE
    manyBytesPanel(isWide: true)
  #else
    manyBytesPanel(isWide: false)
  #endif
}

/// The narrow sums of a line: those of whole words, and those of their upper bytes; tuples, as
/// `NextBlock` is one.
private typealias LineSums = (words: SIMD32<UInt16>, upper: SIMD32<UInt16>)
#if ARCUATE_WIDE
  private typealias PanelSums = (LineSums, LineSums, LineSums, LineSums)
#else
  private typealias PanelSums = (LineSums, LineSums)
#endif

@inline(__always)
private func zeros() -> PanelSums {
  let line: LineSums = (words: .zero, upper: .zero)
  #if ARCUATE_WIDE
    return (line, line, line, line)
  #else
    return (line, line)
  #endif
}

@inline(__always)
private func load(_ row: UnsafeRawPointer) -> PanelSums {
  @inline(__always) func line(_ n: Int) -> LineSums {
    (words: loadLine(row + 64 &* n), upper: loadLine(row + (bytesPanel &+ 64 &* n)))
  }
  #if ARCUATE_WIDE
    return (line(0), line(1), line(2), line(3))
  #else
    return (line(0), line(1))
  #endif
}

@inline(__always)
private func store(_ sums: PanelSums, _ row: UnsafeMutableRawPointer) {
  @inline(__always) func store(_ line: LineSums, _ n: Int) {
    storeLine(line.words, row + 64 &* n)
    storeLine(line.upper, row + (bytesPanel &+ 64 &* n))
  }
  store(sums.0, 0)
  store(sums.1, 1)
  #if ARCUATE_WIDE
    store(sums.2, 2)
    store(sums.3, 3)
  #endif
}

/// Adds the first `width` bytes of a panel's weights; nothing is asked where `width` is `bytesPanel`
/// and inlined.
@inline(__always)
private func add(_ weights: UnsafeRawPointer, width: Int, to sums: inout PanelSums) {
  @inline(__always) func add(_ line: inout LineSums, _ n: Int) {
    let bytes = loadLine(weights + 64 &* n)
    line.words &+= bytes
    line.upper &+= cshims_upper_x32(bytes)
  }
  add(&sums.0, 0)
  if width > 64 { add(&sums.1, 1) }
  #if ARCUATE_WIDE
    if width > 128 { add(&sums.2, 2) }
    if width > 192 { add(&sums.3, 3) }
  #endif
}

/// Moves the sums of a panel's columns of `count` bytes to wide ones, and clears them.
private func empty(
  _ row: UnsafeMutableRawPointer, _ wide: UnsafeMutablePointer<Int32>, _ count: Int32,
  isFirst: Bool
) {
  if isFirst { clearWords(UnsafeMutableRawPointer(wide), 4 &* bytesPanel) }
  var k = 0
  while k < bytesPanel {
    cshims_add_bytes(loadWords(row + k), loadWords(row + (bytesPanel &+ k)), count &* 128, wide + k)
    k &+= 32
  }
  clearWords(row, 2 &* bytesPanel)
}

/// y[o ..< o + width], as far as `end`, = bias + scale * (the narrow sums, and the wide ones if there are).
/// `excess` is what the bytes of the narrow sums are above the weights; y starts at output 0.
@inline(__always)
private func finish(
  _ row: UnsafeRawPointer, width: Int, excess: Int32, wide: UnsafeMutablePointer<Int32>?,
  _ weights: WeightMatrix, column o: Int, end: Int, _ y: UnsafeMutablePointer<Float>
) {
  var k = 0
  while k < width {
    let column = o &+ k
    cshims_finish_bytes(
      loadWords(row + k), loadWords(row + (bytesPanel &+ k)), excess, wide.map { $0 + k },
      weights.bias + column, weights.scale + column, y + column,
      Int32(truncatingIfNeeded: min(32, end &- column)))
    k &+= 32
  }
}

@inline(__always)
func clearWords(_ p: UnsafeMutableRawPointer, _ byteCount: Int) {
  var k = 0
  while k < byteCount {
    storeWords(.zero, p + k)
    k &+= 32
  }
}

@inline(__always)
func loadWords(_ p: UnsafeRawPointer) -> SIMD16<UInt16> { p.load(as: SIMD16<UInt16>.self) }

@inline(__always)
func storeWords(_ v: SIMD16<UInt16>, _ p: UnsafeMutableRawPointer) {
  p.storeBytes(of: v, as: SIMD16<UInt16>.self)
}

@inline(__always)
func loadLine(_ p: UnsafeRawPointer) -> SIMD32<UInt16> { p.load(as: SIMD32<UInt16>.self) }

@inline(__always)
func storeLine(_ v: SIMD32<UInt16>, _ p: UnsafeMutableRawPointer) {
  p.storeBytes(of: v, as: SIMD32<UInt16>.self)
}

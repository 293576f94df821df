import ArcuateKernelTypes
import CShims

/// y[r] = bias + the sum of the weight rows of the inputs that are 1 in row r, in ascending order,
/// for up to 32 rows at once: a weight row is loaded once for all rows in which its input is 1.
///
/// One sum per output and row, bias first, ascending inputs: the bits of `linearEvents`. Rows of one
/// stream at several steps, or of several streams, meet here.
///
/// Needs. Bit r of `masks[e]`, never 0, says that input `list[e]`, ascending, is 1 in row r, which
/// starts at y + offsets[r]; `first` and `count` multiples of 16. Int8 weights go to
/// `linearSharedBytes`.
@inline(never)
public func linearShared(
  masks: UnsafePointer<UInt32>, list: UnsafePointer<UInt32>, listCount: Int,
  weights: WeightMatrix, output y: UnsafeMutablePointer<Float>, offsets: UnsafePointer<Int>,
  rows: Int, first: Int, count: Int
) {
  @inline(__always) func run<E: WeightElement>(_: E.Type) {
    if weights.isFar {
      shared(E.self, masks, list, listCount, weights, y, offsets, rows, first, count, true)
    } else {
      shared(E.self, masks, list, listCount, weights, y, offsets, rows, first, count, false)
    }
  }
  if weights.kind == .bfloat16 { run(BFloat16Weight.self) } else { run(Float32Weight.self) }
}

@inline(__always)
private func shared<E: WeightElement>(
  _: E.Type, _ masks: UnsafePointer<UInt32>, _ list: UnsafePointer<UInt32>, _ listCount: Int,
  _ weights: WeightMatrix, _ y: UnsafeMutablePointer<Float>, _ offsets: UnsafePointer<Int>,
  _ rows: Int, _ first: Int, _ count: Int, _ isFar: Bool
) {
  let size = E.byteCount
  // The sums of a tile stay in the first-level cache, or little beyond; a weight row is then read
  // in pieces, while the same piece of the next one is on its way from the second-level cache, and
  // that of a row much later from memory to there.
  let tile = max(64, 10240 / max(rows, 1) & ~63)
  let end = first &+ count
  var o = first
  while o < end {
    let width = min(tile, end &- o)
    for r in 0..<rows {
      let sums = y + (offsets[r] &+ o)
      var k = 0
      while k < width {
        store16(load16(weights.bias + (o &+ k)), sums + k)
        k &+= 16
      }
    }
    let column = weights.rows + o &* size
    for e in 0..<listCount {
      let row = column + Int(list[e]) &* weights.rowBytes
      @inline(__always) func later(_ n: Int) -> UnsafeRawPointer {
        column + Int(list[min(e &+ n, listCount &- 1)]) &* weights.rowBytes
      }
      let (next, afterNext) = (later(1), later(16))
      let mask = masks[e]
      var k = 0
      while k &+ 64 <= width {
        if isFar {
          prefetch(next + k &* size, byteCount: 64 &* size)
          prefetchFar(afterNext + k &* size, byteCount: 64 &* size)
        }
        let w0 = E.load16(row + k &* size)
        let w1 = E.load16(row + (k &+ 16) &* size)
        let w2 = E.load16(row + (k &+ 32) &* size)
        let w3 = E.load16(row + (k &+ 48) &* size)
        var rest = mask
        repeat {
          let sums = y + (offsets[rest.trailingZeroBitCount] &+ o &+ k)
          store16(load16(sums) + w0, sums)
          store16(load16(sums + 16) + w1, sums + 16)
          store16(load16(sums + 32) + w2, sums + 32)
          store16(load16(sums + 48) + w3, sums + 48)
          rest &= rest &- 1
        } while rest != 0
        k &+= 64
      }
      while k < width {
        let w = E.load16(row + k &* size)
        var rest = mask
        repeat {
          let sums = y + (offsets[rest.trailingZeroBitCount] &+ o &+ k)
          store16(load16(sums) + w, sums)
          rest &= rest &- 1
        } while rest != 0
        k &+= 16
      }
    }
    o &+= width
  }
}

/// Writes the ascending indices of the masks that are not zero, and these beside them, and clears
/// all; returns how many there were.
///
/// Needs. Both lists have space for `count` rounded up to 8.
@inline(never)
public func gatherMasks(
  _ masks: UnsafeMutablePointer<UInt32>, count: Int, list: UnsafeMutablePointer<UInt32>,
  listMasks: UnsafeMutablePointer<UInt32>
) -> Int {
  var found = 0
  var i = 0
  while i < count {
    // Writing first and counting after keeps the loop free of unpredictable branches.
    let mask = masks[i]
    list[found] = UInt32(truncatingIfNeeded: i)
    listMasks[found] = mask
    found &+= mask == 0 ? 0 : 1
    masks[i] = 0
    i &+= 1
  }
  return found
}

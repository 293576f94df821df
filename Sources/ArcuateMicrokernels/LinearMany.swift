import ArcuateKernelTypes
import CShims

/// y[r] = bias + the sum of the weight rows of the inputs that are 1 in row r, in ascending order.
///
/// The bits of `linearEvents`. For each panel of 64 outputs a block of weights is copied to where
/// it stays near, and the rows add theirs from there, with their sums in registers; weights are so
/// read from memory once for all rows.
///
/// Needs. `scratch` has `manyScratchBytes(rows:block:)` bytes, aligned to 64; `first` a multiple of 64, `count` of
/// 16. Int8 weights go to `linearManyBytes`.
@inline(never)
public func linearMany(
  _ spikes: ManySpikeRows, weights: WeightMatrix, output y: UnsafeMutablePointer<Float>,
  first: Int, count: Int, scratch: UnsafeMutableRawPointer
) {
  if weights.kind == .bfloat16 {
    many(BFloat16Weight.self, spikes, weights, y, first, count, scratch)
  } else {
    many(Float32Weight.self, spikes, weights, y, first, count, scratch)
  }
}

@inline(__always)
private func many<E: WeightElement>(
  _: E.Type, _ spikes: ManySpikeRows, _ weights: WeightMatrix, _ y: UnsafeMutablePointer<Float>,
  _ first: Int, _ count: Int, _ scratch: UnsafeMutableRawPointer
) {
  let size = E.byteCount
  let block = scratch.assumingMemoryBound(to: Float.self)
  let sums = (scratch + spikes.block &* 256).assumingMemoryBound(to: Float.self)
  let end = first &+ count
  let blocks = (spikes.inputs &+ spikes.block &- 1) / spikes.block
  var o = first
  while o < end {
    let width = min(64, end &- o)
    for r in 0..<spikes.rows {
      var k = 0
      while k < width {
        store16(load16(weights.bias + (o &+ k)), sums + (64 &* r &+ k))
        k &+= 16
      }
    }
    for b in 0..<blocks {
      let firstInput = b &* spikes.block
      let source = weights.rows + firstInput &* weights.rowBytes + o &* size
      let inside = min(spikes.block, spikes.inputs &- firstInput)
      for i in 0..<inside {
        var k = 0
        while k < width {
          store16(E.load16(source + i &* weights.rowBytes + k &* size), block + (64 &* i &+ k))
          k &+= 16
        }
      }
      let next = nextBlock(spikes, weights, b, of: blocks, o &* size, 64 &* size, end &* size)
      let base = UnsafeRawPointer(block) - firstInput &* 256
      for r in 0..<spikes.rows {
        bringNearer(next, row: r)
        let split = spikes.splits + (r &* spikes.splitStride &+ b)
        var e = spikes.lists + (spikes.listStarts[r] &+ Int(split[0]))
        let last = spikes.lists + (spikes.listStarts[r] &+ Int(split[1]))
        if e == last { continue }
        let row = sums + 64 &* r
        var a0 = load16(row)
        var a1 = load16(row + 16)
        var a2 = load16(row + 32)
        var a3 = load16(row + 48)
        repeat {
          let w = (base + Int(e.pointee) &<< 8).assumingMemoryBound(to: Float.self)
          a0 += load16(w)
          a1 += load16(w + 16)
          a2 += load16(w + 32)
          a3 += load16(w + 48)
          e += 1
        } while e != last
        store16(a0, row)
        store16(a1, row + 16)
        store16(a2, row + 32)
        store16(a3, row + 48)
      }
    }
    for r in 0..<spikes.rows {
      var k = 0
      while k < width {
        store16(load16(sums + (64 &* r &+ k)), y + (spikes.offsets[r] &+ o &+ k))
        k &+= 16
      }
    }
    o &+= width
  }
}

/// The block that is copied next, the first of the next panel after the last of one: it comes nearer
/// while the one before is worked on, `share` rows of weights for each row of spikes. A tuple, since
/// both variants would define what a type that files share comes with.
typealias NextBlock = (start: UnsafeRawPointer, rowBytes: Int, width: Int, rows: Int, share: Int)

/// After block `b`; a panel is `width` bytes of each row, of which `end` are used, from `column`.
@inline(__always)
func nextBlock(
  _ spikes: ManySpikeRows, _ weights: WeightMatrix, _ b: Int, of blocks: Int, _ column: Int,
  _ width: Int, _ end: Int
) -> NextBlock {
  let isLast = b &+ 1 == blocks
  let first = isLast ? 0 : (b &+ 1) &* spikes.block
  let at = isLast ? column &+ width : column
  let rows = weights.isFar && at < end ? min(spikes.block, spikes.inputs &- first) : 0
  return (
    start: weights.rows + (first &* weights.rowBytes &+ at), rowBytes: weights.rowBytes,
    width: width, rows: rows, share: (rows &+ spikes.rows &- 1) / spikes.rows
  )
}

@inline(__always)
func bringNearer(_ next: NextBlock, row r: Int) {
  let from = r &* next.share
  for i in from..<max(from, min(from &+ next.share, next.rows)) {
    prefetchFar(next.start + i &* next.rowBytes, byteCount: next.width)
  }
}

/// Finds where the blocks of each row's list begin; `counts[r]` is how long the list is.
@inline(never)
public func splitLists(
  lists: UnsafePointer<UInt32>, listStarts: UnsafePointer<Int>, counts: UnsafePointer<Int32>,
  rows: Int, inputs: Int, block: Int, splits: UnsafeMutablePointer<UInt32>, splitStride: Int
) {
  let blocks = (inputs &+ block &- 1) / block
  for r in 0..<rows {
    let list = lists + listStarts[r]
    let count = Int(counts[r])
    let split = splits + r &* splitStride
    var at = 0
    for b in 0..<blocks {
      split[b] = UInt32(truncatingIfNeeded: at)
      let bound = UInt32(truncatingIfNeeded: (b &+ 1) &* block)
      while at < count && list[at] < bound { at &+= 1 }
    }
    split[blocks] = UInt32(truncatingIfNeeded: at)
  }
}

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
  // in pieces, while the same piece of the next one is on its way.
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
      let next = column + Int(list[min(e &+ 1, listCount &- 1)]) &* weights.rowBytes
      let mask = masks[e]
      var k = 0
      while k &+ 64 <= width {
        if isFar { prefetch(next + k &* size, byteCount: 64 &* size) }
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

/// The same for int8 weights, whose sums are made in integers, two bytes at once.
///
/// `first` is a multiple of 64; `sums` has room for `sharedBytesRoom` bytes, aligned to 64; `counts[r]` is the number of inputs
/// that are 1 in row r.
@inline(never)
public func linearSharedBytes(
  masks: UnsafePointer<UInt32>, list: UnsafePointer<UInt32>, listCount: Int,
  counts: UnsafePointer<Int32>, weights: WeightMatrix, output y: UnsafeMutablePointer<Float>,
  offsets: UnsafePointer<Int>, rows: Int, first: Int, count: Int,
  sums: UnsafeMutableRawPointer
) {
  var most: Int32 = 0
  for r in 0..<rows { most = max(most, counts[r]) }
  // Sums of 16 bits hold 257 bytes; where a row has more, they are emptied into wider ones in time.
  let chunk = most <= 257 ? max(listCount, 1) : 256
  let tile = max(128, 8192 / max(rows, 1) & ~127)
  let rowBytes = 2 &* tile
  let wide = (sums + rows &* rowBytes).assumingMemoryBound(to: Int32.self)
  let end = first &+ count
  var o = first
  while o < end {
    let width = min(tile, (end &- o &+ 31) & ~31)
    for r in 0..<rows { clearWords(sums + r &* rowBytes, rowBytes) }
    if chunk < listCount { clearWords(UnsafeMutableRawPointer(wide), rows &* tile &* 4) }
    let column = weights.rows + o
    var from = 0
    repeat {
      let to = min(from &+ chunk, listCount)
      for e in from..<to {
        let row = column + Int(list[e]) &* weights.rowBytes
        if weights.isFar {
          prefetch(
            column + Int(list[min(e &+ 2, listCount &- 1)]) &* weights.rowBytes,
            byteCount: (width &+ 63) & ~63)
        }
        addShared(row, masks[e], sums, rowBytes, tile, width)
      }
      if to == listCount { break }
      for r in 0..<rows {
        var added: Int32 = 0
        for e in from..<to { added &+= Int32(truncatingIfNeeded: masks[e] &>> UInt32(r) & 1) }
        var k = 0
        while k < width {
          let whole = sums + (r &* rowBytes &+ k)
          cshims_add_bytes(
            loadWords(whole), loadWords(whole + tile), added &* 128, wide + (r &* tile &+ k))
          k &+= 32
        }
        clearWords(sums + r &* rowBytes, rowBytes)
      }
      from = to
    } while true
    for r in 0..<rows {
      var left = counts[r]
      if from > 0 {
        left = 0
        for e in from..<listCount { left &+= Int32(truncatingIfNeeded: masks[e] &>> UInt32(r) & 1) }
      }
      var k = 0
      while k < width {
        let whole = sums + (r &* rowBytes &+ k)
        let column = o &+ k
        cshims_finish_bytes(
          loadWords(whole), loadWords(whole + tile), left &* 128,
          from > 0 ? wide + (r &* tile &+ k) : nil, weights.bias + column,
          weights.scale + column, y + (offsets[r] &+ column),
          Int32(truncatingIfNeeded: min(32, end &- column)))
        k &+= 32
      }
    }
    o &+= width
  }
}

/// Adds a weight row to the sums of every row of the mask.
@inline(__always)
private func addShared(
  _ row: UnsafeRawPointer, _ mask: UInt32, _ sums: UnsafeMutableRawPointer, _ rowBytes: Int,
  _ tile: Int, _ width: Int
) {
  var k = 0
  while k &+ 128 <= width {
    let w0 = loadLine(row + k)
    let w1 = loadLine(row + (k &+ 64))
    let u0 = cshims_upper_x32(w0)
    let u1 = cshims_upper_x32(w1)
    var rest = mask
    repeat {
      let whole = sums + (rest.trailingZeroBitCount &* rowBytes &+ k)
      let upper = whole + tile
      addLine(w0, whole)
      addLine(w1, whole + 64)
      addLine(u0, upper)
      addLine(u1, upper + 64)
      rest &= rest &- 1
    } while rest != 0
    k &+= 128
  }
  while k < width {
    let w = loadWords(row + k)
    let u = cshims_upper(w)
    var rest = mask
    repeat {
      let whole = sums + (rest.trailingZeroBitCount &* rowBytes &+ k)
      addWords(w, whole)
      addWords(u, whole + tile)
      rest &= rest &- 1
    } while rest != 0
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

@inline(__always)
func addLine(_ v: SIMD32<UInt16>, _ p: UnsafeMutableRawPointer) {
  storeLine(loadLine(p) &+ v, p)
}

@inline(__always)
func addWords(_ v: SIMD16<UInt16>, _ p: UnsafeMutableRawPointer) {
  storeWords(loadWords(p) &+ v, p)
}

/// Writes the ascending indices of the masks that are not zero, and these beside them, and clears
/// all; returns how many there were.
///
/// Needs. Both lists have room for `count` rounded up to 8.
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

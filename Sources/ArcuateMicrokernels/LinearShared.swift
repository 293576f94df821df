/// y[r] = bias + the sum of the weight rows of the inputs that are 1 in row r, in ascending order,
/// for up to 32 rows at once: a weight row is loaded once for all rows in which its input is 1.
///
/// One sum per output and row, bias first, ascending inputs: the bits of `linearEvents`. Rows of one
/// stream at several steps, or of several streams, meet here; what bounds it is first the memory
/// behind the weights, then one load, addition and store for each eight outputs of a spike.
///
/// Needs. Bit r of `masks[e]`, never 0, says that input `list[e]`, ascending, is 1 in row r, which
/// starts at y + offsets[r]; weights as for `linearEvents`; `first` and `count` multiples of 16.
@inline(never)
public func linearShared(
  masks: UnsafePointer<UInt32>, list: UnsafePointer<UInt32>, listCount: Int,
  weights: UnsafePointer<Float>, stride: Int, bias: UnsafePointer<Float>,
  output y: UnsafeMutablePointer<Float>, offsets: UnsafePointer<Int>, rows: Int, first: Int,
  count: Int
) {
  // The sums of a tile stay in the first-level cache; a weight row is then read in pieces.
  let tile = max(64, 6144 / max(rows, 1) & ~63)
  let end = first + count
  var o = first
  while o < end {
    let width = min(tile, end - o)
    for r in 0..<rows {
      let sums = y + offsets[r] + o
      var k = 0
      while k < width {
        store(load(bias + o + k), sums + k)
        k &+= 16
      }
    }
    for e in 0..<listCount {
      let row = weights + Int(list[e]) &* stride + o
      let mask = masks[e]
      var k = 0
      while k &+ 64 <= width {
        let w0 = load8(row + k)
        let w1 = load8(row + k + 8)
        let w2 = load8(row + k + 16)
        let w3 = load8(row + k + 24)
        let w4 = load8(row + k + 32)
        let w5 = load8(row + k + 40)
        let w6 = load8(row + k + 48)
        let w7 = load8(row + k + 56)
        var rest = mask
        repeat {
          let sums = y + offsets[rest.trailingZeroBitCount] + o + k
          store8(load8(sums) + w0, sums)
          store8(load8(sums + 8) + w1, sums + 8)
          store8(load8(sums + 16) + w2, sums + 16)
          store8(load8(sums + 24) + w3, sums + 24)
          store8(load8(sums + 32) + w4, sums + 32)
          store8(load8(sums + 40) + w5, sums + 40)
          store8(load8(sums + 48) + w6, sums + 48)
          store8(load8(sums + 56) + w7, sums + 56)
          rest &= rest &- 1
        } while rest != 0
        k &+= 64
      }
      while k < width {
        let w = load(row + k)
        var rest = mask
        repeat {
          let sums = y + offsets[rest.trailingZeroBitCount] + o + k
          store(load(sums) + w, sums)
          rest &= rest &- 1
        } while rest != 0
        k &+= 16
      }
    }
    o += width
  }
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

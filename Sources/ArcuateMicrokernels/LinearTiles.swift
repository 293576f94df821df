import ArcuateKernelTypes
import CShims

/// y[r] = bias + the sum of the weight rows of the inputs that are 1 in row r, as products of
/// tiles: every input of every row is multiplied, which is faster where the thousands of products
/// of a tile take as long as a few additions.
///
/// Numbers. With int8 weights, the bits are those of `linearSharedBytes`, since the sums are of
/// integers. A bfloat16 weight is one number of a tile; a float32 weight is exactly the sum of
/// three. Their sums are in the processor's order, and values below 2^-126 count as zero.
/// Needs. `scratch` has
/// `TileShape(kind).scratch(rows:inputs:)` bytes, aligned to 64; `first` and `count` multiples of 16.
@inline(never)
public func linearTiles(
  _ spikes: ListedSpikeRows, weights: WeightMatrix, output y: UnsafeMutablePointer<Float>,
  first: Int, count: Int, scratch: UnsafeMutableRawPointer
) {
  let shape = TileShape(weights.kind)
  let tiles = shape.tiles(inputs: spikes.inputs)
  let groups = (spikes.rows &+ 31) / 32
  let packed = scratch + groups &* shape.spikes(inputs: spikes.inputs)
  let sums = packed + shape.weights
  lay(spikes, shape, tiles: tiles, groups: groups, into: scratch)
  cshims_tiles_begin()
  let end = first &+ count
  var o = first
  while o < end {
    let columns = min(64, end &- o)
    let pairs = (columns &+ 31) / 32
    var k = 0
    while k < tiles {
      let depth = min(shape.block, tiles &- k)
      pack(
        weights, shape, column: o, columns: columns, first: k &* shape.inputs, depth: depth,
        inputs: spikes.inputs, into: packed)
      let next = k &+ depth
      let ahead = nextTiles(spikes, weights, shape, next, of: tiles, o, end, pairs &* groups)
      for pair in 0..<pairs {
        let b = packed + pair &* (shape.block &* shape.parts &* 2048)
        for group in 0..<groups {
          bringNearer(ahead, row: pair &* groups &+ group)
          let upper = scratch + (2 &* group &* tiles &+ k) &* 1024
          let to = sums + (pair &* groups &+ group) &* 4096
          if weights.kind == .int8 {
            cshims_tiles_bytes(
              upper, upper + tiles &* 1024, b, depth, k > 0,
              to.assumingMemoryBound(to: Int32.self))
          } else {
            cshims_tiles_halves(
              upper, upper + tiles &* 1024, b, shape.parts, depth, k > 0,
              to.assumingMemoryBound(to: Float.self))
          }
        }
      }
      k = next
    }
    for r in 0..<spikes.rows {
      for c in 0..<columns / 16 {
        let four = ((c / 2) &* groups &+ r / 32) &* 4096
        let tile = four &+ (r / 16 & 1) &* 2048 &+ (c & 1) &* 1024
        let from = sums + (tile &+ (r & 15) &* 64)
        let column = o &+ 16 &* c
        let to = y + (spikes.offsets[r] &+ column)
        if weights.kind == .int8 {
          cshims_finish_sums(
            from.assumingMemoryBound(to: Int32.self), 128 &* spikes.counts[r],
            weights.bias + column, weights.scale + column, to)
        } else {
          let sum = load16(from.assumingMemoryBound(to: Float.self))
          store16(load16(weights.bias + column) + sum, to)
        }
      }
    }
    o &+= columns
  }
  cshims_tiles_end()
}

/// Writes the rows as tiles of zeros and ones, with the tiles of sixteen rows one after another.
@inline(__always)
private func lay(
  _ spikes: ListedSpikeRows, _ shape: TileShape, tiles: Int, groups: Int,
  into scratch: UnsafeMutableRawPointer
) {
  clearWords(scratch, groups &* shape.spikes(inputs: spikes.inputs))
  for r in 0..<spikes.rows {
    let row = scratch + ((r / 16) &* tiles &* 1024 &+ (r & 15) &* 64)
    let list = spikes.lists + spikes.listStarts[r]
    let count = Int(spikes.counts[r])
    if shape.inputs == 64 {
      for e in 0..<count {
        let i = Int(list[e])
        (row + ((i &>> 6) &* 1024 &+ (i & 63))).storeBytes(of: 1, as: UInt8.self)
      }
    } else {
      for e in 0..<count {
        let i = Int(list[e])
        // 1 in bfloat16.
        (row + ((i &>> 5) &* 1024 &+ 2 &* (i & 31))).storeBytes(of: 0x3F80, as: UInt16.self)
      }
    }
  }
}

/// Packs the weights of `columns` outputs and `depth` tiles of inputs from `first` on: pairs of tiles for
/// each 32 columns.
@inline(__always)
private func pack(
  _ weights: WeightMatrix, _ shape: TileShape, column o: Int, columns: Int, first: Int, depth: Int,
  inputs: Int, into packed: UnsafeMutableRawPointer
) {
  let from = weights.rows + (first &* weights.rowBytes &+ o &* weights.kind.byteCount)
  let pair = shape.block &* shape.parts &* 2048
  let (rowBytes, inside) = (weights.rowBytes, inputs &- first)
  switch weights.kind {
  case .int8: cshims_tiles_pack_bytes(from, rowBytes, inside, depth, packed, pair)
  case .bfloat16:
    for c in 0..<(columns &+ 31) / 32 {
      cshims_tiles_pack_halves(from + 64 &* c, rowBytes, inside, depth, packed + c &* pair)
    }
  case .float32:
    for c in 0..<columns / 16 {
      let to = packed + ((c / 2) &* pair &+ (c & 1) &* 1024)
      cshims_tiles_pack_floats(from + 64 &* c, rowBytes, inside, depth, to)
    }
  }
}

/// The weights to pack after tile `next`, for `calls` calls of `bringNearer`.
@inline(__always)
private func nextTiles(
  _ spikes: ListedSpikeRows, _ weights: WeightMatrix, _ shape: TileShape, _ next: Int,
  of tiles: Int, _ o: Int, _ end: Int, _ calls: Int
) -> NextBlock {
  let isLast = next >= tiles
  let column = isLast ? o &+ 64 : o
  let first = isLast ? 0 : next &* shape.inputs
  let size = weights.kind.byteCount
  let rows =
    weights.isFar && column < end ? min(shape.block &* shape.inputs, spikes.inputs &- first) : 0
  return (
    start: weights.rows + (first &* weights.rowBytes &+ column &* size),
    rowBytes: weights.rowBytes, width: 64 &* size, rows: rows,
    share: (rows &+ calls &- 1) / calls
  )
}

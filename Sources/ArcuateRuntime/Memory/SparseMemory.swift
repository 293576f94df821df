import ArcuateCore
import ArcuateKernels

/// The location of one stream's memory of a node of connections, and its kernel.
///
/// It holds addresses only, so that passing it costs no retain or release; the arena keeps the buffers.
struct SparseMemory: BitwiseCopyable {
  let kernel: SparseKernel
  let isRing: Bool
  /// The one delay in steps; for rings the largest.
  let delay: Int
  let state: Row<Float>
  let lists: Row<UInt32>
  let counts: Row<NonzeroCount>
  let historyRows: Int
  let historyStride: Int
  let listStride: Int
  let countStride: Int
  let inputTiles: Int
  /// Inputs of a tile, or all of them.
  let inputTile: Int

  /// The row of the ring of inputs for a step.
  @inline(__always)
  func row(_ step: UInt64) -> Int { Int(step % UInt64(historyRows)) }

  /// The row of what arrives at a step.
  ///
  /// Rows of steps before the first are zero, and so are those of the ring that were never written.
  @inline(__always)
  func arrivals(_ step: UInt64) -> Int { row(step &+ UInt64(historyRows - delay)) }

  /// What left at a step, every element.
  @inline(__always)
  func values(_ row: Int) -> Row<Float> { state.part(row * historyStride, historyStride) }

  /// The non-zero elements of that step within a tile, by index in the tile.
  @inline(__always)
  func list(_ row: Int, _ tile: Int) -> Row<UInt32> {
    lists.part(row * listStride + tile * inputTile, inputTile)
  }

  @inline(__always)
  func count(_ row: Int, _ tile: Int) -> NonzeroCount { counts[tile * countStride + row] }

  @inline(__always)
  func setCount(_ row: Int, _ tile: Int, _ count: NonzeroCount) {
    counts[tile * countStride + row] = count
  }

  /// The ring of sums of a tile, for connections whose delays differ.
  @inline(__always)
  func sums(_ tile: Int) -> Row<Float> {
    state.part(tile * kernel.ring * kernel.ringStride, kernel.ring * kernel.ringStride)
  }

  /// The sums of a tile for one step.
  @inline(__always)
  func sums(_ tile: Int, at step: UInt64) -> Row<Float> {
    sums(tile).part(Int(step & UInt64(kernel.ring - 1)) * kernel.ringStride, kernel.tile)
  }

  /// sum += what arrives at step `now` in a tile.
  @inline(__always)
  func addRows(_ now: UInt64, _ tile: Int, _ sum: Row<Float>) {
    let row = arrivals(now)
    for from in 0..<inputTiles {
      let found = count(row, from)
      if found.count == 0 { continue }
      kernel.addRows(
        list(row, from), count: Int(found.count), known: Int(found.count), first: from * inputTile,
        values: found.unit != 0 ? state.part(0, 0) : values(row), tile: tile, sum: sum)
    }
  }
}

extension SparseMemory {
  /// Offset and width of a tile of `count` elements.
  @inline(__always)
  static func tile(_ tile: Int, of count: Int) -> (first: Int, count: Int) {
    let first = tile * SparseWeights.tile(count)
    return (first, min(SparseWeights.tile(count), count - first))
  }
}

extension Arena {
  /// A stream's memory of the connections of a node, where cycles run in windows.
  @inline(__always)
  func sparse(_ node: Int, _ stream: Int) -> SparseMemory {
    sparseMemories.row[node * batch + stream]
  }
}

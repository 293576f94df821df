import ArcuateCore
import ArcuateKernels

/// Connections with delays, one step of one stream at a time.
extension Session {
  /// Where a stream's memory of one node stands.
  struct SparseMemory: BitwiseCopyable {
    let state: Row<Float>
    let lists: Row<UInt32>
    let counts: Row<NonzeroCount>
    let historyRows: Int
    let historyStride: Int
    let listStride: Int
    let inputTiles: Int

    /// The row of the ring of inputs for a step.
    @inline(__always)
    func row(_ step: UInt64) -> Int { Int(step % UInt64(historyRows)) }
    /// What arrived at a step, every element.
    @inline(__always)
    func values(_ row: Int) -> Row<Float> { state.part(row * historyStride, historyStride) }
    /// Who was not zero then, within a tile, by place in the tile.
    @inline(__always)
    func list(_ row: Int, _ tile: Int) -> Row<UInt32> {
      lists.part(row * listStride + tile * SparseWeights.tile, SparseWeights.tile)
    }
    @inline(__always)
    func count(_ row: Int, _ tile: Int) -> NonzeroCount { counts[row * inputTiles + tile] }
    @inline(__always)
    func setCount(_ row: Int, _ tile: Int, _ count: NonzeroCount) {
      counts[row * inputTiles + tile] = count
    }
    /// The ring of sums of a tile, for connections whose delays differ.
    @inline(__always)
    func sums(_ tile: Int, _ ring: Int) -> Row<Float> {
      state.part(tile * ring * SparseWeights.tile, ring * SparseWeights.tile)
    }
  }

  func memory(_ packed: PackedSparse, _ stream: Int) -> SparseMemory {
    SparseMemory(
      state: state.row.part(packed.state + stream * packed.stateCount, packed.stateCount),
      lists: sparseLists.row.part(packed.lists + stream * packed.listCount, packed.listCount),
      counts: sparseCounts.row.part(
        packed.counts + stream * packed.countCount, packed.countCount),
      historyRows: packed.historyRows, historyStride: packed.historyStride,
      listStride: packed.listStride, inputTiles: packed.inputTiles)
  }

  /// Places and width of a tile of `count` elements.
  @inline(__always)
  static func tile(_ tile: Int, of count: Int) -> (first: Int, count: Int) {
    let first = tile * SparseWeights.tile
    return (first, min(SparseWeights.tile, count - first))
  }

  /// Runs the node at `index` over a range of steps.
  func runSparse(
    _ index: Int, _ packed: PackedSparse, _ input: Slot, _ shift: Int, _ output: Slot,
    _ range: Range<Int>, _ streams: Range<Int>
  ) {
    let step = plan.steps[index]
    for t in range {
      for b in streams {
        let arriving = row(input, t + shift, b)
        let found = nonzero(input, t + shift, b)[0]
        let places = list(input, t + shift, b)
        if packed.isStateless {
          let out = row(output, t, b)
          out.fill(0)
          for tile in 0..<packed.outputTiles {
            let (first, count) = Session.tile(tile, of: step.outputCount)
            packed.weights.kernel.addRows(
              places, count: Int(found.count), first: 0,
              values: found.unit != 0 ? arriving.part(0, 0) : arriving, tile: tile,
              sum: out.part(first, count))
          }
        } else {
          keep(packed, arriving, places, found, t, b)
          if !packed.isEarly { emit(packed, row(output, t, b), step.outputCount, t, b) }
        }
        countSynapses(index, step, input, t + shift, b)
      }
    }
  }

  /// Writes what arrives at the other end at step `t`.
  func emit(_ packed: PackedSparse, _ output: Row<Float>, _ count: Int, _ t: Int, _ b: Int) {
    let now = stepCounts[b] &+ UInt64(t)
    let memory = memory(packed, b)
    output.fill(0)
    for tile in 0..<packed.outputTiles {
      let (first, width) = Session.tile(tile, of: count)
      let sum = output.part(first, width)
      if packed.isRing {
        let ring = packed.weights.ring
        let row = memory.sums(tile, ring).part(
          Int(now & UInt64(ring - 1)) * SparseWeights.tile, width)
        sum.copy(from: row)
        row.fill(0)
      } else {
        addRows(packed.weights.kernel, memory, now, packed.largest, tile, sum)
      }
    }
  }

  /// sum += what left `delay` steps before step `now` for a tile.
  @inline(__always)
  func addRows(
    _ kernel: SparseKernel, _ memory: SparseMemory, _ now: UInt64, _ delay: Int, _ tile: Int,
    _ sum: Row<Float>
  ) {
    // Rows of steps before the first are zero, and so are those of the ring that were never written.
    let row = memory.row(now &+ UInt64(memory.historyRows - delay))
    for from in 0..<memory.inputTiles {
      let found = memory.count(row, from)
      if found.count == 0 { continue }
      kernel.addRows(
        memory.list(row, from), count: Int(found.count), first: from * SparseWeights.tile,
        values: found.unit != 0 ? memory.state.part(0, 0) : memory.values(row), tile: tile,
        sum: sum)
    }
  }

  /// Remembers what leaves at step `t`.
  private func keep(
    _ packed: PackedSparse, _ input: Row<Float>, _ places: Row<UInt32>, _ found: NonzeroCount,
    _ t: Int, _ b: Int
  ) {
    let now = stepCounts[b] &+ UInt64(t)
    let memory = memory(packed, b)
    if packed.isRing {
      for tile in 0..<packed.outputTiles {
        packed.weights.kernel.addToRing(
          places, count: Int(found.count), first: 0,
          values: found.unit != 0 ? input.part(0, 0) : input, tile: tile, step: now,
          sums: memory.sums(tile, packed.weights.ring))
      }
    } else {
      let row = memory.row(now)
      memory.values(row).copy(from: input.part(0, packed.historyStride))
      findLists(packed, memory, row)
    }
  }

  private func findLists(_ packed: PackedSparse, _ memory: SparseMemory, _ row: Int) {
    for tile in 0..<packed.inputTiles {
      let (first, count) = Session.tile(tile, of: packed.weights.inputs)
      let part = memory.values(row).part(first, (count + 15) & ~15)
      memory.setCount(row, tile, findNonzero(part, count: count, list: memory.list(row, tile)))
    }
  }

  /// Brings a stream's memory of the connections to rest.
  func restSparse(_ packed: PackedSparse, _ b: Int) {
    guard !packed.isStateless else { return }
    let memory = memory(packed, b)
    memory.state.fill(0)
    memory.counts.fill(NonzeroCount(count: 0, unit: true))
  }

  /// Finds again what follows from the state, after it was replaced.
  func findSparseLists() {
    for step in plan.steps {
      guard case .sparse(let packed) = step.operation, !packed.isStateless, !packed.isRing else {
        continue
      }
      for b in 0..<plan.options.batch {
        for row in 0..<packed.historyRows { findLists(packed, memory(packed, b), row) }
      }
    }
  }
}

import ArcuateCore
import ArcuateKernels
import ArcuateModel

/// Listed connections with delays.
///
/// With one delay for all, the state is a ring of what arrived at the last steps, and a spike's
/// connections are gone through when it arrives at their ends. With a delay for each, it is a ring
/// of sums for the steps to come, and they are gone through when the spike leaves. Either way a sum
/// takes older spikes first, and those of one step by ascending input.
final class SparseNode: NodeRun {
  let weights: SparseWeights
  /// Steps of delay, least and largest.
  let least: Int
  let largest: Int
  /// Whether the node emits before it sees the step's input.
  let isEarly: Bool
  /// Offsets for stream 0, in floats of state, indices and counts.
  let state: Int
  let lists: Int
  let counts: Int
  let stateCount: Int
  let scratchCount = 0
  let fanOut: FanOut
  let inputCount: Int?
  let reason: String

  let weightByteCount = 0
  /// A node without delays is, but its response to silence is never asked for.
  let isStateless = false
  let inputUse = InputUse.sum
  let listUse = ListUse.needed

  /// Throws. `cannotCompile`, `limitExceeded`, `outOfMemory`.
  init(_ sparse: SparseLinear, _ packing: inout NodePacking) throws(ArcuateError) {
    let (least, largest) = sparse.delaySteps(packing.dt_s)
    guard largest <= Double(Delay.mostSteps) else {
      throw ArcuateError(
        .cannotCompile,
        "a delay of \(sparse.delay_s.extremes?.largest ?? 0) s is \(largest) steps, above "
          + "\(Delay.mostSteps)")
    }
    let isRing = least < largest
    var ring = isRing ? 1 : 0
    while isRing && ring <= Int(largest) { ring *= 2 }
    weights = try SparsePacking(sparse, dt_s: packing.dt_s, ring: ring).weights
    (self.least, self.largest) = (Int(least), Int(largest))
    isEarly = Int(least) >= 1 && packing.isCyclic
    let sizes = Sizes(weights, least: Int(least), largest: Int(largest))
    let most = NodePacking.mostState / packing.batch
    guard sizes.historyRows <= most / max(sizes.listStride, 1),
      weights.ring <= most / max(sizes.outputTiles * weights.kernel.ringStride, 1)
    else {
      throw ArcuateError(
        .limitExceeded, "a delay line of \(Int(largest)) steps is too large")
    }
    stateCount = packing.batch * sizes.state
    state = packing.takeState(stateCount)
    (lists, counts) = packing.takeSparse(
      lists: packing.batch * sizes.lists, counts: packing.batch * sizes.counts)
    fanOut = FanOut((sparse.nonzeroPerInput(), UInt64(sparse.count)))
    inputCount = sparse.pre
    let delay =
      isRing
      ? "delays of \(Int(least)) to \(Int(largest)) steps, added when a spike leaves"
      : "a delay of \(Int(largest)) step\(Int(largest) == 1 ? "" : "s"), added when a spike arrives"
    reason =
      "\(sparse.count) connections"
      + (weights.targets.isPacked ? ", sorted; " : ", where they stand; ") + delay
  }

  /// Steps that can be run in a cycle before what left at the first of them arrives.
  var window: Int { max(1, min(least, Window.mostSteps)) }
  /// Whether connections are gone through when a spike leaves.
  var isRing: Bool { weights.ring > 0 }
  /// Whether nothing is delayed.
  var isImmediate: Bool { !isRing && largest == 0 }
  private var sizes: Sizes { Sizes(weights, least: least, largest: largest) }

  /// What one stream keeps.
  struct Sizes {
    /// Rows of the ring of inputs: what the delay spans and a window that is being written.
    let historyRows: Int
    let historyStride: Int
    let inputTiles: Int
    /// Elements of a list of a tile, at least as many as it can name.
    let inputTile: Int
    let outputTiles: Int
    /// Elements between the lists of one step and of the next.
    let listStride: Int
    /// Counts of a tile, in whole cache lines, so that the threads of two tiles do not share one.
    let countStride: Int
    /// Floats of state: [rows][inputs, padded], or [tiles][ring][ringStride].
    let state: Int
    /// Indices and counts: the non-zero elements at the steps of the ring of inputs, tile by tile.
    /// They follow from the state.
    let lists: Int
    let counts: Int

    init(_ weights: SparseWeights, least: Int, largest: Int) {
      let isRing = weights.ring > 0
      let window = max(1, min(least, Window.mostSteps))
      historyRows = isRing ? 2 * window : largest + window
      historyStride = (weights.inputs + 15) & ~15
      inputTiles = SparseWeights.tiles(weights.inputs)
      outputTiles = SparseWeights.tiles(weights.outputs)
      // Long delays of few inputs would need gigabytes for lists as wide as a tile. Short ones have
      // them, as recorded plans say.
      let isLong = historyRows > 4096 && inputTiles == 1
      inputTile = isLong ? historyStride : SparseWeights.tile(weights.inputs)
      listStride = inputTiles * inputTile
      countStride = (historyRows + 7) & ~7
      let isImmediate = !isRing && largest == 0
      state =
        isImmediate
        ? 0
        : isRing
          ? outputTiles * weights.ring * weights.kernel.ringStride : historyRows * historyStride
      lists = isImmediate ? 0 : historyRows * listStride
      counts = isImmediate ? 0 : inputTiles * countStride
    }
  }

  var byteCount: Int { weights.byteCount }
  /// Bytes of what follows from the state of a stream.
  var listByteCount: Int { sizes.lists * 4 + sizes.counts * 8 }
  var kernels: [Kernel] { [isRing ? .sparseRing : .sparseRows] }
  var emission: Emission {
    Emission(isSpikes: false, isOnes: false, isListed: false, isCounted: true, isEarly: isEarly)
  }

  func cost(inputs: Int, outputs: Int) -> Double { Double(inputs + outputs) / 16 * 4 }
  func recordable(_: NodeQuantity) -> StateRows? { nil }

  /// A stream's memory of the connections.
  func memory(_ stream: Int, _ arena: Arena) -> SparseMemory {
    let sizes = sizes
    return SparseMemory(
      kernel: weights.kernel, isRing: isRing, delay: largest,
      state: arena.state.row.part(state + stream * sizes.state, sizes.state),
      lists: arena.sparseLists.row.part(lists + stream * sizes.lists, sizes.lists),
      counts: arena.sparseCounts.row.part(counts + stream * sizes.counts, sizes.counts),
      historyRows: sizes.historyRows, historyStride: sizes.historyStride,
      listStride: sizes.listStride, countStride: sizes.countStride, inputTiles: sizes.inputTiles,
      inputTile: sizes.inputTile)
  }

  func reset(_ stream: Int, _ arena: Arena) {
    guard !isImmediate else { return }
    let memory = memory(stream, arena)
    memory.state.fill(0)
    memory.counts.fill(NonzeroCount(count: 0, unit: true))
  }

  func run(_ step: NodeStep, _ window: Window, _ arena: Arena) {
    let (input, output) = (arena.slots[step.inputSlot], arena.slots[step.output])
    for t in window.steps {
      let from = t + step.inputShift
      for b in window.streams {
        let arriving = arena.row(input, from, b)
        let found = arena.nonzero(input, from, b)[0]
        let list = arena.list(input, from, b)
        if isImmediate {
          let out = arena.row(output, t, b)
          out.fill(0)
          for tile in 0..<SparseWeights.tiles(weights.outputs) {
            let (first, count) = SparseMemory.tile(tile, of: step.outputCount)
            weights.kernel.addRows(
              list, count: Int(found.count), known: Int(found.count), first: 0,
              values: found.unit != 0 ? arriving.part(0, 0) : arriving, tile: tile,
              sum: out.part(first, count))
          }
        } else {
          let memory = memory(b, arena)
          keep(memory, arriving, list, found, arena.now(t, b))
          if !isEarly {
            emit(memory, arena.row(output, t, b), step.outputCount, arena.now(t, b))
          }
        }
        step.countSynapses(input, from, b, arena)
      }
    }
  }

  func emitEarly(_ step: NodeStep, _ window: Window, _ arena: Arena) {
    guard isEarly else { return }
    let output = arena.slots[step.output]
    for t in window.steps {
      for b in window.streams {
        emit(memory(b, arena), arena.row(output, t, b), step.outputCount, arena.now(t, b))
        arena.listRow(output, t, b)
      }
    }
  }

  /// Writes what arrives at the other end at step `now`.
  private func emit(_ memory: SparseMemory, _ output: Row<Float>, _ count: Int, _ now: UInt64) {
    output.fill(0)
    for tile in 0..<SparseWeights.tiles(weights.outputs) {
      let (first, width) = SparseMemory.tile(tile, of: count)
      let sum = output.part(first, width)
      if isRing {
        let row = memory.sums(tile, at: now).part(0, width)
        sum.copy(from: row)
        row.fill(0)
      } else {
        memory.addRows(now, tile, sum)
      }
    }
  }

  /// Remembers what leaves at step `now`.
  private func keep(
    _ memory: SparseMemory, _ input: Row<Float>, _ list: Row<UInt32>, _ found: NonzeroCount,
    _ now: UInt64
  ) {
    if isRing {
      for tile in 0..<SparseWeights.tiles(weights.outputs) {
        weights.kernel.addToRing(
          list, count: Int(found.count), known: Int(found.count), first: 0,
          values: found.unit != 0 ? input.part(0, 0) : input, tile: tile, step: now,
          sums: memory.sums(tile))
      }
    } else {
      let row = memory.row(now)
      memory.values(row).copy(from: input.part(0, memory.historyStride))
      findLists(memory, row)
    }
  }

  private func findLists(_ memory: SparseMemory, _ row: Int) {
    for tile in 0..<memory.inputTiles {
      let (first, count) = SparseMemory.tile(tile, of: weights.inputs)
      let part = memory.values(row).part(first, (count + 15) & ~15)
      memory.setCount(row, tile, findNonzero(part, count: count, list: memory.list(row, tile)))
    }
  }

  /// Finds again what follows from the state, after it was replaced.
  func findLists(_ arena: Arena) {
    guard !isImmediate, !isRing else { return }
    for b in 0..<arena.batch {
      let memory = memory(b, arena)
      for row in 0..<memory.historyRows { findLists(memory, row) }
    }
  }
}

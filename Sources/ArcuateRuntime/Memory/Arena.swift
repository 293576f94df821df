import ArcuateCore
import ArcuateKernels

/// The memory of a session: the state of its streams, the rows of a block, counters and scratch.
///
/// This is all that the code of nodes touches. Nothing is allocated after creation. A row of zeros and
/// ones whose readers all go by its list is not written (`Slot.isListOnly`); a dense kernel or a probe
/// has it written by `fillRow`.
final class Arena {
  let batch: Int
  let slots: [Slot]
  let size: ArenaSize

  /// State: the streams' step counts, then floats, in one buffer.
  let stepCounts: View<UInt64>
  let state: View<Float>

  let values: View<Float>
  let lists: View<UInt32>
  let nonzeros: View<NonzeroCount>
  /// [node][stream][field]
  let counterFields: View<UInt64>

  /// The rows of steps and streams within the buffers of tiles.
  let stepRows: View<Int>
  let streamRows: View<Int>
  /// The source of input rows; nil where they are stored already.
  var feed: Feed? { didSet { isFed = feed != nil } }
  private var isFed = false
  /// What is known of the inputs of the call that runs.
  var masks: InputMasks
  /// Whether a probe records: sums are then made in rows even where they could be made in membranes.
  var isRecorded = false

  /// Non-zero elements in the histories of nodes with delays; follows from the state.
  let sparseLists: View<UInt32>
  let sparseCounts: View<NonzeroCount>
  /// [node][stream], for cycles that run in windows.
  let sparseMemories: View<SparseMemory>
  let population: PopulationScratch

  /// Rows for each worker: two of floats, one of indices, and the bits of one.
  private let temporaries: View<Float>
  private let temporaryLists: View<UInt32>
  /// For each worker, what nodes ask for.
  private let nodeScratch: View<Float>
  private let temporaryMasks: View<UInt16>
  /// For each worker, where rows of spikes share the weights.
  let spikeRows: [SpikeRows]
  private let spikeMemory: AlignedBuffer
  let plastic: PlasticScratch
  /// Multiplies the rates of all rules, for schedules; not those of decays.
  var adaptationRate: Float = 1

  /// The session's threads; nil for one.
  private(set) var team: Team?
  /// Whether threads share the outputs of layers that are large enough.
  let sharesLayers: Bool
  /// What threads that share a layer multiply, and the steps that those of a cycle run.
  var product: Product?
  var sharedSteps = 0..<0

  /// Throws. `outOfMemory`.
  init(_ size: ArenaSize, slots: [Slot]) throws(ArcuateError) {
    func view<T: BitwiseCopyable>(_ count: Int) throws(ArcuateError) -> View<T> {
      try AlignedBuffer(byteCount: count * MemoryLayout<T>.stride).view(start: 0, count: count)
    }
    self.size = size
    self.slots = slots
    batch = size.batch
    let threads = size.threads
    let block = try AlignedBuffer(byteCount: batch * 8 + 64 + size.state * 4)
    stepCounts = block.view(start: 0, count: batch)
    state = block.view(start: (batch * 8 + 63) / 64 * 16, count: size.state)
    stepRows = try view(size.block)
    streamRows = try view(batch)
    values = try view(size.values)
    lists = try view(size.lists)
    nonzeros = try view(size.rows)
    counterFields = try view(size.nodes * batch * CounterField.stride)
    masks = try InputMasks(count: size.maskedCount, rows: size.maskedRows)
    sparseLists = try view(size.sparseLists)
    sparseCounts = try view(size.sparseCounts)
    sparseMemories = try view(size.population.isUsed ? size.nodes * batch : 0)
    population = try PopulationScratch(size)
    temporaries = try view(threads * size.widest * 2)
    temporaryLists = try view(threads * size.widest)
    nodeScratch = try view(threads * size.nodeScratch)
    temporaryMasks = try view(threads * size.masks)
    let spikeBytes = size.spikeRows.byteCount
    let memory = try AlignedBuffer(byteCount: threads * spikeBytes)
    spikeMemory = memory
    spikeRows = (0..<threads).map {
      SpikeRows(size.spikeRows, memory: memory, start: $0 * spikeBytes)
    }
    plastic = try PlasticScratch(size)
    sharesLayers = threads > 1 && size.stages == 0
    if threads > 1 { team = try Team(threads, self) }
  }

  // MARK: Rows

  /// The index of the row of a slot that a step and a stream have.
  @inline(__always)
  func rowIndex(_ slot: Slot, _ step: Int, _ stream: Int) -> Int {
    slot.isPassing && (slot.port == nil || isFed)
      ? stepRows.row[step] + streamRows.row[stream]
      : slot.row(step: step, stream: stream, batch: batch)
  }

  @inline(__always)
  func row(_ slot: Slot, _ step: Int, _ stream: Int) -> Row<Float> {
    let row = rowIndex(slot, step, stream)
    return values.row.part(slot.values + row * slot.stride, slot.stride)
  }

  @inline(__always)
  func list(_ slot: Slot, _ step: Int, _ stream: Int) -> Row<UInt32> {
    let row = rowIndex(slot, step, stream)
    return lists.row.part(slot.lists + row * slot.stride, slot.stride)
  }

  @inline(__always)
  func nonzero(_ slot: Slot, _ step: Int, _ stream: Int) -> Row<NonzeroCount> {
    nonzeros.row.part(slot.counts + rowIndex(slot, step, stream), 1)
  }

  /// Writes the numbers of a row that may be stored as its list alone.
  @inline(__always)
  func fillRow(_ slot: Slot, _ step: Int, _ stream: Int) {
    guard slot.isListOnly else { return }
    let found = nonzero(slot, step, stream)[0]
    guard found.unit != 0 else { return }
    Elementwise.ones(
      list(slot, step, stream), count: Int(found.count), into: row(slot, step, stream))
  }

  /// Brings the list beside a row up to date.
  @inline(__always)
  func listRow(_ slot: Slot, _ step: Int, _ stream: Int) {
    guard slot.listed else { return }
    nonzero(slot, step, stream)[0] = findNonzero(
      row(slot, step, stream), count: slot.count, list: list(slot, step, stream))
  }

  /// Brings the row of an input up to date, and the list beside it.
  @inline(__always)
  func enter(_ slot: Slot, _ step: Int, _ stream: Int) {
    if let feed, !slot.constant, let port = slot.port {
      if slot.isListOnly, step < feed.silence, port == size.maskedPort,
        masks.isUnit(feed.row(step, stream))
      {
        nonzero(slot, step, stream)[0] = masks.list(
          feed.row(step, stream), count: slot.count, into: list(slot, step, stream))
        return
      }
      feed.fill(row(slot, step, stream).part(0, slot.count), port: port, step, stream)
    }
    listRow(slot, step, stream)
  }

  // MARK: State

  /// `count` floats of a stream's state; none where a node has no such state.
  @inline(__always)
  func stateRow(_ offset: Int?, _ count: Int, _ stream: Int) -> Row<Float> {
    guard let offset else { return state.row.part(0, 0) }
    return state.row.part(offset + stream * count, count)
  }

  /// Brings `count` floats of a stream's state to zero.
  func clear(_ offset: Int?, _ count: Int, _ stream: Int) {
    stateRow(offset, count, stream).fill(0)
  }

  /// The number of the step of a stream, from its reset on.
  @inline(__always)
  func now(_ step: Int, _ stream: Int) -> UInt64 { stepCounts.row[stream] &+ UInt64(step) }

  /// How often a stream was reset; 0 in networks without plasticity.
  @inline(__always)
  func resets(of stream: Int) -> UInt64 {
    guard let offset = size.plastic.resets else { return 0 }
    return UInt64(state.row[offset + stream].bitPattern)
  }

  // MARK: Scratch

  func temporary(_ worker: Int) -> Row<Float> {
    temporaries.row.part(worker * 2 * size.widest, size.widest)
  }

  func temporaryOutput(_ worker: Int) -> Row<Float> {
    temporaries.row.part((worker * 2 + 1) * size.widest, size.widest)
  }

  func temporaryList(_ worker: Int) -> Row<UInt32> {
    temporaryLists.row.part(worker * size.widest, size.widest)
  }

  func temporaryMask(_ worker: Int) -> Row<UInt16> {
    temporaryMasks.row.part(worker * size.masks, size.masks)
  }

  /// What the node that needs most asks for (`NodeRun.scratchCount`).
  func nodeScratch(_ worker: Int) -> Row<Float> {
    nodeScratch.row.part(worker * size.nodeScratch, size.nodeScratch)
  }

  /// A list without elements.
  @inline(__always)
  var emptyList: Row<UInt32> { lists.row.part(0, 0) }

  // MARK: Counters

  @inline(__always)
  func count(_ field: CounterField, _ node: Int, _ stream: Int, _ amount: UInt64) {
    let i = (node * batch + stream) * CounterField.stride + field.rawValue
    counterFields.row[i] = counterFields.row[i] &+ amount
  }

  /// The counters of a node and a stream.
  @inline(__always)
  func counters(_ node: Int, _ stream: Int) -> Row<UInt64> {
    counterFields.row.part((node * batch + stream) * CounterField.stride, CounterField.stride)
  }
}

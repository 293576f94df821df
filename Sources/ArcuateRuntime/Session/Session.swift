import ArcuateCore
import ArcuateKernels
import ArcuateModel

/// The only thing that changes: the state of `batch` streams of one plan.
///
/// One user at a time. Nothing is allocated after creation except by `makeProbe`.
public final class Session {
  public let plan: Plan

  /// Fraction of non-zero inputs above which a row of a linear layer takes the dense kernel: it
  /// reads every weight once for four rows, where the other reads those of non-zero inputs for one.
  static let denseFraction = 0.35

  /// State: the streams' step counts, then floats, in one block.
  let stepCounts: View<UInt64>
  let state: View<Float>

  let values: View<Float>
  let lists: View<UInt32>
  let nonzeros: View<NonzeroCount>
  let counterFields: View<UInt64>
  /// Who was not zero in the rings of nodes with delays; follows from the state.
  let sparseLists: View<UInt32>
  let sparseCounts: View<NonzeroCount>
  /// [step of the plan][stream]
  private(set) var sparseMemories: View<SparseMemory>
  /// For cycles that run in windows: sums and places for each worker, changes for each tile,
  /// and the barrier of the workers.
  let populationRows: View<Float>
  let populationLists: View<UInt32>
  let populationChanges: View<UInt64>
  let barrier: Barrier
  /// How many tiles of a block each stage has done, a cache line each.
  let progress: View<UInt32>
  /// Whether threads share the outputs of layers that are large enough.
  var sharesLayers: Bool { plan.stages.groups.isEmpty }
  var stageChoice = StageChoice()
  /// Rows for each worker: two of floats, one of indices.
  let temporaries: View<Float>
  let temporaryLists: View<UInt32>
  /// Bits of a row for each worker.
  let temporaryMasks: View<UInt16>
  /// For each worker, where rows of spikes meet over the weights.
  let spikeRows: [SpikeRows]
  private let spikeMemory: AlignedBuffer
  /// The other threads that take a share of the work; nil for one thread.
  private(set) var workers: ThreadPool?
  /// What all workers do at once.
  var job = Job.streams

  var probes: [Probe] = []
  /// Whether the nodes that are constant over a frame are due.
  var computesConstants = true
  /// Steps in the block being run.
  var blockSteps = 0
  /// The streams and steps of a tile of it, and where the rows of steps and streams stand in the
  /// rooms of tiles.
  var tile = (streams: 1, steps: 1)
  let stepPlaces: View<Int>
  let streamPlaces: View<Int>
  /// Where the rows of inputs come from; nil where they stand ready.
  var feed: Feed? { didSet { isFed = feed != nil } }
  private var isFed = false
  /// What is known of the inputs of the call that runs.
  var masks: InputMasks
  /// Whether weights and thresholds change while the session runs. Traces stand still while they
  /// do not.
  public var learns = false
  /// What multiplies the rates of all rules, for schedules; not of decays.
  public internal(set) var rate: Float = 1
  /// Factors of the rules for one step; nothing in it outlives the step.
  let learningScratch: View<Float>
  /// The sides of the terms that act in this step, where those of each stream begin, and a row of ones.
  private(set) var products: View<PlasticProduct>
  private(set) var productEnds: View<Int>
  let learningOnes: View<Float>
  /// For each worker the windows of a convolution that learns, and room for products with them.
  let kernelWindows: View<Float>
  let kernelProducts: [MatrixProduct]

  init(plan: Plan) throws {
    self.plan = plan
    let batch = plan.options.batch
    let block = try AlignedBuffer(byteCount: batch * 8 + 64 + plan.stateCount * 4)
    stepCounts = block.view(start: 0, count: batch)
    state = block.view(start: (batch * 8 + 63) / 64 * 16, count: plan.stateCount)
    stepPlaces = try AlignedBuffer(byteCount: plan.block * 8).view(start: 0, count: plan.block)
    streamPlaces = try AlignedBuffer(byteCount: batch * 8).view(start: 0, count: batch)
    values = try AlignedBuffer(byteCount: plan.valueCount * 4).view(
      start: 0, count: plan.valueCount)
    lists = try AlignedBuffer(byteCount: plan.listCount * 4).view(start: 0, count: plan.listCount)
    nonzeros = try AlignedBuffer(byteCount: plan.rowCount * 8).view(
      start: 0, count: plan.rowCount)
    let fields = plan.steps.count * batch * Counters.roomCount
    counterFields = try AlignedBuffer(byteCount: fields * 8).view(start: 0, count: fields)
    sparseLists = try AlignedBuffer(byteCount: plan.sparseListCount * 4).view(
      start: 0, count: plan.sparseListCount)
    sparseCounts = try AlignedBuffer(byteCount: plan.sparseCountCount * 8).view(
      start: 0, count: plan.sparseCountCount)
    let populations = plan.groups.compactMap(\.population)
    let rows = plan.options.threads * (populations.map(\.scratchCount).max() ?? 0)
    populationRows = try AlignedBuffer(byteCount: rows * 4).view(start: 0, count: rows)
    let flat = plan.options.threads * (populations.map(\.flatCount).max() ?? 0)
    populationLists = try AlignedBuffer(byteCount: flat * 4).view(start: 0, count: flat)
    let tiles = batch * (populations.map(\.tiles).max() ?? 0)
    populationChanges = try AlignedBuffer(byteCount: tiles * 8).view(start: 0, count: tiles)
    barrier = try Barrier()
    let words = plan.stages.groups.count * 16
    progress = try AlignedBuffer(byteCount: words * 4).view(start: 0, count: words)
    masks = try InputMasks(count: plan.maskedCount, rows: plan.maskedRows)
    let memories = populations.isEmpty ? 0 : plan.steps.count * batch
    let size = MemoryLayout<SparseMemory>.stride
    sparseMemories = try AlignedBuffer(byteCount: memories * size).view(start: 0, count: memories)
    let factors = plan.learning?.scratchCount ?? 0
    learningScratch = try AlignedBuffer(byteCount: factors * 4).view(start: 0, count: factors)
    let terms = batch * (plan.learning?.edges.map(\.terms.count).max() ?? 0)
    products = try AlignedBuffer(byteCount: terms * MemoryLayout<PlasticProduct>.stride).view(
      start: 0, count: terms)
    productEnds = try AlignedBuffer(byteCount: (batch + 1) * 8).view(start: 0, count: batch + 1)
    let ones = plan.learning == nil ? 0 : plan.widest
    learningOnes = try AlignedBuffer(byteCount: ones * 4).view(start: 0, count: ones)
    learningOnes.row.fill(1)
    let windows = plan.options.threads * plan.largestWindows
    kernelWindows = try AlignedBuffer(byteCount: windows * 4).view(start: 0, count: windows)
    kernelProducts = try (0..<(windows > 0 ? plan.options.threads : 0)).map { _ in
      try MatrixProduct()
    }
    let wide = plan.options.threads * plan.widest
    temporaries = try AlignedBuffer(byteCount: wide * 8).view(start: 0, count: wide * 2)
    temporaryLists = try AlignedBuffer(byteCount: wide * 4).view(start: 0, count: wide)
    let bits = plan.options.threads * plan.maskCount
    temporaryMasks = try AlignedBuffer(byteCount: bits * 2).view(start: 0, count: bits)
    let meeting = plan.spikeRowDemands.byteCount
    let memory = try AlignedBuffer(byteCount: plan.options.threads * meeting)
    spikeMemory = memory
    spikeRows = (0..<plan.options.threads).map {
      SpikeRows(plan.spikeRowDemands, memory: memory, start: $0 * meeting)
    }
    if plan.options.threads > 1 {
      workers = try ThreadPool(plan.options.threads) { [unowned self] in work($0) }
    }
    if memories > 0 {
      for (i, step) in plan.steps.enumerated() {
        guard case .sparse(let packed) = step.operation, !packed.isStateless else { continue }
        for b in 0..<batch { sparseMemories[i * batch + b] = self.memory(packed, b) }
      }
    }
    reset()
    forget()
  }

  // MARK: Reset

  /// Brings every stream to rest. Counters and probes are untouched.
  public func reset() {
    for stream in 0..<plan.options.batch { rest(stream) }
  }

  /// Brings one stream to rest, as at creation; the others go on.
  /// Throws. `invalidArgument` for a stream that is not there.
  public func reset(stream: Int) throws {
    guard stream >= 0, stream < plan.options.batch else {
      throw ArcuateError(
        .invalidArgument,
        "stream \(UInt(bitPattern: stream)) is not within 0 ..< \(plan.options.batch)")
    }
    rest(stream)
  }

  func rest(_ stream: Int) {
    stepCounts[stream] = 0
    restLearning(stream)
    for step in plan.steps {
      let stride = plan.slots[step.output].stride
      func clear(_ offset: Int, _ rows: Int = 1) {
        if offset >= 0 { state.row.part(offset + stream * rows * stride, rows * stride).fill(0) }
      }
      switch step.operation {
      case .neuron(_, let memory):
        clear(memory.membrane)
        if let rest = plan.membraneRest[memory.membrane] {
          let membrane = state.row.part(memory.membrane + stream * stride, rest.count)
          rest.withUnsafeBufferPointer { membrane.copy(from: $0) }
        }
        clear(memory.current)
        clear(memory.pending)
      case .delay(_, let ring, let offset): clear(offset, ring)
      case .sparse(let packed): restSparse(packed, stream)
      case .rateEncoder(_, let offset), .decoder(_, let offset): clear(offset)
      case .spikeMaximum(_, let offset):
        let width = ((step.inputCount + 15) & ~15) + stride
        state.row.part(offset + stream * width, width).fill(0)
      default: break
      }
    }
    for (i, slot) in plan.slots.enumerated() where slot.history >= 0 {
      let row = state.row.part(slot.history + stream * slot.stride, slot.stride)
      row.fill(0)
      if let rest = plan.feedbackRest[i], !rest.isEmpty {
        rest.withUnsafeBufferPointer { row.copy(from: $0) }
      }
    }
  }

  // MARK: Rows

  /// Which row of a slot a step and a stream have.
  @inline(__always)
  func place(_ slot: Slot, _ step: Int, _ stream: Int) -> Int {
    slot.isPassing && (slot.port < 0 || isFed)
      ? stepPlaces.row[step] + streamPlaces.row[stream]
      : slot.row(step: step, stream: stream, batch: plan.options.batch)
  }

  @inline(__always)
  func row(_ slot: Slot, _ step: Int, _ stream: Int) -> Row<Float> {
    let row = place(slot, step, stream)
    return values.row.part(slot.values + row * slot.stride, slot.stride)
  }

  @inline(__always)
  func list(_ slot: Slot, _ step: Int, _ stream: Int) -> Row<UInt32> {
    let row = place(slot, step, stream)
    return lists.row.part(slot.lists + row * slot.stride, slot.stride)
  }

  @inline(__always)
  func nonzero(_ slot: Slot, _ step: Int, _ stream: Int) -> Row<NonzeroCount> {
    nonzeros.row.part(slot.counts + place(slot, step, stream), 1)
  }

  /// Writes the numbers of a row of which only the list may be there.
  @inline(__always)
  func fillRow(_ slot: Slot, _ step: Int, _ stream: Int) {
    guard slot.isBare else { return }
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

  // MARK: Counters

  @inline(__always)
  func count(_ step: Int, _ stream: Int, _ field: Int, _ amount: UInt64) {
    let i = (step * plan.options.batch + stream) * Counters.roomCount + field
    counterFields[i] = counterFields[i] &+ amount
  }

  /// Counters of the node called `name`, of one stream or summed over all.
  /// Throws. `notFound`; `invalidArgument` for a stream that is not there.
  public func counters(of name: String, stream: Int? = nil) throws -> Counters {
    guard let step = plan.steps.firstIndex(where: { $0.name == name }) else {
      throw ArcuateError(.notFound, "there is no node \"\(name)\"")
    }
    return try counters(at: step, stream: stream)
  }

  /// Counters of the node at `index` of `plan.nodeNames`.
  public func counters(at index: Int, stream: Int? = nil) throws -> Counters {
    guard index >= 0, index < plan.steps.count else {
      throw ArcuateError(.invalidArgument, "node \(index) is not within 0 ..< \(plan.steps.count)")
    }
    let batch = plan.options.batch
    if let stream, stream < 0 || stream >= batch {
      throw ArcuateError(.invalidArgument, "stream \(stream) is not within 0 ..< \(batch)")
    }
    var sum = Counters()
    for b in stream.map({ $0..<$0 + 1 }) ?? 0..<batch {
      sum =
        sum
        + Counters(
          counterFields.row.part((index * batch + b) * Counters.roomCount, Counters.fieldCount))
    }
    return sum
  }

  /// Counters summed over all nodes, of one stream or of all.
  /// Throws. `invalidArgument` for a stream that is not there.
  public func totalCounters(stream: Int? = nil) throws -> Counters {
    var sum = Counters()
    for i in plan.steps.indices { sum = sum + (try counters(at: i, stream: stream)) }
    return sum
  }

  public func clearCounters() { counterFields.row.fill(0) }

  /// The kernels that have run since the counters were cleared.
  public func kernelsUsed() -> Set<Kernel> {
    var used = Set<Kernel>()
    for (i, step) in plan.steps.enumerated() {
      let counters = try! counters(at: i)
      guard counters.rows > 0 else { continue }
      for kernel in step.kernels {
        let isUsed =
          switch kernel.linearWay {
          case .dense, .denseFused: counters.denseRows > 0
          case .shared: counters.sharedRows > 0
          case .many: counters.manyRows > 0
          case .tiles: counters.tiledRows > 0
          case .events:
            counters.denseRows + counters.sharedRows + counters.manyRows + counters.tiledRows
              < counters.rows
          case nil:
            switch kernel {
            case .convolutionWindows: counters.manyRows > 0
            case .convolutionEvents: counters.manyRows < counters.rows
            default: true
            }
          }
        if isUsed { used.insert(kernel) }
      }
    }
    return used
  }
}

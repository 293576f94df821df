import ArcuateCore
import ArcuateKernels
import ArcuateModel

/// A network ready to run: immutable, and shared by any number of sessions and threads.
public final class Plan: Sendable {
  /// A port of the network.
  public struct Port: Sendable {
    public let name: String
    /// Without batch and time; row-major and channel-first.
    public let shape: Shape
    public let signal: Signal
    let node: Int
  }

  /// One node at work. A class, so that running it copies nothing.
  final class Step: Sendable {
    struct Source: Sendable {
      var slot: Int
      /// Carries the value of the step before.
      var delayed: Bool
      /// Takes the elements in another order: channel-last to channel-first or back.
      var permutation: Permutation?
    }
    let node: Int
    let name: String
    let kind: String
    let shape: Shape
    let operation: Operation
    let sources: [Source]
    /// The slot where several sources are summed or one is put in order; -1 when the only source
    /// is read where it stands.
    let gather: Int
    let output: Int
    let inputCount: Int
    let outputCount: Int
    /// The elements' order in the output row, where it is not that of the model.
    let channelLast: Bool
    let fanOut: FanOut
    let spikes: Bool
    let updates: Bool
    /// Bytes of one weight.
    let weightBytes: UInt64
    let kernels: [Kernel]
    let reason: String
    /// Whether the first two sources are rows in the node's own order.
    let sumsTwoRows: Bool
    /// Whether these are all, and neurons, which add them as they read them.
    let addsWhileReading: Bool
    /// What the operation is, and its parts, without a copy of the whole.
    let role: Role
    let linear: LinearWeights?
    let convolution: ConvolutionWeights?
    let neurons: NeuronLayer?
    let memory: NeuronState

    /// Whether the list of a row of ones is enough for what the step does with it, or it says when it
    /// is not.
    var readsLists: Bool {
      guard let first = sources.first else { return false }
      if gather >= 0 { return first.permutation != nil && operation.isSumOfProducts }
      if role == .linear || convolution != nil { return true }
      if case .pooling(_, let places) = operation { return places != nil }
      return false
    }

    /// How a step is run.
    enum Role: BitwiseCopyable {
      case input, alias, neurons, linear, sparse, apart, stateful, stateless, plastic
    }

    init(
      node: Int, name: String, kind: String, shape: Shape, operation: Operation,
      sources: [Source], gather: Int, output: Int, inputCount: Int, outputCount: Int,
      channelLast: Bool, fanOut: FanOut, spikes: Bool, updates: Bool, weightBytes: Int,
      kernels: [Kernel], reason: String
    ) {
      self.node = node
      self.name = name
      self.kind = kind
      self.shape = shape
      self.operation = operation
      self.sources = sources
      self.gather = gather
      self.output = output
      self.inputCount = inputCount
      self.outputCount = outputCount
      self.channelLast = channelLast
      self.fanOut = fanOut
      self.spikes = spikes
      self.updates = updates
      self.weightBytes = UInt64(weightBytes)
      self.kernels = kernels
      self.reason = reason
      sumsTwoRows = sources.count > 1 && sources[..<2].allSatisfy { $0.permutation == nil }
      var (linear, neurons, convolution) = (
        LinearWeights?.none, NeuronLayer?.none, ConvolutionWeights?.none
      )
      var memory = NeuronState(membrane: -1, current: -1, pending: -1)
      switch operation {
      case .input: role = .input
      case .alias: role = .alias
      case .neuron(let layer, let state):
        role = .neurons
        (neurons, memory) = (layer, state)
      case .linear(let packed) where packed.parts == 1:
        role = .linear
        linear = packed.matrices[0]
      case .sparse: role = .sparse
      case .plastic: role = .plastic
      case .concatenation, .multiplication: role = .apart
      case .delay, .bernoulli, .singleShot, .rateEncoder, .decoder, .spikeMaximum:
        role = .stateful
      case .convolution(let weights):
        role = .stateless
        convolution = weights
      default: role = .stateless
      }
      addsWhileReading = role == .neurons && sumsTwoRows && sources.count == 2
      (self.linear, self.neurons, self.convolution) = (linear, neurons, convolution)
      self.memory = memory
    }
  }

  /// The non-zero weights that inputs meet, for counting synaptic operations.
  struct FanOut: Sendable {
    /// For each input element; empty for nodes without weights.
    let perInput: [UInt32]
    /// The one number of every input element, if they agree.
    let uniform: UInt64?
    /// Products of a pass with every input and weight non-zero.
    let dense: UInt64
    /// Whether there are weights.
    let isCounted: Bool

    init(perInput: [UInt32], dense: UInt64) {
      self.perInput = perInput
      self.dense = dense
      isCounted = !perInput.isEmpty
      uniform = perInput.first.flatMap { first in
        perInput.allSatisfy { $0 == first } ? UInt64(first) : nil
      }
    }
  }

  /// Steps that run together: once over a whole block, or, in a cycle, step by step.
  struct Group: Sendable {
    var steps: Range<Int>
    var cyclic: Bool
    /// How a cycle of spiking neurons and delayed connections runs in windows; nil for others.
    var population: Population?
    /// A cycle of weights and neurons alone; nil for others.
    var recurrence: Recurrence?
  }

  public let options: CompileOptions
  /// Seconds per step; nil when nothing depends on it and none was given.
  public let dt_s: Double?
  public let inputs: [Port]
  public let outputs: [Port]
  /// Node names in the order in which they run.
  public var nodeNames: [String] { steps.map(\.name) }
  public var nodeKinds: [String] { steps.map(\.kind) }
  /// Their shapes, in the same order.
  public var nodeShapes: [Shape] { steps.map(\.shape) }
  /// What the check of the model found.
  public let findings: [Finding]

  let model: Model
  let steps: [Step]
  let groups: [Group]
  let slots: [Slot]
  /// What the back edges out of a slot carry before the first step, where that is not zero.
  let feedbackRest: [Int: [Float]]
  /// Membranes at rest, where they are not zero, by where they stand in the state; a row each.
  let membraneRest: [Int: [Float]]
  /// Steps that run before the next block.
  let block: Int
  /// The first port whose rows may be bare, -1 for none, the numbers of a row, and how many rows of a
  /// call are kept as bits.
  let maskedPort: Int
  let maskedCount: Int
  let maskedRows: Int
  /// Sizes of a session: floats of state, floats, indices and counts of scratch.
  let stateCount: Int
  let valueCount: Int
  let listCount: Int
  let rowCount: Int
  /// Lists of who was not zero before, which follow from the state: indices, counts.
  let sparseListCount: Int
  let sparseCountCount: Int
  /// Floats of the largest row, for the workers' own space.
  let widest: Int
  /// Which rows go through all nodes before the next rows do.
  let tiling: Tiling
  /// Which nodes each thread runs, where they are shared out.
  let stages: Stages
  /// Offsets in the state of the ports' sums over a frame.
  let outputSums: [Int]
  let inputSteps: [Int]
  let outputSteps: [Int]
  let fingerprint: UInt64
  /// What changes weights; nil where nothing does.
  let learning: Learning?
  /// Floats of the windows of the largest convolution that learns.
  let largestWindows: Int

  init(
    options: CompileOptions, dt_s: Double?, inputs: [Port], outputs: [Port],
    findings: [Finding], model: Model, steps: [Step], groups: [Group], slots: [Slot],
    feedbackRest: [Int: [Float]], membraneRest: [Int: [Float]], block: Int,
    stateCount: Int, valueCount: Int, listCount: Int, rowCount: Int, sparseListCount: Int,
    sparseCountCount: Int, widest: Int,
    outputSums: [Int], inputSteps: [Int], outputSteps: [Int], fingerprint: UInt64,
    stages: Stages, learning: Learning? = nil
  ) {
    self.learning = learning
    largestWindows = steps.reduce(0) { max($0, $1.operation.windowCount) }
    self.options = options
    self.dt_s = dt_s
    self.inputs = inputs
    self.outputs = outputs
    self.findings = findings
    self.model = model
    self.steps = steps
    self.groups = groups
    self.slots = slots
    self.feedbackRest = feedbackRest
    self.membraneRest = membraneRest
    self.block = block
    maskedPort = inputs.firstIndex { slots[$0.node].isBare } ?? -1
    maskedCount = maskedPort < 0 ? 0 : slots[inputs[maskedPort].node].count
    let masked = 4 * block * options.batch
    maskedRows = maskedPort < 0 ? 0 : min(masked, (4 << 20) / max(maskedCount / 8, 1))
    self.stateCount = stateCount
    self.valueCount = valueCount
    self.listCount = listCount
    self.rowCount = rowCount
    self.sparseListCount = sparseListCount
    self.sparseCountCount = sparseCountCount
    self.widest = widest
    tiling = Tiling(
      steps: steps, groups: groups, widest: widest, block: block, options: options, stages: stages)
    self.stages = stages
    self.outputSums = outputSums
    self.inputSteps = inputSteps
    self.outputSteps = outputSteps
    self.fingerprint = fingerprint
  }

  /// Bytes of packed weights and parameters.
  public var parameterByteCount: Int { steps.reduce(0) { $0 + $1.operation.byteCount } }
  /// Bytes of what a session remembers from step to step.
  public var stateByteCount: Int { stateCount * 4 + options.batch * 8 }
  /// Bytes a session uses in all.
  public var arenaByteCount: Int {
    stateByteCount + valueCount * 4 + listByteCount
      + workerByteCount + (learning?.scratchCount ?? 0) * 4 + steps.count * options.batch
      * Counters.roomCount * 8
  }
  /// Rows of spikes that may meet over the weights of a layer.
  var spikeRowsMost: Int {
    (min(SpikeRows.most, tiling.most, block * options.batch) + 15) & ~15
  }
  /// Whether some weights of a linear layer are int8.
  var hasByteWeights: Bool { steps.contains { $0.operation.weightByteCount == 1 } }
  var spikeRowDemands: SpikeRows.Demands {
    SpikeRows.Demands(
      inputs: widest, most: spikeRowsMost, hasBytes: hasByteWeights,
      anyOrder: options.numerics == .fast)
  }
  /// Steps of a delay at most.
  static let mostDelay = 1_000_000
  /// Steps of a block at most.
  static let largestBlock = 32

  /// Masks of the largest row, sixteen elements in each, in whole cache lines.
  var maskCount: Int { (widest / 16 + 31) & ~31 }

  /// Scratch of a session's threads.
  var workerByteCount: Int {
    InputMasks.byteCount(count: maskedCount, rows: maskedRows)
      + options.threads * (widest * 12 + maskCount * 2 + spikeRowDemands.byteCount + windowByteCount)
      + groups.reduce(0) { $0 + ($1.population?.byteCount(options) ?? 0) }
  }
  private var windowByteCount: Int {
    largestWindows > 0 ? largestWindows * 4 + MatrixProduct.byteCount : 0
  }
  var listByteCount: Int { (listCount + sparseListCount) * 4 + (rowCount + sparseCountCount) * 8 }

  /// A session of its own, at rest. Throws. `outOfMemory`.
  public func makeSession() throws -> Session {
    try within("a session of batch \(options.batch)") { try Session(plan: self) }
  }
}

extension Plan {
  /// Places in `nodeNames` of the nodes that spike.
  package var spikingNodes: [Int] { steps.indices.filter { steps[$0].spikes } }
}

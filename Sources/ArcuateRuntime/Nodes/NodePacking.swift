import ArcuateCore
import ArcuateKernels
import ArcuateModel

/// What is known of a node when it is packed, and the session memory that packed nodes have taken.
struct NodePacking {
  /// What is the same for all nodes.
  struct Common {
    var batch: Int
    /// Whether sums may be made in any order.
    var isFast: Bool
    var dt_s: Double
    var semantics: NeuronSemantics
  }
  let common: Common
  /// Floats of state, indices and counts of delay lines that are taken.
  private(set) var state = 0
  private(set) var sparseLists = 0
  private(set) var sparseCounts = 0

  /// The node's output, and its inputs.
  private(set) var shape = Shape.scalar
  private(set) var inputs: [Shape] = []
  private(set) var isChannelLast = false
  /// Whether the node is part of a cycle.
  private(set) var isCyclic = false

  init(_ common: Common) { self.common = common }

  mutating func begin(shape: Shape, inputs: [Shape], isChannelLast: Bool, isCyclic: Bool) {
    self.shape = shape
    self.inputs = inputs
    self.isChannelLast = isChannelLast
    self.isCyclic = isCyclic
  }

  var input: Shape? { inputs.first }
  var dt_s: Double { common.dt_s }
  var batch: Int { common.batch }
  /// Floats of an output row, and of those of all streams.
  var stride: Int { (shape.count + 15) & ~15 }
  var rows: Int { stride * batch }

  /// Elements of one signal at one step at most: a gibibyte of floats.
  static let largestRow = 1 << 28
  /// Floats of state of one node at most.
  static let mostState = 1 << 33

  /// Reserves floats of state, aligned to a cache line; returns their offset.
  mutating func takeState(_ count: Int) -> Int {
    defer { state += (count + 15) & ~15 }
    return state
  }

  /// Reserves indices and counts of delay lines; returns their offsets.
  mutating func takeSparse(lists: Int, counts: Int) -> (lists: Int, counts: Int) {
    defer {
      sparseLists += lists
      sparseCounts += counts
    }
    return (sparseLists, sparseCounts)
  }

  /// `values` in the order of the node's rows; a single element stays single.
  func ordered(_ values: [Float]) -> [Float] {
    guard isChannelLast, values.count > 1 else { return values }
    return ChannelOrder.lastOrder(shape).map { values[Int($0)] }
  }

  /// One number for each element of a row. Throws. `shapeMismatch`, `outOfMemory`.
  func full(_ tensor: Tensor) throws(ArcuateError) -> View<Float> {
    try View.packed(ordered(try tensor.broadcast(to: shape)))
  }
}

extension Operator {
  /// The node, packed to run. All lists of node kinds of the target are in this file.
  ///
  /// Throws. `cannotCompile`, `limitExceeded`, `outOfMemory`.
  /// Needs. A node of a flattened model that the check found sound.
  func packed(_ packing: inout NodePacking) throws(ArcuateError) -> any NodeRun {
    switch self {
    case .input: InputNode()
    case .output, .flatten: CopyNode()
    case .linear(let linear): try linear.packed(packing)
    case .scale(let factor): try ScaleNode(factor: packing.full(factor), shift: nil)
    case .convolution(let convolution): try ConvolutionNode(convolution, packing)
    case .pooling(let pooling): try pooling.packed(&packing)
    case .delay(let delay): try DelayNode(delay, &packing)
    case .threshold(let level): try ThresholdNode(packing.full(level))
    case .neuron(let neuron): try neuron.packed(&packing)
    case .graph:
      throw ArcuateError(.invalidModel, "a nested graph must be flattened first")
    case .sparse(let sparse): try SparseNode(sparse, &packing)
    case .activation(let function): ActivationNode(function)
    case .batchNorm(let norm): try ScaleNode(norm, packing)
    case .groupNorm(let norm): try GroupNormNode(norm, packing)
    case .concatenation: ConcatenationNode(packing)
    case .multiplication: MultiplicationNode(packing)
    case .normalization(let norm): NormalizationNode(norm)
    case .gru(let gru): try GRUNode(gru, &packing)
    case .lstm(let lstm): try LSTMNode(lstm, &packing)
    case .program(let neuron): try neuron.packed(&packing)
    case .encoder(let encoder): encoder.packed(&packing)
    case .decoder(let decoder): DecoderNode(decoder, &packing)
    case .plastic(let plastic): try plastic.packed(&packing)
    }
  }

  /// The channel order of a node's output rows and of its input rows.
  var channelOrder: ChannelOrder {
    switch self {
    case .convolution, .pooling: .last
    case .input, .output, .linear, .sparse, .flatten, .graph, .gru, .lstm, .plastic: .first
    // Its random numbers and its first winners go by the index of a neuron.
    case .program(let neuron) where neuron.program.numbersNeurons: .first
    case .scale, .delay, .threshold, .neuron, .program, .activation, .batchNorm, .groupNorm,
      .concatenation, .multiplication, .normalization, .encoder, .decoder:
      .asInputs
    }
  }
}

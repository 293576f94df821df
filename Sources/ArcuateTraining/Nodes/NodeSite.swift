import ArcuateCore
import ArcuateModel

/// Where a node is made: its index in the model, and what the builder provides there.
struct NodeSite {
  let builder: NetworkBuilder
  let index: Int
  /// Steps that the output has rows for: 1 if it is the same at every step.
  let steps: Int

  var name: String { builder.nodes[index].name }
  var op: Operator { builder.nodes[index].op }
  var shape: Shape { builder.checked.shapes[index] }
  var options: GradientOptions { builder.options }
  /// Seconds per step.
  var dt_s: Double { builder.dt_s }
  /// Whether the node lies in a cycle.
  var isInCycle: Bool { builder.declared[index] != nil }
  /// Whether the model has cycles.
  var hasCycles: Bool { !builder.declared.isEmpty }
  var semantics: NeuronSemantics { options.semantics ?? builder.checked.model.semantics }

  /// The signal that arrives: the only one, or a sum that is put in front.
  func input() throws(ArcuateError) -> Signal { try builder.arriving(index) }

  /// The signals that arrive, apart, each of this step.
  func inputs() throws(ArcuateError) -> [Signal] { try builder.apart(index) }

  /// The signal that the node writes.
  func output(isSparse: Bool? = nil) throws(ArcuateError) -> Signal {
    if let declared = builder.declared[index] { return declared }
    return try Signal(
      name, shape, batch: options.batch, steps: steps,
      isSparse: isSparse ?? (builder.checked.signals[index] == .spike))
  }

  /// A parameter, shared with tied nodes. `least` is the lower bound of its values.
  /// Throws. `shapeMismatch` if a tied node has another shape.
  func parameter(
    _ field: String, _ tensor: Tensor, isTrained: Bool = true, isMatrix: Bool = false,
    least: Float? = nil
  ) throws(ArcuateError) -> Parameter {
    try builder.parameter(
      index, field, tensor, isTrained: isTrained, isMatrix: isMatrix, least: least)
  }

  /// A bias of `count` numbers, if there is one.
  func bias(_ tensor: Tensor?, count: Int) throws(ArcuateError) -> Parameter? {
    guard let tensor else { return nil }
    return try parameter("bias", Tensor(vector: try tensor.broadcast(to: Shape([count]))))
  }

  /// A parameter that is trained only if the options name it.
  func parameterTrainedByName(
    _ field: String, _ tensor: Tensor, least: Float? = nil
  ) throws(ArcuateError) -> Parameter {
    try parameter(field, tensor, isTrained: builder.isTrainedByName(index, field), least: least)
  }

  /// A stream of random numbers of its own.
  func randomStream() -> UInt32 { builder.randomStream() }

  func unsupported(_ what: String) -> ArcuateError {
    ArcuateError(.cannotCompile, "\(what) has no gradient here")
  }
}

extension Operator {
  /// The node that trains this operator. This switch is the only list of node kinds in the target.
  /// Throws. `cannotCompile` for what has no gradient.
  func makeTrainingNode(at site: NodeSite) throws(ArcuateError) -> any NodeTraining {
    switch self {
    case .linear(let linear): return try LinearNode.make(from: linear, at: site)
    case .convolution(let convolution): return try ConvolutionNode.make(from: convolution, at: site)
    case .pooling(let pooling): return try PoolingNode.make(from: pooling, at: site)
    case .neuron(let stored):
      let neuron = try stored.expanded(to: site.shape)
      if let ruled = neuron.ruled(site.semantics, dt_s: site.dt_s) {
        return try ruled.makeTrainingNode(at: site, writtenAs: self)
      }
      return try NeuronNode.make(from: neuron, at: site)
    case .scale(let factor): return try ScaleNode.make(from: factor, at: site)
    case .threshold(let threshold): return try ThresholdNode.make(from: threshold, at: site)
    case .activation(let activation): return try ActivationNode.make(from: activation, at: site)
    case .batchNorm(let norm): return try BatchNormNode.make(from: norm, at: site)
    case .groupNorm(let norm): return try GroupNormNode.make(from: norm, at: site)
    case .delay(let seconds): return try DelayNode.make(from: seconds, at: site)
    case .encoder(let encoder): return try EncoderNode.make(from: encoder, at: site)
    case .decoder(let decoder): return try DecoderNode.make(from: decoder, at: site)
    case .gru(let gru): return try GRUNode(gru, at: site)
    case .lstm(let lstm): return try LSTMNode(lstm, at: site)
    case .program(let neuron): return try neuron.makeTrainingNode(at: site, writtenAs: self)
    case .concatenation: return try ConcatenationNode.make(at: site)
    case .multiplication: return try ProductNode.make(at: site)
    case .flatten, .output: return try PassNode.make(at: site)
    case .plastic(.linear(let linear)): return try FastLinearNode.make(from: linear, at: site)
    case .plastic(.convolution), .plastic(.trace), .plastic(.winners),
      .plastic(.projection):
      throw site.unsupported("a node of networks that adapt while they run")
    case .sparse: throw site.unsupported("a list of connections (densify the model first)")
    case .normalization: throw site.unsupported("a normalization by the size of its input")
    case .input, .graph: throw site.unsupported("this node")
    }
  }
}

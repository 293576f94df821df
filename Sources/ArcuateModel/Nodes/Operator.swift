import ArcuateCore

/// The computation of a node. The cases up to `graph` are NIR's; the others are extensions.
///
/// Shapes exclude batch and time. Arrays are row-major and channel-first.
public enum Operator: Sendable, Equatable {
  // MARK: NIR
  /// A port of the network. Shape: that of the signal.
  case input(shape: Shape)
  case output(shape: Shape)
  /// y = W x (NIR Linear), plus b where there is one (NIR Affine).
  case linear(Linear)
  /// y = s x, elementwise.
  case scale(Tensor)
  /// NIR Conv1d and Conv2d: cross-correlation, channel-first.
  case convolution(Convolution)
  /// NIR SumPool2d and AvgPool2d; the extensions MaxPool2d and SpikeMaxPool2d.
  case pooling(Pooling)
  /// Merges axes `start` ... `end` (without batch; negative counts from the last).
  case flatten(Flatten)
  /// y(t) = x(t - delay), elementwise, in seconds.
  case delay(Tensor)
  /// 1 where x > threshold, else 0, elementwise.
  case threshold(Tensor)
  /// NIR I, IF, LI, LIF, CubaLI and CubaLIF.
  case neuron(Neuron)
  /// A nested network with ports of its own.
  indirect case graph(Model)

  // MARK: Extensions
  /// Connections that are listed, with delays.
  case sparse(SparseLinear)
  /// A value layer: an elementwise function, or softmax over all elements.
  case activation(Activation)
  /// y = (x - mean) / sqrt(variance + epsilon) * gamma + beta, per channel (the first axis).
  case batchNorm(BatchNorm)
  /// Normalization over groups of channels.
  case groupNorm(GroupNorm)
  /// The inputs, in the order of the edges that lead here, one after another along the first axis;
  /// their other axes are equal. Spikes stay spikes.
  case concatenation
  /// The product of all inputs, element by element.
  case multiplication
  /// All elements times one number, such that their root mean square has a given value.
  case normalization(Normalization)
  /// A gated recurrent unit.
  case gru(GRU)
  /// Long short-term memory.
  case lstm(LSTM)
  /// Neurons whose step is a program.
  case program(ProgramNeuron)
  /// Value to spikes.
  case encoder(Encoder)
  /// Spikes to value.
  case decoder(Decoder)
  /// Nodes whose weights change while they run, and what these need around them.
  case plastic(PlasticNode)
}

extension Operator {
  /// Every kind of node, for readers to find by name. Those of `PlasticNode` are listed there.
  package static let kinds: [any NodeKind.Type] = [
    InputPort.self, OutputPort.self, Linear.self, Scale.self, Convolution.self, Pooling.self,
    Flatten.self, Delay.self, Threshold.self, Neuron.self, NestedGraph.self, SparseLinear.self,
    Activation.self, BatchNorm.self, GroupNorm.self, Concatenation.self, Multiplication.self,
    Normalization.self, GRU.self, LSTM.self, ProgramNeuron.self, Encoder.self, Decoder.self,
  ]

  /// The payload, which has the properties of the node.
  package var kind: any NodeKind {
    switch self {
    case .input(let shape): InputPort(shape: shape)
    case .output(let shape): OutputPort(shape: shape)
    case .linear(let linear): linear
    case .scale(let factor): Scale(factor: factor)
    case .convolution(let convolution): convolution
    case .pooling(let pooling): pooling
    case .flatten(let flatten): flatten
    case .delay(let delay): Delay(delay_s: delay)
    case .threshold(let level): Threshold(level: level)
    case .neuron(let neuron): neuron
    case .graph(let model): NestedGraph(model: model)
    case .sparse(let sparse): sparse
    case .activation(let activation): activation
    case .batchNorm(let norm): norm
    case .groupNorm(let norm): norm
    case .concatenation: Concatenation()
    case .multiplication: Multiplication()
    case .normalization(let norm): norm
    case .gru(let gru): gru
    case .lstm(let lstm): lstm
    case .program(let neuron): neuron
    case .encoder(let encoder): encoder
    case .decoder(let decoder): decoder
    case .plastic(let node): node.kind
    }
  }

  /// The name of the kind of node, as NIR writes it where NIR has one.
  public var kindName: String { kind.kindName }

  /// The number of elements that training could change or that describe neurons, in nested graphs
  /// too.
  public var parameterCount: Int { kind.parameterCount }

  /// The shape of the output for inputs of these shapes, nil where one is not known yet.
  ///
  /// Throws. As `outputShape(for:)`.
  public func outputShape(forAll inputs: [Shape?]) throws(ArcuateError) -> Shape? {
    try kind.outputShape(inputs)
  }

  /// The shape of the output for an input of shape `input`; nil input means nothing is known yet.
  ///
  /// Returns nil if the shape depends on the input's.
  /// Throws. `shapeMismatch` naming both shapes; `invalidModel` for inconsistent parameters.
  public func outputShape(for input: Shape?) throws(ArcuateError) -> Shape? {
    try kind.outputShape([input])
  }

  /// Whether this is an input or an output.
  package var isPort: Bool {
    if case .input = self { return true }
    if case .output = self { return true }
    return false
  }
}

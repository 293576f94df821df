extension Operator {
  /// Numbers that training could change or that describe the neurons, in nested graphs too.
  public var parameterCount: Int {
    switch self {
    case .linear(let linear): linear.weight.count + (linear.bias?.count ?? 0)
    case .sparse(let sparse): sparse.weight.count + sparse.delay_s.count
    case .convolution(let convolution): convolution.weight.count + (convolution.bias?.count ?? 0)
    case .scale(let tensor), .delay(let tensor), .threshold(let tensor): tensor.count
    case .neuron(let neuron): neuron.parameters.reduce(0) { $0 + $1.tensor.count }
    case .batchNorm(let norm):
      norm.mean.count + norm.variance.count + norm.gamma.count + norm.beta.count
    case .graph(let model): model.nodes.reduce(0) { $0 + $1.op.parameterCount }
    case .plastic(let node): node.parameterCount
    case .input, .output, .pooling, .flatten, .activation, .encoder, .decoder, .concatenation,
      .multiplication, .normalization:
      0
    }
  }
}

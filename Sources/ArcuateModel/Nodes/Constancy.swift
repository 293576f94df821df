/// Whether the output of a node changes from step to step while the input of the network is held.
public enum Constancy: Sendable {
  /// Constant exactly if the host holds the input: ports.
  case heldInput
  /// Constant if every input is.
  case followsInputs
  /// Never constant: the node has a memory, or random numbers of its own at each step.
  case never
}

extension Operator {
  /// The constancy of this kind of node. `dt_s` is the step length, if it is known.
  func constancy(dt_s: Double?) -> Constancy {
    switch self {
    case .input: .heldInput
    case .neuron, .delay, .encoder, .decoder, .graph: .never
    case .pooling(let pooling): pooling.kind == .spikeMaximum ? .never : .followsInputs
    case .sparse(let sparse): sparse.delaySteps(dt_s).largest > 0 ? .never : .followsInputs
    case .plastic(let node):
      switch node {
      case .linear, .convolution, .cell, .trace: .never
      case .winners, .projection: .followsInputs
      }
    case .output, .linear, .scale, .convolution, .flatten, .threshold, .activation, .batchNorm,
      .concatenation, .multiplication, .normalization:
      .followsInputs
    }
  }
}

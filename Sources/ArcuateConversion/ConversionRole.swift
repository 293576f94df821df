import ArcuateModel

/// What becomes of a node in conversion.
package enum ConversionRole {
  case input
  case output
  /// A product with weights, which takes its input from one unit to another.
  case weights
  /// A ReLU, which becomes neurons.
  case rectifier
  /// A node whose output has the unit of its input.
  case passesUnit
  /// Max pooling, which counts spikes.
  case maximumPooling
  case unsupported
}

extension Operator {
  /// The role of this kind of node. This switch is the only list of node kinds in the target.
  package var conversionRole: ConversionRole {
    switch self {
    case .input: .input
    case .output: .output
    case .linear, .convolution, .batchNorm: .weights
    case .activation(.relu): .rectifier
    case .scale, .flatten, .concatenation: .passesUnit
    case .pooling(let pooling):
      switch pooling.kind {
      case .sum, .average: .passesUnit
      case .maximum: .maximumPooling
      case .spikeMaximum: .unsupported
      }
    case .activation, .threshold, .neuron, .groupNorm, .normalization, .delay, .sparse,
      .graph, .multiplication, .gru, .lstm, .program, .encoder, .decoder, .plastic:
      .unsupported
    }
  }

  var isRectifier: Bool { conversionRole == .rectifier }
  /// Whether the weights may scale the output freely.
  var hasWeights: Bool { conversionRole == .weights }
}

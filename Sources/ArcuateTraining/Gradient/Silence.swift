import ArcuateCore
import ArcuateModel

extension Operator {
  /// The shape of the zeros that arrive at a node that nothing feeds.
  func silence(output: Shape) throws(ArcuateError) -> Shape {
    switch self {
    case .linear(let linear):
      return try Shape(output.extents.dropLast() + [linear.weight.shape.extents.last ?? 0])
    case .plastic(.linear(let linear)): return try Shape([linear.weight.shape.extents.last ?? 0])
    case .gru(let gru): return try Shape([gru.inputWeight.shape.extents.last ?? 0])
    case .lstm(let lstm): return try Shape([lstm.inputWeight.shape.extents.last ?? 0])
    case .convolution(let convolution):
      return try Shape(
        [convolution.weight.shape[1] * convolution.groups] + (convolution.inputShape ?? []))
    case .flatten(let flatten): return flatten.inputShape ?? output
    case .input, .output, .scale, .pooling, .delay, .threshold, .neuron, .graph, .sparse,
      .activation, .batchNorm, .groupNorm, .concatenation, .multiplication, .normalization,
      .program, .encoder, .decoder, .plastic:
      return output
    }
  }
}

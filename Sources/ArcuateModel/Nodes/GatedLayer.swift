import ArcuateCore

/// What recurrent layers with gates have in common: weights and biases in which the gates follow each
/// other, as in PyTorch.
package protocol GatedLayer: NodeKind {
  static var gateCount: Int { get }
  /// [gates * units, inputs].
  var inputWeight: Tensor { get }
  /// [gates * units, units].
  var hiddenWeight: Tensor { get }
  /// [gates * units], or absent.
  var inputBias: Tensor? { get }
  var hiddenBias: Tensor? { get }
  init(inputWeight: Tensor, hiddenWeight: Tensor, inputBias: Tensor?, hiddenBias: Tensor?)
}

extension GatedLayer {
  /// Elements of the output.
  package var unitCount: Int { hiddenWeight.shape.rank == 2 ? hiddenWeight.shape[1] : 0 }

  /// From a layer list, with the fields `size` and `bias`.
  static func make(from layer: any LayerFields) throws(ArcuateError) -> Self {
    guard layer.input.rank == 1 else {
      throw ArcuateError(
        .shapeMismatch, "takes one axis, not \(layer.input): put a flatten before it")
    }
    let (units, inputs) = (try layer.whole("size", least: 1, or: nil), layer.input.count)
    let rows = gateCount * units
    let inputWeight = try layer.weight(
      try Shape([rows, inputs]), inputs: inputs, outputs: units)
    let hiddenWeight = try layer.weight(
      try Shape([rows, units]), inputs: units, outputs: units)
    let hasBias = try layer.flag("bias", or: true)
    return Self(
      inputWeight: inputWeight, hiddenWeight: hiddenWeight,
      inputBias: hasBias ? try layer.bias(rows, inputs: inputs) : nil,
      hiddenBias: hasBias ? try layer.bias(rows, inputs: units) : nil)
  }

  /// Throws. `invalidModel` for weights that do not fit each other, `shapeMismatch` for the input.
  func gatedShape(_ inputs: [Shape?]) throws(ArcuateError) -> Shape? {
    let input = try commonShape(inputs)
    let (units, gates) = (unitCount, Self.gateCount)
    guard units > 0, hiddenWeight.shape.extents == [gates * units, units],
      inputWeight.shape.rank == 2, inputWeight.shape[0] == gates * units
    else {
      throw ArcuateError(
        .invalidModel,
        "weight_ih has shape \(inputWeight.shape), weight_hh \(hiddenWeight.shape), not "
          + "[\(gates) units, inputs] and [\(gates) units, units]")
    }
    for bias in [inputBias, hiddenBias] {
      guard let bias, bias.shape.extents != [gates * units] else { continue }
      throw ArcuateError(
        .invalidModel, "a bias has shape \(bias.shape), not [\(gates * units)]")
    }
    try requireVector(inputWeight.shape[1], input)
    return try Shape([units])
  }

  func gatedContradictions() -> [String] {
    nonFinite([
      ("weight_ih", inputWeight), ("weight_hh", hiddenWeight), ("bias_ih", inputBias),
      ("bias_hh", hiddenBias),
    ])
  }

  var gatedParameterCount: Int {
    inputWeight.count + hiddenWeight.count + (inputBias?.count ?? 0) + (hiddenBias?.count ?? 0)
  }
}

import ArcuateCore

/// y = W x (NIR Linear), plus b where there is one (NIR Affine).
public struct Linear: Sendable, Equatable {
  /// [post, pre]; leading axes are batch-like.
  public var weight: Tensor
  /// [post], or absent.
  public var bias: Tensor?
  public init(weight: Tensor, bias: Tensor? = nil) {
    self.weight = weight
    self.bias = bias
  }
}

extension Linear: NodeKind {
  package static var forms: [NodeForm<Self>] {
    let blank = Linear(weight: Tensor(scalar: 0))
    // NIR spreads a single bias over all outputs.
    let bias = Field<Self>.tensor(
      "bias", \.bias, isRequired: true,
      nir: .field(value: { linear, _ throws(ArcuateError) in
        guard let bias = linear.bias else { return nil }
        let rank = linear.weight.shape.rank
        guard bias.count == 1, rank >= 2 else { return .tensor(bias) }
        let outputs = try Shape([linear.weight.shape[rank - 2]])
        return .tensor(.filled(bias.floats[0], shape: outputs))
      }))
    return [
      NodeForm("Linear", nir: .native(), [.tensor("weight", \.weight)], blank: blank),
      NodeForm(
        "Affine", nir: .native(), [.tensor("weight", \.weight), bias], blank: blank,
        layer: .init(name: "linear", make: Linear.init(layer:))),
    ]
  }

  private init(layer: any LayerFields) throws(ArcuateError) {
    guard layer.input.rank == 1 else {
      throw ArcuateError(
        .shapeMismatch, "takes one axis, not \(layer.input): put a flatten before it")
    }
    let (post, pre) = (try layer.whole("size", least: 1, or: nil), layer.input.count)
    weight = try layer.weight(try Shape([post, pre]), inputs: pre, outputs: post)
    bias = try layer.flag("bias", or: true) ? layer.bias(post, inputs: pre) : nil
  }

  package var asOperator: Operator { .linear(self) }
  package var kindName: String { bias == nil ? "Linear" : "Affine" }

  package func outputShape(_ inputs: [Shape?]) throws(ArcuateError) -> Shape? {
    let input = try commonShape(inputs)
    let shape = weight.shape
    guard shape.rank >= 2 else {
      throw ArcuateError(.invalidModel, "the weight has shape \(shape), not [.., out, in]")
    }
    let (post, pre) = (shape[shape.rank - 2], shape[shape.rank - 1])
    let leading = Array(shape.extents.dropLast(2))
    if let bias, bias.count != 1, bias.shape.extents != leading + [post],
      bias.shape.extents != [post]
    {
      throw ArcuateError(.invalidModel, "the bias has shape \(bias.shape), the weight \(shape)")
    }
    guard let input else { return try Shape(leading + [post]) }
    guard input.extents.last == pre, leading.isEmpty || Array(input.extents.dropLast()) == leading
    else {
      throw mismatch("\(leading.isEmpty ? "[.., \(pre)]" : "\(leading + [pre])")", input)
    }
    return try Shape(Array(input.extents.dropLast()) + [post])
  }

  package func signal(_ inputs: [Signal]) -> Signal { .value }
  package func refusal(of inputs: [Signal?]) -> String? { nil }
  package func contradictions() -> [String] {
    nonFinite([("the weight", weight), ("the bias", bias)])
  }
  package var parameterCount: Int { weight.count + (bias?.count ?? 0) }
  package func needsTimeStep(_ semantics: NeuronSemantics) -> Bool { false }
  package func constancy(dt_s: Double?) -> Constancy { .followsInputs }
  package func isEarly(_ semantics: NeuronSemantics, dt_s: Double?) -> Bool { false }
  package func renamingReferences(_ rename: (String) -> String) -> Self { self }
}

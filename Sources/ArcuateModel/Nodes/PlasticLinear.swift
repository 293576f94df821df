import ArcuateCore

/// y = W x + b, with W [post, pre] changed by a rule; with `alpha` y = (W + alpha * H) x + b, where
/// the rule changes H, which belongs to a stream and starts at zero.
public struct PlasticLinear: Sendable, Equatable {
  public var weight: Tensor
  public var bias: Tensor?
  /// [post, pre], or one number for all.
  public var alpha: Tensor?
  public var rule: PlasticRule
  public init(weight: Tensor, bias: Tensor? = nil, alpha: Tensor? = nil, rule: PlasticRule) {
    self.weight = weight
    self.bias = bias
    self.alpha = alpha
    self.rule = rule
  }

  public var post: Int { weight.shape.rank == 2 ? weight.shape[0] : 0 }
  public var pre: Int { weight.shape.rank == 2 ? weight.shape[1] : 0 }
}

extension PlasticLinear: NodeKind {
  package static var forms: [NodeForm<Self>] {
    [
      NodeForm(
        "PlasticLinear", nir: .none(),
        [
          .rule("rule", \.rule), .tensor("weight", \.weight), .tensor("bias", \.bias),
          .tensor("alpha", \.alpha),
        ], blank: Self(weight: Tensor(scalar: 0), rule: PlasticRule(post: "", [])))
    ]
  }

  package var asOperator: Operator { .plastic(.linear(self)) }
  package var kindName: String { "PlasticLinear" }

  package func outputShape(_ inputs: [Shape?]) throws(ArcuateError) -> Shape? {
    let input = try commonShape(inputs)
    guard weight.shape.rank == 2 else {
      throw ArcuateError(.invalidModel, "the weight has shape \(weight.shape), not [post, pre]")
    }
    try requireVector(pre, input)
    return try Shape([post])
  }

  package func signal(_ inputs: [Signal]) -> Signal { .value }
  package func refusal(of inputs: [Signal?]) -> String? { nil }

  package func contradictions() -> [String] {
    var found = rule.contradictions()
    if weight.shape.rank != 2 {
      return found + ["the weight has shape \(weight.shape), not [post, pre]"]
    }
    for (name, tensor) in [("weight", weight), ("bias", bias), ("alpha", alpha)] {
      if let tensor, !tensor.isFinite {
        found.append("the \(name) holds a number that is not finite")
      }
    }
    if let bias, bias.count != 1, bias.count != post {
      found.append("the bias has \(bias.count) elements for \(post) outputs")
    }
    if let alpha, alpha.count != 1, alpha.shape != weight.shape {
      found.append("alpha has shape \(alpha.shape), the weight \(weight.shape)")
    }
    if alpha == nil, found.isEmpty {
      let values = weight.floats
      if let index = values.firstIndex(where: { $0 < rule.low || $0 > rule.high }) {
        found.append(
          "the weight at \(weight.shape.index(of: index)) is \(values[index]), outside the bounds "
            + "\(rule.low) ... \(rule.high)")
      }
    }
    if alpha != nil, rule.application == .frame || rule.learnsBias || rule.columnSum != nil {
      found.append("fast weights are changed at every step, without bias and column sums")
    }
    return found
  }

  package var parameterCount: Int { weight.count + (bias?.count ?? 0) + (alpha?.count ?? 0) }
  package func needsTimeStep(_ semantics: NeuronSemantics) -> Bool { rule.hasTraces }
  package func constancy(dt_s: Double?) -> Constancy { .never }
  package func isEarly(_ semantics: NeuronSemantics, dt_s: Double?) -> Bool { false }
  package func renamingReferences(_ rename: (String) -> String) -> Self {
    var node = self
    node.rule = rule.renamingReferences(rename)
    return node
  }
}

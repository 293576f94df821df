import ArcuateCore

/// A convolution whose kernels a rule changes: each shared weight changes by the sum over
/// the positions.
///
///     dW[o, c, k] = sum over terms and positions p of  rate * m[o, p] * post[o, p] * pre[c, p + k]
///
/// Post elements, modulators among them, are those of the output, channel-first.
public struct PlasticConvolution: Sendable, Equatable {
  /// Of one group.
  public var convolution: Convolution
  /// With terms at every step alone, and neither decay nor sums to keep.
  public var rule: PlasticRule
  public init(_ convolution: Convolution, rule: PlasticRule) {
    self.convolution = convolution
    self.rule = rule
  }
}

extension PlasticConvolution: NodeKind {
  package static var forms: [NodeForm<Self>] { [form(axes: 1), form(axes: 2)] }

  private static func form(axes: Int) -> NodeForm<Self> {
    NodeForm(
      axes == 1 ? "PlasticConv1d" : "PlasticConv2d", nir: .none(),
      [.rule("rule", \.rule)] + Convolution.fields(axes: axes).map { $0.part(\.convolution) },
      blank: Self(
        Convolution(weight: Tensor(scalar: 0), stride: [], padding: .valid, dilation: []),
        rule: PlasticRule(post: "", [])))
  }

  package var asOperator: Operator { .plastic(.convolution(self)) }
  package var kindName: String { convolution.axes == 1 ? "PlasticConv1d" : "PlasticConv2d" }
  package func outputShape(_ inputs: [Shape?]) throws(ArcuateError) -> Shape? {
    try convolution.outputShape(inputs)
  }
  package func signal(_ inputs: [Signal]) -> Signal { .value }
  package func refusal(of inputs: [Signal?]) -> String? { nil }

  package func contradictions() -> [String] {
    var found = rule.contradictions()
    for (name, tensor) in [("weight", convolution.weight), ("bias", convolution.bias)] {
      if let tensor, !tensor.isFinite {
        found.append("the \(name) holds a number that is not finite")
      }
    }
    if convolution.groups != 1 {
      found.append("a plastic convolution has one group, not \(convolution.groups)")
    }
    if rule.terms.contains(where: { $0.event != .step || $0.pre == .one }) {
      found.append("a convolution adapts by terms at every step, from its input")
    }
    if rule.application == .frame || rule.decay != .none || rule.columnSum != nil {
      found.append("a convolution is changed at every step, without decay and column sums")
    }
    return found
  }

  package var parameterCount: Int { convolution.parameterCount }
  package func needsTimeStep(_ semantics: NeuronSemantics) -> Bool { rule.hasTraces }
  package func constancy(dt_s: Double?) -> Constancy { .never }
  package func isEarly(_ semantics: NeuronSemantics, dt_s: Double?) -> Bool { false }
  package func renamingReferences(_ rename: (String) -> String) -> Self {
    var node = self
    node.rule = rule.renamingReferences(rename)
    return node
  }
}

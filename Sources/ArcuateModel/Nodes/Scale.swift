import ArcuateCore

/// y = factor x, elementwise (NIR Scale).
package struct Scale: Sendable, Equatable {
  /// One element, or one per element of the input.
  package var factor: Tensor
}

extension Scale: NodeKind {
  package static var forms: [NodeForm<Self>] {
    [
      NodeForm(
        "Scale", nir: .native(), [.tensor("scale", \.factor, extent: .elements)],
        blank: Self(factor: Tensor(scalar: 1)),
        layer: .init(name: "scale") { layer throws(ArcuateError) in
          Self(factor: Tensor(scalar: try layer.number("factor", or: nil)))
        })
    ]
  }

  package var asOperator: Operator { .scale(factor) }
  package var kindName: String { "Scale" }
  package func outputShape(_ inputs: [Shape?]) throws(ArcuateError) -> Shape? {
    try elementwiseShape(factor.shape, try commonShape(inputs))
  }
  package func signal(_ inputs: [Signal]) -> Signal { .value }
  package func refusal(of inputs: [Signal?]) -> String? { nil }
  package func contradictions() -> [String] { nonFinite([("the scale", factor)]) }
  package var parameterCount: Int { factor.count }
  package func needsTimeStep(_ semantics: NeuronSemantics) -> Bool { false }
  package func constancy(dt_s: Double?) -> Constancy { .followsInputs }
  package func isEarly(_ semantics: NeuronSemantics, dt_s: Double?) -> Bool { false }
  package func renamingReferences(_ rename: (String) -> String) -> Self { self }
}

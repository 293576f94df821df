import ArcuateCore

/// 1 where x > level, else 0, elementwise (NIR Threshold).
package struct Threshold: Sendable, Equatable {
  /// One element, or one per element of the input.
  package var level: Tensor
}

extension Threshold: NodeKind {
  package static var forms: [NodeForm<Self>] {
    [
      NodeForm(
        "Threshold", nir: .native(aliases: ["Spike"]),
        [.tensor("threshold", \.level, extent: .elements)],
        blank: Self(level: Tensor(scalar: 0)))
    ]
  }

  package var asOperator: Operator { .threshold(level) }
  package var kindName: String { "Threshold" }
  package func outputShape(_ inputs: [Shape?]) throws(ArcuateError) -> Shape? {
    try elementwiseShape(level.shape, try commonShape(inputs))
  }
  package func signal(_ inputs: [Signal]) -> Signal { .spike }
  package func refusal(of inputs: [Signal?]) -> String? { nil }
  package func contradictions() -> [String] { nonFinite([("the threshold", level)]) }
  package var parameterCount: Int { level.count }
  package func needsTimeStep(_ semantics: NeuronSemantics) -> Bool { false }
  package func constancy(dt_s: Double?) -> Constancy { .followsInputs }
  package func isEarly(_ semantics: NeuronSemantics, dt_s: Double?) -> Bool { false }
  package func renamingReferences(_ rename: (String) -> String) -> Self { self }
}

import ArcuateCore

/// The `count` largest of the positive elements as they are, the first of equals; 0 elsewhere.
package struct Winners: Sendable, Equatable {
  package var count: Int
}

extension Winners: NodeKind {
  package static var forms: [NodeForm<Self>] {
    [NodeForm("Winners", nir: .none(), [.integer("count", \.count)], blank: Self(count: 1))]
  }

  package var asOperator: Operator { .plastic(.winners(count: count)) }
  package var kindName: String { "Winners" }
  package func outputShape(_ inputs: [Shape?]) throws(ArcuateError) -> Shape? {
    try commonShape(inputs)
  }
  package func signal(_ inputs: [Signal]) -> Signal { .value }
  package func refusal(of inputs: [Signal?]) -> String? { nil }
  package func contradictions() -> [String] {
    count < 1 ? ["\(count) winners: at least 1 is needed"] : []
  }
  package var parameterCount: Int { 0 }
  package func needsTimeStep(_ semantics: NeuronSemantics) -> Bool { false }
  package func constancy(dt_s: Double?) -> Constancy { .followsInputs }
  package func isEarly(_ semantics: NeuronSemantics, dt_s: Double?) -> Bool { false }
  package func renamingReferences(_ rename: (String) -> String) -> Self { self }
}

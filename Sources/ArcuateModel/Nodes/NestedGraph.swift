import ArcuateCore

/// A network within a network, with ports of its own (NIR NIRGraph).
package struct NestedGraph: Sendable, Equatable {
  package var model: Model
}

extension NestedGraph: NodeKind {
  package static var forms: [NodeForm<Self>] {
    [
      NodeForm(
        "NIRGraph", nir: .native(),
        [
          Field(
            "graph", .graph, get: { .graph($0.model) },
            set: { if case .graph(let model) = $1 { $0.model = model } })
        ], blank: Self(model: Model()))
    ]
  }

  package var asOperator: Operator { .graph(model) }
  package var kindName: String { "NIRGraph" }

  package func outputShape(_ inputs: [Shape?]) throws(ArcuateError) -> Shape? {
    throw ArcuateError(.invalidModel, "a nested graph must be flattened first")
  }

  package func signal(_ inputs: [Signal]) -> Signal { .value }
  package func refusal(of inputs: [Signal?]) -> String? { nil }
  package func contradictions() -> [String] { [] }
  package var parameterCount: Int { model.nodes.reduce(0) { $0 + $1.op.parameterCount } }
  package func needsTimeStep(_ semantics: NeuronSemantics) -> Bool { false }
  package func constancy(dt_s: Double?) -> Constancy { .never }
  package func isEarly(_ semantics: NeuronSemantics, dt_s: Double?) -> Bool { false }
  package func renamingReferences(_ rename: (String) -> String) -> Self { self }
}

import ArcuateCore

/// y(t) = x(t - delay), elementwise (NIR Delay).
package struct Delay: Sendable, Equatable {
  /// In seconds. One element, or one per element of the input.
  package var delay_s: Tensor
}

extension Delay: NodeKind {
  package static var forms: [NodeForm<Self>] {
    [
      NodeForm(
        "Delay", nir: .native(), [.tensor("delay", \.delay_s, unit: "s", extent: .elements)],
        blank: Self(delay_s: Tensor(scalar: 0)))
    ]
  }

  package var asOperator: Operator { .delay(delay_s) }
  package var kindName: String { "Delay" }
  package func outputShape(_ inputs: [Shape?]) throws(ArcuateError) -> Shape? {
    try elementwiseShape(delay_s.shape, try commonShape(inputs))
  }
  package func signal(_ inputs: [Signal]) -> Signal { .spikeIfAll(inputs) }
  package func refusal(of inputs: [Signal?]) -> String? { nil }
  package func contradictions() -> [String] {
    nonFinite([("the delay", delay_s)])
      + (delay_s.floats.contains { $0 < 0 } ? ["a delay is negative"] : [])
  }
  package var parameterCount: Int { delay_s.count }
  package func needsTimeStep(_ semantics: NeuronSemantics) -> Bool { true }
  package func constancy(dt_s: Double?) -> Constancy { .never }
  package func isEarly(_ semantics: NeuronSemantics, dt_s: Double?) -> Bool { false }
  package func renamingReferences(_ rename: (String) -> String) -> Self { self }
}

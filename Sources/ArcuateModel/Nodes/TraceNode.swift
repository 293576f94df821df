import ArcuateCore

extension Trace: NodeKind {
  package static var forms: [NodeForm<Self>] {
    [
      NodeForm(
        "Trace", nir: .none(),
        [
          .number("tau", \.tau_s, unit: "s"), .word("arrival", \.arrival),
          .number("gain", \.gain, plain: 1), .number("second", \.second_s, unit: "s"),
          .number("second_gain", \.secondGain, plain: 1), .flag("lags", \.lags, plain: false),
          .flag("euler", \.isEuler, plain: false),
        ], blank: Self(tau_s: 1))
    ]
  }

  package var asOperator: Operator { .plastic(.trace(self)) }
  package var kindName: String { "Trace" }
  package func outputShape(_ inputs: [Shape?]) throws(ArcuateError) -> Shape? {
    try commonShape(inputs)
  }
  package func signal(_ inputs: [Signal]) -> Signal { .value }
  package func refusal(of inputs: [Signal?]) -> String? { nil }

  package func contradictions() -> [String] {
    var found: [String] = []
    for tau in [tau_s, second_s ?? 1] where !(tau > 0 && tau.isFinite) {
      found.append("a trace has the time constant \(tau) s, which must be positive")
    }
    if !gain.isFinite || !secondGain.isFinite {
      found.append("a trace has a gain that is not finite")
    }
    return found
  }

  package var parameterCount: Int { 0 }
  package func needsTimeStep(_ semantics: NeuronSemantics) -> Bool { true }
  package func constancy(dt_s: Double?) -> Constancy { .never }
  package func isEarly(_ semantics: NeuronSemantics, dt_s: Double?) -> Bool { false }
  package func renamingReferences(_ rename: (String) -> String) -> Self { self }
}

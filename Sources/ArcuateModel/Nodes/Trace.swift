import ArcuateCore

/// An exponential trace of earlier inputs, or two in a row.
///
///     y1 <- d1 y1 + g1 x      (add)     or     x where x is not 0, else d1 y1     (set)
///     y2 <- d2 y2 + g2 y1     with y1 as it is now, or with `lags` as it was before this step
///
/// d = exp(-dt / tau), with `isEuler` 1 - dt / tau. As a node of a model a trace emits the last of
/// the two; in a rule it belongs to one side of a synapse.
///
/// | parameter | unit | default | meaning                    |
/// |-----------|------|---------|----------------------------|
/// | tau       | s    | –       | of the first exponential   |
/// | gain      | 1    | 1       | of the input (add)         |
/// | second    | s    | none    | of the second exponential  |
/// | secondGain| 1    | 1       | of the first in the second |
public struct Trace: Sendable, Hashable {
  public enum Arrival: String, Sendable, CaseIterable {
    /// An input adds to the trace.
    case add
    /// An input replaces the trace: only the latest counts.
    case set
  }
  public var tau_s: Float
  public var arrival: Arrival
  public var gain: Float
  public var second_s: Float?
  public var secondGain: Float
  public var lags: Bool
  public var isEuler: Bool

  public init(
    tau_s: Float, arrival: Arrival = .add, gain: Float = 1, second_s: Float? = nil,
    secondGain: Float = 1, lags: Bool = false, isEuler: Bool = false
  ) {
    self.tau_s = tau_s
    self.arrival = arrival
    self.gain = gain
    self.second_s = second_s
    self.secondGain = secondGain
    self.lags = lags
    self.isEuler = isEuler
  }
}

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

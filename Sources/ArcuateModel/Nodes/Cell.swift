import ArcuateCore

/// A layer of spiking cells for plastic networks, which need more than NIR's six neurons.
///
/// In the order of a step, x the input, dt the step, d(tau) = exp(-dt/tau) or, with `isEuler`,
/// 1 - dt/tau:
///
///     g  <- d(tauSynapse) g + x                     without tauSynapse: g = x
///     h  <- d(tauInhibition) h + strength (spikes of the other cells at the step before)
///     v  <- rest + d(tauMembrane) (v - rest) + gain (g - h)              current synapses
///     v  <- v + dt/tauMembrane ((rest - v) + g (excitation - v) + h (inhibition - v))
///                                                                        conductance synapses
///     v  = g - h                                    without tauMembrane
///     r  <- d(tauRecovery) r - recovery (own spike at the step before)
///     v = resetValue for `refractory_s` after a spike
///     theta <- d(tauAdaptation) theta
///     a spike where v + r > threshold + theta, or >=; of more than `winners` such cells, only the
///     `winners` furthest above it spike, the first of equals
///     a spike resets v and adds `adaptation` to theta; with `silences` all others are set to rest
///
/// | parameter    | unit | default | meaning                                          |
/// |--------------|------|---------|--------------------------------------------------|
/// | threshold    | 1    | 1       | [size] or one number                             |
/// | theta        | 1    | 0       | initial value of the adaptive threshold |
/// | adaptation   | 1    | 0       | added to theta by a spike                        |
/// | tauAdaptation| s    | never   | theta's return to 0                              |
public struct Cell: Sendable, Equatable {
  public var size: Int
  public var tauMembrane_s: Float?
  public var rest: Float = 0
  public var gain: Float = 1
  public var threshold = Tensor(scalar: 1)
  public var orEqual = false
  public var reset: NeuronSemantics.Reset = .toValue
  public var resetValue: Float = 0
  public var refractory_s: Float = 0
  public var tauSynapse_s: Float?
  /// Reversal potentials of conductance synapses; without them synapses are currents.
  public var excitation: Float?
  public var inhibition: Float?
  public var isEuler = false
  public var theta = Tensor(scalar: 0)
  public var adaptation: Float = 0
  public var tauAdaptation_s: Float?
  public var recovery: Float = 0
  public var tauRecovery_s: Float?
  /// What a cell's spike takes from all others.
  public var lateral: Float = 0
  public var tauLateral_s: Float?
  /// Most spikes of a step.
  public var winners: Int?
  public var silences = false

  public init(size: Int) { self.size = size }

  public var isConductance: Bool { excitation != nil }
}

extension Cell: NodeKind {
  package static var forms: [NodeForm<Self>] {
    [
      NodeForm(
        "Cell", nir: .none(),
        [
          .integer("size", \.size), .number("rest", \.rest, plain: 0),
          .number("gain", \.gain, plain: 1), .number("v_reset", \.resetValue, plain: 0),
          .number("refractory", \.refractory_s, plain: 0, unit: "s"),
          .number("adaptation", \.adaptation, plain: 0),
          .number("recovery", \.recovery, plain: 0), .number("lateral", \.lateral, plain: 0),
          .number("tau", \.tauMembrane_s, unit: "s"), .number("tau_syn", \.tauSynapse_s, unit: "s"),
          .number("e_excitation", \.excitation), .number("e_inhibition", \.inhibition),
          .number("tau_adaptation", \.tauAdaptation_s, unit: "s"),
          .number("tau_recovery", \.tauRecovery_s, unit: "s"),
          .number("tau_lateral", \.tauLateral_s, unit: "s"),
          .flag("or_equal", \.orEqual, plain: false), .flag("euler", \.isEuler, plain: false),
          .flag("silences", \.silences, plain: false), .word("reset", \.reset),
          .integer("winners", \.winners),
          .tensor("v_threshold", \.threshold, isRequired: false),
          .tensor("theta", \.theta, isRequired: false),
        ], blank: Self(size: 0))
    ]
  }

  package var asOperator: Operator { .plastic(.cell(self)) }
  package var kindName: String { "Cell" }

  /// Images keep their shape; a vector has as many elements as there are cells.
  package func outputShape(_ inputs: [Shape?]) throws(ArcuateError) -> Shape? {
    let input = try commonShape(inputs)
    if let input, input.count != size {
      throw ArcuateError(.shapeMismatch, "has \(size) cells, but receives \(input)")
    }
    if let input { return input }
    return try Shape([size])
  }

  package func signal(_ inputs: [Signal]) -> Signal { .spike }
  package func refusal(of inputs: [Signal?]) -> String? { nil }

  package func contradictions() -> [String] {
    var found: [String] = []
    for (name, tau) in [
      ("tau", tauMembrane_s), ("tau_syn", tauSynapse_s), ("tau_adaptation", tauAdaptation_s),
      ("tau_recovery", tauRecovery_s), ("tau_lateral", tauLateral_s),
    ] {
      if let tau, !(tau > 0 && tau.isFinite) { found.append("\(name) is \(tau): must be positive") }
    }
    for (name, number) in [
      ("rest", rest), ("gain", gain), ("v_reset", resetValue), ("adaptation", adaptation),
      ("recovery", recovery), ("lateral", lateral), ("e_excitation", excitation ?? 0),
      ("e_inhibition", inhibition ?? 0),
    ] where !number.isFinite {
      found.append("\(name) is not finite")
    }
    if !(refractory_s >= 0 && refractory_s.isFinite) {
      found.append("refractory is \(refractory_s) s: must be finite and not negative")
    }
    if size < 0 || size > SparseLinear.mostElements { found.append("\(size) cells cannot be held") }
    for (name, tensor) in [("v_threshold", threshold), ("theta", theta)] {
      if tensor.count != 1 && tensor.count != size {
        found.append("\(name) has \(tensor.count) elements for \(size) cells")
      } else if !tensor.isFinite {
        found.append("\(name) holds a number that is not finite")
      }
    }
    if isConductance && (inhibition == nil || tauMembrane_s == nil) {
      found.append("conductance synapses need e_excitation, e_inhibition and tau")
    }
    if let winners, winners < 1 { found.append("winners is \(winners): at least 1 is needed") }
    return found
  }

  package var parameterCount: Int { threshold.count + theta.count }

  package func needsTimeStep(_ semantics: NeuronSemantics) -> Bool {
    tauMembrane_s != nil || tauSynapse_s != nil || tauAdaptation_s != nil || tauRecovery_s != nil
      || tauLateral_s != nil || refractory_s > 0
  }

  package func constancy(dt_s: Double?) -> Constancy { .never }
  package func isEarly(_ semantics: NeuronSemantics, dt_s: Double?) -> Bool { false }
  package func renamingReferences(_ rename: (String) -> String) -> Self { self }
}

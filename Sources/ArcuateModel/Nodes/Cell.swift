import ArcuateCore

/// Spiking neurons of plastic networks, as files of kind "Cell" state them: a form of a neuron
/// program, which they become when they are read.
///
/// In the order of a step, x the input, dt the step, d(tau) = exp(-dt/tau) or, with `isEuler`,
/// 1 - dt/tau:
///
///     g  <- d(tauSynapse) g + x                     without tauSynapse: g = x
///     h  <- d(tauLateral) h + lateral (spikes of the other cells at the step before)
///     v  <- rest + d(tauMembrane) (v - rest) + gain (g - h)              current synapses
///     v  <- v + dt/tauMembrane ((rest - v) + g (excitation - v) + h (inhibition - v))
///                                                                        conductance synapses
///     v  = g - h                                    without tauMembrane
///     r  <- d(tauRecovery) r - recovery (own spike at the step before)
///     v = resetValue for `refractory_s` after a spike
///     a spike where v + r > threshold + theta, or >=; of more than `winners` such cells, only the
///     `winners` furthest above it spike, the first of equals
///     a spike resets v; with `silences` v = rest and g = 0 in all others
///     theta <- d(tauAdaptation) theta + adaptation spike, while the session adapts
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

  /// Cells at most.
  static let most = 1 << 24

  var isConductance: Bool { excitation != nil }

  /// The neurons as a program. Its states, in this order, are those of earlier versions' snapshots.
  public var neuron: ProgramNeuron {
    func decay(_ name: String) -> String { isEuler ? "(1 - dt / \(name))" : "exp(-dt / \(name))" }
    var parameters: [String: Tensor] = [
      "v_threshold": threshold.count == 1 ? Tensor(scalar: threshold.floats[0]) : threshold,
      // One for each cell, which says how many there are.
      "theta": theta.count == 1 ? .filled(theta.floats[0], shape: [size]) : theta,
    ]
    func parameter(_ name: String, _ value: Float) -> String {
      parameters[name] = Tensor(scalar: value)
      return name
    }
    let rest = parameter("rest", rest)
    let resetValue = parameter("v_reset", resetValue)
    var lines = ["adaptive theta", "state v = rest, g, h, r, silence, margin, last"]
    let hasLateral = lateral != 0 || tauLateral_s != nil
    if hasLateral {
      let kept = tauLateral_s.map { decay(parameter("tau_lateral", $0)) + " * h" } ?? "0 * h"
      lines += [
        "spikes = total(last)",
        "h = spikes != 0 ? \(kept) + \(parameter("lateral", lateral)) * (spikes - last) : \(kept)",
      ]
    }
    if recovery != 0 {
      let kept = tauRecovery_s.map { decay(parameter("tau_recovery", $0)) + " * r" } ?? "0 * r"
      lines.append("r = \(kept) - \(parameter("recovery", recovery)) * last")
    }
    lines.append(
      tauSynapse_s.map { "g = \(decay(parameter("tau_syn", $0))) * g + x" } ?? "g = x")
    let drive = hasLateral ? "(g - h)" : "g"
    if let tauMembrane_s {
      let tau = parameter("tau", tauMembrane_s)
      if let excitation {
        let reversals = (
          parameter("e_excitation", excitation), parameter("e_inhibition", inhibition ?? 0)
        )
        lines.append(
          "v = v + dt / \(tau) * (rest - v + (g * (\(reversals.0) - v) + h * (\(reversals.1) - v)))"
        )
      } else {
        lines.append(
          "v = \(rest) + \(decay(tau)) * (v - rest) + \(parameter("gain", gain)) * \(drive)")
      }
    } else {
      lines.append("v = \(drive)")
    }
    if refractory_s > 0 { lines.append("v = silence > 0 ? \(resetValue) : v") }
    lines += [
      "margin = v + r - (v_threshold + theta)",
      "above = margin \(orEqual ? ">=" : ">") 0" + (refractory_s > 0 ? " && silence <= 0" : ""),
    ]
    if let winners {
      lines.append(
        "spike = above && winners(above ? margin : -3e38, \(min(winners, size, Self.most)))")
    } else {
      lines.append("spike = above")
    }
    let drop = "v - (v_threshold + theta - v_reset)"
    let after: String? =
      switch reset {
      case .toValue: resetValue
      case .subtract: drop
      case .none: nil
      }
    if silences {
      lines += [
        "fired = total(spike) > 0", "v = spike ? \(after ?? "v") : (fired ? rest : v)",
        "g = fired && !spike ? 0 : g",
      ]
    } else if let after {
      lines.append("v = spike ? \(after) : v")
    }
    if refractory_s > 0 {
      let steps = "floor(\(parameter("refractory", refractory_s)) / dt + 0.5)"
      lines.append("silence = spike ? \(steps) : max(silence - 1, 0)")
    }
    lines.append("last = spike")
    if adaptation != 0 || tauAdaptation_s != nil {
      let factor = tauAdaptation_s.map { _ in "exp(-dt / tau_adaptation) * " } ?? ""
      parameters["tau_adaptation"] = tauAdaptation_s.map { Tensor(scalar: $0) }
      let gain = adaptation == 0 ? "" : " + \(parameter("adaptation", adaptation)) * spike"
      lines.append("theta = \(factor)theta\(gain)")
    }
    do {
      let program = try NeuronProgram(lines.joined(separator: "\n"))
      return ProgramNeuron(
        program, parameters: parameters.filter { program.parameterNames.contains($0.key) })
    } catch {
      preconditionFailure("a cell's program is well formed: \(error)")
    }
  }
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
        ], blank: Self(size: 0), isConverted: true)
    ]
  }

  package var asOperator: Operator { .program(neuron) }
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
    if size < 0 || size > Self.most { found.append("\(size) cells cannot be held") }
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

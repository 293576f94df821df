import ArcuateCore

/// A layer of spiking cells with what learning on the spot asks of neurons beyond NIR's six.
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
///     a spike where v + r > threshold + theta, or >=; of more than `winners` only those that are
///     furthest above it, the first of equals
///     a spike resets v and adds `adaptation` to theta; with `silences` all others are set to rest
///
/// | parameter    | unit | default | meaning                                          |
/// |--------------|------|---------|--------------------------------------------------|
/// | threshold    | 1    | 1       | [size] or one number                             |
/// | theta        | 1    | 0       | where the adaptive part starts: what was learned |
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

  func contradictions() -> [String] {
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
}

import ArcuateCore
import ArcuateKernels
import ArcuateModel

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

extension Neuron {
  /// The step of this neuron as a linear recurrence with a threshold.
  ///
  /// Coefficients are computed in double precision and rounded once.
  /// Needs. `dt_s` where `Model.firstNodeInNeedOfTimeStep` finds such neurons.
  /// Source. The discrete forms are listed at `NeuronSemantics.Integrator`.
  func layer(shape: Shape, semantics s: NeuronSemantics, dt_s: Double) throws -> NeuronLayer {
    // One number stays one number: a uniform layer reads its parameters from registers.
    let parts = parameters.filter { $0.name != "v_initial" }.map(\.tensor)
    let count = parts.contains { $0.count > 1 } ? shape.count : 1
    func values(_ tensor: Tensor?, or fallback: Float) throws -> [Double] {
      try (tensor ?? Tensor(scalar: fallback)).broadcast(to: try Shape([count])).map(Double.init)
    }
    let r = try values(resistance, or: 1)
    let leak = try values(leak, or: 0)
    let tau = try values(tauMembrane, or: 1)
    let tauS = try values(tauSynapse, or: 1)
    let weight = try values(inputWeight, or: 1)

    var decay = [Double](repeating: 1, count: count)
    var gain = decay
    var offset = [Double](repeating: 0, count: count)
    var currentDecay = offset
    var currentGain = decay
    for n in 0..<count {
      guard kind.leaks else {
        gain[n] = s.integratorGain == .dtR ? dt_s * r[n] : r[n]
        continue
      }
      let b = dt_s / tau[n]
      let e = exp(-b)
      switch s.integrator {
      case .euler, .eulerOldCurrent:
        (decay[n], gain[n], offset[n]) = (1 - b, b * r[n], b * leak[n])
      case .exponential:
        (decay[n], gain[n], offset[n]) = (e, (1 - e) * r[n], (1 - e) * leak[n])
      case .exponentialUnit:
        (decay[n], gain[n], offset[n]) = (e, b * r[n], (1 - e) * leak[n])
      case .exponentialPost:
        (decay[n], gain[n], offset[n]) = (e, e * b * r[n], (1 - e) * leak[n])
      }
      guard kind.hasSynapse else { continue }
      let a = dt_s / tauS[n]
      let eS = exp(-a)
      switch s.integrator {
      case .euler, .eulerOldCurrent:
        (currentDecay[n], currentGain[n]) = (1 - a, a * weight[n])
      case .exponential:
        (currentDecay[n], currentGain[n]) = (eS, (1 - eS) * weight[n])
      case .exponentialUnit, .exponentialPost:
        (currentDecay[n], currentGain[n]) = (eS, eS * a * weight[n])
      }
    }
    return try NeuronLayer(
      count: shape.count, flags: flags(s), currentDecay: currentDecay.map(Float.init),
      currentGain: currentGain.map(Float.init), decay: decay.map(Float.init),
      gain: gain.map(Float.init), offset: offset.map(Float.init),
      threshold: threshold?.floats ?? [0], resetValue: resetValue?.floats ?? [0])
  }

  private func flags(_ s: NeuronSemantics) -> NeuronFlags {
    var flags: NeuronFlags = []
    if kind.hasSynapse {
      flags.insert(.synapse)
      if s.integrator == .eulerOldCurrent { flags.insert(.oldCurrent) }
    }
    guard kind.spikes else { return flags }
    flags.insert(.spikes)
    if s.comparison == .greaterOrEqual { flags.insert(.orEqual) }
    if s.reset == .toValue { flags.insert(.resetToValue) }
    if s.reset == .subtract { flags.insert(.resetSubtract) }
    // Taking a threshold off before the next step's decay is taking it off now.
    if s.resetTiming == .nextStep && !(kind.hasSynapse && s.reset == .subtract) {
      flags.insert(.resetNextStep)
    }
    if s.resetTiming == .sameStepResidual { flags.insert(.residual) }
    if s.spikeTiming == .nextStep { flags.insert(.spikeNextStep) }
    if s.multiSpike { flags.insert(.multiSpike) }
    if s.clampsBelow && kind == .ifire { flags.insert(.clampsBelow) }
    return flags
  }
}

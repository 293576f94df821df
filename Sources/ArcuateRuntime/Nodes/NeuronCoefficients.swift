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
  /// Needs. `dt_s` where `Model.firstNodeInNeedOfTimeStep` finds such neurons.
  package func layer(
    shape: Shape, semantics s: NeuronSemantics, dt_s: Double
  ) throws(ArcuateError) -> NeuronLayer {
    let c = try recurrence(shape: shape, semantics: s, dt_s: dt_s)
    return try NeuronLayer(
      count: shape.count, flags: flags(s), currentDecay: c.currentDecay.map(Float.init),
      currentGain: c.currentGain.map(Float.init), decay: c.decay.map(Float.init),
      gain: c.gain.map(Float.init), offset: c.offset.map(Float.init),
      threshold: threshold?.floats ?? [0], resetValue: resetValue?.floats ?? [0])
  }

  /// The coefficients of
  ///
  ///     i = currentDecay i + currentGain x
  ///     v = decay v + gain (i or x) + offset
  package struct Recurrence {
    package var decay, gain, offset, currentDecay, currentGain: [Double]

    /// Of `count` neurons without leak or synapse.
    package init(count: Int) {
      decay = [Double](repeating: 1, count: count)
      offset = [Double](repeating: 0, count: count)
      gain = decay
      currentDecay = offset
      currentGain = decay
    }
  }

  /// Shapes. One number each where every parameter is one, else one for each neuron.
  /// Numbers. In double precision, to be rounded once.
  /// Source. The discrete forms are listed at `NeuronSemantics.Integrator`.
  package func recurrence(
    shape: Shape, semantics s: NeuronSemantics, dt_s: Double
  ) throws(ArcuateError) -> Recurrence {
    // One number stays one number: a uniform layer reads its parameters from registers.
    let parts = parameters.filter { $0.name != "v_initial" }.map(\.tensor)
    let count = parts.contains { $0.count != 1 } ? shape.count : 1
    func values(_ tensor: Tensor?, or fallback: Float) throws(ArcuateError) -> [Double] {
      try (tensor ?? Tensor(scalar: fallback)).broadcast(to: try Shape([count])).map(Double.init)
    }
    let r = try values(resistance, or: 1)
    let leak = try values(leak, or: 0)
    let tau = try values(tauMembrane, or: 1)
    let tauS = try values(tauSynapse, or: 1)
    let weight = try values(inputWeight, or: 1)
    var c = Recurrence(count: count)
    for n in 0..<count {
      c.set(
        n, kind: kind, semantics: s, dt_s: dt_s, resistance: r[n], leak: leak[n], tau: tau[n],
        tauSynapse: tauS[n], inputWeight: weight[n])
    }
    return c
  }

  package func flags(_ s: NeuronSemantics) -> NeuronFlags {
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
    if s.clampsBelow && kind == .integrateAndFire { flags.insert(.clampsBelow) }
    return flags
  }
}

extension Neuron.Recurrence {
  /// The coefficients of neuron `n` for its parameters.
  package mutating func set(
    _ n: Int, kind: Neuron.Kind, semantics s: NeuronSemantics, dt_s: Double, resistance r: Double,
    leak: Double, tau: Double, tauSynapse: Double, inputWeight: Double
  ) {
    guard kind.leaks else {
      gain[n] = s.integratorGain == .dtR ? dt_s * r : r
      return
    }
    let b = dt_s / tau
    let e = exp(-b)
    switch s.integrator {
    case .euler, .eulerOldCurrent: (decay[n], gain[n], offset[n]) = (1 - b, b * r, b * leak)
    case .exponential: (decay[n], gain[n], offset[n]) = (e, (1 - e) * r, (1 - e) * leak)
    case .exponentialUnit: (decay[n], gain[n], offset[n]) = (e, b * r, (1 - e) * leak)
    case .exponentialPost: (decay[n], gain[n], offset[n]) = (e, e * b * r, (1 - e) * leak)
    }
    guard kind.hasSynapse else { return }
    let a = dt_s / tauSynapse
    let eS = exp(-a)
    switch s.integrator {
    case .euler, .eulerOldCurrent: (currentDecay[n], currentGain[n]) = (1 - a, a * inputWeight)
    case .exponential: (currentDecay[n], currentGain[n]) = (eS, (1 - eS) * inputWeight)
    case .exponentialUnit, .exponentialPost:
      (currentDecay[n], currentGain[n]) = (eS, eS * a * inputWeight)
    }
  }
}

import ArcuateCore

/// Everything about a neuron's time step that a NIR file does not say.
///
/// The fields are independent. A preset is a named set of them, or the rule of a library, which replaces
/// all fields but `feedbackStart` for the neurons that the library writes.
public struct NeuronSemantics: Sendable, Hashable {
  /// How the continuous equations become one step of length dt.
  /// With a = dt/tau_syn, b = dt/tau and e(x) = exp(-dt/tau_x):
  public enum Integrator: String, Sendable, CaseIterable {
    /// i += a(-i + w_in x); v += b(v_leak - v + r i), with the new i.
    case euler
    /// As `euler`, but v uses the i from before this step.
    case eulerOldCurrent = "euler_old_current"
    /// v = e v + (1-e)(v_leak + r i); i = e_s i + (1-e_s) w_in x. Exact for input held over dt.
    case exponential
    /// v = e v + (1-e) v_leak + b r x; for synapses i = e_s (i + w_in x); v = e v + i.
    case exponentialUnit = "exponential_unit"
    /// v = e (v + b r i) + (1-e) v_leak: the input arrives before the decay.
    case exponentialPost = "exponential_post"
  }

  /// What a spike does to the membrane.
  public enum Reset: String, Sendable, CaseIterable {
    /// v = v_reset.
    case toValue = "to_value"
    /// v -= (v_threshold - v_reset), once per spike.
    case subtract
    /// Nothing.
    case none
  }

  /// When the reset is applied.
  public enum ResetTiming: String, Sendable, CaseIterable {
    /// Right after the comparison.
    case sameStep = "same_step"
    /// At the next step: before its input is integrated, but a subtraction by a neuron without
    /// synapse together with it, after the decay.
    case nextStep = "next_step"
    /// Right after the comparison, but a membrane that was left above threshold is reduced by a
    /// threshold for the comparison of the following step.
    case sameStepResidual = "same_step_residual"
  }

  /// Which membranes spike.
  public enum Comparison: String, Sendable, CaseIterable {
    case greater = ">"
    case greaterOrEqual = ">="
  }

  /// When other nodes see the spike. Seen a step later, it breaks cycles by itself: feedback then
  /// takes no further step.
  public enum SpikeTiming: String, Sendable, CaseIterable {
    case sameStep = "same_step"
    case nextStep = "next_step"
  }

  /// What an edge that closes a cycle carries before the first step.
  public enum FeedbackStart: String, Sendable, CaseIterable {
    /// Zero: a bias in the feedback path does not act at the first step.
    case zero
    /// The response of the feedback path to silence: its bias acts from the first step.
    case response
  }

  /// What one unit of input adds to an integrator without leak.
  public enum IntegratorGain: String, Sendable, CaseIterable {
    /// dt r, as the equation v' = r i says.
    case dtR = "dt_r"
    /// r: the step length is ignored.
    case r
  }

  public var integrator: Integrator = .euler
  public var reset: Reset = .toValue
  public var resetTiming: ResetTiming = .sameStep
  public var comparison: Comparison = .greater
  public var spikeTiming: SpikeTiming = .sameStep
  public var feedbackStart: FeedbackStart = .zero
  public var integratorGain: IntegratorGain = .dtR
  /// A step may emit floor(v / v_threshold) spikes as one value instead of at most one.
  public var multiSpike = false
  /// IF membranes are kept at or above -v_threshold.
  public var clampsBelow = false
  /// The update rule of the library that wrote the file.
  public var rule: LibraryRule?

  public init() {}
}

extension NeuronSemantics {
  /// Simulators, and how they compute a NIR file that they read, as fields; with the reason for each
  /// choice below.
  public enum Preset: String, Sendable, CaseIterable {
    case nir, snntorch, norse, spikingjelly, sinabs, rockpool, spyx, lava, nengo, spinnaker2
  }

  public init(_ preset: Preset) {
    self.init()
    switch preset {
    case .nir:  // The specification: strict comparison, reset to v_reset, dt as given.
      break
    case .snntorch:  // Imports with reset "zero" and no delay; Leaky ignores dt for IF.
      integratorGain = .r
      resetTiming = .sameStepResidual
      feedbackStart = .response
    case .norse:  // LIFBox; IF adds its input undivided; nirtorch starts feedback at zero.
      integratorGain = .r
    case .spikingjelly:  // heaviside(v - threshold) counts zero; exports IF with r = 1/dt.
      comparison = .greaterOrEqual
    case .sinabs:  // v = e v + x, subtract, several spikes, IF bounded below.
      integrator = .exponentialUnit
      reset = .subtract
      comparison = .greaterOrEqual
      integratorGain = .r
      multiSpike = true
      clampsBelow = true
    case .rockpool:  // v *= e, i *= e_s, v += i; floor(v / threshold) spikes, subtract.
      integrator = .exponentialUnit
      reset = .subtract
      comparison = .greaterOrEqual
      integratorGain = .r
      multiSpike = true
    case .spyx:  // The spike is taken from the membrane before the update, and subtracted with it.
      reset = .subtract
      resetTiming = .nextStep
      spikeTiming = .nextStep
      integratorGain = .r
    case .lava:  // One step of latency per process.
      integratorGain = .r
      spikeTiming = .nextStep
    case .nengo:  // Input is added before the decay; resets at once.
      integrator = .exponentialPost
    case .spinnaker2:  // FORWARD integrator.
      integratorGain = .r
    }
  }
}

extension NeuronSemantics {
  /// The semantics of a preset: "snntorch", the rule by which snnTorch computes the neurons that it
  /// writes; "snntorch:reset=subtract,delay=1", with options; "snntorch:import", how it computes a file of
  /// others, which is what simulators without a rule have by their name alone.
  /// Throws. `invalidArgument` saying what there is to choose from.
  public init(preset text: String) throws(ArcuateError) {
    let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
    let preset: Preset = try named(String(parts[0]), "preset")
    self.init(preset)
    let library = LibraryRule.Library(rawValue: preset.rawValue)
    switch (library, parts.dropFirst().first) {
    case (_, "import"): return
    case (nil, nil): return
    case (nil, _?):
      throw ArcuateError(.invalidArgument, "the preset \(preset.rawValue) has no options")
    case (let library?, nil): rule = LibraryRule(library)
    case (let library?, let options?): rule = try LibraryRule(library, options: options)
    }
  }
}

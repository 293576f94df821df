import ArcuateCore

extension Neuron {
  /// What goes wrong with these semantics of the model and this step.
  func dynamics(
    _ semantics: NeuronSemantics, dt_s: Double?
  ) -> [(severity: Finding.Severity, message: String)] {
    let semantics = self.semantics ?? semantics
    var found: [(Finding.Severity, String)] = []
    if kind.spikes, semantics.multiSpike, let least = threshold?.extremes?.least, least <= 0 {
      found.append(
        (
          .error,
          "v_threshold is \(least): with multi_spike it divides the membrane and must be positive"
        ))
    }
    if let dt_s, let unlike = unlike(semantics, dt_s: dt_s) { found.append(unlike) }
    let isEuler = semantics.integrator == .euler || semantics.integrator == .eulerOldCurrent
    guard kind.leaks, isEuler, let dt_s else { return found }
    var taus = [(kind.hasSynapse ? "tau_mem" : "tau", tauMembrane)]
    if kind.hasSynapse { taus.append(("tau_syn", tauSynapse)) }
    for (name, tau) in taus {
      // A step multiplies the state by 1 - dt / tau.
      guard let least = tau?.extremes?.least, least > 0, dt_s > 2 * Double(least) else { continue }
      found.append(
        (
          .note,
          "diverges: a step of \(dt_s) s is more than twice its \(name) of \(least) s, too long for "
            + "the integrator \(semantics.integrator.rawValue)"
        ))
    }
    return found
  }

  /// What the file says otherwise than the library writes it; nil where no rule applies or nothing is.
  private func unlike(
    _ semantics: NeuronSemantics, dt_s: Double
  ) -> (severity: Finding.Severity, message: String)? {
    guard let rule = (self.semantics ?? semantics).rule else { return nil }
    let name = rule.library.rawValue
    guard let (binding, field) = choice(semantics, dt_s: dt_s) else {
      let message =
        "the preset \(name) has no rule of its own for \(kind.rawValue), which the library does not "
        + "write: it runs as with \(name):import"
      return (.note, message)
    }
    guard let field else { return nil }
    let message =
      "\(field) is not what \(name) writes for a step of \(dt_s) s, whose rule (\(binding.program)) "
      + "does not use it: if another program made the file, or with another step, its neurons are not "
      + "these; \(name):import uses \(field)"
    return (.repair, message)
  }
}

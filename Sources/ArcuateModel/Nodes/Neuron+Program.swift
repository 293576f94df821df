import ArcuateCore

extension Neuron {
  /// The same neurons with their step as a program, for semantics `s` of the model.
  ///
  /// Numbers. Equal to the bit, but for the sign of a membrane of zero.
  public func program(_ s: NeuronSemantics) -> ProgramNeuron {
    let program = try! NeuronProgram(programText(self.semantics ?? s))
    let known = parameters.filter { program.parameterNames.contains($0.name) }
    return ProgramNeuron(
      program, parameters: Dictionary(uniqueKeysWithValues: known.map { ($0.name, $0.tensor) }))
  }

  /// The step as text. Source. `neuronStep`, in its order.
  private func programText(_ s: NeuronSemantics) -> String {
    let late = kind.spikes && s.spikeTiming == .nextStep
    let isResetLate =
      kind.spikes && s.resetTiming == .nextStep && !(kind.hasSynapse && s.reset == .subtract)
    let isResidual = kind.spikes && s.resetTiming == .sameStepResidual
    let above = s.comparison == .greaterOrEqual ? ">=" : ">"
    let number = s.multiSpike ? "floor(v / v_threshold)" : "1"
    let drop = resetValue == nil ? "v_threshold" : "(v_threshold - v_reset)"
    let base = resetValue == nil ? "0" : "v_reset"
    let emitted = s.multiSpike ? "spikes" : "fired"

    var states = ["v" + (initial == nil ? "" : " = v_initial")]
    if kind.hasSynapse { states.append("i") }
    if late { states.append("late") }
    var lines = ["state " + states.joined(separator: ", ")]
    if isResidual { lines.append("left = v \(above) v_threshold ? v_threshold : 0") }
    if isResetLate, s.reset == .toValue {
      lines.append("v = v \(above) v_threshold ? \(base) : v")
    } else if isResetLate, s.reset == .subtract {
      let drops = s.multiSpike ? "\(number) * \(drop)" : drop
      lines.append("taken = v \(above) v_threshold ? \(drops) : 0")
    }
    let isOld = kind.hasSynapse && s.integrator == .eulerOldCurrent
    let (membrane, current) = (membraneLine(s), currentLine(s))
    lines += isOld ? [membrane, current!] : [current, membrane].compactMap { $0 }
    if isResetLate, s.reset == .subtract { lines.append("v = v - taken") }
    guard kind.spikes else { return (lines + ["value = v"]).joined(separator: "\n") }

    let compared = isResidual ? "v - left" : "v"
    let name = late || s.multiSpike ? "fired" : "spike"
    lines.append("\(name) = \(compared) \(above) v_threshold")
    if s.multiSpike { lines.append("spikes = fired ? \(number) : 0") }
    if !isResetLate {
      switch s.reset {
      case .toValue:
        // A multiple of zero spikes is no spike.
        lines.append(
          s.multiSpike ? "v = spikes != 0 ? \(base) : v" : "v = \(name) ? \(base) : v")
      case .subtract:
        lines.append(
          s.multiSpike ? "v = v - spikes * \(drop)" : "v = \(name) ? v - \(drop) : v")
      case .none: break
      }
    }
    if s.clampsBelow, kind == .integrateAndFire { lines.append("v = max(-v_threshold, v)") }
    if late {
      lines += ["count = late", "late = \(emitted)"]
    } else if s.multiSpike {
      lines.append("count = spikes")
    }
    return lines.joined(separator: "\n")
  }

  private func membraneLine(_ s: NeuronSemantics) -> String {
    let drive = kind.hasSynapse ? "i" : "x"
    guard kind.leaks else {
      let gain = s.integratorGain == .dtR ? "dt * r" : "r"
      return "v = v + \(gain) * \(drive)"
    }
    let tau = kind.hasSynapse ? "tau_mem" : "tau"
    let e = "exp(-dt / \(tau))"
    let (decay, gain, rest) =
      switch s.integrator {
      case .euler, .eulerOldCurrent:
        ("(1 - dt / \(tau))", "dt / \(tau) * r", "dt / \(tau) * v_leak")
      case .exponential: (e, "(1 - \(e)) * r", "(1 - \(e)) * v_leak")
      case .exponentialUnit: (e, "dt / \(tau) * r", "(1 - \(e)) * v_leak")
      case .exponentialPost: (e, "\(e) * (dt / \(tau)) * r", "(1 - \(e)) * v_leak")
      }
    return "v = \(decay) * v + \(gain) * \(drive)" + (leak == nil ? "" : " + \(rest)")
  }

  private func currentLine(_ s: NeuronSemantics) -> String? {
    guard kind.hasSynapse else { return nil }
    let e = "exp(-dt / tau_syn)"
    let (decay, gain) =
      switch s.integrator {
      case .euler, .eulerOldCurrent: ("(1 - dt / tau_syn)", "dt / tau_syn")
      case .exponential: (e, "(1 - \(e))")
      case .exponentialUnit, .exponentialPost: (e, "\(e) * (dt / tau_syn)")
      }
    return "i = \(decay) * i + \(gain)" + (inputWeight == nil ? "" : " * w_in") + " * x"
  }
}

import ArcuateCore

extension ProgramNeuron {
  /// The kind of NIR that the program equals under these semantics; nil if there is none.
  package func neuron(_ semantics: NeuronSemantics) -> Neuron? {
    guard let own = LinearForm(program) else { return nil }
    for kind in Neuron.Kind.allCases
    where kind.hasSynapse == own.hasSynapse && kind.spikes == (own.threshold != nil) {
      // With and without the parameters that a neuron may leave out.
      for n in 0..<16 {
        func part(_ bit: Int) -> Tensor? { n >> bit & 1 == 1 ? Tensor(scalar: 0) : nil }
        var candidate = Neuron(kind)
        candidate.resetValue = part(0)
        candidate.leak = part(1)
        candidate.inputWeight = part(2)
        candidate.initial = part(3)
        let pattern = candidate.program(semantics).program
        guard let form = LinearForm(pattern), let values = form.match(own) else { continue }
        var neuron = Neuron(kind)
        for (index, expression) in values {
          guard let tensor = tensor(of: expression) else { return nil }
          neuron.set(pattern.parameterNames[index], tensor)
        }
        if !values.keys.contains(where: { pattern.parameterNames[$0] == "r" }) { continue }
        return neuron
      }
    }
    return nil
  }

  /// The kind of NIR, with semantics of its own, that the program equals under some integrator and
  /// otherwise the semantics given; nil if there is none.
  package func neuronWithSemantics(_ semantics: NeuronSemantics) -> Neuron? {
    guard let own = LinearForm(program) else { return nil }
    var semantics = semantics
    (semantics.resetTiming, semantics.spikeTiming) = (.sameStep, .sameStep)
    (semantics.multiSpike, semantics.clampsBelow) = (false, false)
    semantics.comparison = own.orEqual ? .greaterOrEqual : .greater
    switch own.reset {
    case .none: semantics.reset = .none
    case .toValue: semantics.reset = .toValue
    case .subtract: semantics.reset = .subtract
    }
    for integrator in NeuronSemantics.Integrator.allCases {
      semantics.integrator = integrator
      for gain in NeuronSemantics.IntegratorGain.allCases {
        semantics.integratorGain = gain
        guard var neuron = neuron(semantics) else { continue }
        neuron.semantics = semantics
        return neuron
      }
    }
    return nil
  }

  private func tensor(of expression: ConstantExpression) -> Tensor? {
    switch expression {
    case .number(let number): Tensor(scalar: Float(number))
    case .parameter(let index): value(of: program.parameterNames[index])
    case .timeStep, .unary, .binary: nil
    }
  }
}

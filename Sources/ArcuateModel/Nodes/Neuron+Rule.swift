import ArcuateCore

extension Neuron {
  /// The neurons as a library computes them that wrote them, where the semantics name a rule that
  /// has neurons of this kind; nil otherwise.
  ///
  /// Cost. A number for each neuron and parameter.
  package func ruled(_ semantics: NeuronSemantics, dt_s: Double) -> ProgramNeuron? {
    choice(semantics, dt_s: dt_s).map { $0.binding.neurons(self, dt_s: dt_s) }
  }

  /// The program of these neurons, where a rule applies.
  func ruledProgram(_ semantics: NeuronSemantics) -> NeuronProgram? {
    (self.semantics ?? semantics).rule?.bindings(kind).first?.neuronProgram
  }

  /// The first binding of the rule that agrees with the file, or else the first, with the field that
  /// disagrees.
  func choice(
    _ semantics: NeuronSemantics, dt_s: Double
  ) -> (binding: LibraryRule.Binding, disagrees: String?)? {
    guard let rule = (self.semantics ?? semantics).rule else { return nil }
    let bindings = rule.bindings(kind)
    var first: (LibraryRule.Binding, String?)?
    for binding in bindings {
      let field = binding.disagreement(self, dt_s: dt_s)
      if field == nil { return (binding, nil) }
      first = first ?? (binding, field)
    }
    return first
  }

  /// The fields of each neuron: one for all, or one for each element of the largest tensor.
  fileprivate func fields(_ dt_s: Double) -> (each: [LibraryRule.Fields], shape: Shape) {
    let widest = parameters.map(\.tensor).max { $0.count < $1.count }
    let count = widest?.count ?? 1
    func numbers(_ tensor: Tensor?, _ standard: Double) -> (Int) -> Double {
      guard let floats = tensor?.floats, let first = floats.first else { return { _ in standard } }
      return { Double($0 < floats.count ? floats[$0] : first) }
    }
    let tau = numbers(tauMembrane, 1)
    let tauSynapse = numbers(self.tauSynapse, 1)
    let resistance = numbers(self.resistance, 1)
    let leak = numbers(self.leak, 0)
    let threshold = numbers(self.threshold, 1)
    let reset = numbers(resetValue, 0)
    let inputWeight = numbers(self.inputWeight, 1)
    let each = (0..<count).map { n in
      LibraryRule.Fields(
        dt: dt_s, tau: tau(n), tauSynapse: tauSynapse(n), resistance: resistance(n), leak: leak(n),
        threshold: threshold(n), reset: reset(n), inputWeight: inputWeight(n))
    }
    return (each, widest?.shape ?? .scalar)
  }
}

extension LibraryRule.Binding {
  /// The program, which is one of the library and known to be right.
  var neuronProgram: NeuronProgram { try! NeuronProgram(ProgramLibrary.text(program)) }

  func neurons(_ neuron: Neuron, dt_s: Double) -> ProgramNeuron {
    let (each, shape) = neuron.fields(dt_s)
    return ProgramNeuron(
      neuronProgram,
      parameters: parameters.mapValues { value in
        let numbers = each.map { Float(value($0)) }
        if let first = numbers.first, numbers.allSatisfy({ $0 == first }) {
          return Tensor(scalar: first)
        }
        return (try? Tensor(numbers, shape: shape)) ?? Tensor(scalar: numbers.first ?? 0)
      })
  }

  /// The name of a field that is not what the library writes.
  fileprivate func disagreement(_ neuron: Neuron, dt_s: Double) -> String? {
    func differ(_ a: Double, _ b: Double) -> Bool {
      !((a - b).magnitude <= 1e-4 * max(a.magnitude, b.magnitude))
    }
    for fields in neuron.fields(dt_s).each {
      if differ(fields.resistance, resistance(fields)) { return "r" }
      if neuron.kind.hasSynapse, differ(fields.inputWeight, inputWeight(fields)) { return "w_in" }
    }
    return nil
  }
}

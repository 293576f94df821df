import ArcuateCore
import ArcuateKernels
import ArcuateModel

extension Neuron {
  /// Neurons of the fused kernel, or the program by which the library of the semantics computes them.
  ///
  /// Throws. As below.
  func packed(_ packing: inout NodePacking) throws(ArcuateError) -> any NodeRun {
    let neuron = try expanded(to: packing.shape)
    guard let ruled = neuron.ruled(packing.common.semantics, dt_s: packing.dt_s) else {
      return try NeuronNode(neuron, &packing)
    }
    return try ruled.packed(&packing)
  }
}

extension ProgramNeuron {
  /// Neurons of the fused kernel where the program is a linear recurrence with a threshold; else
  /// instructions.
  ///
  /// Throws. `invalidModel` for constants that are not finite; `cannotCompile`, `outOfMemory`.
  func packed(_ packing: inout NodePacking) throws(ArcuateError) -> any NodeRun {
    if let form = LinearForm(program),
      let neurons = try form.neurons(self, &packing)
    {
      return neurons
    }
    return try ProgramNode(self, &packing)
  }

  /// Its parameters in the order of the node's rows.
  func values(_ packing: NodePacking) -> [String: [Float]] {
    parameters.mapValues { packing.ordered($0.floats) }
  }
}

extension NeuronProgram {
  /// What a state is among neurons of the fused kernel, whose states are the membrane and the current.
  func linearQuantity(ofState name: String) -> NodeQuantity? {
    switch states.firstIndex(where: { $0.name == name }) {
    case 0: .membrane
    case 1: .current
    default: nil
    }
  }
}

extension LinearForm {
  /// The same numbers by the fused kernel; nil where that would round a reset otherwise.
  fileprivate func neurons(
    _ neuron: ProgramNeuron, _ packing: inout NodePacking
  ) throws(ArcuateError) -> NeuronNode? {
    let program = neuron.program
    let count = packing.shape.count
    let environments = program.environments(
      neuron.values(packing), count: count, dt_s: packing.dt_s)
    // Errors of constants are those of the program.
    _ = try program.numbers(environments)
    func numbers(_ expression: ConstantExpression?, or none: Float) -> [Float] {
      guard let expression else { return [none] }
      let used = expression.parameters.isEmpty ? environments[..<1] : environments[...]
      return used.map { Float(expression.value($0)) }
    }
    var flags: NeuronFlags = []
    if hasSynapse { flags.insert(.synapse) }
    if usesOldCurrent { flags.insert(.oldCurrent) }
    let level = numbers(threshold, or: 0)
    var resetValue: [Float] = [0]
    if threshold != nil {
      flags.insert(.spikes)
      if orEqual { flags.insert(.orEqual) }
      switch reset {
      case .none: break
      case .toValue(let value):
        flags.insert(.resetToValue)
        resetValue = numbers(value, or: 0)
      case .subtract(let taken):
        flags.insert(.resetSubtract)
        let drops = numbers(taken, or: 0)
        let width = max(drops.count, level.count)
        func at(_ values: [Float], _ n: Int) -> Float { values[values.count == 1 ? 0 : n] }
        resetValue = (0..<width).map { at(level, $0) - at(drops, $0) }
        // The kernel takes off the threshold less the reset.
        let isSame = (0..<width).allSatisfy {
          at(level, $0) - resetValue[$0] == at(drops, $0)
        }
        guard isSame else { return nil }
      }
    }
    // The kernel's current is zero at rest.
    guard !hasSynapse || numbers(initialCurrent, or: 0).allSatisfy({ $0 == 0 }) else { return nil }
    let start = numbers(initial, or: 0)
    let layer = try NeuronLayer(
      count: count, flags: flags, currentDecay: numbers(currentDecay, or: 1),
      currentGain: numbers(currentGain, or: 1), decay: numbers(decay, or: 1),
      gain: numbers(gain, or: 1), offset: numbers(offset, or: -0.0), threshold: level,
      resetValue: resetValue)
    return try NeuronNode(
      layer, initial: start.count == 1 ? [Float](repeating: start[0], count: count) : start,
      reason: "a program of the form of NIR's neurons", &packing)
  }
}

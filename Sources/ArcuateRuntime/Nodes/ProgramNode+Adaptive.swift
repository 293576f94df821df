import ArcuateCore
import ArcuateKernels
import ArcuateModel

extension ProgramNode {
  /// A parameter that the session changes, one number of each neuron for all streams.
  struct Adaptive: Sendable {
    let parameter: Int
    /// [layer.stride]
    let offset: Int
    let initial: View<Float>
    /// One number, or one for each neuron; nil changes nothing.
    let factor, perSpike: [Float]?

    init(
      _ adaptive: NeuronProgram.Adaptive, _ numbers: NeuronProgram.Numbers, _ layer: ProgramLayer,
      _ packing: inout NodePacking
    ) throws(ArcuateError) {
      func constant(_ index: Int) -> [Float] {
        numbers.constants[index].map { Float(bitPattern: $0) }
      }
      parameter = adaptive.parameter
      offset = packing.takeState(layer.stride)
      let start = constant(adaptive.constant)
      initial = try View.packed(
        start.count == layer.count ? start : [Float](repeating: start[0], count: layer.count))
      factor = adaptive.factor.map(constant)
      perSpike = adaptive.perSpike.map(constant)
    }

    var isChanged: Bool { factor != nil || perSpike != nil }

    @inline(__always)
    func row(_ layer: ProgramLayer, _ arena: Arena) -> Row<Float> {
      arena.state.row.part(offset, layer.stride)
    }
  }
}

// Parameters that change while a session adapts.

extension ProgramNode {
  var isAdaptive: Bool { !adaptive.isEmpty }
  var adaptiveWeights: PlasticWeights? { nil }

  /// Whether anything changes.
  var adapts: Bool { adaptive.contains(where: \.isChanged) }

  func restore(_ arena: Arena) {
    for adaptive in adaptive {
      let row = adaptive.row(layer, arena)
      row.fill(0)
      for i in 0..<layer.count { row[i] = adaptive.initial[i] }
    }
  }

  /// All parameters, one after another.
  func adaptedCount(fast: Bool, batch: Int) -> Int? { fast ? nil : adaptive.count * layer.count }
  func forEachAdapted(fast: Bool, _ arena: Arena, _ body: (Int, Float) -> Void) {
    for (k, adaptive) in adaptive.enumerated() {
      for i in 0..<layer.count { body(k * layer.count + i, arena.state[adaptive.offset + i]) }
    }
  }

  func adapted(_ op: Operator, _ shape: Shape, _ arena: Arena) throws(ArcuateError) -> Operator? {
    guard adapts, case .program(var neuron) = op else { return nil }
    for adaptive in adaptive where adaptive.isChanged {
      neuron.parameters[program.parameters[adaptive.parameter].name] = try Tensor(
        arena.state.row.part(adaptive.offset, layer.count).array, shape: shape)
    }
    return .program(neuron)
  }

  /// Changes the parameters by the spikes of a step: of all streams, one after another.
  func adapt(_ step: NodeStep, _ arena: Arena) {
    let output = arena.slots[step.output]
    for adaptive in adaptive {
      let row = adaptive.row(layer, arena)
      if let factor = adaptive.factor {
        if factor.count == 1 {
          PlasticRows.scale(row, factor[0], row)
        } else {
          for i in 0..<layer.count { row[i] *= factor[i] }
        }
      }
      guard let perSpike = adaptive.perSpike else { continue }
      for b in 0..<arena.batch {
        let list = arena.list(output, 0, b)
        for e in 0..<Int(arena.nonzero(output, 0, b)[0].count) {
          let i = Int(list[e])
          let change = perSpike[perSpike.count == 1 ? 0 : i]
          row[i] += emission.isOnes ? change : change * arena.row(output, 0, b)[i]
        }
      }
    }
  }
}

import ArcuateCore
import ArcuateModel
import ArcuateRuntime

/// Writes the spiking network, given what a spike of each layer stands for.
///
/// Every signal has a unit: the value of the artificial network is the mean over time times the
/// unit. Neurons emit in units of their scale. Weights take what arrives to the unit that all that
/// read them want: the scale of the neurons, 1 at an output. What has no weights passes the unit on;
/// where different units meet, a Scale node stands on the edge.
struct SpikingRewrite {
  private let network: ConvertibleNetwork
  private let options: Conversion
  private let scales: Scales
  /// The outputs show what arrives at them, in units of 1.
  private let showsCurrents: Bool
  /// Biases that are given once are given to what reads the outputs as well.
  private let startsReadouts: Bool
  private var result = Model()
  private var units: [Float]
  private var wanted: [Set<Float>]
  /// What a node's output is called, where that is another node.
  private var shownAs: [Int: String] = [:]
  /// The neurons whose potential an output shows, by its place.
  private var readouts: [Int: String] = [:]

  init(
    _ network: ConvertibleNetwork, _ options: Conversion, _ scales: Scales,
    showsCurrents: Bool = false, startsReadouts: Bool = false
  ) {
    self.network = network
    self.options = options
    self.scales = scales
    self.showsCurrents = showsCurrents
    self.startsReadouts = startsReadouts
    units = [Float](repeating: 1, count: network.model.nodes.count)
    wanted = units.map { _ in [] }
  }

  /// Throws. What running throws, where biases are given once.
  consuming func model() throws -> Model {
    let nodes = network.model.nodes
    for i in network.order.reversed() {
      for target in network.targets[i] {
        switch nodes[target].op {
        case .output: wanted[i].insert(1)
        case let op where op.isRectifier: wanted[i].insert(scale(target))
        case let op where op.hasWeights: break
        default: wanted[i].formUnion(wanted[target])
        }
      }
    }
    result.metadata = network.model.metadata
    result.metadata["frame_state"] = .string(CompileOptions.FrameState.reset.rawValue)
    result.metadata["frame_input"] = .string(CompileOptions.FrameInput.hold.rawValue)
    result.metadata["frame_output"] = .string(CompileOptions.FrameOutput.last.rawValue)
    result.metadata["steps_per_frame"] = options.steps > 0 ? .number(Double(options.steps)) : nil
    result.semantics.reset = .subtract
    result.semantics.comparison = options.comparison
    result.semantics.integratorGain = .r
    // All names first, so that those of new nodes are free.
    result.nodes = nodes
    for i in network.order { try add(i) }
    if options.bias == .once && !showsCurrents { try giveBiasesOnce() }
    return result
  }

  private func scale(_ i: Int) -> Float { scales.neurons[network.model.nodes[i].name] ?? 1 }

  private mutating func add(_ i: Int) throws {
    let node = network.model.nodes[i]
    if case .input = node.op { return addInput(i) }
    let unit = meetingUnit(i)
    connect(i, unit)
    switch node.op {
    case .output: if !showsCurrents { addReadout(i, unit) }
    case .activation:
      units[i] = scale(i)
      result.nodes[i].op = .neuron(
        Neuron(
          .integrateAndFire, resistance: Tensor(scalar: unit / units[i]), threshold: Tensor(scalar: 1),
          resetValue: Tensor(scalar: 0),
          initial: options.initialPotential == 0
            ? nil : Tensor(scalar: options.initialPotential)))
    case let op where op.hasWeights:
      units[i] = wanted[i].count == 1 ? wanted[i].first! : 1
      result.nodes[i].op = try op.taking(unit, to: units[i])
    case .pooling(var pooling) where pooling.kind == .maximum:
      units[i] = unit
      if options.input != .constant || network.followsNeurons(i) { pooling.kind = .spikeMaximum }
      result.nodes[i].op = .pooling(pooling)
    default: units[i] = unit
    }
  }

  /// The unit in which what arrives at a node is summed.
  private func meetingUnit(_ i: Int) -> Float {
    if case .output = network.model.nodes[i].op, showsCurrents { return 1 }
    let arriving = Set(network.sources[i].map { units[$0] })
    if arriving.count == 1 { return arriving.first! }
    let op = network.model.nodes[i].op
    if op.isRectifier { return scale(i) }
    if case .output = op { return 1 }
    return arriving.max() ?? 1
  }

  private mutating func connect(_ i: Int, _ unit: Float) {
    let name = network.model.nodes[i].name
    for source in network.sources[i] {
      var from = shownAs[source] ?? network.model.nodes[source].name
      if units[source] != unit {
        let scaled = result.freeName("\(from) to \(name)")
        result.nodes.append(.init(scaled, .scale(Tensor(scalar: units[source] / unit))))
        result.edges.append(.init(from, scaled))
        from = scaled
      }
      result.edges.append(.init(from, name))
    }
  }

  private mutating func addInput(_ i: Int) {
    let name = network.model.nodes[i].name
    units[i] = scales.inputs[name] ?? 1
    let encoder: Encoder
    switch options.input {
    case .constant: return
    case .singleShot: encoder = .singleShot(gain: Float(options.steps))
    case .bernoulli: encoder = .signedBernoulli(gain: 1 / units[i], seed: options.seed)
    }
    let encoded = result.freeName("\(name) encoded")
    result.nodes.append(.init(encoded, .encoder(encoder)))
    result.edges.append(.init(name, encoded))
    shownAs[i] = encoded
  }

  /// Puts what reads the output between an output and what arrives at it.
  private mutating func addReadout(_ i: Int, _ unit: Float) {
    let name = network.model.nodes[i].name
    var chain: [Model.Node] = []
    let tail = network.tails[name] ?? []
    switch options.readout {
    case .potential:
      chain.append(
        .init("\(name) potential", .neuron(Neuron(.i, resistance: Tensor(scalar: unit)))))
      chain += tail.prefix { $0.op.isRectifier }
    case .mean:
      chain.append(.init("\(name) mean", .decoder(.mean)))
      if unit != 1 { chain.append(.init("\(name) scale", .scale(Tensor(scalar: unit)))) }
      chain += tail
    }
    let arriving = result.edges.filter { $0.target == name }
    result.edges.removeAll { $0.target == name }
    var ends = arriving.map(\.source)
    for var link in chain {
      link.name = result.freeName(link.name)
      if case .neuron = link.op { readouts[i] = link.name }
      result.nodes.append(link)
      result.edges += ends.map { Model.Edge($0, link.name) }
      ends = [link.name]
    }
    result.edges.append(.init(ends[0], name))
  }

  /// Takes the biases of what leads to neurons away and gives all of them as membranes at rest.
  private mutating func giveBiasesOnce() throws {
    // What arrives at each layer of neurons when all are silent and the input is zero.
    var silent = result
    var shownBy: [String: Int] = [:]
    let starting =
      network.rectifiers.map { ($0, network.model.nodes[$0].name) }
      + (startsReadouts ? readouts.sorted { $0.key < $1.key }.map { ($0.key, $0.value) } : [])
    var places: [Int: Int] = [:]
    for (i, name) in starting {
      guard let place = result.nodes.firstIndex(where: { $0.name == name }) else { continue }
      places[i] = place
      silent.nodes[place].op = .scale(Tensor(scalar: 0))
      let shown = silent.freeName("\(name) current")
      silent.nodes.append(.init(shown, .output(shape: network.checked.shapes[i])))
      silent.edges += result.edges.filter { $0.target == name }.map { .init($0.source, shown) }
      shownBy[shown] = i
    }
    silent.metadata = [:]
    let session = try silent.compile().makeSession()
    let zeros = session.plan.inputs.map { [Float](repeating: 0, count: $0.shape.count) }
    let currents = try session.run(frames: 1, zeros)
    for (port, output) in session.plan.outputs.enumerated() {
      guard let i = shownBy[output.name], let place = places[i],
        case .neuron(var neuron) = result.nodes[place].op
      else { continue }
      let gain = neuron.resistance.floats[0] * Float(options.steps)
      // What reads an output has no threshold of which a fraction could be.
      let start = place == i ? options.initialPotential : 0
      let rest = currents[port].map { start + gain * $0 }
      neuron.initial = try Tensor(rest, shape: output.shape)
      result.nodes[place].op = .neuron(neuron)
    }
    for i in network.order where network.model.nodes[i].op.hasBias {
      let reached = readers(of: i)
      if reached.neurons && reached.output && !startsReadouts {
        throw ArcuateError(
          .invalidModel,
          "its bias reaches neurons and an output: it cannot be given once to the one and at every "
            + "step to the other", at: "node \"\(network.model.nodes[i].name)\"")
      }
      if reached.neurons || startsReadouts {
        result.nodes[i].op = try result.nodes[i].op.withoutBias()
      }
    }
  }

  /// What reads a node with no neurons between.
  private func readers(of i: Int) -> (neurons: Bool, output: Bool) {
    var found = (neurons: false, output: false)
    var stack = network.targets[i]
    var seen = Set(stack)
    while let target = stack.popLast() {
      if case .output = network.model.nodes[target].op { found.output = true }
      if network.model.nodes[target].op.isRectifier {
        found.neurons = true
      } else {
        for next in network.targets[target] where seen.insert(next).inserted { stack.append(next) }
      }
    }
    return found
  }
}

extension Operator {
  /// The same for inputs in units of `from` and outputs in units of `to`.
  fileprivate func taking(_ from: Float, to: Float) throws -> Operator {
    func scaled(_ tensor: Tensor, _ factor: Float) throws -> Tensor {
      factor == 1 ? tensor : try Tensor(tensor.floats.map { $0 * factor }, shape: tensor.shape)
    }
    switch self {
    case .linear(var linear):
      linear.weight = try scaled(linear.weight, from / to)
      linear.bias = try linear.bias.map { try scaled($0, 1 / to) }
      return .linear(linear)
    case .convolution(var convolution):
      convolution.weight = try scaled(convolution.weight, from / to)
      convolution.bias = try convolution.bias.map { try scaled($0, 1 / to) }
      return .convolution(convolution)
    case .batchNorm(let norm):
      let (factor, shift) = norm.factorAndShift()
      return .batchNorm(
        BatchNorm(factor: factor.map { $0 * (from / to) }, shift: shift.map { $0 / to }))
    default: return self
    }
  }

  fileprivate var hasBias: Bool {
    switch self {
    case .linear(let linear): linear.bias != nil
    case .convolution(let convolution): convolution.bias != nil
    case .batchNorm: true
    default: false
    }
  }

  fileprivate func withoutBias() throws -> Operator {
    switch self {
    case .linear(var linear):
      linear.bias = nil
      return .linear(linear)
    case .convolution(var convolution):
      convolution.bias = nil
      return .convolution(convolution)
    case .batchNorm(let norm):
      let factor = norm.factorAndShift().factor
      return .batchNorm(BatchNorm(factor: factor, shift: factor.map { _ in 0 }))
    default: return self
    }
  }
}

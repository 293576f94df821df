import ArcuateCore
import ArcuateModel
import ArcuateRuntime

/// Writes the spiking network, given the value of a spike of each layer.
///
/// Every signal has a unit: the value of the artificial network is the mean over time times the
/// unit. Neurons emit in units of their scale. Weights convert their input to the unit that all their
/// readers expect: the scale of the neurons, 1 at an output. Nodes without weights pass the unit on;
/// an edge between different units gets a Scale node.
struct SpikingRewrite {
  private let network: ConvertibleNetwork
  private let options: ConversionOptions
  private let scales: Scales
  /// Whether the outputs are the summed inputs of their nodes, in units of 1.
  private let showsCurrents: Bool
  /// Whether biases that are given once are given to output neurons, too.
  private let startsReadouts: Bool
  private var result = Model()
  private var units: [Float]
  private var wanted: [Set<Float>]
  /// The names of the nodes whose output replaces that of a node of the original network.
  private var shownAs: [Int: String] = [:]
  /// The neurons whose potential an output shows, by its index.
  private var readouts: [Int: String] = [:]

  init(
    _ network: ConvertibleNetwork, _ options: ConversionOptions, _ scales: Scales,
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
  consuming func model() throws(ArcuateError) -> Model {
    let nodes = network.model.nodes
    for i in network.order.reversed() {
      for target in network.targets[i] {
        switch nodes[target].op.conversionRole {
        case .output: wanted[i].insert(1)
        case .rectifier: wanted[i].insert(scale(target))
        case .weights: break
        case .input, .passesUnit, .maximumPooling, .unsupported:
          wanted[i].formUnion(wanted[target])
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

  private mutating func add(_ i: Int) throws(ArcuateError) {
    let node = network.model.nodes[i]
    let role = node.op.conversionRole
    if role == .input { return addInput(i) }
    let unit = sumUnit(i)
    connect(i, unit)
    switch role {
    case .input: break
    case .output: if !showsCurrents { addReadout(i, unit) }
    case .rectifier:
      units[i] = scale(i)
      result.nodes[i].op = .neuron(
        Neuron(
          .integrateAndFire, resistance: Tensor(scalar: unit / units[i]),
          threshold: Tensor(scalar: 1), resetValue: Tensor(scalar: 0),
          initial: options.initialPotential == 0
            ? nil : Tensor(scalar: options.initialPotential)))
    case .weights:
      units[i] = wanted[i].count == 1 ? wanted[i].first! : 1
      result.nodes[i].op = try node.op.taking(unit, to: units[i])
    case .maximumPooling:
      units[i] = unit
      if options.input != .constant || network.followsNeurons(i) {
        if case .pooling(var pooling) = node.op {
          pooling.kind = .spikeMaximum
          result.nodes[i].op = .pooling(pooling)
        }
      }
    case .passesUnit, .unsupported: units[i] = unit
    }
  }

  /// The unit in which the inputs of a node are summed.
  private func sumUnit(_ i: Int) -> Float {
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

  /// Inserts the nodes of the readout before an output.
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

  /// Replaces the biases before neurons by membranes at rest.
  private mutating func giveBiasesOnce() throws(ArcuateError) {
    // The input of each layer of neurons when all are silent and the input is zero.
    var silent = result
    var shownBy: [String: Int] = [:]
    let starting =
      network.rectifiers.map { ($0, network.model.nodes[$0].name) }
      + (startsReadouts ? readouts.sorted { $0.key < $1.key }.map { ($0.key, $0.value) } : [])
    var indices: [Int: Int] = [:]
    for (i, name) in starting {
      guard let index = result.nodes.firstIndex(where: { $0.name == name }) else { continue }
      indices[i] = index
      silent.nodes[index].op = .scale(Tensor(scalar: 0))
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
      guard let i = shownBy[output.name], let index = indices[i],
        case .neuron(var neuron) = result.nodes[index].op
      else { continue }
      let gain = neuron.resistance.floats[0] * Float(options.steps)
      // Output neurons have no threshold.
      let start = index == i ? options.initialPotential : 0
      let rest = currents[port].map { start + gain * $0 }
      neuron.initial = try Tensor(rest, shape: output.shape)
      result.nodes[index].op = .neuron(neuron)
    }
    for i in network.order where network.model.nodes[i].op.hasBias {
      let reached = readers(of: i)
      if reached.neurons && reached.output && !startsReadouts {
        throw ArcuateError(
          .invalidModel,
          "its bias reaches neurons and an output: it cannot be given once to neurons and at every "
            + "step to the output", at: "node \"\(network.model.nodes[i].name)\"")
      }
      if reached.neurons || startsReadouts {
        result.nodes[i].op = try result.nodes[i].op.withoutBias()
      }
    }
  }

  /// Whether neurons and outputs read a node with no neurons between.
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
  fileprivate func taking(_ from: Float, to: Float) throws(ArcuateError) -> Operator {
    func scaled(_ tensor: Tensor, _ factor: Float) throws(ArcuateError) -> Tensor {
      factor == 1 ? tensor : try Tensor(tensor.floats.map { $0 * factor }, shape: tensor.shape)
    }
    if case .linear(var linear) = self {
      linear.weight = try scaled(linear.weight, from / to)
      linear.bias = try linear.bias.map { bias throws(ArcuateError) in try scaled(bias, 1 / to) }
      return .linear(linear)
    }
    if case .convolution(var convolution) = self {
      convolution.weight = try scaled(convolution.weight, from / to)
      convolution.bias = try convolution.bias.map { bias throws(ArcuateError) in
        try scaled(bias, 1 / to)
      }
      return .convolution(convolution)
    }
    if case .batchNorm(let norm) = self {
      let (factor, shift) = norm.factorAndShift()
      return .batchNorm(
        BatchNorm(factor: factor.map { $0 * (from / to) }, shift: shift.map { $0 / to }))
    }
    return self
  }

  fileprivate var hasBias: Bool {
    if case .linear(let linear) = self { return linear.bias != nil }
    if case .convolution(let convolution) = self { return convolution.bias != nil }
    if case .batchNorm = self { return true }
    return false
  }

  fileprivate func withoutBias() throws(ArcuateError) -> Operator {
    if case .linear(var linear) = self {
      linear.bias = nil
      return .linear(linear)
    }
    if case .convolution(var convolution) = self {
      convolution.bias = nil
      return .convolution(convolution)
    }
    if case .batchNorm(let norm) = self {
      let factor = norm.factorAndShift().factor
      return .batchNorm(BatchNorm(factor: factor, shift: factor.map { _ in 0 }))
    }
    return self
  }
}

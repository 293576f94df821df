import Arcuate

/// Models of every kind of node, sound or not: nodes that nothing feeds or that feed nothing, empty
/// shapes, cycles, nested graphs, parameters that do not fit.
///
/// Unlike `Family`, which draws networks that compute something, this draws what a file may hold.
package struct RandomModel {
  private var dice: Dice
  private var model = Model()
  private var shapes: [String: Shape] = [:]
  private var signals: [String: Signal] = [:]
  /// The node whose rule names the next one as its post side.
  private var plasticNode: String?
  private var depth: Int
  /// Whether most nodes are layers that can be converted to spikes.
  private var isArtificial = false
  private static let inputs: [[Int]] = [
    [3], [4], [1], [17], [2, 3], [1, 4, 4], [2, 5, 3], [3, 6], [], [0], [0, 2], [1, 1, 1],
  ]

  package static func draw(_ seed: UInt64) -> Model {
    var random = RandomModel(dice: Dice(seed), depth: 0)
    return random.graph()
  }

  private init(dice: Dice, depth: Int) {
    self.dice = dice
    self.depth = depth
  }

  private mutating func one<T>(_ of: [T]) -> T { of[dice.integer(0...of.count - 1)] }
  private mutating func happens(_ chance: Float) -> Bool { dice.uniform() < chance }

  private mutating func shape() -> Shape {
    try! Shape(happens(0.8) ? one(Array(Self.inputs.prefix(8))) : one(Self.inputs))
  }

  /// Of plausible numbers, seldom of any.
  private mutating func number(_ low: Float, _ high: Float) -> Float {
    happens(0.97)
      ? dice.uniform(low, high)
      : one([0, -1, .leastNonzeroMagnitude, -1e30, 1e30, 3e38, .infinity, .nan, 1e-30, 1e6])
  }

  private mutating func tensor(_ extents: [Int], _ low: Float = -1, _ high: Float = 1) -> Tensor {
    let shape = try! Shape(extents)
    var values = (0..<shape.count).map { _ in dice.uniform(low, high) }
    if !values.isEmpty, happens(0.05) {
      values[dice.integer(0...values.count - 1)] = number(low, high)
    }
    if happens(0.03) { values = values.map { _ in 0 } }
    return try! Tensor(values, shape: shape)
  }

  /// A parameter of each element of `shape`, of one, or seldom of another shape.
  private mutating func parameter(_ shape: Shape, _ low: Float, _ high: Float) -> Tensor {
    switch dice.integer(0...19) {
    case 0: tensor([2], low, high)
    case 1...7: Tensor(scalar: number(low, high))
    case 8: tensor([1], low, high)
    default: tensor(shape.extents, low, high)
    }
  }

  // MARK: Graphs

  private mutating func graph(input: Shape? = nil) -> Model {
    isArtificial = happens(0.15)
    let inputs = dice.integer(0...29)
    for i in 0..<(inputs == 0 ? 0 : inputs < 24 ? 1 : 2) {
      let shape = i == 0 && input != nil ? input! : shape()
      add(i == 0 ? "in" : "in\(i)", .input(shape: shape), shape, from: [])
    }
    for i in 0..<dice.integer(0...7) {
      let source = plasticNode.map { [$0] } ?? sources()
      let (op, shape) = operation(source)
      add("n\(i)", op, shape, from: source)
      signals["n\(i)"] = op.kind.signal(source.map { signals[$0] ?? .value })
    }
    for i in 0..<(happens(0.97) ? dice.integer(1...2) : 0) {
      let source = i == 0 && happens(0.97) ? model.nodes.last.map { [$0.name] } ?? [] : sources()
      let shape = source.first.flatMap { shapes[$0] } ?? shape()
      add("out\(i)", .output(shape: happens(0.9) ? shape : self.shape()), nil, from: source)
    }
    for _ in 0..<(happens(0.2) ? dice.integer(1...2) : 0) where !model.nodes.isEmpty {
      model.edges.append(.init(one(model.nodes).name, one(model.nodes).name))
    }
    if happens(0.1) { model.nodes.reverse() }
    if happens(depth == 0 ? 0.8 : 0.1) { model.dt_s = 1e-3 }
    if happens(depth == 0 ? 0.4 : 0.1) { model.semantics = semantics() }
    if depth == 0, happens(0.2) {
      model.metadata["steps_per_frame"] = .number(Double(dice.integer(0...4)))
      model.metadata["frame_output"] = .string(one(["last", "sum", "mean", "every", "no"]))
    }
    return model
  }

  private mutating func add(_ name: String, _ op: Operator, _ shape: Shape?, from: [String]) {
    model.nodes.append(.init(name, op))
    shapes[name] = shape
    model.edges += from.map { .init($0, name) }
  }

  private mutating func sources() -> [String] {
    let known = model.nodes.map(\.name).filter { !$0.hasPrefix("out") }
    guard !known.isEmpty, happens(0.93) else { return [] }
    let last = happens(0.6) ? known[known.count - 1] : one(known)
    guard happens(0.15) else { return [last] }
    // Mostly of the same shape, which can be summed.
    let fitting = known.filter { shapes[$0] == shapes[last] }
    return [last, happens(0.8) ? one(fitting) : one(known)]
  }

  private mutating func semantics() -> NeuronSemantics {
    var semantics = NeuronSemantics(one(NeuronSemantics.Preset.allCases))
    if happens(0.5) { semantics.integrator = one(NeuronSemantics.Integrator.allCases) }
    if happens(0.5) { semantics.reset = one(NeuronSemantics.Reset.allCases) }
    if happens(0.5) { semantics.resetTiming = one(NeuronSemantics.ResetTiming.allCases) }
    if happens(0.5) { semantics.spikeTiming = one(NeuronSemantics.SpikeTiming.allCases) }
    if happens(0.5) { semantics.feedbackStart = one(NeuronSemantics.FeedbackStart.allCases) }
    if happens(0.3) { semantics.multiSpike.toggle() }
    if happens(0.3) { semantics.clampsBelow.toggle() }
    return semantics
  }

  // MARK: Nodes

  /// A node for these sources, and the shape of its output if that is known. Mostly the best of
  /// several draws: one in which nothing contradicts itself.
  private mutating func operation(_ sources: [String]) -> (Operator, Shape?) {
    let inputs = sources.map { shapes[$0] ?? .scalar }
    let shape = inputs.first ?? self.shape()
    let isPost = plasticNode != nil
    plasticNode = nil
    var op = Operator.activation(.relu)
    for _ in 0..<(happens(0.9) ? 8 : 1) {
      if isPost, happens(0.9) {
        op = happens(0.5) ? .neuron(neuron(shape)) : .program(cell(shape).neuron)
      } else {
        op =
          isArtificial && happens(0.97)
          ? layer(shape) : happens(0.25) ? plastic(shape) : plain(shape)
      }
      let known = try? op.outputShape(forAll: inputs.isEmpty ? [shape] : inputs.map { $0 })
      let isFit =
        known != nil && op.kind.contradictions().isEmpty
        && op.kind.refusal(of: sources.map { signals[$0] ?? nil }) == nil
      if isFit { break }
    }
    if case .plastic(let node) = op, node.rule != nil, happens(0.9) {
      plasticNode = "n\(model.nodes.filter { $0.name.hasPrefix("n") }.count)"
    }
    let known = try? op.outputShape(forAll: inputs.isEmpty ? [shape] : inputs.map { $0 })
    return (op, known ?? shape)
  }

  private mutating func layer(_ shape: Shape) -> Operator {
    switch dice.integer(0...5) {
    case 0, 1:
      return .linear(Linear(weight: tensor([3, shape.extents.last ?? 1]), bias: tensor([3])))
    case 2, 3: return .activation(.relu)
    case 4: return .convolution(convolution(shape))
    default:
      return .pooling(Pooling(kind: one([.average, .maximum]), kernel: [2, 2], stride: [2, 2]))
    }
  }

  private mutating func plain(_ shape: Shape) -> Operator {
    let count = shape.count
    let channels = shape.extents.first ?? 1
    let units = dice.integer(1...6)
    switch dice.integer(0...22) {
    case 0, 1:
      let last = happens(0.95) ? shape.extents.last ?? 1 : 3
      return .linear(
        Linear(weight: tensor([units, last]), bias: happens(0.6) ? tensor([units]) : nil))
    case 2: return .scale(parameter(shape, -2, 2))
    case 3: return .convolution(convolution(shape))
    case 4:
      return .pooling(
        Pooling(
          kind: one(Pooling.Kind.allCases), kernel: [dice.integer(1...3), dice.integer(1...2)],
          stride: [dice.integer(1...3), 1], padding: [dice.integer(0...1), 0]))
    case 5:
      return .flatten(
        Flatten(
          inputShape: happens(0.3) ? shape : nil, start: happens(0.9) ? 0 : -2,
          end: happens(0.9) ? -1 : 1))
    case 6: return .delay(parameter(shape, 0, 0.006))
    case 7: return .threshold(parameter(shape, -1, 1))
    case 8...10: return .neuron(neuron(shape))
    case 11: return .activation(one(Activation.allCases))
    case 12:
      return .batchNorm(
        BatchNorm(
          mean: tensor([channels]), variance: tensor([channels], 0.1, 2),
          gamma: tensor([channels]), beta: tensor([happens(0.95) ? channels : 2])))
    case 13:
      var norm = GroupNorm(groups: dice.integer(1...3), channels: channels)
      norm.gamma = tensor([channels])
      return .groupNorm(norm)
    case 14: return happens(0.5) ? .concatenation : .multiplication
    case 15: return .normalization(Normalization(target: number(0, 2), appendsLog: happens(0.3)))
    case 16:
      return .gru(
        GRU(
          inputWeight: tensor([3 * units, happens(0.95) ? count : 3]),
          hiddenWeight: tensor([3 * units, units]),
          inputBias: happens(0.5) ? tensor([3 * units]) : nil))
    case 17: return .program(program(shape))
    case 18:
      let gain = number(0, 1)
      return .encoder(
        one([
          .bernoulli(gain: gain, seed: 3), .rate(gain: gain), .singleShot(gain: gain),
          .signedBernoulli(gain: gain, seed: 1),
        ]))
    case 19: return .decoder(one(Decoder.allCases))
    case 20, 21:
      let width = happens(0.95) ? count : 3
      guard width > 0 else { return .activation(.relu) }
      return .sparse(
        dice.sparse(
          width, units, delay_ms: 0...(happens(0.3) ? 0 : 4), each: happens(0.4)))
    default:
      guard depth < 2 else { return .activation(.relu) }
      if happens(0.15) { return .graph(Model()) }
      if happens(0.15) {
        // A nested graph without edges.
        return .graph(
          Model(nodes: [
            .init("a", .input(shape: shape)), .init("lif", .neuron(neuron(shape))),
            .init("b", .output(shape: shape)),
          ]))
      }
      var inner = RandomModel(dice: Dice(dice.drawn &* 31 &+ UInt64(depth)), depth: depth + 1)
      inner.dice = dice
      let graph = inner.graph(input: shape)
      dice = inner.dice
      return .graph(graph)
    }
  }

  private mutating func convolution(_ shape: Shape) -> Convolution {
    let axes = happens(0.95) ? max(1, min(2, shape.rank - 1)) : 2
    let channels = shape.extents.first ?? 1
    let groups = happens(0.2) ? 2 : 1
    return Convolution(
      inputShape: happens(0.2) ? Array(shape.extents.dropFirst()) : nil,
      weight: tensor(
        [groups * dice.integer(1...2), channels / groups]
          + (0..<axes).map { _ in dice.integer(1...3) }),
      bias: happens(0.5) ? Tensor(scalar: 0.25) : nil,
      stride: (0..<axes).map { _ in dice.integer(1...2) },
      padding: one([
        .same, .valid, .explicit((0..<axes).map { _ in 1 }), .explicit((0..<axes).map { _ in 2 }),
      ]), dilation: (0..<axes).map { _ in dice.integer(1...2) }, groups: groups)
  }

  private mutating func neuron(_ shape: Shape) -> Neuron {
    var neuron = Neuron(one(Neuron.Kind.allCases), resistance: parameter(shape, -2, 2))
    if happens(0.97), neuron.kind.leaks { neuron.tauMembrane = parameter(shape, 0.002, 0.02) }
    if happens(0.97), neuron.kind.spikes { neuron.threshold = parameter(shape, 0.1, 1) }
    if happens(0.97), neuron.kind.hasSynapse { neuron.tauSynapse = parameter(shape, 0.002, 0.02) }
    if happens(0.5) { neuron.leak = parameter(shape, -0.1, 0.1) }
    if happens(0.5) { neuron.resetValue = parameter(shape, -0.1, 0.1) }
    if happens(0.1) { neuron.initial = parameter(shape, -0.1, 0.1) }
    if happens(0.1) { neuron.semantics = semantics() }
    return neuron
  }

  private mutating func program(_ shape: Shape) -> ProgramNeuron {
    var random = RandomProgram(seed: UInt64(dice.integer(0...100_000)))
    let texts = [
      "state v\nv = v / 2 + x\nspike = v > 1\nv = spike ? 0 : v", random.text(),
      "parameter tau = 0.01 s\nstate v = 0.5\nv = v + dt / tau * (x - v)\nvalue = v",
      "inputs a, b\nstate v\nv = 0.9 * v + a * b\nvalue = v",
      "state v\nv = v + x + uniform()\nspike = winner(v)",
    ]
    let parsed =
      (try? NeuronProgram(one(texts))) ?? (try! NeuronProgram("state v\nv = v + x\nvalue = v"))
    var neuron = ProgramNeuron(parsed, seed: 5)
    for parameter in parsed.parameters where parameter.standard == nil || happens(0.3) {
      neuron.parameters[parameter.name] = self.parameter(shape, 0.1, 1)
    }
    return neuron
  }

  // MARK: Plastic nodes

  private mutating func plastic(_ shape: Shape) -> Operator {
    let width = shape.extents.last ?? 1
    let units = dice.integer(1...5)
    switch dice.integer(0...6) {
    case 0, 1:
      return .plastic(
        .linear(
          PlasticLinear(
            weight: tensor([units, happens(0.95) ? width : 2]),
            bias: happens(0.4) ? tensor([units]) : nil,
            alpha: happens(0.3) ? tensor([units, width]) : nil, rule: rule(units))))
    case 2:
      var convolution = convolution(shape)
      if happens(0.8) { convolution.groups = 1 }
      return .plastic(.convolution(PlasticConvolution(convolution, rule: rule(units))))
    case 3: return .program(cell(shape).neuron)
    case 4: return .plastic(.trace(trace()))
    case 5: return .plastic(.winners(count: dice.integer(0...3)))
    default:
      return .plastic(
        .projection(
          Projection(
            post: units, pre: happens(0.95) ? width : 3, seed: 9, amplitude: number(0, 1),
            fanIn: happens(0.4) ? dice.integer(0...3) : nil)))
    }
  }

  private mutating func cell(_ shape: Shape) -> Cell {
    var cell = Cell(size: happens(0.95) ? shape.count : 2)
    if happens(0.7) { cell.tauMembrane_s = number(0.002, 0.02) }
    if happens(0.3) { cell.tauSynapse_s = number(0.002, 0.02) }
    if happens(0.3) { cell.winners = dice.integer(0...3) }
    if happens(0.2) { cell.refractory_s = number(0, 0.004) }
    if happens(0.2) { (cell.adaptation, cell.tauAdaptation_s) = (0.1, number(0.01, 1)) }
    if happens(0.2) { (cell.excitation, cell.inhibition) = (number(0, 2), number(-2, 0)) }
    if happens(0.2) { (cell.lateral, cell.tauLateral_s) = (1, number(0.002, 0.02)) }
    return cell
  }

  private mutating func trace() -> Trace {
    Trace(
      tau_s: number(0.002, 0.02), arrival: one(Trace.Arrival.allCases), gain: number(0, 1),
      second_s: happens(0.2) ? number(0.002, 0.02) : nil, lags: happens(0.2),
      isEuler: happens(0.2))
  }

  private mutating func factor(pre: Bool) -> PlasticRule.Factor {
    switch dice.integer(0...9) {
    case 0, 1: .one
    case 2, 3, 4: .value
    case 5: .previous
    case 6, 7: .trace(trace(), before: happens(0.5))
    case 8: pre ? .node("in") : .surrogate(.box(width: 0.5, height: 1))
    default: .sinceReset(trace())
    }
  }

  private mutating func rule(_ units: Int) -> PlasticRule {
    let known = model.nodes.map(\.name)
    // Of the node itself, of the one after it, or of any.
    let next = "n\(known.filter { $0.hasPrefix("n") }.count + 1)"
    var rule = PlasticRule(
      post: happens(0.7) ? next : one(known + ["nowhere"]),
      (0..<dice.integer(happens(0.95) ? 1...2 : 0...0)).map { _ in
        .init(
          one(PlasticRule.Event.allCases), pre: factor(pre: true), post: factor(pre: false),
          rate: number(-0.1, 0.1))
      })
    if happens(0.3) {
      rule.modulator = .init(
        one([
          .signal("reward"), .node(one(known + [next])),
          .error(node: next, teacher: "teacher"),
        ]),
        one([
          .all, .each, .compartments([0, 0, 1]), .random(seed: 2, amplitude: 0.5),
          .transpose(of: next), .matrix(tensor([units, 2])),
        ]))
    }
    if happens(0.2) { rule.decay = one([.weight(0.01), .oja(0.01)]) }
    if happens(0.3) { (rule.low, rule.high) = (number(-1, 0), number(0, 1)) }
    if happens(0.2) { rule.columnSum = number(0, 3) }
    if happens(0.2) {
      rule.scaling = one([.maximum(decay: 0.9, rate: 0.1), .square(decay: 0.9, rate: 0.1)])
    }
    if happens(0.2) { rule.application = .frame }
    if happens(0.2) { rule.firstStep = dice.integer(0...3) }
    if happens(0.2) { rule.learnsBias = true }
    return rule
  }
}

import ArcuateCore
import ArcuateKernels
import ArcuateModel
import ArcuateRuntime

/// Builds the nodes of a network from a checked model.
struct NetworkBuilder {
  private let checked: CheckedModel
  private let options: GradientOptions
  private let dt_s: Double
  private(set) var groups: [(nodes: [GradientNode], isCyclic: Bool)] = []
  private(set) var byName: [String: GradientNode] = [:]
  private(set) var inputs: [Signal] = []
  private(set) var outputs: [Signal] = []
  private(set) var parameters: [Parameter] = []
  private var signals: [Signal?]
  /// Parameters that several nodes share, by "first node of the group.field".
  private var shared: [String: Parameter] = [:]
  private var streams: UInt32 = 0
  /// Signals that no node makes, since they only show those of others.
  private(set) var copies: [Signal] = []

  /// With `twin`, parameters of the same name are its.
  init(_ checked: CheckedModel, _ options: GradientOptions, twin: Network?) throws {
    self.checked = checked
    for parameter in twin?.parameters ?? [] { shared[parameter.name] = parameter }
    self.options = options
    let dt = options.dt_s ?? checked.model.dt_s
    if dt == nil, let node = checked.model.firstNodeInNeedOfTimeStep {
      throw ArcuateError(
        .cannotCompile, "depends on the length of a step: give dt_s", at: "node \"\(node)\"")
    }
    dt_s = dt ?? 1
    signals = .init(repeating: nil, count: checked.model.nodes.count)
    let names = Set(checked.model.nodes.map(\.name))
    let named =
      Array(options.surrogates.keys) + Array(options.dropout.keys)
      + Array(options.frozen) + options.ties.flatMap { $0 }
      + options.detached.flatMap { [$0.source, $0.target] }
    for name in named where !names.contains(name) {
      throw ArcuateError(.notFound, "the options name a node \"\(name)\", which the model lacks")
    }
    let fields = Set(checked.model.nodes.flatMap { node in
      node.op.trainedByName.map { "\(node.name).\($0)" }
    })
    // A field alone is of whichever nodes have it.
    let alone = Set(Neuron.parameterNames + ["threshold"])
    for name in options.trained.sorted() where !fields.contains(name) && !alone.contains(name) {
      throw ArcuateError(
        .notFound, "the options train \"\(name)\", a parameter that no neurons of the model have")
    }
  }

  private var nodes: [Model.Node] { checked.model.nodes }

  mutating func build() throws {
    let (order, group, cyclic) = sweepOrder()
    let constant = constantNodes()
    var start = 0
    while start < order.count {
      var end = start + 1
      while end < order.count, group[order[end]] == group[order[start]] { end += 1 }
      let isCyclic = cyclic.contains(group[order[start]])
      // Within a cycle a node may read one that is built after it.
      if isCyclic { for i in order[start..<end] { try declare(i) } }
      // Neurons first, whose recordings others of a cycle may read before they run.
      var made: [Int: [GradientNode]] = [:]
      let neurons = order[start..<end].filter {
        if case .neuron = nodes[$0].op { true } else { false }
      }
      for i in (isCyclic ? neurons : []) + order[start..<end] where made[i] == nil {
        made[i] = try within("node \"\(nodes[i].name)\"") {
          try make(i, steps: constant[i] ? 1 : options.steps)
        }
      }
      let rules = try order[start..<end].compactMap { i in
        try within("node \"\(nodes[i].name)\"") { try fastWeights(i) }
      }
      groups.append((order[start..<end].flatMap { made[$0]! } + rules, isCyclic))
      start = end
    }
    inputs = checked.inputs.map { signals[$0]! }
    outputs = checked.outputs.map { signals[$0]! }
    markGradients()
    shareMemory()
  }

  /// The order of the model, with its groups. What lies between fast weights and the node that their
  /// rule learns from is a cycle as well.
  private func sweepOrder() -> (order: [Int], group: [Int], cyclic: Set<Int>) {
    let known = checked.ordering
    let late = nodes.indices.compactMap { i -> (source: Int, target: Int)? in
      guard case .plastic(.linear(let linear)) = nodes[i].op,
        let post = nodes.firstIndex(where: { $0.name == linear.rule.post })
      else { return nil }
      return (post, i)
    }
    guard !late.isEmpty else { return (known.order, known.group, known.cyclicGroups) }
    let group = Ordering(
      nodeCount: nodes.count, edges: checked.edges.map { ($0.source, $0.target) } + late,
      roots: checked.inputs, early: .init(repeating: false, count: nodes.count)
    ).group
    var place = [Int](repeating: 0, count: nodes.count)
    for (p, i) in known.order.enumerated() { place[i] = p }
    return (
      nodes.indices.sorted { (group[$0], place[$0]) < (group[$1], place[$1]) }, group,
      Set(nodes.indices.filter { known.cyclicGroups.contains(known.group[$0]) }.map { group[$0] })
        .union(late.map { group[$0.target] })
    )
  }

  /// In a cycle, sources that come later are known by the signals declared here.
  private var declared: [Int: Signal] = [:]

  private mutating func declare(_ i: Int) throws {
    switch nodes[i].op {
    case .neuron, .input: break
    default:
      declared[i] = try Signal(
        nodes[i].name, checked.shapes[i], batch: options.batch, steps: options.steps,
        isSparse: checked.signals[i] == .spike)
    }
  }

  /// Nodes that answer the same at every step.
  private func constantNodes() -> [Bool] {
    var constant = [Bool](repeating: false, count: nodes.count)
    guard options.input == .hold else { return constant }
    for i in checked.ordering.order {
      switch nodes[i].op {
      case .input: constant[i] = true
      case .neuron, .delay, .encoder, .decoder, .graph, .plastic: break
      default:
        let sources = checked.edges.filter { $0.target == i }.map(\.source)
        constant[i] = !sources.isEmpty && sources.allSatisfy { constant[$0] }
      }
    }
    return constant
  }

  private func signal(_ i: Int, steps: Int, isSparse: Bool? = nil) throws -> Signal {
    if let known = declared[i] { return known }
    return try Signal(
      nodes[i].name, checked.shapes[i], batch: options.batch, steps: steps,
      isSparse: isSparse ?? (checked.signals[i] == .spike))
  }

  // MARK: Parameters

  /// The group of nodes that share weights, by its first.
  private func owner(_ name: String) -> String {
    options.ties.first { $0.contains(name) }?.first ?? name
  }

  private mutating func parameter(
    _ i: Int, _ field: String, _ tensor: Tensor, isTrained: Bool = true, isMatrix: Bool = false,
    least: Float? = nil
  ) throws -> Parameter {
    let name = nodes[i].name
    let key = "\(owner(name)).\(field)"
    if let known = shared[key] {
      if !parameters.contains(where: { $0 === known }) { parameters.append(known) }
      guard known.shape == tensor.shape else {
        throw ArcuateError(
          .shapeMismatch,
          "shares \(field) with \"\(owner(name))\", which has \(known.shape), not "
            + "\(tensor.shape)")
      }
      return known
    }
    let made = try Parameter(
      key, tensor, isTrained: isTrained && !options.frozen.contains(name), isMatrix: isMatrix,
      least: least)
    shared[key] = made
    parameters.append(made)
    return made
  }

  // MARK: Nodes

  /// What leads to the node: signals with the steps by which each is late.
  private mutating func sources(_ i: Int) throws -> [(signal: Signal, delay: Int)] {
    try checked.edges.indices.filter { checked.edges[$0].target == i }.map { e in
      let source = checked.edges[e].source
      guard let signal = signals[source] ?? declared[source] else {
        throw ArcuateError(.cannotCompile, "reads a neuron of its cycle that runs later")
      }
      let edge = Model.Edge(nodes[source].name, nodes[i].name)
      return (
        options.detached.contains(edge) ? try detached(signal) : signal,
        checked.ordering.backEdges.contains(e) ? 1 : 0
      )
    }
  }

  /// The node's inputs, not summed, each of this step.
  private mutating func apart(
    _ i: Int, steps: Int, _ built: inout [GradientNode]
  ) throws -> [Signal] {
    try sources(i).map { signal, delay in
      guard delay > 0 else { return signal }
      let late = try Signal(
        "\(signal.name) (late)", signal.shape, batch: options.batch, steps: options.steps,
        isSparse: signal.isSparse)
      built.append(SumNode(late.name, [signal], delays: [delay], late))
      return late
    }
  }

  /// The node's input: the one signal that leads to it, or a sum that is put in front.
  private mutating func arriving(
    _ i: Int, steps: Int, _ built: inout [GradientNode]
  ) throws -> Signal {
    let (sources, delays) = try sources(i).reduce(into: ([Signal](), [Int]())) {
      $0.0.append($1.signal)
      $0.1.append($1.delay)
    }
    if sources.count == 1, delays[0] == 0 { return sources[0] }
    let shape = sources.first?.shape ?? checked.shapes[i]
    let all = sources.allSatisfy { $0.steps == 1 } && !sources.isEmpty ? 1 : options.steps
    // What weights make for this sum alone needs no memory of its own, nor a gradient.
    let own = sources.indices.filter {
      delays[$0] == 0 && sources[$0].steps == all && isOnlyFor(i, sources[$0])
    }
    let sum = try Signal(
      "\(nodes[i].name) (sum)", shape, batch: options.batch, steps: all,
      isSparse: sources.count == 1 && sources[0].isSparse,
      values: own.first.map { sources[$0].values })
    for k in own { sources[k].sum = sum }
    built.append(SumNode(sum.name, sources, delays: delays, sum, within: own.first))
    return sum
  }

  /// Whether a signal comes from weights and goes to node `i` alone.
  private func isOnlyFor(_ i: Int, _ signal: Signal) -> Bool {
    guard !signal.isSparse, let source = nodes.firstIndex(where: { $0.name == signal.name }),
      signals[source] === signal || declared[source] === signal,
      options.dropout[signal.name] == nil, !isLearnedFrom(signal.name)
    else { return false }
    switch nodes[source].op {
    case .linear, .convolution: break
    default: return false
    }
    return checked.edges.filter { $0.source == source }.map(\.target) == [i]
  }

  /// Whether a rule reads what a node emits.
  private func isLearnedFrom(_ name: String) -> Bool {
    nodes.contains {
      if case .plastic(.linear(let linear)) = $0.op { linear.rule.post == name } else { false }
    }
  }

  /// The same values, without a way back.
  private mutating func detached(_ signal: Signal) throws -> Signal {
    let copy = try Signal(
      signal.name, signal.shape, batch: signal.batch, steps: signal.steps,
      isSparse: signal.isSparse, values: signal.values)
    copies.append(copy)
    return copy
  }

  private mutating func make(_ i: Int, steps: Int) throws -> [GradientNode] {
    var built: [GradientNode] = []
    let node = nodes[i]
    if case .input = node.op {
      // Values that are mostly zeros, as pixels and events are, go through lists.
      let wide = options.input == .every || options.input == .first
      signals[i] = try Signal(
        node.name, checked.shapes[i], batch: options.batch, steps: wide ? options.steps : 1,
        isSparse: true)
      return []
    }
    let made: GradientNode
    switch node.op {
    case .concatenation:
      made = ConcatenationNode(
        node.name, try apart(i, steps: steps, &built), try signal(i, steps: steps))
    case .multiplication:
      made = ProductNode(
        node.name, try apart(i, steps: steps, &built), try signal(i, steps: steps))
    default: made = try makeOne(i, try arriving(i, steps: steps, &built), steps: steps)
    }
    built.append(made)
    byName[node.name] = made
    signals[i] = made.output
    if let share = options.dropout[node.name], share > 0 {
      streams += 1
      let output = try Signal(
        node.name, made.output.shape, batch: options.batch, steps: made.output.steps,
        isSparse: made.output.isSparse)
      built.append(try DropoutNode(node.name, made.output, output, share: share, stream: streams))
      signals[i] = output
    }
    return built
  }

  private mutating func makeOne(_ i: Int, _ input: Signal, steps: Int) throws -> GradientNode {
    let node = nodes[i]
    let name = node.name
    func unsupported(_ what: String) -> ArcuateError {
      ArcuateError(.cannotCompile, "\(what) has no gradient here")
    }
    switch node.op {
    case .linear(let linear):
      guard linear.weight.shape.rank == 2, input.width == linear.weight.shape[1] else {
        throw unsupported("a linear layer of shape \(linear.weight.shape) over \(input.shape)")
      }
      let weight = try parameter(i, "weight", linear.weight, isMatrix: true)
      let bias = try linear.bias.map {
        try parameter(
          i, "bias", Tensor(vector: try $0.broadcast(to: Shape([linear.weight.shape[0]]))))
      }
      return try LinearNode(
        name, input, signal(i, steps: steps), weight: weight, bias: bias,
        biasOnce: options.biasOnce)
    case .convolution(let convolution):
      let shape = checked.shapes[i]
      let weight = try parameter(i, "weight", convolution.weight)
      let bias = try convolution.bias.map {
        try parameter(i, "bias", Tensor(vector: try $0.broadcast(to: Shape([shape[0]]))))
      }
      return try ConvolutionNode(
        name, input, signal(i, steps: steps), convolution: convolution,
        geometry: convolution.geometry(input: input.shape, output: shape), weight: weight,
        bias: bias, biasOnce: options.biasOnce, threads: options.threads)
    case .pooling(let pooling):
      guard pooling.kind != .spikeMaximum else { throw unsupported("a maximum of spikes") }
      return try PoolingNode(name, input, signal(i, steps: steps), pooling: pooling)
    case .scale(let tensor):
      return ScaleNode(
        name, input, try signal(i, steps: steps), scale: try parameter(i, "scale", tensor))
    case .threshold(let tensor):
      return ThresholdNode(
        name, input, try signal(i, steps: steps),
        threshold: try parameter(i, "threshold", tensor, isTrained: isNamed(name, "threshold")),
        surrogate: options.surrogates[name] ?? options.surrogate, isSmooth: options.isSmooth)
    case .activation(let activation):
      return ActivationNode(name, input, try signal(i, steps: steps), kind: activation)
    case .batchNorm(let norm):
      guard declared[i] == nil else { throw unsupported("a batch-norm within a cycle") }
      return BatchNormNode(
        name, input, try signal(i, steps: steps), norm: norm,
        gamma: try parameter(i, "gamma", norm.gamma), beta: try parameter(i, "beta", norm.beta),
        mean: try parameter(i, "mean", norm.mean, isTrained: false),
        variance: try parameter(i, "variance", norm.variance, isTrained: false),
        momentum: options.normMomentum, biasOnce: options.biasOnce)
    case .delay(let tensor):
      let delays = try tensor.broadcast(to: checked.shapes[i]).map {
        Int((Double($0) / dt_s).rounded())
      }
      return DelayNode(
        name, input, try signal(i, steps: steps), delays: delays, tensor: tensor)
    case .encoder(let encoder):
      streams += 1
      return try EncoderNode(
        name, input, signal(i, steps: steps), encoder: encoder, stream: streams)
    case .decoder(let decoder):
      return try DecoderNode(name, input, signal(i, steps: steps), decoder: decoder)
    case .flatten, .output:
      return PassNode(
        name, input, try signal(i, steps: steps, isSparse: input.isSparse), node.op)
    case .neuron(let neuron):
      let semantics = neuron.semantics ?? options.semantics ?? checked.model.semantics
      guard semantics.feedbackStart == .zero || declared.isEmpty else {
        throw unsupported("feedback that answers to silence (feedback_start response)")
      }
      let fields = try neuron.parameters.map { field, tensor in
        try parameter(
          i, field, tensor, isTrained: isNamed(name, field),
          least: field.hasPrefix("tau") ? Float(dt_s) * 1e-3 : nil)
      }
      return try NeuronNode(
        name, input, shape: checked.shapes[i], neuron: neuron, semantics: semantics, dt_s: dt_s,
        fields: fields, options: options)
    case .sparse: throw unsupported("a list of connections (densify the model first)")
    case .normalization: throw unsupported("a normalization by the size of its input")
    case .plastic(.linear(let linear)): return try fastLinear(i, linear, input, steps: steps)
    case .plastic: throw unsupported("a node of networks that learn while they run")
    case .input, .graph, .concatenation, .multiplication: throw unsupported("this node")
    }
  }

  // MARK: Fast weights

  /// What the rules of fast weights need when the nodes they learn from are there.
  private var fastStates: [Int: (input: Signal, fast: Signal, rate: Parameter)] = [:]

  private mutating func fastLinear(
    _ i: Int, _ linear: PlasticLinear, _ input: Signal, steps: Int
  ) throws -> GradientNode {
    guard let alpha = linear.alpha else {
      throw ArcuateError(
        .cannotCompile,
        "weights that a rule changes have no gradient here: with alpha it changes fast weights, "
          + "which have one")
    }
    let rule = try linear.rule.fastRule()
    let weight = try parameter(i, "weight", linear.weight, isMatrix: true)
    let coefficient = try parameter(
      i, "alpha", alpha, isMatrix: alpha.shape == linear.weight.shape)
    let bias = try linear.bias.map {
      try parameter(i, "bias", Tensor(vector: try $0.broadcast(to: Shape([linear.post]))))
    }
    let rate = try parameter(i, "rate", Tensor(vector: [rule.rate]))
    let fast = try Signal(
      "\(nodes[i].name) (fast)", Shape([linear.pre, linear.post]), batch: options.batch,
      steps: options.steps, isSparse: false)
    fastStates[i] = (input, fast, rate)
    return try FastLinearNode(
      nodes[i].name, input, signal(i, steps: steps), linear: linear, fast: fast, weight: weight,
      alpha: coefficient, bias: bias, rate: rate)
  }

  /// The node that makes the fast weights of `i`, which runs behind what it learns from.
  private func fastWeights(_ i: Int) throws -> GradientNode? {
    guard case .plastic(.linear(let linear)) = nodes[i].op, let state = fastStates[i],
      let post = nodes.firstIndex(where: { $0.name == linear.rule.post }),
      let emitted = signals[post]
    else { return nil }
    let first = min(linear.rule.firstStep, options.steps)
    let end = max(first, min(options.plasticSteps ?? options.steps, options.steps))
    return try FastWeightsNode(
      "\(nodes[i].name) (rule)", state.input, post: emitted, state.fast, rate: state.rate,
      decay: try linear.rule.fastRule().decay, active: first..<end, options: options)
  }

  private func isNamed(_ node: String, _ field: String) -> Bool {
    options.trained.contains(field) || options.trained.contains("\(node).\(field)")
  }

  // MARK: Memory

  /// What only neurons read is not needed on the way back, on which its gradient takes its place.
  private func shareMemory() {
    let nodes = groups.flatMap(\.nodes)
    for node in nodes {
      guard let neurons = node as? NeuronNode, !neurons.readsInput,
        nodes.filter({ $0.inputs.contains { $0 === neurons.input } }).count == 1,
        nodes.contains(where: {
          $0.output === neurons.input
            && ($0 is LinearNode || $0 is ConvolutionNode || $0 is SumNode)
        }), neurons.input.steps == options.steps
      else { continue }
      neurons.input.sharesGradient()
    }
  }

  // MARK: Which signals need gradients

  /// A signal needs one if a parameter lies before it; around cycles until nothing changes.
  private mutating func markGradients() {
    if options.inputGradients { for signal in inputs { signal.needsGradient = true } }
    let nodes = groups.flatMap(\.nodes)
    var changed = true
    while changed {
      changed = false
      for node in nodes where !node.output.needsGradient {
        if node.parameters.contains(where: \.isTrained)
          || node.inputs.contains(where: \.needsGradient)
        {
          node.output.needsGradient = true
          changed = true
        }
      }
    }
  }
}

extension Operator {
  /// Fields that learn where the options name them.
  fileprivate var trainedByName: [String] {
    switch self {
    case .neuron(let neuron): neuron.parameters.map(\.name)
    case .threshold: ["threshold"]
    default: []
    }
  }
}

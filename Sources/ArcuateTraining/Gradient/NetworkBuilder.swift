import ArcuateCore
import ArcuateModel

/// Builds the nodes of a network from a checked model.
final class NetworkBuilder {
  let checked: CheckedModel
  let options: GradientOptions
  /// Seconds per step.
  let dt_s: Double
  private let schedule: Schedule
  private(set) var groups: [(nodes: [any NodeTraining], isCyclic: Bool)] = []
  private(set) var byName: [String: any NodeTraining] = [:]
  private(set) var inputs: [Signal] = []
  private(set) var outputs: [Signal] = []
  private(set) var parameters: [Parameter] = []
  /// Signals that no node writes: views of those of others.
  private(set) var copies: [Signal] = []
  /// What each node of the model writes, once it is made.
  private var signals: [Signal?]
  /// Within a cycle, what nodes write that are made later.
  private(set) var declared: [Int: Signal] = [:]
  /// Nodes that were put in front of the one being made.
  private var inFront: [any NodeTraining] = []
  /// Parameters that several nodes share, by "first node of the group.field".
  private var shared: [String: Parameter] = [:]
  /// Parameters that are trained where the options name them, as "node.field" and as "field".
  private var trainedByName: Set<String> = []
  private var streams: UInt32 = 0

  /// Parameters with the names of `counterpart`'s are shared with it.
  init(_ checked: CheckedModel, _ options: GradientOptions, counterpart: Network?)
    throws(ArcuateError)
  {
    self.checked = checked
    for parameter in counterpart?.parameters ?? [] { shared[parameter.name] = parameter }
    self.options = options
    let dt = options.dt_s ?? checked.model.dt_s
    if dt == nil, let node = checked.model.firstNodeInNeedOfTimeStep {
      throw ArcuateError(
        .cannotCompile,
        "depends on the length of a step, which the model does not state: give dt (--dt, dt= in "
          + "Python, dt_s in C)", at: "node \"\(node)\"")
    }
    dt_s = dt ?? 1
    schedule = checked.schedule(
      isInputHeld: options.input == .hold, dt_s: dt, unfedIsConstant: false, rulesJoinCycles: true)
    signals = .init(repeating: nil, count: checked.model.nodes.count)
    try checkNames()
  }

  var nodes: [Model.Node] { checked.model.nodes }

  /// Throws. `notFound` for a node that the options name and the model lacks.
  private func checkNames() throws(ArcuateError) {
    let names = Set(nodes.map(\.name))
    let named =
      Array(options.surrogates.keys) + Array(options.dropout.keys)
      + Array(options.frozen) + options.ties.flatMap { $0 }
      + options.detached.flatMap { [$0.source, $0.target] }
    for name in named where !names.contains(name) {
      throw ArcuateError(.notFound, "the options name a node \"\(name)\", which the model lacks")
    }
  }

  /// Throws. `notFound` for a parameter that the options train and no node has.
  private func checkTrainedNames() throws(ArcuateError) {
    // A field without a node is of all nodes that have it.
    let alone = Set(Neuron.parameterNames + ["threshold"])
    for name in options.trained.sorted()
    where !trainedByName.contains(name) && !alone.contains(name) {
      throw ArcuateError(
        .notFound, "the options train \"\(name)\", a parameter that no neurons of the model have")
    }
  }

  /// Whether the options name a parameter of node `i` that is trained only then.
  func isTrainedByName(_ i: Int, _ field: String) -> Bool {
    let name = "\(nodes[i].name).\(field)"
    trainedByName.formUnion([name, field])
    return options.trained.contains(field) || options.trained.contains(name)
  }

  func build() throws(ArcuateError) {
    for group in schedule.groups {
      try buildGroup(schedule.order[group.nodes], isCyclic: group.isCyclic)
    }
    try checkTrainedNames()
    inputs = checked.inputs.map { signals[$0]! }
    outputs = checked.outputs.map { signals[$0]! }
    markGradients()
    shareMemory()
  }

  private func buildGroup(_ order: ArraySlice<Int>, isCyclic: Bool) throws(ArcuateError) {
    // Within a cycle a node may read one that is made after it.
    if isCyclic { for i in order where !isRecorded(i) { declared[i] = try declaration(i) } }
    // Neurons first: others of a cycle may read their recordings before they run.
    var made: [Int: [any NodeTraining]] = [:]
    for i in (isCyclic ? order.filter(isRecorded) : []) + order where made[i] == nil {
      try Cancellation.check()
      made[i] = try within("node \"\(nodes[i].name)\"") { () throws(ArcuateError) in
        try make(i, steps: schedule.isConstant[i] ? 1 : options.steps)
      }
    }
    let rules = try order.map { i throws(ArcuateError) in
      try within("node \"\(nodes[i].name)\"") { () throws(ArcuateError) in try fastWeights(i) }
    }.compactMap(\.self)
    // A delay of a step or more that breaks its cycle runs first: it reads earlier steps alone, and
    // nodes before it in the order read it. What sums its inputs stays where it is.
    let early = isCyclic ? order.filter(isEarlyDelay) : []
    let first = early.map { made[$0]!.last(where: { $0 is DelayNode })! }
    let others = order.flatMap { made[$0]! }.filter { node in !first.contains { $0 === node } }
    groups.append((first + others + rules, isCyclic))
  }

  private func isEarlyDelay(_ i: Int) -> Bool {
    guard case .delay = nodes[i].op else { return false }
    return nodes[i].op.kind.isEarly(checked.model.semantics, dt_s: dt_s)
  }

  /// Whether a node's output is its recording, which exists once the node is made.
  private func isRecorded(_ i: Int) -> Bool {
    if case .neuron = nodes[i].op { true } else { false }
  }

  private func declaration(_ i: Int) throws(ArcuateError) -> Signal {
    try Signal(
      nodes[i].name, checked.shapes[i], batch: options.batch, steps: options.steps,
      isSparse: checked.signals[i] == .spike)
  }

  /// The nodes of node `i` of the model: what is put in front of it, itself, and its dropout.
  private func make(_ i: Int, steps: Int) throws(ArcuateError) -> [any NodeTraining] {
    let node = nodes[i]
    if case .input = node.op {
      // Values that are mostly zeros, as pixels and events are, go through lists.
      let input = try Signal(
        node.name, checked.shapes[i], batch: options.batch,
        steps: options.input == .hold ? 1 : options.steps, isSparse: true)
      input.isGiven = true
      signals[i] = input
      return []
    }
    inFront = []
    let made = try node.op.makeTrainingNode(at: NodeSite(builder: self, index: i, steps: steps))
    byName[node.name] = made
    signals[i] = made.output
    guard let share = options.dropout[node.name], share > 0 else { return inFront + [made] }
    let output = try Signal(
      node.name, made.output.shape, batch: options.batch, steps: made.output.steps,
      isSparse: made.output.isSparse)
    signals[i] = output
    let dropout = try DropoutNode(
      node.name, made.output, output, share: share, stream: randomStream())
    return inFront + [made, dropout]
  }

  /// The node that makes the fast weights of `i`, which runs behind what its rule reads.
  private func fastWeights(_ i: Int) throws(ArcuateError) -> (any NodeTraining)? {
    guard case .plastic(.linear(let linear)) = nodes[i].op,
      let node = byName[nodes[i].name] as? FastLinearNode,
      let post = nodes.firstIndex(where: { $0.name == linear.rule.post }),
      let emitted = signals[post]
    else { return nil }
    return try FastWeightsNode.make(for: node, linear.rule, post: emitted, options: options)
  }

  func randomStream() -> UInt32 {
    streams += 1
    return streams
  }

  // MARK: Parameters

  /// The group of nodes that share weights, by its first.
  private func owner(_ name: String) -> String {
    options.ties.first { $0.contains(name) }?.first ?? name
  }

  func parameter(
    _ i: Int, _ field: String, _ tensor: Tensor, isTrained: Bool, isMatrix: Bool, least: Float?
  ) throws(ArcuateError) -> Parameter {
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

  // MARK: Memory

  /// Lets gradients lie where values do that the backward pass does not need.
  private func shareMemory() {
    let nodes = groups.flatMap(\.nodes)
    for node in nodes where node.overwritesInput {
      let signal = node.input
      guard nodes.count(where: { $0.inputs.contains { $0 === signal } }) == 1,
        nodes.contains(where: { $0.output === signal && $0.outputIsTransient }),
        signal.steps == options.steps
      else { continue }
      signal.sharesGradient()
    }
  }

  // MARK: Which signals need gradients

  /// A signal needs one if a trained parameter lies before it; around cycles until nothing changes.
  private func markGradients() {
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

  // MARK: What arrives

  /// The signals that lead to a node, with the steps by which each is late.
  private func sources(_ i: Int) throws(ArcuateError) -> [(signal: Signal, delay: Int)] {
    try checked.edges.indices.filter { checked.edges[$0].target == i }.map {
      e throws(ArcuateError) in
      let source = checked.edges[e].source
      guard let signal = signals[source] ?? declared[source] else {
        throw ArcuateError(.cannotCompile, "reads a neuron of its cycle that runs later")
      }
      let edge = Model.Edge(nodes[source].name, nodes[i].name)
      return (
        options.detached.contains(edge) ? try detached(signal) : signal,
        schedule.backEdges.contains(e) ? 1 : 0
      )
    }
  }

  /// A node's inputs, not summed, each of this step.
  func apart(_ i: Int) throws(ArcuateError) -> [Signal] {
    try sources(i).map { signal, delay throws(ArcuateError) in
      guard delay > 0 else { return signal }
      let late = try Signal(
        "\(signal.name) (late)", signal.shape, batch: options.batch, steps: options.steps,
        isSparse: signal.isSparse)
      inFront.append(SumNode(late.name, [signal], delays: [delay], late))
      return late
    }
  }

  /// A node's input: the one signal that leads to it, or a sum that is put in front.
  func arriving(_ i: Int) throws(ArcuateError) -> Signal {
    let arriving = try sources(i)
    let (sources, delays) = (arriving.map(\.signal), arriving.map(\.delay))
    if sources.count == 1, delays[0] == 0 { return sources[0] }
    let shape =
      if let first = sources.first { first.shape } else {
        try nodes[i].op.silence(output: checked.shapes[i])
      }
    let all = sources.allSatisfy { $0.steps == 1 } && !sources.isEmpty ? 1 : options.steps
    // A product for this sum alone needs no memory of its own, nor a gradient.
    let own = sources.indices.filter {
      delays[$0] == 0 && sources[$0].steps == all && isOnlyFor(i, sources[$0])
    }
    let sum = try Signal(
      "\(nodes[i].name) (sum)", shape, batch: options.batch, steps: all,
      isSparse: sources.count == 1 && sources[0].isSparse,
      values: own.first.map { sources[$0].values })
    for k in own { sources[k].sum = sum }
    inFront.append(SumNode(sum.name, sources, delays: delays, sum, within: own.first))
    return sum
  }

  /// Whether a signal is a product with weights and leads to node `i` alone.
  private func isOnlyFor(_ i: Int, _ signal: Signal) -> Bool {
    guard !signal.isSparse, let source = nodes.firstIndex(where: { $0.name == signal.name }),
      signals[source] === signal || declared[source] === signal,
      options.dropout[signal.name] == nil, !isReadByRule(signal.name),
      isProduct(nodes[source].op)
    else { return false }
    return checked.edges.filter { $0.source == source }.map(\.target) == [i]
  }

  /// Whether an operator is a product whose value, outside of sums, nothing needs.
  private func isProduct(_ op: Operator) -> Bool {
    if case .linear = op { return true }
    if case .convolution = op { return true }
    return false
  }

  /// Whether a rule reads what a node emits.
  private func isReadByRule(_ name: String) -> Bool {
    nodes.contains {
      if case .plastic(.linear(let linear)) = $0.op { linear.rule.post == name } else { false }
    }
  }

  /// The same values, without a way back.
  private func detached(_ signal: Signal) throws(ArcuateError) -> Signal {
    let copy = try Signal(
      signal.name, signal.shape, batch: signal.batch, steps: signal.steps,
      isSparse: signal.isSparse, values: signal.values)
    copies.append(copy)
    return copy
  }
}

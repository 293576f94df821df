import ArcuateCore
import ArcuateKernels
import ArcuateModel

/// Turns a checked model into a plan: order of elements, packed nodes, then memory.
struct Compiler {
  let checked: CheckedModel
  let options: CompileOptions
  let schedule: Schedule
  /// For each node whether its rows are channel-last.
  let isChannelLast: [Bool]
  /// What enters each node, in the order of the edges.
  private var incoming: [[(source: Int, isDelayed: Bool)]]
  private var nodes: [Model.Node] { checked.model.nodes }

  private var slots: [Slot] = []
  private var steps: [NodeStep] = []
  /// The step of each node of the model.
  private var stepOf: [Int]
  private var packing: NodePacking
  /// Whether anything adapts.
  private let isAdaptive: Bool

  /// Throws. `cannotCompile` where a node depends on a step length that nobody gives.
  private init(_ checked: CheckedModel, _ options: CompileOptions) throws(ArcuateError) {
    let dt_s = checked.model.dt_s
    if dt_s == nil, let node = checked.model.firstNodeInNeedOfTimeStep {
      throw ArcuateError(
        .cannotCompile,
        "depends on the length of a step, which neither the options nor the model "
          + "state: give dt (--dt, dt= in Python, dt_s in C)", at: "node \"\(node)\"")
    }
    self.checked = checked
    self.options = options
    schedule = checked.schedule(
      isInputHeld: options.stepsPerFrame > 1 && options.frameInput == .hold, dt_s: dt_s)
    isChannelLast = checked.channelLastNodes(schedule)
    let count = checked.model.nodes.count
    incoming = [[(source: Int, isDelayed: Bool)]](repeating: [], count: count)
    for (e, edge) in checked.edges.enumerated() {
      incoming[edge.target].append((edge.source, schedule.backEdges.contains(e)))
    }
    stepOf = [Int](repeating: -1, count: count)
    packing = NodePacking(
      .init(
        batch: options.batch, isFast: options.numerics == .fast, dt_s: dt_s ?? 1,
        semantics: checked.model.semantics))
    isAdaptive = checked.model.nodes.contains {
      switch $0.op {
      case .plastic(let plastic): plastic.isAdaptive
      case .program(let neuron): !neuron.program.adaptive.isEmpty
      default: false
      }
    }
  }

  static func plan(_ checked: CheckedModel, _ options: CompileOptions) throws(ArcuateError) -> Plan
  {
    var compiler = try Compiler(checked, options)
    return try compiler.plan()
  }

  /// Throws. What packing a node throws, naming the node; `limitExceeded`.
  private mutating func plan() throws(ArcuateError) -> Plan {
    try makeSlots()
    for i in schedule.order {
      try Cancellation.check()
      stepOf[i] = steps.count
      try within("node \"\(nodes[i].name)\"") { () throws(ArcuateError) in
        steps.append(try step(for: i))
      }
    }
    // The nodes of one cycle run step by step, everything else block by block.
    let groups = schedule.groups.map { group in
      let own = Array(steps[group.nodes])
      return NodeGroup(
        range: group.nodes, steps: own, isCyclic: group.isCyclic,
        population: group.isCyclic ? Population(steps, group.nodes) : nil,
        recurrence: group.isCyclic ? Recurrence(own, slots) : nil)
    }
    let feedbackRest = try RestResponses.feedback(
      checked, schedule, steps: steps, slots: slots)
    let outputSums = checked.outputs.map { packing.takeState(options.batch * slots[$0].stride) }
    var rules = PlasticityCompiler(
      checked: checked, batch: options.batch, threads: options.threads, dt_s: packing.dt_s,
      steps: steps, stepOf: stepOf, slots: slots, state: packing.state)
    let plasticity = try rules.plan()
    var layout = ArenaLayout(
      steps: steps, groups: groups, slots: slots, inputs: checked.inputs,
      outputs: checked.outputs, options: options, plasticity: plasticity)
    layout.size.state = rules.state
    layout.size.sparseLists = packing.sparseLists
    layout.size.sparseCounts = packing.sparseCounts
    try layout.arrange()
    try layout.size.check(against: options, steps: layout.steps)
    func ports(_ indices: [Int]) -> [Plan.Port] {
      indices.map {
        Plan.Port(
          name: nodes[$0].name, shape: checked.shapes[$0], signal: checked.signals[$0], node: $0)
      }
    }
    return Plan(
      source: .init(
        model: checked.model, findings: checked.findings, options: options, dt_s: checked.model.dt_s
      ),
      inputs: ports(checked.inputs), outputs: ports(checked.outputs),
      work: .init(
        steps: layout.steps, groups: layout.groups, plasticity: plasticity,
        tiling: layout.tiling, stages: layout.stages),
      memory: .init(
        slots: layout.slots, size: layout.size, feedbackRest: feedbackRest,
        outputSums: outputSums))
  }

  /// One slot per node, in node order; gathered inputs follow.
  private mutating func makeSlots() throws(ArcuateError) {
    for i in nodes.indices {
      guard checked.shapes[i].count <= NodePacking.largestRow else {
        throw ArcuateError(
          .limitExceeded, "shape \(checked.shapes[i]) is above \(NodePacking.largestRow) elements",
          at: "node \"\(nodes[i].name)\"")
      }
      slots.append(Slot(count: checked.shapes[i].count, constant: schedule.isConstant[i]))
    }
    for (e, edge) in checked.edges.enumerated()
    where schedule.backEdges.contains(e) && slots[edge.source].history == nil {
      slots[edge.source].history = packing.takeState(options.batch * slots[edge.source].stride)
    }
  }

  private mutating func step(for i: Int) throws(ArcuateError) -> NodeStep {
    let op = nodes[i].op
    let shape = checked.shapes[i]
    let inputs = incoming[i].map { checked.shapes[$0.source] }
    let readsLast =
      switch op.channelOrder {
      case .first: false
      case .last: true
      case .asInputs: isChannelLast[i]
      }
    let sources = incoming[i].map { from, isDelayed in
      NodeStep.Source(
        slot: from, isDelayed: isDelayed,
        permutation: ChannelOrder.permutation(
          fromLast: isChannelLast[from], toLast: readsLast, checked.shapes[from]))
    }
    packing.begin(
      shape: shape, inputs: inputs, isChannelLast: isChannelLast[i],
      isCyclic: schedule.isCyclic(i))
    let before = packing.state
    var node = try op.packed(&packing)
    assert(packing.state - before == (node.stateCount + 15) & ~15, "the state that a node names")

    let inputCount = inputs.first?.count ?? node.inputCount ?? shape.count
    var gather: Int?
    switch node.inputUse {
    case .none, .separate: break
    case .sum, .sumOrPair:
      if sources.count != 1 || sources[0].permutation != nil {
        gather = slots.count
        // Sums follow the constancy of their node; silence never changes.
        slots.append(Slot(count: inputCount, constant: schedule.isConstant[i]))
      }
    }
    if case .output = op, gather == nil, !sources[0].isDelayed,
      slots[sources[0].slot].history == nil
    {
      node = AliasNode()
    }
    let isPair =
      sources.count == 2 && node.inputUse == .sumOrPair
      && sources.allSatisfy { $0.permutation == nil }
    // Spikes are counted from their list; others are listed for nodes that go through it.
    if node.emission.isSpikes { slots[i].listed = true }
    if node.listUse.contains(.needed) { slots[gather ?? sources[0].slot].listed = true }
    if gather != nil, node.listUse.contains(.anyZeroSign), sources.first?.permutation != nil {
      slots[sources[0].slot].listed = true
    }
    var kernels = node.kernels
    if kernels.contains(where: { $0.linearStrategy == .events || $0 == .convolutionEvents }) {
      kernels.append(.nonzeroList)
    }
    return NodeStep(
      index: steps.count,
      identity: .init(node: i, name: nodes[i].name, kind: op.kindName, shape: shape),
      wiring: .init(
        sources: sources, gather: gather, output: i, inputCount: inputCount,
        outputCount: shape.count,
        isChannelLast: isChannelLast[i]
          && ChannelOrder.permutation(fromLast: true, toLast: false, shape) != nil,
        // Rules read the sum as well.
        addsPair: isPair && !isAdaptive),
      node: node, kernels: kernels,
      reason: (schedule.isConstant[i] ? "once per frame; " : "") + node.reason)
  }
}

extension CheckedModel {
  /// For each node whether its rows are channel-last.
  fileprivate func channelLastNodes(_ schedule: Schedule) -> [Bool] {
    var last = [Bool](repeating: false, count: model.nodes.count)
    for i in schedule.order {
      switch model.nodes[i].op.channelOrder {
      case .first: last[i] = false
      case .last: last[i] = true
      case .asInputs: last[i] = edges.contains { $0.target == i && last[$0.source] }
      }
    }
    return last
  }
}

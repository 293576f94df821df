import ArcuateCore
import ArcuateKernels
import ArcuateModel

/// Finds the rows that every rule of a plan brings together, once all nodes are packed.
struct PlasticityCompiler {
  let checked: CheckedModel
  let batch: Int
  let threads: Int
  let dt_s: Double
  let steps: [NodeStep]
  /// The step of each node of the model.
  let stepOf: [Int]
  let slots: [Slot]
  /// Floats of state that are taken, and of factors.
  private(set) var state: Int
  private var factors = 0
  private var signals: [PlasticSignal] = []
  private var streamRows: [StateRows] = []
  private var nodes: [Model.Node] { checked.model.nodes }
  private var index: [String: Int] = [:]

  init(
    checked: CheckedModel, batch: Int, threads: Int, dt_s: Double, steps: [NodeStep],
    stepOf: [Int], slots: [Slot], state: Int
  ) {
    self.checked = checked
    self.batch = batch
    self.threads = threads
    self.dt_s = dt_s
    self.steps = steps
    self.stepOf = stepOf
    self.slots = slots
    self.state = state
    for (i, node) in nodes.enumerated() { index[node.name] = i }
  }

  /// nil for a network in which nothing adapts.
  mutating func plan() throws(ArcuateError) -> PlasticityPlan? {
    let adaptive = steps.compactMap { $0.adaptiveNode }
    guard !adaptive.isEmpty else { return nil }
    var edges: [PlasticEdge] = []
    var neurons: [(step: NodeStep, node: ProgramNode)] = []
    for step in steps {
      if let node = step.node as? ProgramNode, node.adapts { neurons.append((step, node)) }
      guard let weights = step.adaptiveNode?.adaptiveWeights,
        case .plastic(let node) = nodes[step.identity.node].op, let rule = node.rule
      else { continue }
      try within("node \"\(step.name)\"") { () throws(ArcuateError) in
        edges.append(try edge(step, weights, rule))
      }
    }
    let resets = takeState(batch)
    return PlasticityPlan(
      edges: edges, neurons: neurons, nodes: adaptive, signals: signals, streamRows: streamRows,
      resets: resets, factorCount: factors)
  }

  private mutating func takeState(_ count: Int) -> Int {
    defer { state += (count + 15) & ~15 }
    return state
  }

  private mutating func takeFactors(_ count: Int) -> Int {
    defer { factors += (count + 15) & ~15 }
    return factors
  }

  /// Takes state that a reset of a stream clears.
  private mutating func takeRows(_ perStream: Int) -> Int {
    let offset = takeState(batch * perStream)
    streamRows.append(StateRows(offset: offset, stride: perStream))
    return offset
  }

  private mutating func edge(
    _ step: NodeStep, _ weights: PlasticWeights, _ rule: PlasticRule
  ) throws(ArcuateError) -> PlasticEdge {
    let post = index[rule.post]!
    let postStep = steps[stepOf[post]]
    let inputStride = slots[step.inputSlot].stride
    let postCount = weights.outputs * weights.positions
    let stride = (postCount + 15) & ~15

    func before(_ trace: Trace, pre: Bool) -> Bool {
      rule.terms.contains { (pre ? $0.pre : $0.post) == .trace(trace, before: true) }
    }
    func uses(_ factor: PlasticRule.Factor, pre: Bool) -> Bool {
      rule.terms.contains { (pre ? $0.pre : $0.post) == factor }
    }
    var traces: [[PlasticEdge.TraceRows]] = []
    for pre in [true, false] {
      let width = pre ? inputStride : stride
      var rows: [PlasticEdge.TraceRows] = []
      for trace in rule.traces(pre: pre) {
        rows.append(
          .init(
            numbers: trace.numbers(dt_s: dt_s), state: takeRows(2 * width),
            before: before(trace, pre: pre) ? takeFactors(batch * width) : nil))
      }
      traces.append(rows)
    }
    // The check has found these states.
    func states(_ name: String) -> StateRows? {
      guard case .program(let neuron) = nodes[post].op else { return nil }
      return (postStep.node as? ProgramNode)?.rows(ofState: name)
        ?? neuron.program.linearQuantity(ofState: name).flatMap(postStep.node.recordable)
    }
    func side(_ factor: PlasticRule.Factor, pre: Bool) -> PlasticEdge.Side {
      let traces = rule.traces(pre: pre)
      switch factor {
      case .one: return .one
      case .value: return .value
      case .previous: return .previous
      case .trace(let trace, let before):
        let i = traces.firstIndex(of: trace)!
        return before ? .before(i) : .trace(i)
      case .sinceReset(let trace): return .sinceReset(traces.firstIndex(of: trace)!)
      case .surrogate(let surrogate):
        return .surrogate(surrogate, of: states(PlasticRule.marginState)!)
      case .state(let name): return .state(states(name)!)
      case .node(let name): return .slot(steps[stepOf[index[name]!]].output)
      }
    }
    var terms: [PlasticEdge.Term] = []
    for term in rule.terms {
      terms.append(
        .init(
          event: term.event, pre: side(term.pre, pre: true), post: side(term.post, pre: false),
          rate: term.rate, factors: takeFactors(batch * stride), active: takeFactors(batch)))
    }
    let previousPre = uses(.previous, pre: true) ? takeRows(inputStride) : nil
    let previousPost = uses(.previous, pre: false) ? takeRows(stride) : nil
    let isFramed = rule.application == .frame
    let countsResets = rule.terms.contains {
      if case .sinceReset = $0.pre { true } else { false }
    }
    let eligibleStride = (weights.inputs + 16) & ~15
    guard
      !isFramed || batch * weights.outputs <= NodePacking.mostState / max(eligibleStride, 1)
    else {
      throw ArcuateError(.limitExceeded, "what a frame adds up for \(batch) streams is too large")
    }
    let modulator = try rule.modulator.map { modulator throws(ArcuateError) in
      try self.modulator(modulator, postCount, stride)
    }
    let scales = rule.scaling != .none ? takeState(weights.rows * weights.stride) : nil
    let eligible = isFramed ? takeRows(weights.outputs * eligibleStride) : nil
    let resets =
      countsResets
      ? PlasticEdge.ResetRows(
        snapshots: takeRows(weights.outputs * inputStride), countdown: takeRows(stride),
        passed: takeRows(stride), silence: states(PlasticRule.silenceState)) : nil
    let gradient = takeFactors(threads * 2 * weights.stride)
    let kernels = weights.geometry == nil ? nil : takeFactors(weights.rows * weights.stride)
    return PlasticEdge(
      weights: weights,
      pre: .init(
        slot: step.inputSlot, isDelayed: step.inputShift != 0, count: step.inputCount,
        stride: inputStride, traces: traces[0], previous: previousPre),
      post: .init(
        slot: postStep.output, isDelayed: false, count: postCount, stride: stride,
        traces: traces[1], previous: previousPost),
      terms: terms, modulator: modulator, rule: rule,
      offsets: .init(
        scales: scales, eligible: eligible, eligibleStride: eligibleStride, resets: resets,
        gradient: gradient, kernels: kernels))
  }

  /// The rows of a signal, taken when it is first asked for.
  private mutating func signal(_ name: String, _ width: Int) throws(ArcuateError)
    -> PlasticSignal.Rows
  {
    if let known = signals.first(where: { $0.name == name }) {
      guard known.width == width else {
        throw ArcuateError(
          .invalidModel,
          "signal \"\(name)\" has \(width) numbers here, \(known.width) for another rule")
      }
      return known.rows
    }
    let stride = (width + 15) & ~15
    let rows = PlasticSignal.Rows(
      stride: stride, state: takeState(batch * stride), given: takeState(batch))
    signals.append(PlasticSignal(name: name, width: width, rows: rows))
    return rows
  }

  private mutating func modulator(
    _ modulator: PlasticRule.Modulator, _ outputs: Int, _ stride: Int
  ) throws(ArcuateError) -> PlasticEdge.Modulator {
    let width = try modulator.width(
      post: outputs, index: index, counts: checked.shapes.map(\.count), nodes: nodes)
    let source: PlasticEdge.Source
    switch modulator.source {
    case .signal(let name): source = .signal(try signal(name, width))
    case .node(let name): source = .slot(steps[stepOf[index[name]!]].output)
    case .error(let name, let teacher):
      source = .error(
        slot: steps[stepOf[index[name]!]].output, teacher: try signal(teacher, width))
    }
    /// [width][stride] from [post, width].
    func matrix(_ values: (_ post: Int, _ k: Int) -> Float) throws(ArcuateError) -> PlasticEdge.Map
    {
      let view = try AlignedBuffer(byteCount: width * stride * 4).view(
        Float.self, start: 0, count: width * stride)
      for i in 0..<outputs {
        for k in 0..<width { view[k * stride + i] = values(i, k) }
      }
      return .matrix(view)
    }
    let map: PlasticEdge.Map
    switch modulator.map {
    case .all: map = .all
    case .each: map = .each
    case .compartments(let indices): map = .compartments(indices.map { Int32($0) })
    case .matrix(let tensor):
      let values = tensor.floats
      map = try matrix { values[$0 * width + $1] }
    case .random(let seed, let amplitude):
      let random = CounterRandom(seed: seed)
      map = try matrix { i, k in
        (random.uniform(stream: 0, step: UInt64(i), index: UInt32(k)) * 2 - 1) * amplitude
      }
    case .transpose(let name):
      let other = steps[stepOf[index[name]!]]
      if let weights = other.adaptiveNode?.adaptiveWeights {
        map = .transpose(weights)
      } else if case .linear(let linear) = nodes[other.identity.node].op {
        let values = linear.weight.floats
        map = try matrix { i, k in values[k * outputs + i] }
      } else {
        throw ArcuateError(.invalidModel, "node \"\(name)\" has no weights")
      }
    }
    let padded = (width + 15) & ~15
    return PlasticEdge.Modulator(
      source: source, map: map, width: width, scale: modulator.scale, deadZone: modulator.deadZone,
      limit: modulator.limit, factors: takeFactors(batch * stride),
      numbers: takeFactors(batch * padded), numbersStride: padded)
  }
}

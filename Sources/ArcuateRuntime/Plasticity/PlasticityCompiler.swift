import ArcuateCore
import ArcuateKernels
import ArcuateModel

/// Finds the rows that every rule of a plan brings together, once all nodes are packed.
struct LearningCompiler {
  let checked: CheckedModel
  let options: CompileOptions
  let dt_s: Double
  let steps: [Plan.Step]
  let stepOf: [Int]
  let slots: [Slot]
  /// Floats of state that are taken, and of scratch.
  var state: Int
  var scratch = 0
  private var signals: [LearningSignal] = []
  private var fast: [FastRows] = []
  private var nodes: [Model.Node] { checked.model.nodes }
  private var index: [String: Int] = [:]

  init(
    checked: CheckedModel, options: CompileOptions, dt_s: Double, steps: [Plan.Step],
    stepOf: [Int], slots: [Slot], state: Int
  ) {
    self.checked = checked
    self.options = options
    self.dt_s = dt_s
    self.steps = steps
    self.stepOf = stepOf
    self.slots = slots
    self.state = state
    for (i, node) in nodes.enumerated() { index[node.name] = i }
  }

  /// nil for a network in which nothing learns.
  mutating func learning() throws -> Learning? {
    var edges: [LearningEdge] = []
    var cells: [(index: Int, cell: PackedCell)] = []
    for (s, step) in steps.enumerated() {
      guard case .plastic(let packed) = step.operation else { continue }
      switch packed {
      case .cell(let cell):
        fast.append(FastRows(offset: cell.state, count: CellRows.count * cell.stride))
        if cell.learns { cells.append((s, cell)) }
      case .trace(_, let offset):
        fast.append(FastRows(offset: offset, count: 2 * slots[step.output].stride))
      case .linear(let packed):
        guard case .plastic(let node) = nodes[step.node].op, let rule = node.rule else { continue }
        if packed.fast >= 0 {
          fast.append(FastRows(offset: packed.fast, count: packed.inputs * packed.stride))
        }
        try within("node \"\(step.name)\"") {
          edges.append(try edge(s, step, packed, rule))
        }
      case .winners: break
      }
    }
    let isNeeded = steps.contains { if case .plastic = $0.operation { true } else { false } }
    guard isNeeded else { return nil }
    let rests = takeState(options.batch)
    return Learning(
      edges: edges, cells: cells, signals: signals, fast: fast, rests: rests,
      scratchCount: scratch)
  }

  private mutating func takeState(_ count: Int) -> Int {
    defer { state += (count + 15) & ~15 }
    return state
  }

  private mutating func takeScratch(_ count: Int) -> Int {
    defer { scratch += (count + 15) & ~15 }
    return scratch
  }

  private mutating func takeFast(_ perStream: Int) -> Int {
    let offset = takeState(options.batch * perStream)
    fast.append(FastRows(offset: offset, count: perStream))
    return offset
  }

  private mutating func edge(
    _ s: Int, _ step: Plan.Step, _ packed: PackedPlasticLinear, _ rule: PlasticRule
  ) throws -> LearningEdge {
    let batch = options.batch
    let post = index[rule.post]!
    let inputSlot = step.gather >= 0 ? step.gather : step.sources[0].slot
    let inputStride = slots[inputSlot].stride
    let postCount = packed.outputs * packed.positions
    let stride = (postCount + 15) & ~15
    var cell: PackedCell?
    if case .plastic(.cell(let found)) = steps[stepOf[post]].operation { cell = found }

    func before(_ trace: Trace, pre: Bool) -> Bool {
      rule.terms.contains { (pre ? $0.pre : $0.post) == .trace(trace, before: true) }
    }
    func uses(_ factor: PlasticRule.Factor, pre: Bool) -> Bool {
      rule.terms.contains { (pre ? $0.pre : $0.post) == factor }
    }
    var sides: [[LearningEdge.TraceRows]] = []
    for pre in [true, false] {
      let width = pre ? inputStride : stride
      var rows: [LearningEdge.TraceRows] = []
      for trace in rule.traces(pre: pre) {
        rows.append(
          .init(
            numbers: trace.numbers(dt_s: dt_s), state: takeFast(2 * width),
            before: before(trace, pre: pre) ? takeScratch(batch * width) : -1))
      }
      sides.append(rows)
    }
    func side(_ factor: PlasticRule.Factor, pre: Bool) -> LearningEdge.Side {
      let traces = rule.traces(pre: pre)
      switch factor {
      case .one: return .one
      case .value: return .value
      case .previous: return .previous
      case .trace(let trace, let before):
        let i = traces.firstIndex(of: trace)!
        return before ? .before(i) : .trace(i)
      case .sinceReset(let trace): return .sinceReset(traces.firstIndex(of: trace)!)
      case .surrogate(let surrogate): return .surrogate(surrogate)
      case .node(let name): return .slot(steps[stepOf[index[name]!]].output)
      }
    }
    var terms: [LearningEdge.Term] = []
    for term in rule.terms {
      terms.append(
        .init(
          event: term.event, pre: side(term.pre, pre: true), post: side(term.post, pre: false),
          rate: term.rate, factors: takeScratch(batch * stride), active: takeScratch(batch)))
    }
    var previousPre = -1
    var previousPost = -1
    if uses(.previous, pre: true) { previousPre = takeFast(inputStride) }
    if uses(.previous, pre: false) { previousPost = takeFast(stride) }
    let isScaled = rule.scaling != .none
    let isFramed = rule.application == .frame
    let sinceReset = rule.terms.contains {
      if case .sinceReset = $0.pre { true } else { false }
    }
    let eligibleStride = (packed.inputs + 16) & ~15
    guard isFramed == false || batch * packed.outputs <= (1 << 33) / max(eligibleStride, 1) else {
      throw ArcuateError(.limitExceeded, "what a frame adds up for \(batch) streams is too large")
    }
    return LearningEdge(
      index: s, linear: packed, input: inputSlot,
      inputIsDelayed: step.gather < 0 && step.sources[0].delayed,
      inputCount: step.inputCount, inputStride: inputStride, post: steps[stepOf[post]].output,
      postCount: postCount, postStride: stride, cell: cell, terms: terms,
      modulator: try rule.modulator.map { try modulator($0, postCount, stride) },
      preTraces: sides[0], postTraces: sides[1], previousPre: previousPre,
      previousPost: previousPost, rule: rule,
      scales: isScaled ? takeState(packed.rows * packed.stride) : -1,
      eligible: isFramed ? takeFast(packed.outputs * eligibleStride) : -1,
      eligibleStride: eligibleStride,
      snapshots: sinceReset ? takeFast(packed.outputs * inputStride) : -1,
      countdown: sinceReset ? takeFast(stride) : -1,
      resetSteps: sinceReset ? takeFast(stride) : -1,
      gradient: takeScratch(options.threads * 2 * packed.stride),
      kernels: packed.geometry == nil ? -1 : takeScratch(packed.rows * packed.stride))
  }

  /// The place of a signal in the list, made when it is first asked for.
  private mutating func signal(_ name: String, _ width: Int) throws -> Int {
    if let i = signals.firstIndex(where: { $0.name == name }) {
      guard signals[i].width == width else {
        throw ArcuateError(
          .invalidModel,
          "signal \"\(name)\" has \(width) numbers here, \(signals[i].width) for another rule")
      }
      return i
    }
    let stride = (width + 15) & ~15
    signals.append(
      LearningSignal(
        name: name, width: width, stride: stride, state: takeState(options.batch * stride),
        given: takeState(options.batch)))
    return signals.count - 1
  }

  private mutating func modulator(
    _ modulator: PlasticRule.Modulator, _ outputs: Int, _ stride: Int
  ) throws -> LearningEdge.Modulator {
    let width = try modulator.width(
      post: outputs, index: index, counts: checked.shapes.map(\.count), nodes: nodes)
    let source: LearningEdge.Source
    switch modulator.source {
    case .signal(let name): source = .signal(try signal(name, width))
    case .node(let name): source = .slot(steps[stepOf[index[name]!]].output)
    case .error(let name, let teacher):
      source = .error(
        slot: steps[stepOf[index[name]!]].output, teacher: try signal(teacher, width))
    }
    /// [width][stride] from [post, width].
    func matrix(_ values: (_ post: Int, _ k: Int) -> Float) throws -> LearningEdge.Map {
      let view = try AlignedBuffer(byteCount: width * stride * 4).view(
        Float.self, start: 0, count: width * stride)
      for i in 0..<outputs {
        for k in 0..<width { view[k * stride + i] = values(i, k) }
      }
      return .matrix(view)
    }
    let map: LearningEdge.Map
    switch modulator.map {
    case .all: map = .all
    case .each: map = .each
    case .compartments(let places): map = .compartments(places.map { Int32($0) })
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
      if case .plastic(.linear(let weights)) = other.operation {
        map = .transpose(weights)
      } else if case .linear(let linear) = nodes[other.node].op {
        let values = linear.weight.floats
        map = try matrix { i, k in values[k * outputs + i] }
      } else {
        throw ArcuateError(.invalidModel, "node \"\(name)\" has no weights")
      }
    }
    let padded = (width + 15) & ~15
    return LearningEdge.Modulator(
      source: source, map: map, width: width, scale: modulator.scale, deadZone: modulator.deadZone,
      limit: modulator.limit, factors: takeScratch(options.batch * stride),
      numbers: takeScratch(options.batch * padded), numbersStride: padded)
  }
}

import ArcuateCore

/// The check of a flat model, part by part.
///
/// Needs. A model whose names are unique and whose edges lead from and to its nodes.
struct ModelCheck {
  let model: Model
  private(set) var findings: [Finding] = []
  private var edges: [(source: Int, target: Int)] = []
  /// The sources of each node, in the order of the edges.
  private var into: [[Int]]
  private let inputs: [Int]
  private let outputs: [Int]

  init(_ model: Model) {
    self.model = model
    let nodes = model.nodes
    var index: [String: Int] = [:]
    for (i, node) in nodes.enumerated() { index[node.name] = i }
    inputs = nodes.indices.filter { if case .input = nodes[$0].op { true } else { false } }
    outputs = nodes.indices.filter { if case .output = nodes[$0].op { true } else { false } }
    into = [[Int]](repeating: [], count: nodes.count)
    var seen = Set<Model.Edge>()
    for edge in model.edges {
      guard seen.insert(edge).inserted else {
        findings.append(
          Finding(
            .repair, "edge \"\(edge.source)\" -> \"\(edge.target)\"", "given twice, used once"))
        continue
      }
      let (source, target) = (index[edge.source]!, index[edge.target]!)
      edges.append((source, target))
      into[target].append(source)
    }
  }

  private func name(_ node: Int) -> String { "node \"\(model.nodes[node].name)\"" }

  private mutating func error(_ location: String, _ message: String) {
    findings.append(Finding(.error, location, message))
  }

  mutating func run() -> (checked: CheckedModel?, findings: [Finding]) {
    if inputs.isEmpty { error("model", "has no input node") }
    if outputs.isEmpty { error("model", "has no output node") }
    checkNodes()
    let early = early()
    let ordering = order(early)
    let shapes = shapes(ordering)
    if let shapes { repairOutputs(shapes) }
    let fixedFindings = findings
    findings += timing(ordering, early) + dynamics()
    if let shapes { findings += model.plasticityErrors(shapes) }
    let signals = signals(ordering)
    checkSignals(signals)
    findings += stepLength()
    guard let shapes, !findings.contains(where: { $0.severity == .error }) else {
      return (nil, findings)
    }
    return (
      CheckedModel(
        model: model, shapes: shapes, signals: signals, edges: edges, ordering: ordering,
        inputs: inputs, outputs: outputs, findings: findings, fixedFindings: fixedFindings),
      findings
    )
  }

  // MARK: Nodes

  /// The connections and the parameters of each node.
  private mutating func checkNodes() {
    var feeds = [Bool](repeating: false, count: model.nodes.count)
    for edge in edges { feeds[edge.source] = true }
    let (inputs, outputs) = (Set(inputs), Set(outputs))
    for (i, node) in model.nodes.enumerated() {
      let (isInput, isOutput) = (inputs.contains(i), outputs.contains(i))
      switch (into[i].isEmpty, isInput, isOutput) {
      case (false, true, _): error(name(i), "is an input, but an edge leads to it")
      case (true, false, true): error(name(i), "is an output that nothing feeds")
      case (true, false, false):
        findings.append(Finding(.note, name(i), "receives nothing: it runs on silence"))
      case (true, true, _), (false, false, _): break
      }
      if feeds[i], isOutput {
        error(name(i), "is an output, but an edge leads away from it")
      } else if !feeds[i], !isOutput {
        findings.append(Finding(.note, name(i), "feeds nothing: it can only be probed"))
      }
      for message in node.op.kind.contradictions() { error(name(i), message) }
    }
  }

  // MARK: Order and time

  /// The nodes whose output depends on earlier steps only.
  func early() -> [Bool] {
    model.nodes.map { $0.op.kind.isEarly(model.semantics, dt_s: model.dt_s) }
  }

  func order(_ early: [Bool]) -> Ordering {
    Ordering(nodeCount: model.nodes.count, edges: edges, roots: inputs, early: early)
  }

  /// Findings about edges that close cycles, and about delays within cycles.
  func timing(_ ordering: Ordering, _ early: [Bool]) -> [Finding] {
    ordering.backEdges.sorted().map { i in
      let (source, target) = (model.nodes[edges[i].source], model.nodes[edges[i].target])
      return Finding(
        .note, "edge \"\(source.name)\" -> \"\(target.name)\"",
        "closes a cycle: it carries the value of the previous step")
    } + model.delaysWithinCycles(edges, ordering, early) + ambiguity(ordering)
  }

  /// An error if several sets of edges could close the cycles, with different results.
  private func ambiguity(_ ordering: Ordering) -> [Finding] {
    guard let (node, entry) = ordering.ambiguity else { return [] }
    return [
      Finding(
        .error, name(node),
        "lies on a cycle with \(name(entry)), and signals enter the cycle at both, so that it is not "
          + "clear which of its edges carries the value of the previous step: put a Delay of one step "
          + "on each edge that does, or let a neuron of the cycle emit at the next step "
          + "(spike_timing next_step)")
    ]
  }

  /// Findings about neurons whose equations go wrong with these semantics and this step.
  func dynamics() -> [Finding] {
    let isRuled = model.nodes.contains {
      if case .neuron(let neuron) = $0.op { neuron.semantics == nil } else { false }
    }
    let rule = isRuled ? model.semantics.rule : nil
    let assumed = (rule?.assumption).map { [Finding(.repair, "model", $0)] } ?? []
    let fixed = (rule?.fixed).map { [Finding(.note, "model", $0)] } ?? []
    return assumed + fixed + recurrence(rule)
      + model.nodes.flatMap { node in
        let found: [(severity: Finding.Severity, message: String)] =
          switch node.op {
          case .neuron(let neuron): neuron.dynamics(model.semantics, dt_s: model.dt_s)
          case .delay(let delay):
            Delay(delay_s: delay).rounding(dt_s: model.dt_s).map { [(.note, $0)] } ?? []
          default: []
          }
        return found.map { Finding($0.severity, "node \"\(node.name)\"", $0.message) }
      }
  }

  /// Findings about recurrent layers that the library computes otherwise.
  private func recurrence(_ rule: LibraryRule?) -> [Finding] {
    guard let rule, rule.isOtherIfRecurrent else { return [] }
    let pairs = Set(edges.map { [$0.source, $0.target] })
    let recurrent = Set(edges.filter { pairs.contains([$0.target, $0.source]) }.map(\.source))
    return recurrent.sorted().filter { i in
      if case .neuron(let neuron) = model.nodes[i].op { neuron.kind == .lif } else { false }
    }.map {
      Finding(
        .repair, name($0),
        "is recurrent: snnTorch's RLeaky with \(rule.text) resets after the decay, here it is before: "
          + "use arcuate.from_torch")
    }
  }

  /// Findings about the length of a step.
  func stepLength() -> [Finding] {
    if let dt = model.dt_s {
      if Model.stepLengths.contains(dt) { return [] }
      return [
        Finding(
          .error, "model",
          "states a step of \(dt) s, not within \(Model.stepLengths.lowerBound) ... "
            + "\(Model.stepLengths.upperBound)")
      ]
    }
    guard let node = model.firstNodeInNeedOfTimeStep else { return [] }
    return [
      Finding(
        .note, "node \"\(node)\"",
        "depends on the length of a step, which the model does not state: give dt when compiling "
          + "(--dt, dt= in Python, dt_s in C)")
    ]
  }

  // MARK: Shapes

  /// Shapes travel along the edges until nothing changes; neurons and weights know theirs.
  private mutating func shapes(_ ordering: Ordering) -> [Shape]? {
    let nodes = model.nodes
    let kinds = nodes.map(\.op.kind)
    var shapes = [Shape?](repeating: nil, count: nodes.count)
    var failed = Set<Int>()
    var changed = true
    // A cycle could in principle pass shapes around forever; a path cannot be longer than this.
    for _ in 0...nodes.count where changed {
      changed = false
      for i in ordering.order where !failed.contains(i) {
        do {
          let shape = try kinds[i].outputShape(into[i].map { shapes[$0] })
          if shape != shapes[i], shape != nil {
            shapes[i] = shape
            changed = true
          }
        } catch {
          failed.insert(i)
          findings.append(Finding(.error, name(i), error.message))
        }
      }
    }
    for i in nodes.indices where shapes[i] == nil && !failed.contains(i) {
      error(name(i), "its shape does not follow from its inputs")
    }
    return shapes.contains(where: { $0 == nil }) ? nil : shapes.map { $0! }
  }

  private mutating func repairOutputs(_ shapes: [Shape]) {
    for i in outputs {
      guard case .output(let stated) = model.nodes[i].op, shapes[i] != stated else { continue }
      findings.append(
        Finding(
          .repair, name(i), "states shape \(stated), but receives \(shapes[i]), which is taken"))
    }
  }

  // MARK: Signals

  func signals(_ ordering: Ordering) -> [Signal] {
    let kinds = model.nodes.map(\.op.kind)
    var signals = [Signal](repeating: .value, count: kinds.count)
    // Twice, so that the signals of back edges are known in the second pass.
    for _ in 0..<2 {
      for i in ordering.order { signals[i] = kinds[i].signal(into[i].map { signals[$0] }) }
    }
    return signals
  }

  private mutating func checkSignals(_ signals: [Signal]) {
    let ports = Set(inputs)
    for (i, node) in model.nodes.enumerated() {
      let arriving = into[i].map { ports.contains($0) ? nil : signals[$0] }
      if let refusal = node.op.kind.refusal(of: arriving) { error(name(i), refusal) }
    }
  }
}

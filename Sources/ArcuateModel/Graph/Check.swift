import ArcuateCore

/// A model that was flattened and found sound, with what the check learned about it.
public struct CheckedModel: Sendable {
  /// Without nested graphs; every node has a shape.
  public let model: Model
  /// The output shape of each node.
  public let shapes: [Shape]
  /// Whether each node emits spikes (counts that are mostly zero) or values.
  public let signals: [Signal]
  /// Edges as node indices, without duplicates, in the order of the model.
  public let edges: [(source: Int, target: Int)]
  public let ordering: Ordering
  /// Indices of the ports, in the order of the model.
  public let inputs: [Int]
  public let outputs: [Int]
}

/// What an edge carries.
public enum Signal: String, Sendable, CaseIterable {
  case value, spike
}

extension Model {
  /// What the check finds. Throws. `invalidModel` with its first error.
  package func soundly() throws -> CheckedModel {
    let (checked, findings) = check()
    if let checked { return checked }
    let error = findings.first { $0.severity == .error }
    throw ArcuateError(.invalidModel, error?.message ?? "is not sound", at: error?.place)
  }

  /// Everything there is to say about the model before it runs.
  ///
  /// `checked` is nil exactly when a finding is an error.
  public func check() -> (checked: CheckedModel?, findings: [Finding]) {
    var findings: [Finding] = []
    func error(_ place: String, _ message: String) {
      findings.append(Finding(.error, place, message))
    }

    var flat: Model
    do {
      flat = try flattened()
    } catch {
      let error = error as! ArcuateError
      return (nil, [Finding(.error, error.location ?? "model", error.message)])
    }

    var index: [String: Int] = [:]
    for (i, node) in flat.nodes.enumerated() { index[node.name] = i }
    var seen = Set<Edge>()
    var edges: [(source: Int, target: Int)] = []
    for edge in flat.edges {
      guard seen.insert(edge).inserted else {
        findings.append(
          Finding(
            .repair, "edge \"\(edge.source)\" -> \"\(edge.target)\"", "given twice, used once"))
        continue
      }
      edges.append((index[edge.source]!, index[edge.target]!))
    }
    var into = [[Int]](repeating: [], count: flat.nodes.count)
    var outOf = [Int](repeating: 0, count: flat.nodes.count)
    for (source, target) in edges {
      into[target].append(source)
      outOf[source] += 1
    }
    func indices(_ matching: (Operator) -> Bool) -> [Int] {
      flat.nodes.indices.filter { matching(flat.nodes[$0].op) }
    }
    let inputs = indices { if case .input = $0 { true } else { false } }
    let outputs = indices { if case .output = $0 { true } else { false } }
    if inputs.isEmpty { error("model", "has no input node") }
    if outputs.isEmpty { error("model", "has no output node") }

    for (i, node) in flat.nodes.enumerated() {
      let name = "node \"\(node.name)\""
      if case .input = node.op {
        if !into[i].isEmpty { error(name, "is an input, yet an edge leads to it") }
      } else if into[i].isEmpty {
        if case .output = node.op {
          error(name, "is an output that nothing feeds")
        } else {
          findings.append(Finding(.note, name, "receives nothing: it runs on silence"))
        }
      }
      if outOf[i] == 0 {
        if case .output = node.op {
        } else {
          findings.append(Finding(.note, name, "feeds nothing: it can only be probed"))
        }
      } else if case .output = node.op {
        error(name, "is an output, yet an edge leads away from it")
      }
      for message in node.op.contradictions() { error(name, message) }
    }

    let early = flat.nodes.map { $0.op.isEarly(flat) }
    let ordering = Ordering(
      nodeCount: flat.nodes.count, edges: edges, roots: inputs, early: early)
    let shapes = flat.inferShapes(into: into, ordering: ordering, findings: &findings)
    for (i, node) in flat.nodes.enumerated() {
      if case .output(let stated) = node.op, let shapes, shapes[i] != stated {
        findings.append(
          Finding(
            .repair, "node \"\(node.name)\"",
            "states shape \(stated), but receives \(shapes[i]): taken as that"))
      }
    }
    for i in ordering.backEdges.sorted() {
      findings.append(
        Finding(
          .note,
          "edge \"\(flat.nodes[edges[i].source].name)\" -> \"\(flat.nodes[edges[i].target].name)\"",
          "closes a cycle: it carries the value of the step before"))
    }
    for message in flat.delaysWithinCycles(edges, ordering, early) {
      error(message.place, message.message)
    }
    if let shapes {
      for message in flat.plasticityErrors(shapes) { error(message.place, message.message) }
    }
    let signals = flat.inferSignals(into: into, ordering: ordering)
    for (i, node) in flat.nodes.enumerated() {
      let arriving = into[i].map { signals[$0] }
      switch node.op {
      case .activation where arriving.contains(.spike),
        .normalization where arriving.contains(.spike):
        error("node \"\(node.name)\"", "takes values, but receives spikes: put a decoder between")
      case .decoder(.mean): break
      case .decoder where arriving.contains(.value):
        // An input port does not say what it carries; it may well be spikes.
        let unknown = into[i].allSatisfy { inputs.contains($0) || signals[$0] == .spike }
        if !unknown {
          error("node \"\(node.name)\"", "takes spikes, but receives values")
        }
      case .encoder where arriving.contains(.spike):
        error("node \"\(node.name)\"", "takes values, but receives spikes")
      default: break
      }
    }

    if let dt = flat.dt_s {
      if !Model.stepLengths.contains(dt) {
        error(
          "model",
          "states a step of \(dt) s, not within \(Model.stepLengths.lowerBound) ... "
            + "\(Model.stepLengths.upperBound)")
      }
    } else if let node = flat.firstNodeInNeedOfTimeStep {
      findings.append(
        Finding(
          .note, "node \"\(node)\"",
          "depends on the length of a step, which the model does not state: give dt when compiling "
            + "(--dt, dt= in Python, dt_s in C)"))
    }

    guard let shapes, !findings.contains(where: { $0.severity == .error }) else {
      return (nil, findings)
    }
    return (
      CheckedModel(
        model: flat, shapes: shapes, signals: signals, edges: edges, ordering: ordering,
        inputs: inputs, outputs: outputs), findings
    )
  }

  /// Shapes travel along the edges until nothing changes; neurons and weights know theirs.
  private func inferShapes(
    into: [[Int]], ordering: Ordering, findings: inout [Finding]
  ) -> [Shape]? {
    var shapes = [Shape?](repeating: nil, count: nodes.count)
    var failed = Set<Int>()
    var changed = true
    // A cycle could in principle hand shapes round for ever; a path cannot be longer than this.
    for _ in 0...nodes.count where changed {
      changed = false
      for i in ordering.order where !failed.contains(i) {
        do {
          let shape = try nodes[i].op.outputShape(forAll: into[i].map { shapes[$0] })
          if shape != shapes[i], shape != nil {
            shapes[i] = shape
            changed = true
          }
        } catch {
          failed.insert(i)
          findings.append(
            Finding(.error, "node \"\(nodes[i].name)\"", (error as! ArcuateError).message))
        }
      }
    }
    for i in nodes.indices where shapes[i] == nil && !failed.contains(i) {
      findings.append(
        Finding(.error, "node \"\(nodes[i].name)\"", "its shape cannot be told from its inputs"))
    }
    return shapes.contains(where: { $0 == nil }) ? nil : shapes.map { $0! }
  }

  private func inferSignals(into: [[Int]], ordering: Ordering) -> [Signal] {
    var signals = [Signal](repeating: .value, count: nodes.count)
    // Twice, so that what a back edge carries is known on the second pass.
    for _ in 0..<2 {
      for i in ordering.order {
        switch nodes[i].op {
        case .neuron(let neuron): signals[i] = neuron.kind.spikes ? .spike : .value
        case .encoder(.singleShot): signals[i] = .value
        case .threshold, .encoder: signals[i] = .spike
        case .plastic(let node): signals[i] = node.spikes ? .spike : .value
        case .pooling(let pooling) where pooling.kind != .spikeMaximum: signals[i] = .value
        case .delay, .flatten, .output, .concatenation, .multiplication, .pooling:
          let spikes = !into[i].isEmpty && into[i].allSatisfy { signals[$0] == .spike }
          signals[i] = spikes ? .spike : .value
        default: signals[i] = .value
        }
      }
    }
    return signals
  }
}

extension Operator {
  /// What is wrong with the parameters, whatever the input.
  fileprivate func contradictions() -> [String] {
    var found: [String] = []
    func finite(_ name: String, _ tensor: Tensor?) {
      guard let tensor, !tensor.isFinite else { return }
      let place = tensor.floats.firstIndex { !$0.isFinite }.map {
        " at \(tensor.shape.index(of: $0))"
      }
      found.append("\(name) holds a number that is not finite\(place ?? "")")
    }
    switch self {
    case .linear(let linear):
      finite("the weight", linear.weight)
      finite("the bias", linear.bias)
    case .sparse(let sparse): found += sparse.contradictions()
    case .convolution(let convolution):
      finite("the weight", convolution.weight)
      finite("the bias", convolution.bias)
    case .scale(let tensor): finite("the scale", tensor)
    case .threshold(let tensor): finite("the threshold", tensor)
    case .delay(let tensor):
      finite("the delay", tensor)
      if tensor.floats.contains(where: { $0 < 0 }) { found.append("a delay is negative") }
    case .neuron(let neuron):
      for (name, tensor) in neuron.parameters {
        finite(name, tensor)
        if name.hasPrefix("tau"), tensor.floats.contains(where: { $0 <= 0 }) {
          found.append("\(name) must be positive")
        }
      }
      if neuron.kind.spikes && neuron.threshold == nil { found.append("v_threshold is missing") }
      if neuron.kind.leaks && neuron.tauMembrane == nil {
        found.append("\(neuron.kind.hasSynapse ? "tau_mem" : "tau") is missing")
      }
      if neuron.kind.hasSynapse && neuron.tauSynapse == nil { found.append("tau_syn is missing") }
    case .batchNorm(let norm):
      finite("the mean", norm.mean)
      finite("gamma", norm.gamma)
      finite("beta", norm.beta)
      finite("the variance", norm.variance)
      if norm.variance.floats.contains(where: { $0 + norm.epsilon <= 0 }) {
        found.append("variance + epsilon must be positive")
      }
    case .encoder(.bernoulli(let gain, _)), .encoder(.rate(let gain)),
      .encoder(.signedBernoulli(let gain, _)), .encoder(.singleShot(let gain)):
      if !gain.isFinite || gain < 0 { found.append("the gain must be finite and not negative") }
    case .plastic(let node): found += node.contradictions()
    case .normalization(let norm):
      if !(norm.target.isFinite && norm.target > 0) { found.append("the target must be positive") }
      if !(norm.floor.isFinite && norm.floor > 0) { found.append("the floor must be positive") }
    case .input, .output, .pooling, .flatten, .activation, .decoder, .graph, .concatenation,
      .multiplication:
      break
    }
    return found
  }
}

import ArcuateCore

extension Model {
  /// The same network without nested graphs; inner nodes are named `graph/node`.
  ///
  /// The ports of a nested graph disappear: what fed the port feeds what the port fed. An edge may
  /// name a port of a graph with several as `graph/port` or `graph.port`.
  /// Throws. `invalidModel` for a name used twice or an edge to something that is not there.
  public func flattened() throws(ArcuateError) -> Model {
    try flattened(depth: 0)
  }

  private func flattened(depth: Int) throws(ArcuateError) -> Model {
    guard depth <= 32 else {
      throw ArcuateError(.limitExceeded, "graphs are nested more than 32 deep")
    }
    var known = Set<String>()
    for node in nodes where !known.insert(node.name).inserted {
      throw ArcuateError(.invalidModel, "the name is used twice", at: "node \"\(node.name)\"")
    }
    guard nodes.contains(where: { if case .graph = $0.op { true } else { false } }) else {
      for edge in edges {
        for end in [edge.source, edge.target] where !known.contains(end) {
          throw edge.dangling(end)
        }
      }
      return self
    }

    var flat = self
    flat.nodes = []
    flat.edges = []
    // What a name in an edge of this level stands for, as a source and as a target.
    var sources: [String: String] = [:]
    var targets: [String: String] = [:]
    var passed = Set<String>()
    for node in nodes {
      guard case .graph(let inner) = node.op else {
        flat.nodes.append(node)
        sources[node.name] = node.name
        targets[node.name] = node.name
        continue
      }
      let body = try within("graph \"\(node.name)\"") { () throws(ArcuateError) in
        try inner.flattened(depth: depth + 1)
      }
      var inputs: [String] = []
      var outputs: [String] = []
      for part in body.nodes {
        let name = "\(node.name)/\(part.name)"
        if case .input = part.op { inputs.append(part.name) }
        if case .output = part.op { outputs.append(part.name) }
        if part.op.isPort { passed.insert(name) }
        var renamed = part
        renamed.op = part.op.kind.renamingReferences { "\(node.name)/\($0)" }.asOperator
        renamed.name = name
        if case .neuron(var neuron) = part.op, neuron.semantics == nil {
          if inner.semantics != NeuronSemantics() { neuron.semantics = inner.semantics }
          renamed.op = .neuron(neuron)
        }
        flat.nodes.append(renamed)
      }
      for edge in body.edges {
        flat.edges.append(Edge("\(node.name)/\(edge.source)", "\(node.name)/\(edge.target)"))
      }
      if inputs.count == 1 { targets[node.name] = "\(node.name)/\(inputs[0])" }
      if outputs.count == 1 { sources[node.name] = "\(node.name)/\(outputs[0])" }
      for (ports, isInput) in [(inputs, true), (outputs, false)] {
        for port in ports {
          for name in ["\(node.name)/\(port)", "\(node.name).\(port)"] {
            if isInput {
              targets[name] = "\(node.name)/\(port)"
            } else {
              sources[name] = "\(node.name)/\(port)"
            }
          }
        }
      }
    }
    for edge in edges {
      guard let source = sources[edge.source] else { throw edge.dangling(edge.source) }
      guard let target = targets[edge.target] else { throw edge.dangling(edge.target) }
      flat.edges.append(Edge(source, target))
    }
    return flat.withoutPorts(passed)
  }

  /// Removes the nodes called `ports`, joining what feeds them to what they feed, at the position
  /// among the edges where the port fed it: a concatenation takes its inputs in that order.
  private func withoutPorts(_ ports: Set<String>) -> Model {
    var result = self
    for port in nodes.map(\.name) where ports.contains(port) {
      let into = result.edges.filter { $0.target == port && $0.source != port }
      var present = Set(result.edges.filter { $0.source != port && $0.target != port })
      var edges: [Edge] = []
      for edge in result.edges where edge.target != port {
        guard edge.source == port else {
          edges.append(edge)
          continue
        }
        for a in into {
          let joined = Edge(a.source, edge.target)
          if present.insert(joined).inserted { edges.append(joined) }
        }
      }
      result.edges = edges
    }
    result.nodes.removeAll { ports.contains($0.name) }
    return result
  }
}

extension Model.Edge {
  fileprivate func dangling(_ end: String) -> ArcuateError {
    ArcuateError(
      .invalidModel, "names \"\(end)\", which is not a node",
      at: "edge \"\(source)\" -> \"\(target)\"")
  }
}

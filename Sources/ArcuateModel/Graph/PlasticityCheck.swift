import ArcuateCore

extension Model {
  /// Errors of the rules of a flattened model that concern other nodes.
  func plasticityErrors(_ shapes: [Shape]) -> [Finding] {
    var found: [Finding] = []
    var index: [String: Int] = [:]
    for (i, node) in nodes.enumerated() { index[node.name] = i }
    for (i, node) in nodes.enumerated() {
      guard case .plastic(let plastic) = node.op, let rule = plastic.rule else { continue }
      func error(_ message: String) {
        found.append(Finding(.error, "node \"\(node.name)\"", message))
      }
      let inputs = plastic.inputCount(
        edges.first { $0.target == node.name }
          .flatMap { index[$0.source] }.map { shapes[$0] })
      guard let post = index[rule.post] else {
        error("its rule reads node \"\(rule.post)\", which does not exist")
        continue
      }
      if shapes[post].count != shapes[i].count {
        error(
          "has \(shapes[i].count) outputs, but its rule reads node \"\(rule.post)\" with "
            + "\(shapes[post].count)")
      }
      for (name, factor) in rule.postStates where !nodes[post].op.hasNumber(name) {
        error(
          "its rule reads the state \"\(name)\" (\(factor)) of node \"\(rule.post)\", whose "
            + "program has no such number")
      }
      for term in rule.terms {
        guard case .node(let name) = term.pre else { continue }
        if let other = index[name] {
          if shapes[other].count != inputs {
            error(
              "has \(inputs) inputs, but its rule reads node \"\(name)\" with "
                + "\(shapes[other].count)")
          }
        } else {
          error("its rule reads node \"\(name)\", which does not exist")
        }
      }
      guard let modulator = rule.modulator else { continue }
      let counts = shapes.map(\.count)
      do {
        _ = try modulator.width(post: shapes[i].count, index: index, counts: counts, nodes: nodes)
      } catch let misfit {
        error(misfit.message)
      }
    }
    return found
  }
}

extension Operator {
  /// Whether its neurons have a state of this name that is a number.
  func hasNumber(_ state: String) -> Bool {
    guard case .program(let neuron) = self else { return false }
    return neuron.program.states.contains { $0.name == state && $0.type == .number }
  }
}

extension PlasticRule.Modulator {
  /// How many numbers the source has. Throws. `invalidModel` where the parts do not fit.
  public func width(
    post: Int, index: [String: Int], counts: [Int], nodes: [Model.Node]
  ) throws(ArcuateError) -> Int {
    func misfit(_ message: String) -> ArcuateError { ArcuateError(.invalidModel, message) }
    func count(_ name: String) throws(ArcuateError) -> Int {
      guard let i = index[name] else {
        throw misfit("is modulated by node \"\(name)\", which does not exist")
      }
      return counts[i]
    }
    let own: Int? =
      switch source {
      case .signal: nil
      case .error(let node, _), .node(let node): try count(node)
      }
    let wanted: Int
    switch map {
    case .all: wanted = 1
    case .each: wanted = post
    case .compartments(let indices):
      guard indices.count == post, indices.allSatisfy({ (0..<1 << 20).contains($0) }) else {
        throw misfit("has \(indices.count) compartment numbers for \(post) outputs")
      }
      wanted = max((indices.max() ?? 0) + 1, own ?? 0)
    case .matrix(let tensor):
      guard tensor.shape.rank == 2, tensor.shape[0] == post else {
        throw misfit("has a modulator's matrix of shape \(tensor.shape), not [\(post), width]")
      }
      wanted = tensor.shape[1]
    case .random:
      guard let own else {
        throw misfit("samples a modulator's matrix for a signal of no known width")
      }
      wanted = own
    case .transpose(let name):
      guard let i = index[name] else {
        throw misfit("takes the weights of node \"\(name)\", which does not exist")
      }
      let shape: Shape
      if case .linear(let linear) = nodes[i].op {
        shape = linear.weight.shape
      } else if case .plastic(.linear(let linear)) = nodes[i].op {
        shape = linear.weight.shape
      } else {
        throw misfit("takes the weights of node \"\(name)\", which has none")
      }
      guard shape.rank == 2, shape[1] == post else {
        throw misfit(
          "takes the weights of node \"\(name)\", whose shape \(shape) is not [.., \(post)]")
      }
      wanted = shape[0]
    }
    if let own, own != wanted {
      throw misfit("its modulator has \(own) numbers where \(wanted) are needed")
    }
    return wanted
  }
}

extension Model {
  /// The same network with the weights of `node` changed by `rule`.
  ///
  /// Throws. `notFound`; `invalidModel` for a node that is frozen: one without weights of its own
  /// to change, listed connections, narrow weights, kernels of several groups.
  public func plastic(_ name: String, _ rule: PlasticRule) throws(ArcuateError) -> Model {
    guard let i = nodes.firstIndex(where: { $0.name == name }) else {
      throw ArcuateError(.notFound, "there is no node \"\(name)\"")
    }
    var model = self
    let op = nodes[i].op
    if case .linear(let linear) = op, linear.weight.shape.rank == 2,
      linear.weight.element == .float32
    {
      model.nodes[i].op = .plastic(
        .linear(PlasticLinear(weight: linear.weight, bias: linear.bias, rule: rule)))
    } else if case .convolution(let convolution) = op, convolution.groups == 1,
      convolution.weight.element == .float32
    {
      model.nodes[i].op = .plastic(.convolution(PlasticConvolution(convolution, rule: rule)))
    } else if case .plastic(var node) = op, node.rule != nil {
      node.rule = rule
      model.nodes[i].op = .plastic(node)
    } else {
      throw ArcuateError(
        .invalidModel,
        "is frozen: a rule changes float32 weights [post, pre] or kernels of one group, not those "
          + "of \(op.kindName)", at: "node \"\(name)\"")
    }
    return model
  }

  /// The same network without plasticity. Fast weights start, and stay, at zero, and adaptive
  /// parameters stay as they are.
  public func frozen() -> Model {
    var model = self
    for i in nodes.indices {
      if case .graph(let inner) = nodes[i].op { model.nodes[i].op = .graph(inner.frozen()) }
      if case .program(let neuron) = nodes[i].op { model.nodes[i].op = .program(neuron.frozen()) }
      guard case .plastic(let node) = nodes[i].op else { continue }
      switch node {
      case .linear(let linear):
        model.nodes[i].op = .linear(Linear(weight: linear.weight, bias: linear.bias))
      case .convolution(let plastic): model.nodes[i].op = .convolution(plastic.convolution)
      case .trace, .winners, .projection: break
      }
    }
    return model
  }
}

extension PlasticNode {
  /// The number of input elements; `shape` is the shape of the input, if it is known.
  func inputCount(_ shape: Shape?) -> Int {
    switch self {
    case .linear(let linear): linear.pre
    case .convolution, .trace, .winners, .projection: shape?.count ?? 0
    }
  }
}

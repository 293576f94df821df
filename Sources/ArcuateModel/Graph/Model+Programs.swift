import ArcuateCore

extension Model {
  /// The neurons of a node whose step is a program.
  ///
  /// Throws. `notFound`; `invalidArgument` for a node of another kind.
  public func program(of node: String) throws(ArcuateError) -> ProgramNeuron {
    let op = nodes[try index(of: node)].op
    guard case .program(let neuron) = op else {
      throw ArcuateError(
        .invalidArgument, "is of kind \(op.kindName), which has no program",
        at: "node \"\(node)\"")
    }
    return neuron
  }

  /// Gives the neurons of a node another step.
  ///
  /// Neurons of NIR become a program, too. Parameters that the program has by the same names keep
  /// their values (those of NIR are named as in its files, such as `tau` and `v_threshold`), except
  /// for those in `parameters`; the seed stays.
  /// Throws. `malformed` or `limitExceeded` with line and column; `notFound` for a node or a
  /// parameter that does not exist; `invalidArgument` for a node that is no neuron.
  public mutating func setProgram(
    _ text: String, of node: String, parameters: [String: Tensor] = [:]
  ) throws(ArcuateError) {
    let i = try index(of: node)
    let program = try within("program") { () throws(ArcuateError) in try NeuronProgram(text) }
    var neuron = ProgramNeuron(program)
    if case .program(let old) = nodes[i].op {
      neuron.parameters = old.parameters
      neuron.seed = old.seed
    } else if case .neuron(let old) = nodes[i].op {
      for (name, tensor) in old.parameters { neuron.parameters[name] = tensor }
    } else {
      throw ArcuateError(
        .invalidArgument, "is of kind \(nodes[i].op.kindName); a program replaces neurons",
        at: "node \"\(node)\"")
    }
    neuron.parameters = neuron.parameters.filter { program.parameterNames.contains($0.key) }
    for (name, tensor) in parameters {
      neuron.parameters[try program.parameter(name, at: node)] = tensor
    }
    nodes[i].op = .program(neuron)
  }

  /// Sets a parameter of a program.
  ///
  /// Shapes. One number, or one for each neuron; `check` compares it with the node's shape.
  /// Throws. `notFound` for a node or a parameter that does not exist; `invalidArgument` for a node
  /// without a program, and for numbers that are not finite.
  public mutating func setParameter(
    _ name: String, of node: String, to value: Tensor
  ) throws(ArcuateError) {
    var neuron = try program(of: node)
    let name = try neuron.program.parameter(name, at: node)
    guard value.isFinite else {
      throw ArcuateError(
        .invalidArgument, "\(name) holds a number that is not finite", at: "node \"\(node)\"")
    }
    neuron.parameters[name] = value
    nodes[try index(of: node)].op = .program(neuron)
  }

  /// Sets a parameter of a program to one number, or one for each neuron in row-major order.
  ///
  /// Throws. As for a tensor; `shapeMismatch` if there are not as many neurons; `invalidModel` if
  /// an error of the model hides how many there are.
  /// Cost. A check of the model for more than one number.
  public mutating func setParameter(
    _ name: String, of node: String, to values: some Collection<Float>
  ) throws(ArcuateError) {
    let name = try program(of: node).program.parameter(name, at: node)
    if values.count == 1, let value = values.first {
      return try setParameter(name, of: node, to: Tensor(scalar: value))
    }
    let shape = try neuronShape(node, without: name)
    guard values.count == shape.count else {
      throw ArcuateError(
        .shapeMismatch, "\(name) is one number or \(shape.count), not \(values.count)",
        at: "node \"\(node)\"")
    }
    try setParameter(name, of: node, to: Tensor(Array(values), shape: shape))
  }

  /// The shape of a layer of programs, whatever shape one parameter has. Parameters may be missing.
  private func neuronShape(_ node: String, without parameter: String) throws(ArcuateError) -> Shape
  {
    var trial = self
    for i in nodes.indices {
      guard case .program(var neuron) = nodes[i].op else { continue }
      for name in neuron.program.parameterNames
      where nodes[i].name == node && name == parameter || neuron.value(of: name) == nil {
        neuron.parameters[name] = Tensor(scalar: 1)
      }
      trial.nodes[i].op = .program(neuron)
    }
    let checked = try trial.soundly()
    guard let i = checked.model.nodes.firstIndex(where: { $0.name == node }) else {
      throw ArcuateError(.notFound, "there is no node \"\(node)\"")
    }
    return checked.shapes[i]
  }

  private func index(of node: String) throws(ArcuateError) -> Int {
    guard let i = nodes.firstIndex(where: { $0.name == node }) else {
      throw ArcuateError(.notFound, "there is no node \"\(node)\"")
    }
    return i
  }
}

extension NeuronProgram {
  /// Throws. `notFound` if there is no such parameter.
  fileprivate func parameter(_ name: String, at node: String) throws(ArcuateError) -> String {
    guard parameterNames.contains(name) else {
      throw ArcuateError(
        .notFound,
        "its program has no parameter \"\(name.prefix(80))\""
          + (parameters.isEmpty ? "" : ", but \(parameterNames.joined(separator: ", "))"),
        at: "node \"\(node)\"")
    }
    return name
  }
}

import ArcuateCore
import ArcuateModel

/// Repairs of files written by early versions.
enum NIROldFiles {
  /// Old files may state no ports: nodes that nothing feeds, and that feed nothing, get some.
  static func addPorts(_ model: inout Model) -> [Finding] {
    var findings: [Finding] = []
    let hasInput = model.nodes.contains { if case .input = $0.op { true } else { false } }
    let hasOutput = model.nodes.contains { if case .output = $0.op { true } else { false } }
    guard !hasInput || !hasOutput, !model.nodes.isEmpty else { return [] }
    let fed = Set(model.edges.map(\.target))
    let feeding = Set(model.edges.map(\.source))
    for node in model.nodes {
      if !hasInput, !fed.contains(node.name), case .linear(let linear) = node.op,
        let shape = try? Shape(
          Array(linear.weight.shape.extents.dropLast(2)) + linear.weight.shape.extents.suffix(1))
      {
        let name = "input.\(node.name)"
        model.nodes.append(Model.Node(name, .input(shape: shape)))
        model.edges.append(Model.Edge(name, node.name))
        findings.append(
          Finding(
            .repair, "node \"\(node.name)\"",
            "is fed by nothing, and there is no input: one is added")
        )
      }
      if !hasOutput, !feeding.contains(node.name),
        let shape = (try? node.op.outputShape(for: nil)) ?? nil
      {
        let name = "output.\(node.name)"
        model.nodes.append(Model.Node(name, .output(shape: shape)))
        model.edges.append(Model.Edge(node.name, name))
        findings.append(
          Finding(
            .repair, "node \"\(node.name)\"", "feeds nothing, and there is no output: one is added")
        )
      }
    }
    return findings
  }

  /// Exporters that trace a sample of a batch of one write [1, n] as the shape of an input, or of an
  /// output, of a network whose nodes know one axis.
  private static func dropBatchAxisOfVectors(_ model: inout Model) -> [Finding] {
    let isOfVectors = model.nodes.allSatisfy { node in
      switch node.op {
      case .input, .output, .graph: true
      case .linear(let linear): linear.weight.shape.rank == 2
      case .neuron(let neuron): neuron.parameters.allSatisfy { $0.tensor.shape.rank <= 1 }
      case .scale(let tensor), .threshold(let tensor), .delay(let tensor): tensor.shape.rank <= 1
      default: false
      }
    }
    guard isOfVectors,
      model.nodes.contains(where: { if case .linear = $0.op { true } else { false } })
    else { return [] }
    var findings: [Finding] = []
    for i in model.nodes.indices {
      let op = model.nodes[i].op
      guard let stated = op.portShape, stated.rank == 2, stated[0] == 1,
        let shape = try? Shape([stated[1]])
      else { continue }
      if case .input = op {
        model.nodes[i].op = .input(shape: shape)
      } else {
        model.nodes[i].op = .output(shape: shape)
      }
      findings.append(
        Finding(
          .repair, "node \"\(model.nodes[i].name)\"",
          "its shape \(stated) has a leading batch axis of 1: removed"))
    }
    return findings
  }

  /// Files of 2023 wrote shapes with a leading batch axis of 1; NIR shapes have none.
  static func dropBatchAxis(_ model: inout Model) -> [Finding] {
    var findings: [Finding] = []
    func drop(_ tensor: Tensor?) -> Tensor? {
      guard let tensor, tensor.shape.rank == 4, tensor.shape[0] == 1 else { return tensor }
      return try? tensor.reshaped(Shape(Array(tensor.shape.extents.dropFirst())))
    }
    let convolves = model.nodes.contains { if case .convolution = $0.op { true } else { false } }
    guard convolves else { return dropBatchAxisOfVectors(&model) }
    for i in model.nodes.indices {
      let location = "node \"\(model.nodes[i].name)\""
      let note = Finding(.repair, location, "its shape has a leading batch axis of 1: removed")
      let op = model.nodes[i].op
      if case .input(let shape) = op, shape.rank == 4, shape[0] == 1,
        let smaller = try? Shape(Array(shape.extents.dropFirst()))
      {
        model.nodes[i].op = .input(shape: smaller)
        findings.append(note)
      } else if case .output(let shape) = op, shape.rank == 2, shape[0] == 1,
        let smaller = try? Shape(Array(shape.extents.dropFirst()))
      {
        model.nodes[i].op = .output(shape: smaller)
        findings.append(note)
      } else if case .neuron(let old) = op {
        var neuron = old
        neuron.tauSynapse = drop(old.tauSynapse)
        neuron.tauMembrane = drop(old.tauMembrane)
        neuron.resistance = drop(old.resistance)!
        neuron.leak = drop(old.leak)
        neuron.threshold = drop(old.threshold)
        neuron.resetValue = drop(old.resetValue)
        neuron.inputWeight = drop(old.inputWeight)
        if neuron.threshold?.shape != old.threshold?.shape
          || neuron.resistance.shape != old.resistance.shape
        {
          model.nodes[i].op = .neuron(neuron)
          findings.append(note)
        }
      } else if case .flatten(var flatten) = op, let shape = flatten.inputShape, shape.rank == 4,
        shape[0] == 1
      {
        flatten.inputShape = try? Shape(Array(shape.extents.dropFirst()))
        if flatten.start > 0 { flatten.start -= 1 }
        if flatten.end > 0 { flatten.end -= 1 }
        model.nodes[i].op = .flatten(flatten)
        findings.append(note)
      }
    }
    return findings
  }
}

extension Operator {
  /// The shape that a port states.
  fileprivate var portShape: Shape? {
    switch self {
    case .input(let shape), .output(let shape): shape
    default: nil
    }
  }
}

import ArcuateCore
import ArcuateModel

/// Turns a model into the graph's JSON and the container's tensors.
struct SafetensorsWriter {
  var container = SafetensorsContainer()
  private var taken = Set<String>()

  static let maximumDepth = 16

  mutating func graph(_ model: Model, path: String, depth: Int) throws -> [String: JSON] {
    guard depth <= Self.maximumDepth else {
      throw ArcuateError(.limitExceeded, "graphs are nested more than \(Self.maximumDepth) deep")
    }
    var graph: [String: JSON] = [
      "semantics": semantics(model.semantics),
      "edges": .array(model.edges.map { .array([.string($0.source), .string($0.target)]) }),
    ]
    var nodes: [JSON] = []
    for node in model.nodes {
      let place = path + node.name
      var fields = try within("node \"\(node.name)\"") {
        try self.fields(of: node.op, place, depth)
      }
      fields["name"] = .string(node.name)
      fields["kind"] = .string(node.op.kindName)
      if !node.metadata.isEmpty {
        fields["metadata"] = try metadata(node.metadata, place + ".metadata", 0)
      }
      nodes.append(.object(fields))
    }
    graph["nodes"] = .array(nodes)
    if let dt = model.dt_s { graph["dt_s"] = .number(dt) }
    if !model.metadata.isEmpty {
      graph["metadata"] = try metadata(model.metadata, path + "metadata", 0)
    }
    return graph
  }

  private mutating func fields(
    of op: Operator, _ place: String, _ depth: Int
  ) throws -> [String: JSON] {
    var fields: [String: JSON] = [:]
    func put(_ name: String, _ tensor: Tensor?) {
      if let tensor { fields[name] = store(tensor, "\(place).\(name)") }
    }
    switch op {
    case .input(let shape), .output(let shape): fields["shape"] = list(shape.extents)
    case .linear(let linear):
      put("weight", linear.weight)
      put("bias", linear.bias)
    case .sparse(let sparse):
      fields["shape"] = list([sparse.post, sparse.pre])
      fields["row_starts"] = store(sparse.rowStarts, "\(place).row_starts")
      fields["post"] = store(sparse.postIndices, "\(place).post")
      put("weight", sparse.weight)
      put("delay_s", sparse.delay_s)
    case .scale(let tensor): put("scale", tensor)
    case .convolution(let convolution):
      fields.merge(convolution.fields(put)) { $1 }
    case .pooling(let pooling):
      fields["kernel_size"] = list(pooling.kernel)
      fields["stride"] = list(pooling.stride)
      fields["padding"] = list(pooling.padding)
    case .flatten(let flatten):
      if let shape = flatten.inputShape { fields["input_shape"] = list(shape.extents) }
      fields["start_dim"] = .number(flatten.start)
      fields["end_dim"] = .number(flatten.end)
    case .delay(let tensor): put("delay", tensor)
    case .threshold(let tensor): put("threshold", tensor)
    case .neuron(let neuron):
      for (name, tensor) in neuron.parameters { put(name, tensor) }
      if let own = neuron.semantics { fields["semantics"] = semantics(own) }
    case .graph(let inner):
      fields["graph"] = .object(try graph(inner, path: place + "/", depth: depth + 1))
    case .activation, .decoder, .concatenation, .multiplication: break
    case .normalization(let norm):
      fields["target"] = .number(norm.target)
      fields["floor"] = .number(norm.floor)
      fields["appends_log"] = .bool(norm.appendsLog)
    case .batchNorm(let norm):
      put("mean", norm.mean)
      put("variance", norm.variance)
      put("gamma", norm.gamma)
      put("beta", norm.beta)
      fields["epsilon"] = .number(norm.epsilon)
    case .encoder(.bernoulli(let gain, let seed)), .encoder(.signedBernoulli(let gain, let seed)):
      fields["gain"] = .number(gain)
      fields["seed"] = .number(seed)
    case .encoder(.rate(let gain)), .encoder(.singleShot(let gain)): fields["gain"] = .number(gain)
    case .plastic(let node):
      let others = node.fields(put)
      fields.merge(others) { $1 }
    }
    return fields
  }

  private func semantics(_ semantics: NeuronSemantics) -> JSON {
    var members: [String: JSON] = [:]
    for name in NeuronSemantics.fieldNames {
      members[name] = semantics.value(of: name).map { .string($0) }
    }
    return .object(members)
  }

  private mutating func metadata(
    _ metadata: [String: Metadata], _ place: String, _ depth: Int
  ) throws -> JSON {
    guard depth <= Self.maximumDepth else {
      throw ArcuateError(.limitExceeded, "metadata nested more than \(Self.maximumDepth) deep")
    }
    var members: [String: JSON] = [:]
    for (name, value) in metadata.sorted(by: { $0.key < $1.key }) {
      switch value {
      case .string(let text): members[name] = .string(text)
      case .bool(let value): members[name] = .bool(value)
      case .number(let number) where number.isFinite: members[name] = .number(number)
      // A bare string would come back as text.
      case .number(let number): members[name] = .object(["number": .number(number)])
      case .array(let tensor):
        members[name] = .object(["tensor": store(tensor, "\(place).\(name)")])
      case .group(let group):
        members[name] = .object([
          "group": try self.metadata(group, "\(place).\(name)", depth + 1)
        ])
      }
    }
    return .object(members)
  }

  /// Puts the tensor into the container and returns its name there, which is `wanted` unless some
  /// other node's name happened to give the same.
  private mutating func store(_ tensor: Tensor, _ wanted: String) -> JSON {
    // An int8 tensor speaks for two names, whether or not it has scales.
    let name = free(wanted, tensor.element == .int8 ? ["", ".scale"] : [""])
    container.entries[name] = .init(
      type: tensor.element.rawValue, shape: tensor.shape, bytes: tensor.bytes)
    if !tensor.scales.isEmpty {
      let scales = Tensor(vector: tensor.scales)
      container.entries[name + ".scale"] = .init(
        type: "F32", shape: scales.shape, bytes: scales.bytes)
    }
    return .string(name)
  }

  private mutating func store(_ indices: IndexArray, _ wanted: String) -> JSON {
    let name = free(wanted, [""])
    container.entries[name] = .init(
      type: indices.element.rawValue, shape: try! Shape([indices.count]), bytes: indices.bytes)
    return .string(name)
  }

  /// `wanted`, or with a number behind it, such that with each of the endings it is not yet taken.
  private mutating func free(_ wanted: String, _ endings: [String]) -> String {
    var name = wanted
    var count = 1
    while !taken.isDisjoint(with: endings.map { name + $0 }) {
      count += 1
      name = "\(wanted)#\(count)"
    }
    taken.formUnion(endings.map { name + $0 })
    return name
  }
}

extension Convolution {
  func fields(_ put: (String, Tensor?) -> Void) -> [String: JSON] {
    put("weight", weight)
    put("bias", bias)
    var fields: [String: JSON] = [
      "stride": list(stride), "dilation": list(dilation), "groups": .number(groups),
    ]
    if let inputShape { fields["input_shape"] = list(inputShape) }
    switch padding {
    case .explicit(let pads): fields["padding"] = list(pads)
    case .same: fields["padding"] = .string("same")
    case .valid: fields["padding"] = .string("valid")
    }
    return fields
  }
}

private func list(_ numbers: [Int]) -> JSON { .array(numbers.map { .number($0) }) }

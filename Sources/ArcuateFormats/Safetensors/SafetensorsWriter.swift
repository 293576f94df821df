import ArcuateCore
import ArcuateModel

/// Turns a model into the graph's JSON and the container's tensors.
struct SafetensorsWriter {
  var container = SafetensorsContainer()
  private var taken = Set<String>()

  static let maximumDepth = 16

  mutating func graph(_ model: Model, path: String, depth: Int) throws(ArcuateError) -> [String:
    JSON]
  {
    guard depth <= Self.maximumDepth else {
      throw ArcuateError(.limitExceeded, "graphs are nested more than \(Self.maximumDepth) deep")
    }
    var graph: [String: JSON] = [
      "semantics": model.semantics.json,
      "edges": .array(model.edges.map { .array([.string($0.source), .string($0.target)]) }),
    ]
    var nodes: [JSON] = []
    for node in model.nodes {
      let own = path + node.name
      var fields = try within("node \"\(node.name)\"") { () throws(ArcuateError) in
        try self.fields(of: node.op, own, depth)
      }
      fields["name"] = .string(node.name)
      fields["kind"] = .string(node.op.kindName)
      if !node.metadata.isEmpty {
        fields["metadata"] = try metadata(node.metadata, own + ".metadata", 0)
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
    of op: Operator, _ path: String, _ depth: Int
  ) throws(ArcuateError) -> [String: JSON] {
    try fields(of: op.kind, path, depth)
  }

  private mutating func fields<Kind: NodeKind>(
    of kind: Kind, _ path: String, _ depth: Int
  ) throws(ArcuateError) -> [String: JSON] {
    var fields: [String: JSON] = [:]
    for field in kind.form.fields {
      guard let value = field.get(kind) else { continue }
      let wanted = "\(path).\(field.name)"
      switch value {
      case .tensor(let tensor): fields[field.name] = store(tensor, wanted)
      case .tensors(let tensors):
        var names: [String: JSON] = [:]
        for (name, tensor) in tensors.sorted(by: { $0.key < $1.key }) {
          names[name] = store(tensor, "\(wanted).\(name)")
        }
        fields[field.name] = .object(names)
      case .indices(let indices): fields[field.name] = store(indices, wanted)
      case .rule(let rule):
        fields[field.name] = rule.json
        if let matrix = rule.modulator?.matrix {
          fields["matrix"] = store(matrix, "\(path).matrix")
        }
      case .graph(let inner):
        fields[field.name] = .object(try graph(inner, path: path + "/", depth: depth + 1))
      case .integers, .integer, .seed, .number, .flag, .word, .semantics:
        fields[field.name] = value.json
      }
    }
    return fields
  }

  private mutating func metadata(
    _ metadata: [String: Metadata], _ path: String, _ depth: Int
  ) throws(ArcuateError) -> JSON {
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
        members[name] = .object(["tensor": store(tensor, "\(path).\(name)")])
      case .group(let group):
        members[name] = .object([
          "group": try self.metadata(group, "\(path).\(name)", depth + 1)
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

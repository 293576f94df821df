import ArcuateCore
import ArcuateModel

/// Turns the graph's JSON and the container's tensors into a model.
struct SafetensorsReader {
  private let container: SafetensorsContainer
  private(set) var findings: [Finding] = []
  private var used = Set<String>()

  init(_ container: SafetensorsContainer) { self.container = container }

  /// Throws. `malformed`, `notFound`, `unsupportedFormat`, `limitExceeded` naming node and field.
  mutating func model(_ graph: JSON) throws(ArcuateError) -> Model {
    let model = try self.graph(graph, location: "model", depth: 0)
    let unused = container.entries.keys.filter { !used.contains($0) }
    if let first = unused.min() {
      findings.append(
        Finding(
          .note, "tensor \"\(first.prefix(200))\"",
          "belongs to no node" + (unused.count > 1 ? " (nor do \(unused.count - 1) more)" : "")))
    }
    return model
  }

  private mutating func graph(_ json: JSON, location: String, depth: Int) throws(ArcuateError)
    -> Model
  {
    guard depth <= SafetensorsWriter.maximumDepth else {
      throw ArcuateError(.limitExceeded, "graphs are nested too deep")
    }
    var fields = Fields(try json.object())
    var model = Model()
    for (i, node) in try fields.take("nodes").array().enumerated() {
      model.nodes.append(try self.node(node, index: i, depth))
    }
    model.edges = try within("edges") { () throws(ArcuateError) in
      try fields.take("edges").array().map { edge throws(ArcuateError) in
        let ends = try edge.array().map { end throws(ArcuateError) in try end.string() }
        guard ends.count == 2 else {
          throw ArcuateError(.malformed, "an edge with \(ends.count) ends")
        }
        return Model.Edge(ends[0], ends[1])
      }
    }
    if let json = fields.find("semantics") {
      model.semantics = try within("semantics") { () throws(ArcuateError) in
        try NeuronSemantics(json)
      }
    }
    if let json = fields.find("dt_s") {
      model.dt_s = try within("dt_s") { () throws(ArcuateError) in try json.real() }
    }
    if let json = fields.find("metadata") { model.metadata = try metadata(json, 0) }
    report(fields, location)
    return model
  }

  private mutating func node(_ json: JSON, index: Int, _ depth: Int) throws(ArcuateError)
    -> Model.Node
  {
    var fields = try within("node \(index)") { () throws(ArcuateError) in Fields(try json.object())
    }
    let name = try within("node \(index)") { () throws(ArcuateError) in
      try fields.take("name").string()
    }
    let location = "node \"\(name.prefix(200))\""
    return try within(location) { () throws(ArcuateError) in
      let op = try self.op(of: try fields.take("kind").string(), &fields, location, depth)
      var notes: [String: Metadata] = [:]
      if let json = fields.find("metadata") { notes = try metadata(json, 0) }
      report(fields, location)
      return Model.Node(name, op, metadata: notes)
    }
  }

  private mutating func op(
    of kind: String, _ fields: inout Fields, _ location: String, _ depth: Int
  ) throws(ArcuateError) -> Operator {
    guard let known = NodeNames.all.forms[kind] else {
      throw ArcuateError(.unsupportedFormat, "is of the unknown kind \"\(kind.prefix(80))\"")
    }
    return try op(known, kind, &fields, location, depth)
  }

  private mutating func op<Kind: NodeKind>(
    _: Kind.Type, _ name: String, _ fields: inout Fields, _ location: String, _ depth: Int
  ) throws(ArcuateError) -> Operator {
    let form = Kind.forms.first { $0.name == name }!
    var node = form.blank
    for field in form.fields where field.isRequired || fields.has(field.name) {
      let value = try value(field.name, field.storage, &fields, location, depth)
      try within(field.name) { () throws(ArcuateError) in try field.set(&node, value) }
    }
    if form.isConverted, let error = node.contradictions().first {
      throw ArcuateError(.invalidModel, error, at: location)
    }
    return node.asOperator
  }

  private mutating func value(
    _ name: String, _ storage: FieldStorage, _ fields: inout Fields, _ location: String,
    _ depth: Int
  ) throws(ArcuateError) -> FieldValue {
    switch storage {
    case .tensor: return .tensor(try tensor(name, &fields))
    case .tensors:
      let names = try fields.take(name)
      return .tensors(try within(name) { () throws(ArcuateError) in try tensors(names) })
    case .indices: return .indices(try indices(name, &fields))
    case .rule:
      let matrix = fields.has("matrix") ? try tensor("matrix", &fields) : nil
      let json = try fields.take(name)
      return .rule(
        try within(name) { () throws(ArcuateError) in try PlasticRule(json, matrix: matrix) })
    case .graph:
      return .graph(try graph(try fields.take(name), location: location, depth: depth + 1))
    case .extents, .integers, .integersOrWord, .integer, .seed, .number, .flag, .word, .semantics:
      let json = try fields.take(name)
      return try within(name) { () throws(ArcuateError) in try FieldValue(json, storage) }
    }
  }

  private mutating func metadata(_ json: JSON, _ depth: Int) throws(ArcuateError) -> [String:
    Metadata]
  {
    guard depth <= SafetensorsWriter.maximumDepth else {
      throw ArcuateError(.limitExceeded, "metadata nested too deep")
    }
    var notes: [String: Metadata] = [:]
    let members = try within("metadata") { () throws(ArcuateError) in try json.object() }
    for (name, value) in members {
      try within("metadata \"\(name.prefix(80))\"") { () throws(ArcuateError) in
        switch value {
        case .string(let text): notes[name] = .string(text)
        case .bool(let value): notes[name] = .bool(value)
        case .number: notes[name] = .number(try value.real())
        default:
          let tagged = try value.object()
          guard tagged.count == 1, let (tag, content) = tagged.first else {
            throw ArcuateError(.malformed, "is an object of \(tagged.count) members, not of one")
          }
          switch tag {
          case "number": notes[name] = .number(try content.real())
          case "tensor": notes[name] = .array(try tensor(named: try content.string()))
          case "group": notes[name] = .group(try metadata(content, depth + 1))
          default:
            throw ArcuateError(.malformed, "\"\(tag.prefix(80))\" is not number, tensor or group")
          }
        }
      }
    }
    return notes
  }

  // MARK: Tensors

  private mutating func tensor(_ field: String, _ fields: inout Fields) throws(ArcuateError)
    -> Tensor
  {
    let name = try fields.take(field)
    return try within(field) { () throws(ArcuateError) in try tensor(named: try name.string()) }
  }

  private mutating func tensor(named name: String) throws(ArcuateError) -> Tensor {
    guard let entry = container.entries[name] else {
      throw ArcuateError(.notFound, "there is no tensor \"\(name.prefix(200))\"")
    }
    var scales: [Float] = []
    if entry.type == "I8", let stored = container.entries[name + ".scale"] {
      scales = try within("scale") { () throws(ArcuateError) in try stored.tensor().tensor.floats }
      used.insert(name + ".scale")
    }
    let (tensor, converted) = try entry.tensor(scales: scales)
    if converted, used.insert(name).inserted {
      findings.append(
        Finding(.note, "tensor \"\(name.prefix(200))\"", "is \(entry.type): converted to float32"))
    }
    used.insert(name)
    return tensor
  }

  private mutating func tensors(_ names: JSON) throws(ArcuateError) -> [String: Tensor] {
    var tensors: [String: Tensor] = [:]
    for (key, name) in try names.object() {
      tensors[key] = try within("\"\(key.prefix(80))\"") { () throws(ArcuateError) in
        try tensor(named: try name.string())
      }
    }
    return tensors
  }

  /// Whole numbers, which stay in the file.
  private mutating func indices(_ field: String, _ fields: inout Fields) throws(ArcuateError)
    -> IndexArray
  {
    let named = try fields.take(field)
    return try within(field) { () throws(ArcuateError) in
      let name = try named.string()
      guard let entry = container.entries[name] else {
        throw ArcuateError(.notFound, "there is no tensor \"\(name.prefix(200))\"")
      }
      guard let element = IndexArray.Element(rawValue: entry.type), entry.shape.rank == 1 else {
        throw ArcuateError(
          .unsupportedFormat,
          "is \(entry.type) of shape \(entry.shape): a list of U32, I32 or I64 is expected")
      }
      used.insert(name)
      return try IndexArray(element: element, bytes: entry.bytes)
    }
  }

  private mutating func report(_ fields: Fields, _ location: String) {
    for name in fields.unused {
      findings.append(
        Finding(.repair, location, "has an unknown field \"\(name.prefix(80))\": ignored"))
    }
  }
}

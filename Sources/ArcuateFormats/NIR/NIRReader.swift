import ArcuateCore
import ArcuateModel

/// Turns the groups and datasets of a file into a model, and reports repairs.
final class NIRReader {
  private let file: HDF5File
  private(set) var findings: [Finding] = []
  /// Objects on the way from the root: a group inside itself is refused.
  private var open = Set<Int>()

  init(_ bytes: Bytes) throws(ArcuateError) { file = try HDF5File(bytes) }

  /// A group with its members, by name.
  struct Group {
    var path: String
    var members: [(name: String, header: Int)]

    func header(_ name: String) -> Int? { members.first { $0.name == name }?.header }
  }

  func model() throws(ArcuateError) -> Model {
    let root = try group(at: file.rootHeader, "/")
    guard let header = root.header("node") else {
      throw ArcuateError(
        .unsupportedFormat, "is an HDF5 file, but has no /node: it is not a NIR graph")
    }
    if let version = root.header("version") {
      let text = try string(version, "/version")
      let major = text.split(separator: ".").first.map(String.init) ?? ""
      if !["0", "1"].contains(major) {
        findings.append(Finding(.note, "file", "is of NIR version \(text); 0 and 1 are known"))
      }
    } else {
      findings.append(Finding(.note, "file", "states no NIR version"))
    }
    let node = try group(at: header, "/node")
    let type = try self.type(of: node)
    guard type == "NIRGraph" else {
      findings.append(
        Finding(.repair, "/node", "is a bare \(type): input and output were put around it"))
      return try bare(node, type)
    }
    var model = try graph(node, name: "", depth: 0)
    findings += NIROldFiles.addPorts(&model)
    findings += NIRHints.read(&model)
    return model
  }

  // MARK: Graphs

  private func graph(_ group: Group, name: String, depth: Int) throws(ArcuateError) -> Model {
    guard depth <= 16 else { throw ArcuateError(.limitExceeded, "graphs are nested too deep") }
    guard let header = group.header("nodes") else {
      throw ArcuateError(.invalidModel, "a graph without nodes", at: group.path)
    }
    var model = Model()
    let nodes = try self.group(at: header, group.path + "/nodes")
    for (name, header) in nodes.members {
      let path = "\(nodes.path)/\(name)"
      try visit(header, path) { () throws(ArcuateError) in
        let node = try self.group(at: header, path)
        if let built = try self.node(node, name, depth) { model.nodes.append(built) }
      }
    }
    if let header = group.header("edges") {
      model.edges = try edges(header, group.path + "/edges")
    } else {
      findings.append(Finding(.repair, group.path, "states no edges: it has none"))
    }
    if let header = group.header("metadata") {
      model.metadata = try metadata(header, group.path + "/metadata", depth: 0)
    }
    for (name, _) in group.members
    where !["type", "nodes", "edges", "metadata", "input_type", "output_type", "version"].contains(
      name)
    {
      findings.append(Finding(.repair, group.path, "has an unknown entry \"\(name)\": ignored"))
    }
    findings += NIREdges.repair(&model)
    findings += NIROldFiles.dropBatchAxis(&model)
    return model
  }

  private func node(_ group: Group, _ name: String, _ depth: Int) throws(ArcuateError) -> Model
    .Node?
  {
    let type = try self.type(of: group)
    if type == "NIRGraph" {
      return Model.Node(name, .graph(try graph(group, name: name, depth: depth + 1)))
    }
    var fields = try NodeFields(self, group, type: type)
    guard let op = try fields.operation() else {
      findings.append(
        Finding(.error, "node \"\(name)\"", "is of type \(type), which is not one of NIR's"))
      return nil
    }
    for repair in fields.repairs {
      findings.append(Finding(.repair, "node \"\(name)\"", repair))
    }
    for unknown in fields.unused() {
      findings.append(
        Finding(.repair, "node \"\(name)\"", "has an unknown field \"\(unknown)\": ignored"))
    }
    return Model.Node(name, op, metadata: fields.metadata)
  }

  private func bare(_ group: Group, _ type: String) throws(ArcuateError) -> Model {
    guard let node = try node(group, "node", 0) else {
      throw ArcuateError(
        .invalidModel, "is of type \(type), which is not one of NIR's", at: "/node")
    }
    guard let shape = try node.op.outputShape(for: nil) else {
      throw ArcuateError(.invalidModel, "its shape does not follow without a graph", at: "/node")
    }
    var input = shape
    if case .linear(let linear) = node.op {
      input = try Shape(
        Array(linear.weight.shape.extents.dropLast(2)) + [linear.weight.shape.extents.last!])
    }
    if case .convolution(let convolution) = node.op, let spatial = convolution.inputShape {
      input = try Shape([convolution.weight.shape[1] * convolution.groups] + spatial)
    }
    return Model.chain([
      ("input", .input(shape: input)), ("node", node.op), ("output", .output(shape: shape)),
    ])
  }

  // MARK: Edges

  private func edges(_ header: Int, _ path: String) throws(ArcuateError) -> [Model.Edge] {
    let data = try dataset(header, path)
    guard case .strings(let names) = data.value else {
      // An empty list is written as an empty array of numbers.
      guard data.shape.reduce(1, *) == 0 else {
        throw ArcuateError(.malformed, "edges are numbers", at: path)
      }
      return []
    }
    guard data.shape.count == 2, data.shape[1] == 2 else {
      throw ArcuateError(.malformed, "edges have shape \(data.shape), not [count, 2]", at: path)
    }
    return stride(from: 0, to: names.count, by: 2).map { Model.Edge(names[$0], names[$0 + 1]) }
  }

  // MARK: Datasets

  func group(at header: Int, _ path: String) throws(ArcuateError) -> Group {
    try within(path) { () throws(ArcuateError) in
      let object = try file.object(at: header)
      guard object.isGroup else { throw ArcuateError(.malformed, "is not a group") }
      return Group(path: path, members: try file.members(of: object))
    }
  }

  func dataset(_ header: Int, _ path: String) throws(ArcuateError) -> HDF5Dataset {
    try within(path) { () throws(ArcuateError) in
      let object = try file.object(at: header)
      guard object.isDataset else { throw ArcuateError(.malformed, "is not a dataset") }
      return try file.dataset(object)
    }
  }

  func string(_ header: Int, _ path: String) throws(ArcuateError) -> String {
    guard case .strings(let values) = try dataset(header, path).value, let first = values.first
    else { throw ArcuateError(.malformed, "is not text", at: path) }
    return first
  }

  private func type(of group: Group) throws(ArcuateError) -> String {
    guard let header = group.header("type") else {
      throw ArcuateError(.invalidModel, "states no type", at: group.path)
    }
    return try string(header, group.path + "/type")
  }

  func metadata(
    _ header: Int, _ path: String, depth: Int
  ) throws(ArcuateError) -> [String: Metadata] {
    guard depth <= 16 else { throw ArcuateError(.limitExceeded, "metadata nested too deep") }
    var result: [String: Metadata] = [:]
    for (name, header) in try group(at: header, path).members {
      let path = "\(path)/\(name)"
      try visit(header, path) { () throws(ArcuateError) in
        let object = try within(path) { () throws(ArcuateError) in try file.object(at: header) }
        guard object.isDataset else {
          result[name] = .group(try metadata(header, path, depth: depth + 1))
          return
        }
        let data = try dataset(header, path)
        switch data.value {
        case .strings(let texts) where data.shape.isEmpty: result[name] = .string(texts.first ?? "")
        case .numbers(let numbers) where data.shape.isEmpty:
          let number = try numbers.doubles().first ?? 0
          result[name] = data.isBool ? .bool(number != 0) : .number(number)
        case .numbers(let numbers):
          result[name] = .array(try numbers.tensor(Shape(data.shape)))
        case .strings, .sequences:
          findings.append(Finding(.note, path, "is a list that is not kept"))
        }
      }
    }
    return result
  }

  private func visit(
    _ header: Int, _ path: String, _ body: () throws(ArcuateError) -> Void
  ) throws(ArcuateError) {
    guard open.insert(header).inserted else {
      throw ArcuateError(.malformed, "contains itself", at: path)
    }
    defer { open.remove(header) }
    try body()
  }
}

import ArcuateCore
import ArcuateModel

extension NIRFile {
  /// The NIR version whose set of fields is written.
  static let version = "1.0.8"

  /// The bytes of a `.nir` file. Throws. `notRepresentable` naming the node that NIR has no word for.
  public static func encode(_ model: Model) throws(ArcuateError) -> [UInt8] {
    var graph = try tree(model)
    graph["metadata"] = tree(NIRHints.metadata(of: model))
    return try HDF5Writer.encode(["version": .string(version), "node": .group(graph)])
  }

  private static func tree(_ model: Model) throws(ArcuateError) -> [String: HDF5Tree] {
    var shapes: [String: Shape] = [:]
    if let checked = model.check().checked {
      for (node, shape) in zip(checked.model.nodes, checked.shapes) { shapes[node.name] = shape }
    }
    var nodes: [String: HDF5Tree] = [:]
    for node in model.nodes {
      try within("node \"\(node.name)\"") { () throws(ArcuateError) in
        guard nodes[node.name] == nil else {
          throw ArcuateError(.invalidModel, "the name is used twice")
        }
        // What feeds a node gives the shapes its own fields leave open.
        let source = model.edges.first { $0.target == node.name }?.source
        let around = NodeShapes(
          input: source.flatMap { shapes[$0] }, output: shapes[node.name])
        var op = node.op
        // A program that is one of NIR's neurons under the model's semantics is written as that.
        if case .program(let program) = op, let neuron = program.neuron(model.semantics) {
          op = .neuron(neuron)
        }
        var fields = try tree(op, around)
        if !node.metadata.isEmpty {
          if fields["metadata"] != nil {
            throw ArcuateError(.notRepresentable, "a nested graph has one metadata, not two")
          }
          fields["metadata"] = tree(node.metadata)
        }
        nodes[node.name] = .group(fields)
      }
    }
    var graph: [String: HDF5Tree] = ["type": .string("NIRGraph"), "nodes": .group(nodes)]
    graph["edges"] =
      model.edges.isEmpty
      ? .floats([], shape: [0])
      : .strings(model.edges.flatMap { [$0.source, $0.target] }, shape: [model.edges.count, 2])
    return graph
  }

  private static func tree(_ metadata: [String: Metadata]) -> HDF5Tree {
    .group(
      metadata.mapValues { value in
        switch value {
        case .string(let text): .string(text)
        case .number(let number): .double(number)
        case .bool(let bool): .bool(bool)
        case .array(let tensor): .floats(tensor.floats, shape: tensor.shape.extents)
        case .group(let group): tree(group)
        }
      })
  }

  private static func tree(_ op: Operator, _ shapes: NodeShapes) throws(ArcuateError) -> [String:
    HDF5Tree]
  {
    if case .graph(let inner) = op {
      guard inner.semantics == NeuronSemantics(), inner.dt_s == nil else {
        throw ArcuateError(
          .notRepresentable, "NIR has no word for semantics or a step of a nested graph alone")
      }
      var fields = try tree(inner)
      if !inner.metadata.isEmpty { fields["metadata"] = tree(inner.metadata) }
      return fields
    }
    return try tree(of: op.kind, shapes)
  }

  private static func tree<Kind: NodeKind>(
    of kind: Kind, _ shapes: NodeShapes
  ) throws(ArcuateError) -> [String: HDF5Tree] {
    let form = kind.form
    switch form.nir {
    case .native: break
    case .none(let hint):
      throw ArcuateError(
        .notRepresentable, "NIR has no \(form.name); safetensors can hold it\(hint)")
    case .substituted(let rewrite):
      let other: Operator
      do {
        other = try rewrite(kind)
      } catch {
        throw ArcuateError(
          .notRepresentable,
          "NIR has no \(form.name), and it cannot be written as another node: it \(error.message); "
            + "safetensors can hold it")
      }
      return try tree(other, shapes)
    }
    var tree: [String: HDF5Tree] = ["type": .string(form.name)]
    for field in form.fields {
      switch field.nir {
      case .none(let refusal):
        if let message = refusal(kind) { throw ArcuateError(.notRepresentable, message) }
      case .field(let names, _, _, let other):
        let own = try other == nil ? field.get(kind) : other!(kind, shapes)
        guard let value = own else { continue }
        let extent = field.extent == .elements ? shapes.output : nil
        tree[names.first ?? field.name] = try HDF5Tree(value, field.storage, extent)
      }
    }
    return tree
  }
}

extension HDF5Tree {
  /// A field as NIR stores it; a tensor with one element has `extent` after it if that is not nil.
  fileprivate init(_ value: FieldValue, _ storage: FieldStorage, _ extent: Shape?)
    throws(ArcuateError)
  {
    func integers(_ values: [Int], isScalar: Bool) -> HDF5Tree {
      .integers(values.map { Int64(clamping: $0) }, shape: isScalar ? [] : [values.count])
    }
    switch value {
    case .tensor(let tensor):
      let shape = extent ?? tensor.shape
      self = .floats(try tensor.broadcast(to: shape), shape: shape.extents)
    case .integers(let values): self = integers(values, isScalar: storage.isScalar)
    case .integer(let value): self = integers([value], isScalar: true)
    case .word(let word): self = .string(word)
    case .tensors, .indices, .seed, .number, .flag, .rule, .semantics, .graph:
      throw ArcuateError(.notRepresentable, "NIR has no field of this kind")
    }
  }
}

extension FieldStorage {
  /// Whether NIR stores a scalar.
  fileprivate var isScalar: Bool {
    switch self {
    case .extents(let count): count == 1
    case .integers(let count), .integersOrWord(let count): count == 1
    case .integer: true
    case .tensor, .tensors, .indices, .seed, .number, .flag, .word, .rule, .semantics, .graph:
      false
    }
  }
}

import ArcuateCore
import ArcuateModel

extension NIRFile {
  /// The NIR version whose set of fields is written.
  static let version = "1.0.8"

  /// The bytes of a `.nir` file. Throws. As `write`.
  public static func encode(_ model: Model) throws -> [UInt8] {
    var graph = try tree(model)
    graph["metadata"] = tree(NIRHints.metadata(of: model))
    return try HDF5Writer.encode(["version": .string(version), "node": .group(graph)])
  }

  private static func tree(_ model: Model) throws -> [String: HDF5Tree] {
    var shapes: [String: Shape] = [:]
    if let checked = model.check().checked {
      for (node, shape) in zip(checked.model.nodes, checked.shapes) { shapes[node.name] = shape }
    }
    var nodes: [String: HDF5Tree] = [:]
    for node in model.nodes {
      try within("node \"\(node.name)\"") {
        guard nodes[node.name] == nil else {
          throw ArcuateError(.invalidModel, "the name is used twice")
        }
        // What feeds a node gives the shapes its own fields leave open.
        let source = model.edges.first { $0.target == node.name }?.source
        var fields = try tree(
          node.op, shape: shapes[node.name], input: source.flatMap { shapes[$0] })
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

  private static func tree(
    _ op: Operator, shape: Shape?, input: Shape?
  ) throws -> [String: HDF5Tree] {
    var fields: [String: HDF5Tree] = ["type": .string(op.kindName)]
    func whole(_ values: [Int], scalar: Bool = false) -> HDF5Tree {
      .integers(values.map { Int64($0) }, shape: scalar ? [] : [values.count])
    }
    func array(_ tensor: Tensor) -> HDF5Tree {
      .floats(tensor.floats, shape: tensor.shape.extents)
    }
    func expanded(_ tensor: Tensor) throws -> HDF5Tree {
      let target = shape ?? tensor.shape
      return .floats(try tensor.broadcast(to: target), shape: target.extents)
    }
    switch op {
    case .input(let shape), .output(let shape): fields["shape"] = whole(shape.extents)
    case .linear(let linear):
      fields["weight"] = array(linear.weight)
      if let bias = linear.bias {
        let rank = linear.weight.shape.rank
        fields["bias"] =
          bias.count == 1 && rank >= 2
          ? .floats(
            [Float](repeating: bias.floats[0], count: linear.weight.shape[rank - 2]),
            shape: [linear.weight.shape[rank - 2]]) : array(bias)
      }
    case .sparse(let sparse):
      do {
        fields = ["type": .string("Linear"), "weight": array(try sparse.dense().weight)]
      } catch {
        let error = error as! ArcuateError
        throw ArcuateError(
          .notRepresentable,
          "NIR has no SparseLinear, and as a Linear it cannot be written: it \(error.message); "
            + "safetensors can hold it")
      }
    case .scale(let tensor): fields["scale"] = try expanded(tensor)
    case .convolution(let convolution):
      guard let spatial = convolution.inputShape ?? input.map({ Array($0.extents.dropFirst()) })
      else { throw ArcuateError(.notRepresentable, "its input_shape is not known") }
      let channels = convolution.weight.shape[0]
      fields["input_shape"] = whole(spatial, scalar: convolution.axes == 1)
      fields["weight"] = array(convolution.weight)
      fields["bias"] = .floats(
        try (convolution.bias ?? Tensor(scalar: 0)).broadcast(to: Shape([channels])),
        shape: [channels])
      let scalar = convolution.axes == 1
      fields["stride"] = whole(convolution.stride, scalar: scalar)
      fields["dilation"] = whole(convolution.dilation, scalar: scalar)
      fields["groups"] = whole([convolution.groups], scalar: true)
      switch convolution.padding {
      case .explicit(let pads): fields["padding"] = whole(pads, scalar: scalar)
      case .same: fields["padding"] = .string("same")
      case .valid: fields["padding"] = .string("valid")
      }
    case .pooling(let pooling) where pooling.kind == .sum || pooling.kind == .average:
      fields["kernel_size"] = whole(pooling.kernel)
      fields["stride"] = whole(pooling.stride)
      fields["padding"] = whole(pooling.padding)
    case .flatten(let flatten):
      guard let from = flatten.inputShape ?? input else {
        throw ArcuateError(.notRepresentable, "its input shape is not known")
      }
      fields["input_type"] = whole(from.extents)
      fields["start_dim"] = whole([flatten.start], scalar: true)
      fields["end_dim"] = whole([flatten.end], scalar: true)
    case .delay(let tensor): fields["delay"] = try expanded(tensor)
    case .threshold(let tensor): fields["threshold"] = try expanded(tensor)
    case .neuron(let neuron):
      if neuron.semantics != nil {
        throw ArcuateError(.notRepresentable, "NIR has no word for semantics of a single neuron")
      }
      if let initial = neuron.initial, initial.floats.contains(where: { $0 != 0 }) {
        throw ArcuateError(
          .notRepresentable,
          "NIR has no word for v_initial, a membrane that does not start at zero; safetensors can "
            + "hold it")
      }
      for (name, tensor) in neuron.parameters where name != "v_initial" {
        fields[name] = try expanded(tensor)
      }
      let leaks = neuron.kind.leaks
      if leaks && neuron.leak == nil { fields["v_leak"] = try expanded(Tensor(scalar: 0)) }
      if neuron.kind.spikes && neuron.resetValue == nil {
        fields["v_reset"] = try expanded(Tensor(scalar: 0))
      }
      if neuron.kind.hasSynapse && neuron.inputWeight == nil {
        fields["w_in"] = try expanded(Tensor(scalar: 1))
      }
    case .graph(let inner):
      guard inner.semantics == NeuronSemantics(), inner.dt_s == nil else {
        throw ArcuateError(
          .notRepresentable, "NIR has no word for semantics or a step of a nested graph alone")
      }
      fields = try tree(inner)
      if !inner.metadata.isEmpty { fields["metadata"] = tree(inner.metadata) }
    case .pooling, .activation, .batchNorm, .encoder, .decoder, .concatenation, .multiplication,
      .normalization, .plastic:
      throw ArcuateError(
        .notRepresentable,
        "NIR has no \(op.kindName); safetensors can hold it"
          + (op.isBatchNorm ? ", or it can be folded into the weights before it" : ""))
    }
    return fields
  }
}

extension Operator {
  fileprivate var isBatchNorm: Bool {
    if case .batchNorm = self { true } else { false }
  }
}

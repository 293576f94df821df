import ArcuateCore
import ArcuateModel

/// Turns the graph's JSON and the container's tensors into a model.
struct SafetensorsReader {
  private let container: SafetensorsContainer
  private(set) var findings: [Finding] = []
  private var used = Set<String>()

  init(_ container: SafetensorsContainer) { self.container = container }

  /// Throws. `malformed`, `notFound`, `unsupportedFormat`, `limitExceeded` naming node and field.
  mutating func model(_ graph: JSON) throws -> Model {
    let model = try self.graph(graph, place: "model", depth: 0)
    let unused = container.entries.keys.filter { !used.contains($0) }
    if let first = unused.min() {
      findings.append(
        Finding(
          .note, "tensor \"\(first.prefix(200))\"",
          "belongs to no node" + (unused.count > 1 ? " (nor do \(unused.count - 1) more)" : "")))
    }
    return model
  }

  private mutating func graph(_ json: JSON, place: String, depth: Int) throws -> Model {
    guard depth <= SafetensorsWriter.maximumDepth else {
      throw ArcuateError(.limitExceeded, "graphs are nested too deep")
    }
    var fields = Fields(try json.object())
    var model = Model()
    for (i, node) in try fields.take("nodes").array().enumerated() {
      model.nodes.append(try self.node(node, index: i, depth))
    }
    model.edges = try within("edges") {
      try fields.take("edges").array().map { edge in
        let ends = try edge.array().map { try $0.string() }
        guard ends.count == 2 else {
          throw ArcuateError(.malformed, "an edge with \(ends.count) ends")
        }
        return Model.Edge(ends[0], ends[1])
      }
    }
    if let json = fields.find("semantics") { model.semantics = try semantics(json) }
    if let json = fields.find("dt_s") {
      model.dt_s = try within("dt_s") { try json.real() }
    }
    if let json = fields.find("metadata") { model.metadata = try metadata(json, 0) }
    report(fields, place)
    return model
  }

  private mutating func node(_ json: JSON, index: Int, _ depth: Int) throws -> Model.Node {
    var fields = try within("node \(index)") { Fields(try json.object()) }
    let name = try within("node \(index)") { try fields.take("name").string() }
    let place = "node \"\(name.prefix(200))\""
    return try within(place) {
      let op = try self.op(of: try fields.take("kind").string(), &fields, place, depth)
      var notes: [String: Metadata] = [:]
      if let json = fields.find("metadata") { notes = try metadata(json, 0) }
      report(fields, place)
      return Model.Node(name, op, metadata: notes)
    }
  }

  private mutating func op(
    of kind: String, _ fields: inout Fields, _ place: String, _ depth: Int
  ) throws -> Operator {
    switch kind {
    case "Input": return .input(shape: try Shape(fields.list("shape")))
    case "Output": return .output(shape: try Shape(fields.list("shape")))
    case "Linear": return .linear(Linear(weight: try tensor("weight", &fields)))
    case "Affine":
      return .linear(
        Linear(weight: try tensor("weight", &fields), bias: try tensor("bias", &fields)))
    case "SparseLinear":
      let shape = try fields.list("shape")
      guard shape.count == 2 else {
        throw ArcuateError(.malformed, "has \(shape.count) numbers, not [post, pre]", at: "shape")
      }
      return .sparse(
        SparseLinear(
          post: shape[0], pre: shape[1], rowStarts: try indices("row_starts", &fields),
          postIndices: try indices("post", &fields), weight: try tensor("weight", &fields),
          delay_s: try tensor("delay_s", &fields)))
    case "Scale": return .scale(try tensor("scale", &fields))
    case "Conv1d", "Conv2d":
      return .convolution(try convolution(axes: kind == "Conv1d" ? 1 : 2, &fields))
    case "SumPool2d": return .pooling(try pooling(.sum, &fields))
    case "AvgPool2d": return .pooling(try pooling(.average, &fields))
    case "MaxPool2d": return .pooling(try pooling(.maximum, &fields))
    case "SpikeMaxPool2d": return .pooling(try pooling(.spikeMaximum, &fields))
    case "Flatten":
      var shape: Shape?
      if fields.has("input_shape") { shape = try Shape(fields.list("input_shape")) }
      return .flatten(
        Flatten(
          inputShape: shape, start: try fields.whole("start_dim"),
          end: try fields.whole("end_dim")))
    case "Delay": return .delay(try tensor("delay", &fields))
    case "Threshold": return .threshold(try tensor("threshold", &fields))
    case "NIRGraph":
      let inner = try fields.take("graph")
      return .graph(try graph(inner, place: place, depth: depth + 1))
    case "ReLU": return .activation(.relu)
    case "Sigmoid": return .activation(.sigmoid)
    case "Tanh": return .activation(.tanh)
    case "Softmax": return .activation(.softmax)
    case "LogSoftmax": return .activation(.logSoftmax)
    case "BatchNorm":
      return .batchNorm(
        BatchNorm(
          mean: try tensor("mean", &fields), variance: try tensor("variance", &fields),
          gamma: try tensor("gamma", &fields), beta: try tensor("beta", &fields),
          epsilon: try fields.real("epsilon")))
    case "Concatenation": return .concatenation
    case "Multiplication": return .multiplication
    case "Normalization":
      let appends = try fields.take("appends_log")
      guard case .bool(let appendsLog) = appends else {
        throw ArcuateError(.malformed, "is not true or false", at: "appends_log")
      }
      return .normalization(
        Normalization(
          target: try fields.real("target"), floor: try fields.real("floor"),
          appendsLog: appendsLog))
    case "BernoulliEncoder", "SignedBernoulliEncoder":
      let gain = try fields.real("gain")
      let seed: UInt64 = try within("seed") { try fields.take("seed").integer() }
      return .encoder(
        kind == "BernoulliEncoder"
          ? .bernoulli(gain: gain, seed: seed) : .signedBernoulli(gain: gain, seed: seed))
    case "SingleShotEncoder": return .encoder(.singleShot(gain: try fields.real("gain")))
    case "RateEncoder": return .encoder(.rate(gain: try fields.real("gain")))
    case "CountDecoder": return .decoder(.count)
    case "RateDecoder": return .decoder(.rate)
    case "MeanDecoder": return .decoder(.mean)
    case let kind where PlasticNode.kinds.contains(kind):
      return .plastic(try plastic(kind, &fields))
    default:
      guard let kind = Neuron.Kind(rawValue: kind) else {
        throw ArcuateError(.unsupportedFormat, "is of the unknown kind \"\(kind.prefix(80))\"")
      }
      return .neuron(try neuron(kind, &fields))
    }
  }

  mutating func convolution(axes: Int, _ fields: inout Fields) throws -> Convolution {
    let weight = try tensor("weight", &fields)
    guard weight.shape.rank == axes + 2 else {
      throw ArcuateError(
        .invalidModel, "the weight has shape \(weight.shape), not \(axes + 2) axes")
    }
    var shape: [Int]?
    if fields.has("input_shape") { shape = try Shape(fields.list("input_shape")).extents }
    let padding: Convolution.Padding
    switch fields.find("padding") {
    case .string("same"): padding = .same
    case .string("valid"): padding = .valid
    default: padding = .explicit(try fields.list("padding"))
    }
    return Convolution(
      inputShape: shape, weight: weight, bias: try optional("bias", &fields),
      stride: try fields.list("stride"), padding: padding,
      dilation: try fields.list("dilation"), groups: try fields.whole("groups"))
  }

  private func pooling(_ kind: Pooling.Kind, _ fields: inout Fields) throws -> Pooling {
    Pooling(
      kind: kind, kernel: try fields.list("kernel_size"), stride: try fields.list("stride"),
      padding: try fields.list("padding"))
  }

  private mutating func neuron(_ kind: Neuron.Kind, _ fields: inout Fields) throws -> Neuron {
    Neuron(
      kind, tauSynapse: try optional("tau_syn", &fields),
      tauMembrane: try optional(kind.hasSynapse ? "tau_mem" : "tau", &fields),
      resistance: try tensor("r", &fields), leak: try optional("v_leak", &fields),
      threshold: try optional("v_threshold", &fields),
      resetValue: try optional("v_reset", &fields), inputWeight: try optional("w_in", &fields),
      initial: try optional("v_initial", &fields),
      semantics: try fields.find("semantics").map { try semantics($0) })
  }

  private func semantics(_ json: JSON) throws -> NeuronSemantics {
    var semantics = NeuronSemantics()
    try within("semantics") {
      for (name, value) in try json.object() {
        guard NeuronSemantics.fieldNames.contains(name) else {
          throw ArcuateError(.unsupportedFormat, "there is no field \"\(name.prefix(80))\"")
        }
        try semantics.set(name, to: try value.string())
      }
    }
    return semantics
  }

  private mutating func metadata(_ json: JSON, _ depth: Int) throws -> [String: Metadata] {
    guard depth <= SafetensorsWriter.maximumDepth else {
      throw ArcuateError(.limitExceeded, "metadata nested too deep")
    }
    var notes: [String: Metadata] = [:]
    for (name, value) in try within("metadata", { try json.object() }) {
      try within("metadata \"\(name.prefix(80))\"") {
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

  mutating func tensor(_ field: String, _ fields: inout Fields) throws -> Tensor {
    let name = try fields.take(field)
    return try within(field) { try tensor(named: try name.string()) }
  }

  mutating func optional(_ field: String, _ fields: inout Fields) throws -> Tensor? {
    fields.has(field) ? try tensor(field, &fields) : nil
  }

  private mutating func tensor(named name: String) throws -> Tensor {
    guard let entry = container.entries[name] else {
      throw ArcuateError(.notFound, "there is no tensor \"\(name.prefix(200))\"")
    }
    var scales: [Float] = []
    if entry.type == "I8", let stored = container.entries[name + ".scale"] {
      scales = try within("scale") { try stored.tensor().tensor.floats }
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

  /// Whole numbers, which stay in the file.
  private mutating func indices(_ field: String, _ fields: inout Fields) throws -> IndexArray {
    let named = try fields.take(field)
    return try within(field) {
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

  private mutating func report(_ fields: Fields, _ place: String) {
    for name in fields.unused {
      findings.append(
        Finding(.repair, place, "has an unknown field \"\(name.prefix(80))\": passed over"))
    }
  }
}

import ArcuateCore
import ArcuateModel

/// Puts one layer after another.
struct LayerBuilder {
  private var model: Model
  private var shape: Shape
  private let dt_s: Double
  private var weights: LayerWeights
  private var last = "input"

  init(_ model: Model, shape: Shape, dt_s: Double, weights: LayerWeights) {
    self.model = model
    self.shape = shape
    self.dt_s = dt_s
    self.weights = weights
  }

  /// Throws. `malformed` for fields that are missing or unknown; what the layer's shape throws.
  mutating func add(_ given: Fields) throws {
    var fields = given
    let kind = try fields.take("kind").string()
    let name = try fields.find("name")?.string() ?? "\(kind)\(model.nodes.count)"
    guard !name.isEmpty, name.utf8.count <= 200, !model.nodes.contains(where: { $0.name == name })
    else {
      throw ArcuateError(.malformed, "the name \"\(name.prefix(80))\" is empty, long or taken")
    }
    try within("\"\(name)\"") {
      weights.next()
      let op = try self.op(kind, &fields)
      let isRecurrent = try fields.find("recurrent")?.bool() ?? false
      try fields.finish()
      guard let after = try op.outputShape(for: shape) else {
        throw ArcuateError(.invalidModel, "has no shape")
      }
      guard (1...LayerText.mostWeights).contains(after.count) else {
        throw ArcuateError(
          .limitExceeded,
          "emits \(after), which is not within 1 ... \(LayerText.mostWeights) numbers")
      }
      shape = after
      model.nodes.append(.init(name, op))
      model.edges.append(.init(last, name))
      last = name
      if isRecurrent { try addFeedback(name, op) }
    }
  }

  private mutating func addFeedback(_ name: String, _ op: Operator) throws {
    guard case .neuron = op, shape.rank == 1 else {
      throw ArcuateError(.malformed, "only neurons of one axis can be recurrent")
    }
    let count = shape.count
    let weight = try weights.weight(
      try Shape([count, count]), inputs: count, outputs: count, draw: 2)
    let back = model.freeName("\(name) recurrent")
    model.nodes.append(.init(back, .linear(Linear(weight: weight))))
    model.edges += [.init(name, back), .init(back, name)]
  }

  consuming func finished() -> Model {
    let name = model.freeName("output")
    model.nodes.append(.init(name, .output(shape: shape)))
    model.edges.append(.init(last, name))
    return model
  }

  private mutating func op(_ kind: String, _ fields: inout Fields) throws -> Operator {
    switch kind {
    case "linear": return try linear(&fields)
    case "convolution": return try convolution(&fields)
    case "average_pooling": return try pooling(.average, &fields)
    case "sum_pooling": return try pooling(.sum, &fields)
    case "max_pooling": return try pooling(.maximum, &fields)
    case "flatten": return .flatten(Flatten(inputShape: shape))
    case "batch_norm": return try batchNorm(&fields)
    case "scale": return .scale(Tensor(scalar: try fields.real("factor")))
    case "single_shot": return .encoder(.singleShot(gain: try real("gain", 1, &fields)))
    case "rate": return .encoder(.rate(gain: try real("gain", 1, &fields)))
    case "bernoulli":
      let seed: UInt64 = try fields.find("seed")?.integer() ?? 0
      return .encoder(.bernoulli(gain: try real("gain", 1, &fields), seed: seed))
    case "lif": return .neuron(try neuron(.lif, &fields))
    case "li": return .neuron(try neuron(.li, &fields))
    case "cuba_lif": return .neuron(try neuron(.cubaLIF, &fields))
    case "cuba_li": return .neuron(try neuron(.cubaLI, &fields))
    case "iaf": return .neuron(try neuron(.integrateAndFire, &fields))
    case "integrator": return .neuron(try neuron(.i, &fields))
    default:
      if let activation = Activation(rawValue: kind) { return .activation(activation) }
      if let decoder = Decoder(rawValue: kind) { return .decoder(decoder) }
      throw ArcuateError(.malformed, "there is no kind of layer \"\(kind.prefix(80))\"")
    }
  }

  private mutating func linear(_ fields: inout Fields) throws -> Operator {
    guard shape.rank == 1 else {
      throw ArcuateError(.shapeMismatch, "takes one axis, not \(shape): put a flatten before it")
    }
    let (post, pre) = (try whole("size", 1, &fields), shape.count)
    let weight = try weights.weight(try Shape([post, pre]), inputs: pre, outputs: post)
    let bias = try hasBias(&fields) ? weights.bias(post, inputs: pre) : nil
    return .linear(Linear(weight: weight, bias: bias))
  }

  private mutating func convolution(_ fields: inout Fields) throws -> Operator {
    let axes = shape.rank - 1
    guard axes == 1 || axes == 2 else {
      throw ArcuateError(.shapeMismatch, "takes channels and one or two further axes, not \(shape)")
    }
    let channels = try whole("channels", 1, &fields)
    let groups = try fields.has("groups") ? whole("groups", 1, &fields) : 1
    guard shape[0] % groups == 0, channels % groups == 0 else {
      throw ArcuateError(
        .shapeMismatch, "\(groups) groups do not divide \(shape[0]) and \(channels) channels")
    }
    let kernel = try extents("kernel", nil, axes, least: 1, &fields)
    let weightShape = try Shape([channels, shape[0] / groups] + kernel)
    let positions = kernel.reduce(1, *)
    let inputs = shape[0] / groups * positions
    let weight = try weights.weight(
      weightShape, inputs: inputs, outputs: channels / groups * positions)
    let bias = try hasBias(&fields) ? weights.bias(channels, inputs: inputs) : nil
    let padding: Convolution.Padding
    if case .string("same")? = fields.find("padding") {
      padding = .same
    } else {
      padding = .explicit(try extents("padding", 0, axes, least: 0, &fields))
    }
    return .convolution(
      Convolution(
        inputShape: Array(shape.extents.dropFirst()), weight: weight, bias: bias,
        stride: try extents("stride", 1, axes, least: 1, &fields), padding: padding,
        dilation: try extents("dilation", 1, axes, least: 1, &fields), groups: groups))
  }

  private func pooling(_ kind: Pooling.Kind, _ fields: inout Fields) throws -> Operator {
    let kernel = try extents("kernel", nil, 2, least: 1, &fields)
    let stride = try fields.has("stride") ? extents("stride", 1, 2, least: 1, &fields) : kernel
    return .pooling(
      Pooling(
        kind: kind, kernel: kernel, stride: stride,
        padding: try extents("padding", 0, 2, least: 0, &fields)))
  }

  private func batchNorm(_ fields: inout Fields) throws -> Operator {
    guard let channels = shape.extents.first else {
      throw ArcuateError(.shapeMismatch, "takes channels, not a single number")
    }
    func all(_ value: Float) -> Tensor {
      Tensor(vector: [Float](repeating: value, count: channels))
    }
    return .batchNorm(
      BatchNorm(
        mean: all(0), variance: all(1), gamma: all(try real("gamma", 1, &fields)), beta: all(0),
        epsilon: try real("epsilon", 1e-5, &fields)))
  }

  private func neuron(_ kind: Neuron.Kind, _ fields: inout Fields) throws -> Neuron {
    let isWide = try fields.find("per_neuron")?.bool() ?? false
    let shape = shape
    func tensor(_ value: Float) throws -> Tensor {
      isWide
        ? try Tensor([Float](repeating: value, count: shape.count), shape: shape)
        : Tensor(scalar: value)
    }
    var result = Neuron(kind)
    var gain: Float = 1
    if kind.hasSynapse {
      result.tauSynapse = try tensor(try fields.real("tau_syn"))
      result.tauMembrane = try tensor(try fields.real("tau_mem"))
      result.inputWeight = try tensor(try real("w_in", 1, &fields))
    } else if kind.leaks, fields.has("beta") {
      // What is left of a membrane after a step; inputs are added as they are.
      let beta = try fields.real("beta")
      guard beta >= 0, beta < 1 else {
        throw ArcuateError(.malformed, "beta is \(beta), not within 0 ..< 1")
      }
      result.tauMembrane = try tensor(Float(dt_s / (1 - Double(beta))))
      gain = 1 / (1 - beta)
    } else if kind.leaks {
      result.tauMembrane = try tensor(try fields.real("tau"))
    }
    if kind.leaks { result.leak = try tensor(try real("leak", 0, &fields)) }
    result.resistance = try tensor(try real("r", gain, &fields))
    if kind.spikes {
      result.threshold = try tensor(try real("threshold", 1, &fields))
      result.resetValue = try tensor(try real("reset_value", 0, &fields))
    }
    return result
  }

  // MARK: Fields

  private func real(_ name: String, _ other: Float, _ fields: inout Fields) throws -> Float {
    let value = try fields.has(name) ? fields.real(name) : other
    guard value.isFinite else { throw ArcuateError(.malformed, "\(name) is not finite") }
    return value
  }

  private func whole(_ name: String, _ least: Int, _ fields: inout Fields) throws -> Int {
    let value = try fields.whole(name)
    guard (least...1 << 28).contains(value) else {
      throw ArcuateError(.malformed, "\(name) is \(value), not within \(least) ... \(1 << 28)")
    }
    return value
  }

  private func hasBias(_ fields: inout Fields) throws -> Bool {
    try fields.find("bias")?.bool() ?? true
  }

  /// A number for each axis, or one for all of them.
  private func extents(
    _ name: String, _ other: Int?, _ axes: Int, least: Int, _ fields: inout Fields
  ) throws -> [Int] {
    if let other, !fields.has(name) { return [Int](repeating: other, count: axes) }
    var values: [Int]
    if case .array? = fields.find(name) {
      values = try fields.list(name)
    } else {
      values = [Int](repeating: try fields.whole(name), count: axes)
    }
    guard values.count == axes, values.allSatisfy({ (least...1 << 20).contains($0) }) else {
      throw ArcuateError(
        .malformed, "\(name) is \(values), not \(axes) numbers within \(least) ... \(1 << 20)")
    }
    return values
  }
}

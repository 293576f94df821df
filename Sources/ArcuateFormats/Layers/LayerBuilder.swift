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
  mutating func add(_ given: Fields) throws(ArcuateError) {
    var fields = given
    let kind = try fields.take("kind").string()
    let name = try fields.find("name")?.string() ?? "\(kind)\(model.nodes.count)"
    guard !name.isEmpty else { throw ArcuateError(.malformed, "the name is empty") }
    guard name.utf8.count <= 200 else {
      throw ArcuateError(.malformed, "the name \"\(name.prefix(80))...\" has over 200 bytes")
    }
    guard !model.nodes.contains(where: { $0.name == name }) else {
      throw ArcuateError(.malformed, "the name \"\(name)\" is used twice")
    }
    try within("\"\(name)\"") { () throws(ArcuateError) in
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

  private mutating func addFeedback(_ name: String, _ op: Operator) throws(ArcuateError) {
    guard op.kind is Neuron || op.kind is ProgramNeuron, shape.rank == 1 else {
      throw ArcuateError(.malformed, "only neurons of one axis can be recurrent")
    }
    let count = shape.count
    let weight = try weights.weight(
      try Shape([count, count]), inputs: count, outputs: count, sample: 2)
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

  private mutating func op(_ name: String, _ fields: inout Fields) throws(ArcuateError) -> Operator
  {
    guard let kind = NodeNames.all.layers[name] else {
      throw ArcuateError(.malformed, "there is no kind of layer \"\(name.prefix(80))\"")
    }
    let source = LayerSource(fields, input: shape, dt_s: dt_s, weights: weights)
    defer { (fields, weights) = (source.fields, source.weights) }
    return try op(kind, name, source)
  }

  private func op<Kind: NodeKind>(
    _: Kind.Type, _ name: String, _ source: LayerSource
  ) throws(ArcuateError) -> Operator {
    let layers = Kind.forms.compactMap(\.layer)
    return try layers.first { $0.name == name }!.make(source).asOperator
  }
}

/// The fields of one layer, and the initial weights that its node asks for.
private final class LayerSource: LayerFields {
  var fields: Fields
  var weights: LayerWeights
  let input: Shape
  let dt_s: Double

  init(_ fields: Fields, input: Shape, dt_s: Double, weights: LayerWeights) {
    self.fields = fields
    self.input = input
    self.dt_s = dt_s
    self.weights = weights
  }

  func has(_ name: String) -> Bool { fields.has(name) }

  func isWord(_ name: String, _ word: String) -> Bool {
    if case .string(word)? = fields.find(name) { true } else { false }
  }

  func flag(_ name: String, or fallback: Bool) throws(ArcuateError) -> Bool {
    try fields.find(name)?.bool() ?? fallback
  }

  func number(_ name: String, or fallback: Float?) throws(ArcuateError) -> Float {
    if let fallback, !fields.has(name) { return fallback }
    let value = try fields.real(name)
    guard value.isFinite else { throw ArcuateError(.malformed, "\(name) is not finite") }
    return value
  }

  func numbers(_ name: String) throws(ArcuateError) -> [Float]? {
    guard case .array? = fields.find(name) else { return nil }
    var values: [Float] = []
    func add(_ value: JSON) throws(ArcuateError) {
      if case .array(let elements) = value {
        for element in elements { try add(element) }
      } else {
        values.append(try value.real())
      }
    }
    try within(name) { () throws(ArcuateError) in try add(fields.take(name)) }
    guard values.allSatisfy(\.isFinite) else {
      throw ArcuateError(.malformed, "\(name) is not finite")
    }
    return values
  }

  func whole(_ name: String, least: Int, or fallback: Int?) throws(ArcuateError) -> Int {
    if let fallback, !fields.has(name) { return fallback }
    let value = try fields.whole(name)
    guard (least...1 << 28).contains(value) else {
      throw ArcuateError(.malformed, "\(name) is \(value), not within \(least) ... \(1 << 28)")
    }
    return value
  }

  func text(_ name: String) throws(ArcuateError) -> String { try fields.take(name).string() }

  func seed(_ name: String) throws(ArcuateError) -> UInt64 {
    try fields.find(name)?.integer() ?? 0
  }

  func extents(
    _ name: String, axes: Int, least: Int, or fallback: Int?
  ) throws(ArcuateError) -> [Int] {
    if let fallback, !fields.has(name) { return [Int](repeating: fallback, count: axes) }
    var values: [Int]
    if case .string(let word)? = fields.find(name) {
      throw ArcuateError(
        .malformed,
        "\(name) is \"\(word.prefix(80))\", not a number or \(axes) of them"
          + (name == "padding" ? ", nor \"same\" of a convolution" : ""))
    } else if case .array? = fields.find(name) {
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

  func spend(_ count: Int) throws(ArcuateError) { try weights.spend(count) }

  func weight(_ shape: Shape, inputs: Int, outputs: Int) throws(ArcuateError) -> Tensor {
    try weights.weight(shape, inputs: inputs, outputs: outputs)
  }

  func bias(_ count: Int, inputs: Int) throws(ArcuateError) -> Tensor {
    try weights.bias(count, inputs: inputs)
  }
}

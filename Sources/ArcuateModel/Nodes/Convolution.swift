import ArcuateCore

/// NIR Conv1d and Conv2d: cross-correlation, channel-first.
public struct Convolution: Sendable, Equatable {
  public enum Padding: Sendable, Equatable {
    /// One number per spatial axis, on both sides.
    case explicit([Int])
    /// As many output as input positions (for stride 1).
    case same
    case valid
  }
  /// Spatial extents of the input, outermost first; nil in old files (taken from the edge then).
  public var inputShape: [Int]?
  /// [out channels, in channels / groups, kernel...]; its rank - 2 is the number of spatial axes.
  public var weight: Tensor
  /// [out channels], or absent.
  public var bias: Tensor?
  public var stride: [Int]
  public var padding: Padding
  public var dilation: [Int]
  public var groups: Int

  public init(
    inputShape: [Int]? = nil, weight: Tensor, bias: Tensor? = nil, stride: [Int],
    padding: Padding, dilation: [Int], groups: Int = 1
  ) {
    self.inputShape = inputShape
    self.weight = weight
    self.bias = bias
    self.stride = stride
    self.padding = padding
    self.dilation = dilation
    self.groups = groups
  }

  /// The number of spatial axes: 1 or 2.
  public var axes: Int { weight.shape.rank - 2 }
}

extension Convolution {
  /// Padding on each side, per spatial axis: before and after.
  public func pads() -> [(before: Int, after: Int)] {
    switch padding {
    case .explicit(let pads): pads.map { ($0, $0) }
    case .valid: [(Int, Int)](repeating: (0, 0), count: axes)
    case .same:
      (0..<axes).map { axis in
        let total = dilation[axis] * (weight.shape[axis + 2] - 1)
        return (total / 2, total - total / 2)
      }
    }
  }
}

extension Convolution: NodeKind {
  package static var forms: [NodeForm<Self>] { [form(axes: 1), form(axes: 2)] }

  private static func form(axes: Int) -> NodeForm<Self> {
    NodeForm(
      axes == 1 ? "Conv1d" : "Conv2d", nir: .native(), fields(axes: axes),
      blank: Convolution(
        weight: Tensor(scalar: 0), stride: [], padding: .valid, dilation: [], groups: 1),
      layer: axes == 1 ? nil : .init(name: "convolution", make: Convolution.init(layer:)))
  }

  static func fields(axes: Int) -> [Field<Self>] {
    [
      Field(
        "weight", .tensor, get: { .tensor($0.weight) },
        set: { convolution, value throws(ArcuateError) in
          guard case .tensor(let weight) = value else { return }
          guard weight.shape.rank == axes + 2 else {
            throw ArcuateError(
              .invalidModel, "the weight has shape \(weight.shape), not \(axes + 2) axes")
          }
          convolution.weight = weight
        }),
      Field(
        "input_shape", .extents(count: axes), isRequired: false,
        nir: .field(
          absence: .reported("states no input_shape: taken from what feeds it"),
          value: { convolution, shapes throws(ArcuateError) in
            guard
              let extents = convolution.inputShape
                ?? shapes.input.map({ Array($0.extents.dropFirst()) })
            else { throw ArcuateError(.notRepresentable, "its input_shape is not known") }
            return .integers(extents)
          }),
        get: { $0.inputShape.map { .integers($0) } },
        set: { convolution, value throws(ArcuateError) in
          guard case .integers(let extents) = value else { return }
          convolution.inputShape = try Shape(extents).extents
        }),
      Field(
        "padding", .integersOrWord(count: axes), nir: .field(absence: .integer(0)),
        get: {
          switch $0.padding {
          case .explicit(let pads): .integers(pads)
          case .same: .word("same")
          case .valid: .word("valid")
          }
        },
        set: { convolution, value throws(ArcuateError) in
          switch value {
          case .integers(let pads): convolution.padding = .explicit(pads)
          case .word("same"): convolution.padding = .same
          case .word("valid"): convolution.padding = .valid
          case .word(let word):
            throw ArcuateError(.invalidModel, "padding \"\(word)\" is neither same nor valid")
          default: break
          }
        }),
      .tensor(
        "bias", \.bias,
        nir: .field(
          absence: .reported("has no bias: zeros"),
          value: { convolution, _ throws(ArcuateError) in
            let channels = try Shape([convolution.weight.shape[0]])
            let bias = try (convolution.bias ?? Tensor(scalar: 0)).broadcast(to: channels)
            return .tensor(Tensor(vector: bias))
          })),
      .integers("stride", count: axes, \.stride, nir: .field(absence: .integer(1))),
      .integers("dilation", count: axes, \.dilation, nir: .field(absence: .integer(1))),
      .integer("groups", \.groups, nir: .field(absence: .integer(1))),
    ]
  }

  private init(layer: any LayerFields) throws(ArcuateError) {
    let input = layer.input
    let axes = input.rank - 1
    guard axes == 1 || axes == 2 else {
      throw ArcuateError(.shapeMismatch, "takes channels and one or two further axes, not \(input)")
    }
    let channels = try layer.whole("channels", least: 1, or: nil)
    groups = try layer.whole("groups", least: 1, or: 1)
    guard input[0] % groups == 0, channels % groups == 0 else {
      throw ArcuateError(
        .shapeMismatch, "\(groups) groups do not divide \(input[0]) and \(channels) channels")
    }
    let kernel = try layer.extents("kernel", axes: axes, least: 1, or: nil)
    // The shape bounds the products.
    let shape = try Shape([channels, input[0] / groups] + kernel)
    let inputs = shape.count / channels
    weight = try layer.weight(
      shape, inputs: inputs, outputs: shape.count / shape[1] / groups)
    bias = try layer.flag("bias", or: true) ? layer.bias(channels, inputs: inputs) : nil
    if layer.isWord("padding", "same") {
      padding = .same
    } else {
      padding = .explicit(try layer.extents("padding", axes: axes, least: 0, or: 0))
    }
    inputShape = Array(input.extents.dropFirst())
    stride = try layer.extents("stride", axes: axes, least: 1, or: 1)
    dilation = try layer.extents("dilation", axes: axes, least: 1, or: 1)
  }

  package var asOperator: Operator { .convolution(self) }
  package var kindName: String { axes == 1 ? "Conv1d" : "Conv2d" }

  package func outputShape(_ inputs: [Shape?]) throws(ArcuateError) -> Shape? {
    let input = try commonShape(inputs)
    guard weight.shape.rank == 3 || weight.shape.rank == 4 else {
      throw ArcuateError(
        .invalidModel, "the weight has shape \(weight.shape), not [out, in / groups, kernel..]")
    }
    let counts = [stride.count, dilation.count]
    var padsFit = true
    if case .explicit(let pads) = padding {
      padsFit = pads.count == axes && pads.allSatisfy { (0...1 << 20).contains($0) }
    }
    guard counts.allSatisfy({ $0 == axes }), padsFit else {
      throw ArcuateError(
        .invalidModel, "stride, padding and dilation need \(axes) numbers each, padding >= 0")
    }
    let channels = weight.shape[0]
    guard stride.allSatisfy({ (1...1 << 20).contains($0) }),
      dilation.allSatisfy({ (1...1 << 20).contains($0) }), groups >= 1, channels % groups == 0,
      weight.shape.count > 0
    else {
      throw ArcuateError(
        .invalidModel,
        "stride \(stride), dilation \(dilation) and groups \(groups) do not fit weight "
          + "\(weight.shape)")
    }
    if let bias, bias.count != 1, bias.count != channels {
      throw ArcuateError(.invalidModel, "\(bias.count) biases for \(channels) channels")
    }
    let inChannels = weight.shape[1] * groups
    var known = input
    if known == nil, let inputShape { known = try Shape([inChannels] + inputShape) }
    guard let known else { return nil }
    guard known.rank == axes + 1, known[0] == inChannels,
      inputShape == nil || inputShape! == Array(known.extents.dropFirst())
    else {
      let expected = inputShape.map { "\([inChannels] + $0)" } ?? "[\(inChannels), ..]"
      throw mismatch("\(expected)", known)
    }
    let pads = pads()
    var extents = [channels]
    for axis in 0..<axes {
      let reach = dilation[axis] * (weight.shape[axis + 2] - 1) + 1
      let span = known[axis + 1] + pads[axis].before + pads[axis].after - reach
      guard span >= 0 else { throw mismatch("at least \(reach) positions", known) }
      extents.append(span / stride[axis] + 1)
    }
    return try Shape(extents)
  }

  package func signal(_ inputs: [Signal]) -> Signal { .value }
  package func refusal(of inputs: [Signal?]) -> String? { nil }
  package func contradictions() -> [String] {
    nonFinite([("the weight", weight), ("the bias", bias)])
  }
  package var parameterCount: Int { weight.count + (bias?.count ?? 0) }
  package func needsTimeStep(_ semantics: NeuronSemantics) -> Bool { false }
  package func constancy(dt_s: Double?) -> Constancy { .followsInputs }
  package func isEarly(_ semantics: NeuronSemantics, dt_s: Double?) -> Bool { false }
  package func renamingReferences(_ rename: (String) -> String) -> Self { self }
}

import ArcuateCore
import ArcuateModel

/// Reads layer lists: networks described in JSON, with randomly initialized weights. Their fields
/// are in docs/layer-list.md.
///
/// Numbers. A weight is (2 u - 1) bound, with u of 24 bits sampled by seed, layer and index: the
/// same on every machine. Bound: 1 / sqrt(inputs) as PyTorch initializes ("kaiming"), biases too; or
/// sqrt(6 / (inputs + outputs)), biases 0 ("xavier"). Source. He et al. 2015; Glorot and Bengio
/// 2010.
enum LayerText {
  /// The limit on the weights of all layers together.
  static let mostWeights = 1 << 28
  static let mostLayers = 10_000

  /// Whether the bytes begin like a JSON object.
  static func recognizes(_ bytes: Bytes) -> Bool {
    for i in 0..<min(bytes.count, 64) {
      switch try? bytes.byte(at: i) {
      case UInt8(ascii: " "), UInt8(ascii: "\n"), UInt8(ascii: "\r"), UInt8(ascii: "\t"): continue
      case UInt8(ascii: "{"): return true
      default: return false
      }
    }
    return false
  }

  /// Throws. `malformed`, `limitExceeded`, `invalidModel`, `shapeMismatch` naming the layer.
  static func model(_ bytes: Bytes) throws(ArcuateError) -> Model {
    guard bytes.count <= 10_000_000 else {
      throw ArcuateError(.limitExceeded, "a description of \(bytes.count) bytes is too long")
    }
    var fields = Fields(try JSONParser.parse(bytes.array).object())
    let input = try within("input") { () throws(ArcuateError) in
      let value = try fields.take("input")
      let isNumber = if case .number = value { true } else { false }
      let shape = try Shape(
        isNumber ? [Fields.whole(value)] : value.array().map(Fields.whole))
      guard (1...mostWeights).contains(shape.count) else {
        throw ArcuateError(
          .limitExceeded, "\(shape) has \(shape.count) numbers, not within 1 ... \(mostWeights)")
      }
      return shape
    }
    var model = Model(nodes: [.init("input", .input(shape: input))])
    model.semantics.reset = .subtract
    model.semantics.integratorGain = .r
    if let given = fields.find("semantics") {
      try within("semantics") { () throws(ArcuateError) in
        let members = try given.object()
        if let preset = members["preset"] { try model.semantics.set("preset", to: preset.string()) }
        for (name, value) in members.sorted(by: { $0.key < $1.key }) where name != "preset" {
          try model.semantics.set(name, to: try value.string())
        }
      }
    }
    var dt = 1e-3
    if let value = fields.find("dt_s") {
      dt = try within("dt_s") { () throws(ArcuateError) in try value.real() }
    }
    guard Model.stepLengths.contains(dt) else {
      throw ArcuateError(
        .malformed,
        "dt_s is \(dt), not within \(Model.stepLengths.lowerBound) ... "
          + "\(Model.stepLengths.upperBound)")
    }
    model.dt_s = dt
    var seed: UInt64 = 0
    if let value = fields.find("seed") {
      seed = try within("seed") { () throws(ArcuateError) in try value.integer() }
    }
    var initial = "kaiming"
    if let value = fields.find("initial") {
      initial = try within("initial") { () throws(ArcuateError) in try value.string() }
    }
    guard let start = LayerWeights.Start(rawValue: initial) else {
      throw ArcuateError(.malformed, "initial is neither \"kaiming\" nor \"xavier\"")
    }
    let layers = try within("layers") { () throws(ArcuateError) in try fields.take("layers").array()
    }
    try fields.finish()
    guard layers.count <= mostLayers else {
      throw ArcuateError(.limitExceeded, "\(layers.count) layers; \(mostLayers) are allowed")
    }
    var builder = LayerBuilder(
      model, shape: input, dt_s: dt, weights: LayerWeights(seed: seed, start: start))
    for (i, layer) in layers.enumerated() {
      try within("layer \(i)") { () throws(ArcuateError) in
        try builder.add(Fields(try layer.object()))
      }
    }
    return builder.finished()
  }
}

/// Samples weights and biases.
struct LayerWeights {
  enum Start: String { case kaiming, xavier }

  private let random: CounterRandom
  private let start: Start
  private var layer: UInt32 = 0
  private var total = 0

  init(seed: UInt64, start: Start) {
    random = CounterRandom(seed: seed)
    self.start = start
  }

  /// Every layer has random numbers of its own.
  mutating func next() { layer += 1 }

  /// Counts numbers. Throws. `limitExceeded` if those of all layers become too many.
  mutating func spend(_ count: Int) throws(ArcuateError) {
    guard count <= LayerText.mostWeights - total else {
      throw ArcuateError(
        .limitExceeded,
        "has \(count) weights and parameters, after \(total) of the layers before: more than "
          + "\(LayerText.mostWeights) in total")
    }
    total += count
  }

  mutating func weight(_ shape: Shape, inputs: Int, outputs: Int, sample: UInt64 = 0)
    throws(ArcuateError) -> Tensor
  {
    try spend(shape.count)
    let fan = start == .kaiming ? Float(inputs) : Float(inputs + outputs) / 6
    return try sampled(shape, bound: 1 / max(fan, 1e-6).squareRoot(), sample)
  }

  mutating func bias(_ count: Int, inputs: Int) throws(ArcuateError) -> Tensor {
    try spend(count)
    let bound = start == .kaiming ? 1 / max(Float(inputs), 1).squareRoot() : 0
    return try sampled(try Shape([count]), bound: bound, 1)
  }

  private func sampled(
    _ shape: Shape, bound: Float, _ sample: UInt64
  ) throws(ArcuateError) -> Tensor {
    var words = SIMD4<UInt32>()
    return try Tensor(shape: shape) { i throws(ArcuateError) in
      if i & 0xF_FFFF == 0 { try Cancellation.check() }
      if i & 3 == 0 {
        words = random.words(
          stream: layer, step: sample, index: UInt32(truncatingIfNeeded: i / 4))
      }
      return (2 * (Float(words[i & 3] >> 8) * 0x1p-24) - 1) * bound
    }
  }
}

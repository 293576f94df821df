import Arcuate
import ArcuateTestSupport
import Testing

/// Training that meets numbers that are not finite says so, and changes nothing.
@Suite struct NotFiniteTests {
  static func network(_ layers: String) throws -> Model {
    let text = "{\"input\": [6], \"seed\": 1, \"layers\": [\(layers)]}"
    return try ModelFile.parse(Bytes(Array(text.utf8))).model
  }

  static let norm = """
    {"kind": "linear", "name": "a", "size": 8}, {"kind": "batch_norm", "name": "norm"},
    {"kind": "relu"}, {"kind": "linear", "name": "b", "size": 3}
    """
  static let plain = """
    {"kind": "linear", "name": "a", "size": 8}, {"kind": "relu"},
    {"kind": "linear", "name": "b", "size": 3}
    """

  static func values(_ trainer: Trainer) -> [[Float]] {
    trainer.network.parameters.map { $0.read() }
  }

  /// Whether `trainer` refuses a step on inputs of this size, naming node and step, and goes on as one
  /// that never saw them.
  static func refuses(
    _ layers: String, _ options: TrainingOptions, size: Float, node: String
  ) throws {
    let model = try network(layers)
    let (trainer, twin) = (try Trainer(model, options), try Trainer(model, options))
    let good: [Float] = (0..<24).map { Float($0 % 7) / 7 }
    let labels = Target.labels([0, 1, 2, 0])
    for one in [trainer, twin] { _ = try one.trainStep([good], labels) }
    let before = values(trainer)
    let folder = TemporaryFolder()
    let path = folder.path + "/good.checkpoint"
    try trainer.save(to: path)
    let saved = try Files.read(path).array
    var bad = good
    bad[7] = size
    let failure = #expect(throws: ArcuateError.self) { try trainer.trainStep([bad], labels) }
    #expect(failure?.code == .invalidState)
    let message = failure?.description ?? ""
    #expect(message.contains("node \"\(node)\"") && message.contains("step 1"), "\(message)")
    #expect(values(trainer) == before && trainer.step == 1)
    try trainer.save(to: path)
    #expect(try Files.read(path).array == saved)
    _ = try trainer.restore(from: path)
    for one in [trainer, twin] { _ = try one.trainStep([good], labels) }
    #expect(values(trainer) == values(twin))
  }

  @Test(arguments: OptimizerOptions.Kind.allCases)
  func aSampleTooLargeForTheVarianceChangesNothing(_ kind: OptimizerOptions.Kind) throws {
    var options = TrainingOptions()
    options.gradient.batch = 4
    options.optimizer.kind = kind
    options.optimizer.momentum = 0.9
    try Self.refuses(Self.norm, options, size: 1e20, node: "norm")
    options.mode = .tandem
    options.gradient.steps = 3
    try Self.refuses(Self.norm, options, size: 1e20, node: "norm")
  }

  /// The square of a finite gradient is beyond the largest float: the weights would stay finite, the
  /// optimizer's mean square would not.
  @Test(arguments: [OptimizerOptions.Kind.adam, .adamw])
  func aMomentTooLargeChangesNothing(_ kind: OptimizerOptions.Kind) throws {
    var options = TrainingOptions()
    options.gradient.batch = 4
    options.optimizer.kind = kind
    options.losses = [(0, Loss(.smoothL1))]
    try Self.refuses(Self.plain, options, size: 1e24, node: "a")
  }

  @Test(arguments: [Float(1e38), 3e38])
  func gradientsAndLossesThatOverflowAreNamed(_ size: Float) throws {
    var options = TrainingOptions()
    options.gradient.batch = 4
    options.optimizer.kind = .sgd
    options.optimizer.rate = 1e6
    options.losses = [(0, Loss(.meanSquare))]
    let model = try Self.network(Self.plain)
    let trainer = try Trainer(model, options)
    let before = Self.values(trainer)
    let x = [Float](repeating: size, count: 24)
    for body in [
      { try trainer.trainStep([x], .labels([0, 1, 2, 0])) },
      { try trainer.gradients([x], .labels([0, 1, 2, 0])) },
      { try trainer.evaluate([x], .labels([0, 1, 2, 0]), samples: 4) },
    ] {
      let failure = #expect(throws: ArcuateError.self) { try body() }
      #expect(failure?.code == .invalidState && failure?.description.contains("step 0") == true)
    }
    #expect(Self.values(trainer) == before)
  }

  /// Without an epsilon, Adam divides a gradient of zero by zero.
  @Test func aWeightThatWouldNotBeFiniteIsNamed() throws {
    var options = TrainingOptions()
    options.gradient.batch = 4
    options.optimizer.epsilon = 0
    let trainer = try Trainer(try Self.network(Self.plain), options)
    let before = Self.values(trainer)
    let x = [Float](repeating: 0, count: 24)
    let failure = #expect(throws: ArcuateError.self) {
      try trainer.trainStep([x], .labels([0, 1, 2, 0]))
    }
    #expect(failure?.code == .invalidState && failure?.description.contains("weight") == true)
    #expect(Self.values(trainer) == before && trainer.step == 0)
  }

  @Test func saveRefusesWhatRestoreWouldRefuse() throws {
    var options = TrainingOptions()
    options.gradient.batch = 4
    let trainer = try Trainer(try Self.network(Self.plain), options)
    let folder = TemporaryFolder()
    let path = folder.path + "/good.checkpoint"
    try trainer.save(to: path)
    let saved = try Files.read(path).array
    let weight = trainer.network.parameters[0]
    weight.write([Float](repeating: .infinity, count: weight.count))
    let failure = #expect(throws: ArcuateError.self) { try trainer.save(to: path) }
    #expect(failure?.code == .invalidState && failure?.description.contains("a.weight") == true)
    #expect(try Files.read(path).array == saved)
  }

  /// Mean square minus squared mean, in single precision, gave 0 for a mean of 1000 and a deviation
  /// of 0.3.
  @Test(arguments: [(Float(10), Float(1)), (100, 0.1), (1000, 0.3), (101_325, 10)])
  func varianceOfLargeMeansIsThatOfDoublePrecision(_ mean: Float, _ deviation: Float) throws {
    for shape in ["[4]", "[2, 6, 6]"] {
      let text = """
        {"input": \(shape), "seed": 1, "layers": [{"kind": "batch_norm", "name": "norm"},
        {"kind": "flatten"}, {"kind": "linear", "size": 2}]}
        """
      var options = TrainingOptions()
      options.gradient.batch = 64
      options.gradient.normMomentum = 1
      options.optimizer.rate = 0
      let trainer = try Trainer(try ModelFile.parse(Bytes(Array(text.utf8))).model, options)
      let width = trainer.sampleWidth()
      let channels = shape == "[4]" ? 4 : 2
      let random = CounterRandom(seed: 3)
      let x = (0..<64 * width).map { i in
        mean + deviation * (2 * random.uniform(stream: 1, step: 0, index: UInt32(i)) - 1)
      }
      _ = try trainer.trainStep([x], .labels([Int](repeating: 0, count: 64)))
      let found = trainer.network.parameters.first { $0.name == "norm.variance" }!.read()
      for c in 0..<channels {
        let own = x.indices.filter { $0 % width / (width / channels) == c }.map { Double(x[$0]) }
        let middle = own.reduce(0, +) / Double(own.count)
        let wanted =
          own.reduce(0) { $0 + ($1 - middle) * ($1 - middle) } / Double(own.count - 1)
        #expect(abs(Double(found[c]) - wanted) < 1e-5 * wanted)
      }
    }
  }
}

import Arcuate
import ArcuateTestSupport
import Testing

/// A network from a list of layers.
private func network(_ layers: String, input: String = "[6]", seed: UInt64 = 1) throws -> Model {
  let text = "{\"input\": \(input), \"seed\": \(seed), \"layers\": [\(layers)]}"
  return try ModelFile.parse(Bytes(Array(text.utf8))).model
}

private struct Draw {
  private let random: CounterRandom
  private var index: UInt32 = 0
  init(_ seed: UInt64) { random = CounterRandom(seed: seed) }
  mutating func next() -> Float {
    index += 1
    return random.uniform(stream: 9, step: 0, index: index)
  }
  mutating func numbers(_ count: Int) -> [Float] { (0..<count).map { _ in next() } }
}

private let small = """
  {"kind": "linear", "name": "a", "size": 12}, {"kind": "batch_norm", "name": "norm"},
  {"kind": "lif", "name": "n", "beta": 0.9}, {"kind": "linear", "name": "b", "size": 3},
  {"kind": "li", "name": "o", "beta": 0.9}
  """

private func usual(batch: Int = 8, steps: Int = 5) -> TrainingOptions {
  var options = TrainingOptions()
  options.gradient.batch = batch
  options.gradient.steps = steps
  options.gradient.surrogate = .fastSigmoid(slope: 5)
  options.gradient.dropout = ["n": 0.2]
  options.optimizer.rate = 1e-2
  return options
}

@Suite struct TrainerTests {
  /// The message spoke of a huge header.
  @Test func aFileThatIsNoCheckpointIsCalledThat() throws {
    let trainer = try Trainer(
      Model.chain([
        ("in", .input(shape: [2])), ("w", .linear(Linear(weight: .filled(1, shape: [2, 2])))),
        ("out", .output(shape: [2])),
      ]), TrainingOptions())
    let folder = TemporaryFolder()
    let path = "\(folder.path)/notes.txt"
    try Files.write(Array("these are my notes".utf8), to: path)
    #expect(throws: ArcuateError(.unsupportedFormat, "is not a checkpoint", at: path)) {
      try trainer.restore(from: path)
    }
  }

  @Test(arguments: [
    (
      "[7]",
      """
      {"kind": "linear", "size": 16}, {"kind": "relu"}, {"kind": "linear", "size": 12},
      {"kind": "relu"}, {"kind": "linear", "size": 4}
      """
    ),
    (
      "[7]",
      """
      {"kind": "linear", "size": 16}, {"kind": "batch_norm"}, {"kind": "relu"},
      {"kind": "linear", "size": 4, "bias": false}, {"kind": "batch_norm"}
      """
    ),
    (
      "[2, 6, 6]",
      """
      {"kind": "convolution", "channels": 5, "kernel": 3, "padding": 1}, {"kind": "batch_norm"},
      {"kind": "relu"}, {"kind": "average_pooling", "kernel": 2}, {"kind": "flatten"},
      {"kind": "linear", "size": 10}, {"kind": "relu"}, {"kind": "linear", "size": 4}
      """
    ),
  ])
  func spikingModelAnswersAsTheTrainerPredicts(_ input: String, _ layers: String) throws {
    for seed in 1...3 as ClosedRange<UInt64> {
      print("seed \(seed)")
      var draw = Draw(seed)
      var options = TrainingOptions()
      options.mode = .tandem
      options.gradient.batch = 16
      options.gradient.steps = 10
      options.optimizer.rate = 1e-2
      let trainer = try Trainer(try network(layers, input: input, seed: seed), options)
      let width = trainer.sampleWidth()
      for round in 0..<2 {
        let x = draw.numbers(16 * width).map { 2 * $0 - 0.5 }
        let predicted = try trainer.predict([x], samples: 16)[0]
        let spiking = try trainer.spikingModel()
        #expect(spiking.nodes.contains { $0.op.kindName == "IF" })
        var compiling = CompileOptions()
        compiling.stepsPerFrame = 10
        compiling.frameState = .reset
        let session = try spiking.compile(compiling).makeSession()
        let answers = try session.run(frames: 16, [x])[0]
        #expect(answers.count == predicted.count)
        let difference = zip(answers, predicted).map { abs($0 - $1) }.max() ?? 1
        #expect(difference < 1e-4, "round \(round)")
        #expect(predicted.contains { abs($0) > 0.01 })
        // Learning, so that statistics and biases are not those of the start.
        for _ in 0..<20 where round == 0 {
          let labels = (0..<16).map { Int(draw.next() * 4) + $0 * 0 }
          _ = try trainer.trainStep([draw.numbers(16 * width)], .labels(labels))
        }
      }
    }
  }

  @Test func tandemRefusesCycles() throws {
    func weights(_ outputs: Int, _ inputs: Int) throws -> Operator {
      let shape = try Shape([outputs, inputs])
      return .linear(Linear(weight: .filled(0.1, shape: shape)))
    }
    var model = Model.chain([
      ("in", .input(shape: try Shape([6]))), ("w", try weights(4, 6)),
      ("relu", .activation(.relu)), ("out", .output(shape: try Shape([4]))),
    ])
    model.nodes.append(.init("back", try weights(4, 4)))
    model.edges += [.init("relu", "back"), .init("back", "relu")]
    var options = TrainingOptions()
    options.mode = .tandem
    #expect {
      _ = try Trainer(model, options)
    } throws: { "\($0)".contains("networks without cycles") }
  }

  @Test func whatIsRefusedChangesNothing() throws {
    var draw = Draw(4)
    let trainer = try Trainer(try network(small), usual())
    let x = draw.numbers(8 * 6)
    let labels = [0, 1, 2, 0, 1, 2, 0, 1]
    let before = trainer.network.parameters.map { $0.read() }
    var holed = x
    holed[13] = .nan
    let wrong: [([[Float]], Target)] = [
      ([x], .labels([0, 1, 2, 3, 0, 0, 0, 0])), ([x], .labels([0, -1, 2, 0, 0, 0, 0, 0])),
      ([x], .labels([0])), ([x], .values([1, 2])), ([Array(x.dropLast())], .labels(labels)),
      ([], .labels(labels)), ([x, x], .labels(labels)), ([holed], .labels(labels)),
    ]
    for (inputs, target) in wrong {
      #expect(throws: ArcuateError.self) { try trainer.trainStep(inputs, target) }
      #expect(throws: ArcuateError.self) { try trainer.gradients(inputs, target) }
      #expect(throws: ArcuateError.self) { try trainer.evaluate(inputs, target, samples: 8) }
    }
    #expect(throws: ArcuateError.self) { try trainer.predict([x], samples: 0) }
    #expect(throws: ArcuateError.self) { try trainer.predict([x], samples: 9) }
    #expect(trainer.network.parameters.map { $0.read() } == before)
    #expect(trainer.step == 0)
    _ = try trainer.trainStep([x], .labels(labels))
    #expect(trainer.network.parameters.map { $0.read() } != before)
  }

  @Test func optionsOutOfRangeAreRefused() throws {
    let model = try network(small)
    let changes: [(inout TrainingOptions) -> Void] = [
      { $0.optimizer.rate = -1 }, { $0.optimizer.rate = .nan }, { $0.optimizer.beta1 = 1 },
      { $0.optimizer.clipNorm = 0 }, { $0.losses = [] }, { $0.losses = [(3, Loss())] },
      { $0.losses = [(-1, Loss())] }, { $0.losses = [(0, Loss(.stochmax))] },
      { $0.losses = [(0, Loss(window: 5..<9))] }, { $0.gradient.steps = 0 },
      { $0.gradient.surrogate = .box(width: 0, height: 1) },
      { $0.gradient.surrogates = ["n": .arctan(slope: .nan)] },
      { $0.gradient.frozen = ["nobody"] }, { $0.optimizer.schedule = .cosine(steps: 0) },
    ]
    for change in changes {
      var options = usual()
      change(&options)
      #expect(throws: ArcuateError.self) { try Trainer(model, options) }
    }
  }

  @Test(arguments: [
    OptimizerOptions.Kind.sgd, .adam, .adamax, .adamw,
  ])
  func checkpointsGoOnWithTheSameBits(_ kind: OptimizerOptions.Kind) throws {
    let model = try network(small)
    var options = usual()
    options.optimizer.kind = kind
    options.optimizer.momentum = 0.9
    options.optimizer.amsgrad = true
    options.optimizer.noise = .init(.additive, sigma: 0.01, fadesAt: 50)
    options.optimizer.schedule = .decay(factor: 0.5, steps: 3)
    var draw = Draw(5)
    let batches = (0..<12).map { _ in (draw.numbers(8 * 6), (0..<8).map { $0 % 3 }) }
    let whole = try Trainer(model, options)
    for (x, y) in batches { _ = try whole.trainStep([x], .labels(y)) }
    let path = "/tmp/arcuate-checkpoint-\(kind.rawValue)-\(UInt32.random(in: 0 ... .max))"
    let first = try Trainer(model, options)
    for (x, y) in batches.prefix(5) { _ = try first.trainStep([x], .labels(y)) }
    first.rateFactor = 0.25
    try first.save(to: path, note: "here")
    let second = try Trainer(model, options)
    #expect(try second.restore(from: path) == "here")
    #expect(second.step == 5 && second.rateFactor == 0.25)
    second.rateFactor = 1
    for (x, y) in batches.dropFirst(5) { _ = try second.trainStep([x], .labels(y)) }
    #expect(
      second.network.parameters.map { $0.read() } == whole.network.parameters.map { $0.read() })

    // Another network, other options: a sentence that says what, and nothing changed.
    options.gradient.threads = 2
    _ = try Trainer(model, options).restore(from: path)
    options.optimizer.epsilon = 1e-3
    let other = try Trainer(model, options)
    let before = other.network.parameters.map { $0.read() }
    let failure = #expect(throws: ArcuateError.self) { try other.restore(from: path) }
    #expect(failure?.description.contains("epsilon") == true)
    #expect(other.network.parameters.map { $0.read() } == before && other.step == 0)
    let stranger = try Trainer(
      try network("{\"kind\": \"linear\", \"size\": 3}"), TrainingOptions())
    #expect(throws: ArcuateError.self) { try stranger.restore(from: path) }
    // Numbers that do not learn are the model's, and no other's.
    options.optimizer.epsilon = usual().optimizer.epsilon
    var altered = model
    for (i, node) in model.nodes.enumerated() {
      guard case .neuron(var neuron) = node.op, let tau = neuron.tauMembrane else { continue }
      neuron.tauMembrane = Tensor(vector: tau.floats.map { 2 * $0 })
      altered.nodes[i].op = .neuron(neuron)
    }
    #expect(altered != model)
    let slower = try Trainer(altered, options)
    let refusal = #expect(throws: ArcuateError.self) { try slower.restore(from: path) }
    #expect(refusal?.description.contains("tau") == true)
    options.gradient.trained = ["o.tau", "tau_syn"]
    _ = try Trainer(model, options)
    for unknown in ["o.tau_syn", "q.tau", "o.q", "a.weight", "q"] {
      options.gradient.trained = [unknown]
      let refusal = #expect(throws: ArcuateError.self) { try Trainer(model, options) }
      #expect(refusal?.code == .notFound && refusal?.description.contains(unknown) == true)
    }
    // Cut short anywhere, or with a number that is another, it is refused.
    let bytes = try Files.read(path).array
    for place in stride(from: bytes.count - 1, to: bytes.count - 400, by: -7) {
      var other = bytes
      other[place] ^= 1
      try Files.write(other, to: path)
      #expect(throws: ArcuateError.self) { try second.restore(from: path) }
    }
    for count in stride(from: 0, to: bytes.count, by: 97) {
      try Files.write(Array(bytes.prefix(count)), to: path)
      #expect(throws: ArcuateError.self) { try second.restore(from: path) }
    }
    try Files.write([], to: path)
  }

  /// Two heads of different widths: with one target for both, the labels of the first were out of range
  /// for the second.
  @Test func lossesHaveTargetsOfTheirOwn() throws {
    func weights(_ outputs: Int) throws -> Operator {
      .linear(Linear(weight: .filled(0.1, shape: try Shape([outputs, 3]))))
    }
    var model = Model(nodes: [
      .init("in", .input(shape: [3])), .init("a", try weights(4)), .init("b", try weights(2)),
      .init("first", .output(shape: [4])), .init("second", .output(shape: [2])),
    ])
    model.edges = [("in", "a"), ("in", "b"), ("a", "first"), ("b", "second")].map {
      .init($0.0, $0.1)
    }
    var options = TrainingOptions()
    options.gradient.batch = 2
    options.losses = [(0, Loss()), (1, Loss(.meanSquare, weight: 2))]
    let trainer = try Trainer(model, options)
    let x: [Float] = [1, 2, 3, -1, 0, 1]
    let targets = [Target.labels([3, 1]), .values([1, 0, 0.5, 0])]
    let both = try trainer.gradients([x], targets)
    var gradients: [[Float]] = []
    for (port, loss) in options.losses {
      options.losses = [(port, loss)]
      let one = try Trainer(model, options)
      _ = try one.gradients([x], targets[port])
      let name = port == 0 ? "a.weight" : "b.weight"
      gradients.append(one.network.parameters.first { $0.name == name }!.readGradient())
    }
    for (name, gradient) in zip(["a.weight", "b.weight"], gradients) {
      #expect(trainer.network.parameters.first { $0.name == name }!.readGradient() == gradient)
    }
    #expect(trainer.sampleLosses.count == 2 && trainer.outputs.map(\.count) == [8, 4])
    #expect(abs(trainer.sampleLosses.reduce(0, +) / 2 - both.loss) < 1e-6)
    let failure = #expect(throws: ArcuateError.self) {
      try trainer.trainStep([x], .labels([3, 1]))
    }
    #expect(failure?.description.contains("loss 1, of output 1: label 3") == true)
    #expect(throws: ArcuateError.self) { try trainer.trainStep([x], targets + targets) }
  }

  @Test func novelSamplesAreThoseWithTheLargestLosses() throws {
    let curriculum = try Curriculum(share: 0.4, selective: 2)
    let (order, novelty) = ([3, 1, 4, 0, 2], [0.5, 2, 0.1, .infinity, 2])
    let all = (0..<6).map { epoch in
      curriculum.samples(order, novelty: novelty, epoch: epoch, of: 6)
    }
    #expect(all == [order, [3, 1], [3, 1], order, [3, 1], order])
    #expect(throws: ArcuateError.self) { try Curriculum(share: 0) }
    #expect(throws: ArcuateError.self) { try Curriculum(selective: 0) }
  }

  @Test func oneHotRowsHaveTheAccuracyOfTheirLabels() throws {
    var options = usual()
    options.gradient.dropout = [:]
    let trainer = try Trainer(try network(small), options)
    var draw = Draw(7)
    let x = draw.numbers(8 * 6)
    let labels = [0, 1, 2, 0, 1, 2, 0, 1]
    let rows = labels.flatMap { label in (0..<3).map { Float($0 == label ? 1 : 0) } }
    let (one, other) = (
      try trainer.evaluate([x], .labels(labels), samples: 8),
      try trainer.evaluate([x], .values(rows), samples: 8)
    )
    #expect(one == other && one.correct > 0)
  }

  @Test func orderIsAPermutationOfItsOwn() {
    let one = Trainer.order(count: 100, epoch: 0, seed: 1)
    #expect(one.sorted() == Array(0..<100) && one != Array(0..<100))
    #expect(one == Trainer.order(count: 100, epoch: 0, seed: 1))
    #expect(one != Trainer.order(count: 100, epoch: 1, seed: 1))
    #expect(one != Trainer.order(count: 100, epoch: 0, seed: 2))
  }
}

import Arcuate
import Testing

/// Artificial networks as spiking ones: small cases whose answer is known.
@Suite struct ConversionTests {
  /// in -> w1 -> relu -> w2 -> out
  static func pair(
    _ first: [[Float]], _ second: [[Float]], bias: [Float]? = nil, lastBias: [Float]? = nil
  ) throws -> Model {
    func linear(_ rows: [[Float]], _ bias: [Float]?) throws -> Operator {
      .linear(
        Linear(
          weight: try Tensor(rows.flatMap { $0 }, shape: Shape([rows.count, rows[0].count])),
          bias: bias.map { Tensor(vector: $0) }))
    }
    return .chain([
      ("in", .input(shape: try Shape([first[0].count]))), ("w1", try linear(first, bias)),
      ("relu", .activation(.relu)), ("w2", try linear(second, lastBias)),
      ("out", .output(shape: try Shape([second.count]))),
    ])
  }

  static func frames(_ values: [[Float]]) -> SampleFrames {
    SampleFrames(frames: values.count, inputs: [values.flatMap { $0 }])
  }

  /// The output after so many steps.
  static func run(_ model: Model, _ input: [Float], steps: Int) throws -> [Float] {
    var options = CompileOptions()
    options.stepsPerFrame = steps
    options.frameState = .reset
    return try model.compile(options).makeSession().run(frames: 1, [input])[0]
  }

  @Test func spikesCountTheActivation() throws {
    let model = try Self.pair([[0.5, 0.5], [1, -1]], [[2, 4]], lastBias: [-0.25])
    var options = ConversionOptions()
    options.balancing = .data(percentile: 100)
    // The activations are (2, 0), (0, 0) and (0.5, 1): one spike a step stands for 2.
    let (spiking, report) = try model.converted(
      options, on: Self.frames([[2, 2], [-1, 0], [1, 0]]))
    #expect(report.layers.map(\.name) == ["relu"] && report.layers[0].neurons == 2)
    #expect(report.layers[0].scale == 2 && report.layers[0].largest == 2)
    #expect(report.frames == 3 && report.notes.isEmpty)
    guard case .linear(let first)? = spiking["w1"]?.op else { return #expect(Bool(false)) }
    #expect(first.weight.floats == [0.25, 0.25, 0.5, -0.5])
    guard case .neuron(let neuron)? = spiking["relu"]?.op else { return #expect(Bool(false)) }
    #expect(neuron.kind == .integrateAndFire && neuron.threshold?.floats == [1])
    #expect(spiking.semantics.reset == .subtract)
    // (1, 0) gives currents of 1/4 and 1/2: after 8 steps 2 and 4 spikes, which are worth 2 each.
    #expect(try Self.run(spiking, [1, 0], steps: 8) == [38])
    // After 3 steps there were 0 and 1.
    #expect(try Self.run(spiking, [1, 0], steps: 3) == [7.25])
    options.comparison = .greater
    let strict = try model.converted(options, on: Self.frames([[2, 2], [-1, 0], [1, 0]])).model
    #expect(try Self.run(strict, [1, 0], steps: 8) == [26])
  }

  @Test func percentilesAreOfThePositiveActivations() throws {
    let model = try Self.pair([[1]], [[1]])
    // 1 ... 101 in an odd order, and as many that are not positive.
    let values = (0..<101).flatMap { [[Float($0 * 37 % 101 + 1)], [-Float($0)]] }
    for (percentile, scale) in [(100.0, Float(101)), (90, 91), (99.5, 100.5), (1, 2), (50, 51)] {
      var options = ConversionOptions()
      options.balancing = .data(percentile: percentile)
      let layer = try model.converted(options, on: Self.frames(values)).report.layers[0]
      #expect(abs(layer.scale - scale) < 1e-4 && layer.largest == 101, "\(percentile)")
    }
  }

  @Test func modelBasedScalesBoundTheSums() throws {
    let model = try Self.pair([[1, -3, 0.5], [0.25, 0.25, 0.25]], [[1, 1]], bias: [0.5, -1])
    var options = ConversionOptions()
    options.balancing = .model
    // Without frames inputs are at most 1.
    #expect(try model.converted(options).report.layers[0].scale == 1 + 0.5 + 0.5)
    let positive = try model.converted(options, on: Self.frames([[2, 0, 1]])).report
    #expect(positive.layers[0].scale == 2 * 1.5 + 0.5)
    #expect(positive.layers[0].largest == Float(3))
    // With either sign, every weight counts.
    #expect(
      try model.converted(options, on: Self.frames([[2, -1, 0]])).report.layers[0].scale
        == 2 * 4.5 + 0.5)
  }

  @Test func spikeNormLooksAtTheSpikesThatArrive() throws {
    // Two neurons with currents of 1 and 1/2: at every second step both spike.
    var model = try Self.pair([[1, 0], [0, 1]], [[1, 2]])
    model.nodes.insert(.init("relu2", .activation(.relu)), at: 4)
    model.nodes.insert(
      .init("w3", .linear(Linear(weight: try Tensor([4], shape: [1, 1])))), at: 5)
    model.edges = zip(model.nodes, model.nodes.dropFirst()).map { .init($0.name, $1.name) }
    var options = ConversionOptions()
    options.balancing = .spikeNorm(factor: 1)
    options.steps = 2
    let frames = Self.frames([[1, 0.5]])
    let report = try model.converted(options, on: frames).report
    #expect(report.layers.map(\.scale) == [1, 3])
    #expect(report.layers.map(\.largest) == [1, 2])
    // With one step the slow one has not spoken yet.
    options.steps = 1
    #expect(try model.converted(options, on: frames).report.layers.map(\.scale) == [1, 1])
    options.steps = 2
    options.balancing = .spikeNorm(factor: 0.5)
    // Now the first layer spikes at every step, in units of one half.
    #expect(try model.converted(options, on: frames).report.layers.map(\.scale) == [0.5, 0.75])
  }

  @Test func aSingleShotAndABiasGivenOnceAreCounted() throws {
    let model = try Self.pair([[1], [1]], [[1, 1]], bias: [0.25, -0.5], lastBias: [0.125])
    var options = ConversionOptions()
    options.balancing = .data(percentile: 100)
    (options.input, options.bias, options.steps) = (.singleShot, .once, 8)
    let (spiking, report) = try model.converted(options, on: Self.frames([[1.75], [0.5]]))
    #expect(report.layers[0].scale == 2)
    guard case .neuron(let neuron)? = spiking["relu"]?.op else { return #expect(Bool(false)) }
    #expect(neuron.initial?.floats == [8 * 0.125, -8 * 0.25])
    // 0.5 + 0.25 for 8 steps is 3 spikes of worth 2; the other neuron stays at 0.
    #expect(try Self.run(spiking, [0.5], steps: 8) == [7])
    #expect(spiking.metadata["steps_per_frame"] == .number(8))
    #expect(throws: ArcuateError.self) { try NIRFile.encode(spiking) }
    options.steps = 0
    let error = #expect(throws: ArcuateError.self) {
      try model.converted(options, on: Self.frames([[1]]))
    }
    #expect(error?.code == .invalidArgument)
  }

  @Test func aNetworkWithoutExtensionsIsANIRFile() throws {
    let model = try Self.pair([[0.5, 0.25]], [[1], [2]])
    let spiking = try model.converted(on: Self.frames([[1, 1]])).model
    let read = try ModelFile.parse(Bytes(try NIRFile.encode(spiking)), .init()).model
    #expect(read.semantics == spiking.semantics)
    #expect(
      try Self.run(read, [1, 0.5], steps: 7) == Self.run(spiking, [1, 0.5], steps: 7))
  }

  @Test func whatCannotBeConvertedIsNamedAtOnce() throws {
    var model = try Self.pair([[1]], [[1]])
    model.nodes.insert(.init("squash", .activation(.tanh)), at: 3)
    model.nodes.insert(
      .init("neurons", .neuron(Neuron(.integrateAndFire, threshold: Tensor(scalar: 1)))), at: 4)
    model.edges = zip(model.nodes, model.nodes.dropFirst()).map { .init($0.name, $1.name) }
    let error = #expect(throws: ArcuateError.self) {
      try model.converted(on: Self.frames([[1]]))
    }
    #expect(error?.code == .invalidModel)
    #expect(error?.message.contains("\"squash\" (Tanh), \"neurons\" (IF)") == true)
    let none = Model.chain([("in", .input(shape: [1])), ("out", .output(shape: [1]))])
    #expect(throws: ArcuateError.self) { try none.converted(on: Self.frames([[1]])) }
    #expect(throws: ArcuateError.self) { try Self.pair([[1]], [[1]]).converted() }
  }

  @Test func optionsOutOfRangeAreRefused() throws {
    let model = try Self.pair([[1]], [[1]])
    let changes: [(inout ConversionOptions) -> Void] = [
      { $0.balancing = .data(percentile: 0) }, { $0.balancing = .data(percentile: 100.1) },
      { $0.balancing = .data(percentile: .nan) }, { $0.balancing = .spikeNorm(factor: 0) },
      { $0.balancing = .spikeNorm(factor: .infinity) }, { $0.initialPotential = .nan },
      { $0.steps = -1 }, { $0.steps = 1_000_001 }, { $0.bias = .once },
    ]
    for (i, change) in changes.enumerated() {
      var options = ConversionOptions()
      change(&options)
      let error = #expect(throws: ArcuateError.self, "\(i)") {
        try model.converted(options, on: Self.frames([[1]]))
      }
      #expect(error?.code == .invalidArgument)
    }
  }

  @Test func softmaxIsDroppedBeforePotentialsAndKeptBehindMeans() throws {
    var model = try Self.pair([[1, 0], [0, 1]], [[1, 2], [3, 1]])
    model.nodes.insert(.init("relu2", .activation(.relu)), at: 4)
    model.nodes.insert(.init("soft", .activation(.softmax)), at: 5)
    model.edges = zip(model.nodes, model.nodes.dropFirst()).map { .init($0.name, $1.name) }
    let sample = Self.frames([[1, 1]])
    let (potential, report) = try model.converted(on: sample)
    #expect(report.layers.count == 1)
    #expect(report.notes.count == 1 && report.notes[0].contains("\"soft\" (Softmax)"))
    #expect(try Self.run(potential, [1, 1], steps: 4) == [12, 16])
    var options = ConversionOptions()
    options.readout = .mean
    let (mean, quiet) = try model.converted(options, on: sample)
    #expect(quiet.notes.isEmpty)
    let wanted = try model.compile().makeSession().run(frames: 1, [[1, 1]])[0]
    #expect(try Self.run(mean, [1, 1], steps: 4) == wanted)
    for spiking in [potential, mean] {
      let loss = try ConversionMeasurement(of: model, on: sample, labels: [1])
        .loss(of: spiking, steps: 4)
      #expect(loss.outputError == 0 && loss.agreement == 1 && loss.accuracy == 1)
      #expect(loss.layers.map(\.rate) == [1] && loss.spikes == 8)
      // Inputs of one are additions, made once a frame; two of the weights are zero.
      #expect(loss.artificialMACs == 8 && loss.macs == 0 && loss.acs == 2 + 4 * 4)
    }
  }

  @Test func measuringRefusesWhatDoesNotFit() throws {
    let model = try Self.pair([[1]], [[1]])
    let sample = Self.frames([[1], [2]])
    for labels in [[0], [0, 1], [0, -1]] {
      #expect(throws: ArcuateError.self) {
        try ConversionMeasurement(of: model, on: sample, labels: labels)
      }
    }
    let other = try Self.pair([[1]], [[1], [1]]).converted(on: sample).model
    let measurement = try ConversionMeasurement(of: model, on: sample)
    #expect(throws: ArcuateError.self) { try measurement.loss(of: other, steps: 2) }
    #expect(throws: ArcuateError.self) { try measurement.loss(of: model, steps: 0) }
  }
}

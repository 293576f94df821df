import Arcuate
import Testing

/// Drawn networks of every shape of graph: the more steps, the nearer the spiking network comes.
@Suite struct ConvertedNetworksTests {
  struct Draw {
    var random: CounterRandom
    var drawn: UInt64 = 0
    init(_ seed: UInt64) { random = CounterRandom(seed: seed) }
    mutating func values(_ count: Int, _ low: Float, _ high: Float) -> [Float] {
      (0..<count).map { _ in
        drawn += 1
        return low + (high - low) * random.uniform(stream: 0, step: drawn, index: 0)
      }
    }
    mutating func tensor(_ shape: Shape, _ low: Float = -1, _ high: Float = 1) -> Tensor {
      try! Tensor(values(shape.count, low, high), shape: shape)
    }
    mutating func linear(_ from: Int, _ to: Int) -> Operator {
      .linear(Linear(weight: tensor([to, from]), bias: tensor([to], -0.5, 0.5)))
    }
    mutating func convolution(_ from: Int, _ to: Int) -> Operator {
      .convolution(
        Convolution(
          weight: tensor([to, from, 3, 3]), bias: tensor([to], -0.5, 0.5), stride: [1, 1],
          padding: .same, dilation: [1, 1]))
    }
    mutating func norm(_ channels: Int) -> Operator {
      .batchNorm(
        BatchNorm(
          mean: tensor([channels], -0.2, 0.2), variance: tensor([channels], 0.5, 2),
          gamma: tensor([channels], 0.5, 1.5), beta: tensor([channels], -0.2, 0.4)))
    }
  }

  enum Kind: String, CaseIterable, Sendable {
    case layers, images, poolingFirst, residual, normalised, twoPorts, joined
  }

  static func draw(_ kind: Kind, _ dice: inout Draw) -> Model {
    switch kind {
    case .layers:
      return .chain([
        ("in", .input(shape: [10])), ("w1", dice.linear(10, 20)), ("r1", .activation(.relu)),
        ("w2", dice.linear(20, 15)), ("r2", .activation(.relu)), ("w3", dice.linear(15, 4)),
        ("out", .output(shape: [4])),
      ])
    case .images:
      return .chain([
        ("in", .input(shape: [2, 8, 6])), ("c1", dice.convolution(2, 4)), ("n1", dice.norm(4)),
        ("r1", .activation(.relu)),
        ("max", .pooling(Pooling(kind: .maximum, kernel: [2, 2], stride: [2, 2]))),
        ("c2", dice.convolution(4, 3)), ("r2", .activation(.relu)),
        ("mean", .pooling(Pooling(kind: .average, kernel: [2, 3], stride: [2, 3]))),
        ("flat", .flatten(Flatten())), ("w", dice.linear(6, 4)), ("out", .output(shape: [4])),
      ])
    case .poolingFirst:
      return .chain([
        ("in", .input(shape: [2, 8, 6])),
        ("before", .pooling(Pooling(kind: .maximum, kernel: [2, 1], stride: [2, 1]))),
        ("c1", dice.convolution(2, 4)),
        ("max", .pooling(Pooling(kind: .maximum, kernel: [2, 2], stride: [2, 2]))),
        ("r1", .activation(.relu)), ("c2", dice.convolution(4, 3)),
        ("all", .pooling(Pooling(kind: .average, kernel: [2, 3], stride: [2, 3]))),
        ("flat", .flatten(Flatten())), ("out", .output(shape: [3])),
      ])
    case .residual:
      // A skip into neurons, a skip into weights, and a sum that is shown.
      var model = Model.chain([
        ("in", .input(shape: [8])), ("w1", dice.linear(8, 8)), ("r1", .activation(.relu)),
        ("w2", dice.linear(8, 8)), ("r2", .activation(.relu)), ("w3", dice.linear(8, 8)),
        ("r3", .activation(.relu)), ("w4", dice.linear(8, 3)), ("out", .output(shape: [3])),
      ])
      model.nodes.append(.init("side", dice.linear(8, 3)))
      model.edges += [
        .init("r1", "r2"), .init("r2", "w4"), .init("r1", "side"), .init("side", "out"),
      ]
      return model
    case .joined:
      var model = Model.chain([
        ("in", .input(shape: [8])), ("w1", dice.linear(8, 5)), ("r1", .activation(.relu)),
        ("w2", dice.linear(5, 6)), ("r2", .activation(.relu)), ("both", .concatenation),
        ("w3", dice.linear(11, 3)), ("out", .output(shape: [3])),
      ])
      model.edges.insert(.init("r1", "both"), at: 0)
      return model
    case .normalised:
      // Batch normalisation that nothing can take up.
      return .chain([
        ("in", .input(shape: [9])), ("n0", dice.norm(9)), ("w1", dice.linear(9, 12)),
        ("r1", .activation(.relu)), ("n1", dice.norm(12)), ("s", .scale(dice.tensor([12], 0.2, 2))),
        ("w2", dice.linear(12, 7)), ("r2", .activation(.relu)), ("n2", dice.norm(7)),
        ("out", .output(shape: [7])),
      ])
    case .twoPorts:
      return Model(
        nodes: [
          .init("a", .input(shape: [5])), .init("b", .input(shape: [4])),
          .init("wa", dice.linear(5, 8)), .init("wb", dice.linear(4, 8)),
          .init("r", .activation(.relu)), .init("w", dice.linear(8, 3)),
          .init("out", .output(shape: [3])),
        ],
        edges: [
          .init("a", "wa"), .init("b", "wb"), .init("wa", "r"), .init("wb", "r"),
          .init("r", "w"), .init("w", "out"),
        ])
    }
  }

  static func frames(_ model: Model, _ dice: inout Draw, _ count: Int) throws -> SampleFrames {
    let plan = try model.compile()
    return SampleFrames(
      frames: count,
      inputs: plan.inputs.map { dice.values(count * $0.shape.count, -1, 1) })
  }

  static let balancings: [ConversionOptions.Balancing] = [
    .data(percentile: 100), .model, .spikeNorm(factor: 1),
  ]

  @Test(arguments: Kind.allCases, [UInt64(1), 2])
  func theyComeNearer(kind: Kind, seed: UInt64) throws {
    print("seed \(seed)")
    var dice = Draw(seed)
    let model = Self.draw(kind, &dice)
    let sample = try Self.frames(model, &dice, 9)
    let measurement = try ConversionMeasurement(of: model, on: sample)
    for balancing in Self.balancings {
      // What comes early is not taken back in deeper layers.
      let isDeep = kind != .twoPorts
      for input in [ConversionOptions.Input.constant, .singleShot]
      where input == .constant || !isDeep {
        for bias in ConversionOptions.Bias.allCases
        where (bias == .once) == (input == .singleShot) {
          for shares in kind == .residual ? [true, false] : [true] {
            var options = ConversionOptions()
            (options.balancing, options.input, options.bias) = (balancing, input, bias)
            (options.sharesScales, options.initialPotential) = (shares, 0.5)
            var errors: [Double] = []
            for steps in [20, 2000] {
              options.steps = steps
              let (spiking, report) = try model.converted(options, on: sample)
              errors.append(try measurement.loss(of: spiking, steps: steps).outputError)
              let scales = spiking.nodes.filter { $0.name.contains(" to ") }
              let skips = Set(report.layers.map(\.scale)).count > 1
              #expect(kind != .residual || scales.isEmpty == (shares || !skips))
              #expect(kind != .joined || scales.count == (skips ? 1 : 0))
            }
            let what = "\(kind) \(balancing) \(input) \(bias) \(shares): \(errors)"
            // What deep layers get late they lack at the end: a share of about 1 / steps.
            #expect(errors[1] < 0.02, "\(what)")
            #expect(errors[1] < errors[0] || errors[0] < 1e-3, "\(what)")
          }
        }
      }
    }
  }

  @Test(arguments: [Kind.layers, .images, .residual])
  func drawnSpikesComeNearer(kind: Kind) throws {
    var dice = Draw(7)
    let model = Self.draw(kind, &dice)
    let sample = try Self.frames(model, &dice, 5)
    let measurement = try ConversionMeasurement(of: model, on: sample)
    var options = ConversionOptions()
    options.balancing = .data(percentile: 100)
    options.input = .bernoulli
    var means: [Double] = []
    for steps in [50, 5000] {
      var sum = 0.0
      for seed in 0..<3 {
        options.seed = UInt64(seed)
        let spiking = try model.converted(options, on: sample).model
        sum += try measurement.loss(of: spiking, steps: steps).outputError
      }
      means.append(sum / 3)
    }
    #expect(means[1] < 0.1 && means[1] < means[0] / 3, "\(kind) \(means)")
  }

  @Test func sharedScalesAreTheLargestOfTheirs() throws {
    var dice = Draw(3)
    let model = Self.draw(.residual, &dice)
    let sample = try Self.frames(model, &dice, 20)
    var options = ConversionOptions()
    options.balancing = .data(percentile: 100)
    let shared = try model.converted(options, on: sample).report
    options.sharesScales = false
    let own = try model.converted(options, on: sample).report
    // r1 meets w2 in r2, and r2 meets r3 before w4.
    let most = own.layers.map(\.scale).max()
    #expect(own.layers.map(\.scale) == own.layers.map { $0.largest ?? 0 })
    #expect(shared.layers.map(\.scale) == [most, most, most])
  }

  @Test func foldedAndPlainBatchNormAreOne() throws {
    var dice = Draw(11)
    let model = Self.draw(.images, &dice)
    let sample = try Self.frames(model, &dice, 6)
    let (once, report) = try model.converted(on: sample)
    let twice = try model.foldingBatchNorm().converted(on: sample).model
    #expect(once == twice && report.notes.contains("batch normalization folded: 1"))
    #expect(report.notes.contains { $0.contains("\"max\"") })
  }

  /// Frames are each on their own: neither threads nor batches nor their number change anything.
  @Test func framesAreOnTheirOwn() throws {
    var dice = Draw(5)
    let model = Self.draw(.images, &dice)
    var sample = try Self.frames(model, &dice, 130)
    let spiking = try model.converted(on: sample).model
    let whole = try ConversionMeasurement(of: model, on: sample).loss(of: spiking, steps: 6)
    sample.options.threads = 2
    #expect(try ConversionMeasurement(of: model, on: sample).loss(of: spiking, steps: 6) == whole)
    #expect(try model.converted(on: sample).model == spiking)
    (sample.frames, sample.options.batch) = (26, 5)
    #expect(try ConversionMeasurement(of: model, on: sample).loss(of: spiking, steps: 6) == whole)
    #expect(whole.frames == 130)
  }

  @Test func biasesThatAreShownAndFeltCannotBeGivenOnce() throws {
    var dice = Draw(2)
    var model = Model.chain([
      ("in", .input(shape: [4])), ("w1", dice.linear(4, 3)), ("r", .activation(.relu)),
      ("w2", dice.linear(3, 3)), ("out", .output(shape: [3])),
    ])
    model.edges.append(.init("w1", "out"))
    var options = ConversionOptions()
    (options.bias, options.steps) = (.once, 10)
    let sample = try Self.frames(model, &dice, 4)
    let error = #expect(throws: ArcuateError.self) { try model.converted(options, on: sample) }
    #expect(error?.location == "node \"w1\"")
    options.bias = .everyStep
    let spiking = try model.converted(options, on: sample).model
    let loss = try ConversionMeasurement(of: model, on: sample).loss(of: spiking, steps: 2000)
    #expect(loss.outputError < 0.02)
  }
}

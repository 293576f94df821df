import Arcuate
import ArcuateTestSupport
import Testing

/// Scales that are chosen on frames, and what is said of them.
@Suite struct CalibrationTests {
  static func sample(
    _ model: Model, seed: UInt64, frames: Int, _ change: (inout CompileOptions) -> Void = { _ in }
  ) throws -> SampleFrames {
    var options = CompileOptions()
    options.dt_s = 1e-3
    change(&options)
    let plan = try model.compile(options)
    var dice = Dice(seed)
    let inputs = plan.inputs.indices.map {
      dice.signal(plan.inputCount(port: $0, frames: frames), density: 0.6, spikes: false)
    }
    return SampleFrames(frames: frames, inputs: inputs, options: options)
  }

  /// Of the first node's weights, whose inputs have these mean squares.
  static func expectedError(_ model: Model, _ narrow: Model, _ means: [Double]) -> Double {
    let old = model.weights[0].tensor.floats
    let new = narrow.weights[0].tensor.floats
    var (error, whole) = (0.0, 0.0)
    for i in old.indices {
      let difference = Double(old[i] - new[i])
      error += means[i % means.count] * difference * difference
      whole += means[i % means.count] * Double(old[i]) * Double(old[i])
    }
    return (error / whole).squareRoot()
  }

  @Test(arguments: QuantizationTests.families, [UInt64(1), 2, 3, 4])
  func calibrationIsNeverWorseOnItsFrames(family: Family, seed: UInt64) throws {
    print("seed \(seed)")
    let model = family.draw(seed)
    var options = QuantizationOptions()
    options.calibration = try Self.sample(model, seed: seed, frames: 20) {
      $0.stepsPerFrame = 1 + Int(seed)
      $0.batch = 2
      if seed % 2 == 0 { $0.frameState = .reset }
    }
    let (narrow, report) = try model.quantized(to: .int8, options)
    #expect(report.frames == 20 && report.steps == 20 * 2 * (1 + Int(seed)))
    #expect(!report.nodes.isEmpty)
    for node in report.nodes {
      let (found, plain) = (try #require(node.outputError), try #require(node.plainOutputError))
      #expect(found <= plain && plain < 0.02, "\(node.name)")
    }
    // The same twice.
    let again = try model.quantized(to: .int8, options)
    #expect(again.model == narrow && again.report == report)
  }

  /// Where inputs are zero but for one element, errors cannot cancel: what is expected is measured.
  @Test(arguments: 0..<6)
  func theExpectedErrorIsTheMeasuredOne(kind: Int) throws {
    var dice = Dice(UInt64(100 + kind))
    func convolution(
      _ weight: Shape, _ stride: [Int], _ padding: Convolution.Padding, _ dilation: [Int],
      _ groups: Int
    ) -> Operator {
      .convolution(
        Convolution(
          weight: dice.tensor(weight, -1, 1), stride: stride, padding: padding,
          dilation: dilation, groups: groups))
    }
    let (shape, op): (Shape, Operator) =
      switch kind {
      case 0: ([13], .linear(Linear(weight: dice.tensor([7, 13], -1, 1))))
      case 1: ([3, 13], .linear(Linear(weight: dice.tensor([7, 13], -1, 1))))
      case 2: ([2, 3, 5], .linear(Linear(weight: dice.tensor([2, 3, 4, 5], -1, 1))))
      case 3: ([3, 9], convolution([4, 3, 3], [2], .explicit([1]), [1], 1))
      case 4: ([4, 6, 7], convolution([6, 2, 3, 2], [1, 2], .explicit([2, 1]), [2, 1], 2))
      default: ([2, 5, 6], convolution([3, 2, 2, 4], [1, 1], .same, [1, 1], 1))
      }
    var model = Model.chain([("in", .input(shape: shape)), ("w", op)])
    let out = try #require(try op.outputShape(for: shape))
    model.nodes.append(.init("out", .output(shape: out)))
    model.edges.append(.init("w", "out"))
    let n = shape.count
    var frames = [Float](repeating: 0, count: n * n)
    for i in 0..<n { frames[i * n + i] = dice.uniform(0.1, 3) }
    var options = QuantizationOptions()
    options.calibration = SampleFrames(frames: n, inputs: [frames])
    let (narrow, report) = try model.quantized(to: .int8, options)
    let measured = try model.compared(with: narrow.dequantized(), on: options.calibration!)
    let node = report.nodes[0]
    let expected = try #require(node.outputError)
    let plain = try #require(node.plainOutputError)
    #expect(expected > 1e-4 && expected <= plain)
    #expect((measured.ports[0].relativeError / expected - 1).magnitude < 1e-4)
    // Half the frames, so that some inputs were never seen: their weights are not lost.
    options.calibration = SampleFrames(frames: n / 2, inputs: [Array(frames[..<(n / 2 * n)])])
    #expect(try model.quantized(to: .int8, options).report.nodes[0].weightError < 0.05)
  }

  /// Weights whose largest matters little: clipping it is worth a lot.
  @Test func clippingWhereItPays() throws {
    var dice = Dice(21)
    var values = (0..<4096).map { _ in dice.uniform(-0.4, 0.4) }
    values[0] = 1
    let model = QuantizationTests.single(try Tensor(values, shape: [1, 4096]))
    var inputs = [Float](repeating: 1, count: 4096)
    inputs[0] = 1e-4
    var options = QuantizationOptions()
    options.calibration = SampleFrames(frames: 1, inputs: [inputs])
    let node = try model.quantized(to: .int8, options).report.nodes[0]
    let (found, plain) = (try #require(node.outputError), try #require(node.plainOutputError))
    #expect(found < 0.7 * plain)
  }

  /// What a node receives over an edge that carries the step before, and over several edges.
  @Test(arguments: [false, true])
  func inputsOfTheStepBefore(resets: Bool) throws {
    var dice = Dice(31)
    let n = 6
    var model = Model.chain([
      ("in", .input(shape: [6])), ("w", .linear(Linear(weight: dice.tensor([6, 6], -1, 2)))),
      ("if", .neuron(dice.neuron(.integrateAndFire, [6]))), ("out", .output(shape: [6])),
    ])
    model.edges.append(.init("if", "w"))
    let checked = try #require(model.check().checked)
    #expect(checked.ordering.backEdges.map { checked.edges[$0].source } == [2])
    let (frames, steps, batch) = (50, 4, 2)
    let sample = try Self.sample(model, seed: 32, frames: frames) {
      $0.stepsPerFrame = steps
      $0.batch = batch
      $0.frameState = resets ? .reset : .keep
    }
    let session = try model.compile(sample.options).makeSession()
    let probe = try session.makeProbe("if", capacity: frames * steps)
    _ = try session.run(frames: frames, sample.inputs)
    let spikes = probe.values()
    #expect(spikes.contains(1))
    var means = [Double](repeating: 0, count: n)
    for t in 0..<frames * steps {
      for b in 0..<batch {
        for i in 0..<n {
          let x = sample.inputs[0][(t / steps * batch + b) * n + i]
          let rests = t == 0 || resets && t % steps == 0
          let before = rests ? 0 : spikes[((t - 1) * batch + b) * n + i]
          means[i] += Double(x + before) * Double(x + before)
        }
      }
    }
    var options = QuantizationOptions()
    options.calibration = sample
    let (narrow, report) = try model.quantized(to: .int8, options)
    let expected = Self.expectedError(model, narrow, means)
    let found = try #require(report.nodes[0].outputError)
    #expect((found / expected - 1).magnitude < 1e-9)
  }

  /// Recordings that need more than one piece are as one.
  @Test func longFramesAreTakenInPieces() throws {
    var dice = Dice(41)
    let model = QuantizationTests.single(dice.tensor([2, 5000], -1, 1))
    var options = QuantizationOptions()
    let sample = try Self.sample(model, seed: 41, frames: 1000)
    options.calibration = sample
    let (narrow, report) = try model.quantized(to: .int8, options)
    #expect(report.steps == 1000)
    var squares = [Double](repeating: 0, count: 5000)
    for (i, x) in sample.inputs[0].enumerated() { squares[i % 5000] += Double(x) * Double(x) }
    let expected = Self.expectedError(model, narrow, squares)
    let found = try #require(report.nodes[0].outputError)
    #expect((found / expected - 1).magnitude < 1e-9)
    // A frame of more numbers than are kept: its first steps.
    options.calibration = try Self.sample(model, seed: 42, frames: 1) {
      $0.stepsPerFrame = 4000
    }
    #expect(try model.quantized(to: .int8, options).report.steps == (1 << 24) / 5000)
  }

  @Test func framesThatCannotBe() throws {
    let model = Family.ports.draw(1)
    let good = try Self.sample(model, seed: 1, frames: 3)
    func refusal(_ change: (inout SampleFrames) -> Void) -> ArcuateError? {
      var options = QuantizationOptions()
      var sample = good
      change(&sample)
      options.calibration = sample
      for element in [Tensor.Element.int8, .bfloat16] {
        #expect(throws: ArcuateError.self) { try model.quantized(to: element, options) }
      }
      return #expect(throws: ArcuateError.self) { try model.quantized(to: .int8, options) }
    }
    #expect(refusal { $0.frames = 0 }?.code == .invalidArgument)
    #expect(refusal { $0.frames = -1 }?.code == .invalidArgument)
    #expect(refusal { $0.frames = .max }?.code == .invalidArgument)
    #expect(refusal { $0.frames = .min }?.code == .invalidArgument)
    #expect(refusal { $0.frames = 4 }?.code == .bufferSize)
    #expect(refusal { $0.inputs[1].removeLast() }?.description.contains("\"b\"") == true)
    #expect(refusal { $0.inputs.removeLast() }?.code == .invalidArgument)
    #expect(refusal { $0.inputs = [] }?.code == .invalidArgument)
    for value in [Float.nan, .infinity, -.infinity] {
      let error = refusal { $0.inputs[0][5] = value }
      #expect(error?.code == .invalidArgument)
      #expect(error?.description.contains("number 5 is not finite") == true)
    }
    #expect(refusal { $0.options.batch = 2 }?.code == .bufferSize)
    #expect(refusal { $0.options.batch = 0 }?.code == .invalidArgument)
    #expect(refusal { $0.options.dt_s = nil }?.code == .cannotCompile)

    // Inputs that overflow on the way to a node.
    let deep = Model.chain([
      ("in", .input(shape: [1])), ("a", .linear(Linear(weight: .filled(3e38, shape: [1, 1])))),
      ("b", .linear(Linear(weight: .filled(1, shape: [1, 1])))), ("out", .output(shape: [1])),
    ])
    var options = QuantizationOptions()
    options.calibration = SampleFrames(frames: 1, inputs: [[1e3]])
    let error = #expect(throws: ArcuateError.self) { try deep.quantized(to: .int8, options) }
    #expect(error?.code == .invalidArgument && error?.description.contains("\"b\"") == true)
  }

  @Test func comparisons() throws {
    let model = Family.hybrid.draw(6)
    let sample = try Self.sample(model, seed: 6, frames: 70) { $0.stepsPerFrame = 3 }
    let same = try model.compared(with: model, on: sample)
    #expect(same.ports.map(\.count) == [70] && same.ports[0].agreement == 1)
    #expect(same.ports[0].relativeError == 0 && same.ports[0].largestError == 0)
    let narrow = try model.quantized(to: .int8).model
    let port = try model.compared(with: narrow, on: sample).ports[0]
    #expect(port.relativeError > 0 && port.relativeError < 0.2 && port.agreement > 0.8)
    #expect(throws: ArcuateError.self) {
      try model.compared(with: Family.dense.draw(6), on: sample)
    }
    let none = SampleFrames(frames: 0, inputs: [[]], options: sample.options)
    #expect(throws: ArcuateError.self) { try model.compared(with: model, on: none) }
  }
}

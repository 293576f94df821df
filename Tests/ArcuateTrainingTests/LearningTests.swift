import ArcuateCore
import ArcuateModel
import Testing

@testable import ArcuateTraining

/// That learning leads somewhere.
@Suite struct LearningTests {
  /// Two classes on a ring, which no straight line parts.
  private func ring(_ count: Int, _ stream: UInt32) -> (x: [Float], labels: [Int]) {
    let points = GradientCase.random(2 * count, stream, 1.5)
    let labels = (0..<count).map { i -> Int in
      let (a, b) = (points[2 * i], points[2 * i + 1])
      return a * a + b * b > 1 ? 1 : 0
    }
    return (points, labels)
  }

  private func linear(_ post: Int, _ pre: Int, _ stream: UInt32) -> Operator {
    GradientCase.linear(post, pre, stream)
  }

  private func options(_ mode: TrainingOptions.Mode) -> TrainingOptions {
    var options = TrainingOptions()
    options.mode = mode
    options.gradient.batch = 32
    options.gradient.steps = 8
    options.gradient.dt_s = 1e-3
    options.optimizer.rate = 1e-2
    return options
  }

  private func accuracy(_ trainer: Trainer, epochs: Int) throws -> Double {
    let (x, labels) = ring(640, 100)
    for epoch in 0..<epochs {
      let order = Trainer.order(count: 640, epoch: epoch, seed: 3)
      for start in stride(from: 0, to: 640, by: 32) {
        let part = order[start..<start + 32]
        _ = try trainer.trainStep(
          [part.flatMap { x[2 * $0..<2 * $0 + 2] }], .labels(part.map { labels[$0] }))
      }
    }
    let (test, answers) = ring(320, 101)
    var result = TrainingResult()
    for start in stride(from: 0, to: 320, by: 32) {
      result.add(
        try trainer.evaluate(
          [Array(test[2 * start..<2 * start + 64])], .labels(Array(answers[start..<start + 32])),
          samples: 32))
    }
    return result.accuracy
  }

  /// A spiking network learns what a linear one cannot.
  @Test func aSpikingNetworkLearnsARing() throws {
    var semantics = NeuronSemantics()
    semantics.reset = .subtract
    let lif = Operator.neuron(
      Neuron(
        .lif, tauMembrane: Tensor(scalar: 4e-3), resistance: Tensor(scalar: 4),
        threshold: Tensor(scalar: 1), semantics: semantics))
    let model = Model.chain([
      ("in", .input(shape: try Shape([2]))), ("a", linear(24, 2, 1)), ("x", lif),
      ("b", linear(2, 24, 2)), ("out", .output(shape: try Shape([2]))),
    ])
    #expect(try accuracy(try Trainer(model, options(.direct)), epochs: 15) > 0.93)
    // Without a hidden layer it cannot.
    let straight = Model.chain([
      ("in", .input(shape: try Shape([2]))), ("b", linear(2, 2, 2)),
      ("out", .output(shape: try Shape([2]))),
    ])
    #expect(try accuracy(try Trainer(straight, options(.direct)), epochs: 15) < 0.8)
  }

  /// In tandem the counts of the spiking twin are what the artificial network goes on with.
  @Test func tandemLearnsWithCounts() throws {
    let norm = BatchNorm(
      mean: .filled(0, shape: try Shape([24])), variance: .filled(1, shape: try Shape([24])),
      gamma: .filled(2, shape: try Shape([24])), beta: .filled(1, shape: try Shape([24])))
    let model = Model.chain([
      ("in", .input(shape: try Shape([2]))), ("a", linear(24, 2, 1)), ("norm", .batchNorm(norm)),
      ("x", .activation(.relu)), ("c", linear(24, 24, 3)), ("y", .activation(.relu)),
      ("b", linear(2, 24, 2)), ("out", .output(shape: try Shape([2]))),
    ])
    let trainer = try Trainer(model, options(.tandem))
    #expect(try accuracy(trainer, epochs: 20) > 0.93)
    let counts = try #require(trainer.network.activity(of: "x"))
    #expect(counts.allSatisfy { $0 == $0.rounded() && $0 >= 0 && $0 <= 8 })
    #expect(counts.contains { $0 > 1 })
    // The count of a neuron is what its potential after the first step drains to.
    let twin = try #require(trainer.counterpart)
    let spikes = try #require(twin.activity(of: "x"))
    for n in 0..<24 {
      let count = (0..<8).reduce(Float(0)) { $0 + spikes[$1 * 24 + n] }
      #expect(count == counts[n])
    }
  }
}

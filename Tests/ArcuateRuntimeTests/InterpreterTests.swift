import Arcuate
import ArcuateTestSupport
import Testing

/// Whole networks against the slow interpreter: every neuron, preset, reset and timing.
@Suite struct InterpreterTests {
  static let semantics: [NeuronSemantics] = NeuronSemantics.Preset.allCases.flatMap { preset in
    NeuronSemantics.Reset.allCases.flatMap { reset in
      NeuronSemantics.ResetTiming.allCases.flatMap { timing in
        NeuronSemantics.Integrator.allCases.map { integrator in
          var s = NeuronSemantics(preset)
          (s.reset, s.resetTiming, s.integrator) = (reset, timing, integrator)
          return s
        }
      }
    }
  }

  @Test(arguments: [Neuron.Kind.i, .integrateAndFire, .li, .lif, .cubaLI, .cubaLIF])
  func layers(kind: Neuron.Kind) throws {
    var spoke = 0
    for (n, semantics) in Self.semantics.enumerated() {
      var dice = Dice(UInt64(n) &+ 17)
      let nodes: [(Model.Node, shape: [Int])] = [
        (.init("in", .input(shape: [5])), [5]),
        (
          .init(
            "w",
            .linear(
              Linear(weight: dice.tensor([19, 5], -1, 2), bias: dice.tensor([19], -0.1, 0.2)))),
          [19]
        ),
        (.init("n", .neuron(dice.neuron(kind, [19]))), [19]),
        (.init("out", .output(shape: [19])), [19]),
      ]
      let edges = [("in", "w"), ("w", "n"), ("n", "out")]
      spoke += try compare(nodes, edges, semantics: semantics, seed: UInt64(n), "\(kind) \(n)")
    }
    #expect(spoke > 1000)
  }

  @Test(arguments: [Neuron.Kind.integrateAndFire, .lif, .cubaLIF])
  func recurrentLayers(kind: Neuron.Kind) throws {
    for (n, semantics) in Self.semantics.enumerated() where n % 3 == 0 {
      var dice = Dice(UInt64(n) &+ 99)
      let neuron: (Model.Node, shape: [Int]) = (.init("n", .neuron(dice.neuron(kind, [9]))), [9])
      let back: (Model.Node, shape: [Int]) = (
        .init(
          "back",
          .linear(Linear(weight: dice.tensor([9, 9], -0.6, 0.6), bias: dice.tensor([9], 0, 0.3)))),
        [9]
      )
      let start: [(Model.Node, shape: [Int])] = [
        (.init("in", .input(shape: [4])), [4]),
        (.init("w", .linear(Linear(weight: dice.tensor([9, 4], -1, 2)))), [9]),
      ]
      // A neuron whose spikes are seen a step later needs no delay in the edge back.
      let isEarly = semantics.spikeTiming == .nextStep
      let nodes =
        start + (isEarly ? [back, neuron] : [neuron, back])
        + [(.init("out", .output(shape: [9])), [9])]
      let edges = [("in", "w"), ("w", "n"), ("n", "back"), ("back", "n"), ("n", "out")]
      _ = try compare(
        nodes, edges, feedback: isEarly ? [] : [("back", "n")], semantics: semantics,
        seed: UInt64(n), "recurrent \(kind) \(n)")
    }
  }

  @Test(arguments: 1...4) func images(seed: Int) throws {
    var dice = Dice(UInt64(seed))
    func convolution(_ shape: Shape, groups: Int, pad: [Int], stride: [Int]) -> Operator {
      .convolution(
        Convolution(
          weight: dice.tensor(shape, -0.7, 1), bias: dice.tensor([shape[0]], -0.1, 0.2),
          stride: stride, padding: .explicit(pad), dilation: [1, 1], groups: groups))
    }
    var starting = dice.neuron(.lif, [4, 6, 6])
    starting.initial = dice.tensor([4, 6, 6], -1, 1)
    let nodes: [(Model.Node, shape: [Int])] = [
      (.init("in", .input(shape: [2, 6, 7])), [2, 6, 7]),
      (
        .init("c", convolution([4, 2, 3, 2], groups: 1, pad: [1, 0], stride: [1, 1])), [4, 6, 6]
      ),
      (.init("n", .neuron(starting)), [4, 6, 6]),
      (
        .init(
          "p",
          .pooling(
            Pooling(
              kind: Pooling.Kind.allCases[seed % 4], kernel: [3, 2], stride: [2, 2],
              padding: [1, 0]))), [4, 3, 3]
      ),
      (.init("s", .scale(dice.tensor([4, 3, 3], 0.5, 1))), [4, 3, 3]),
      (
        .init("d", convolution([6, 2, 2, 2], groups: 2, pad: [0, 1], stride: [1, 2])), [6, 2, 2]
      ),
      (.init("m", .neuron(dice.neuron(.cubaLIF, [6, 2, 2]))), [6, 2, 2]),
      (.init("out", .output(shape: [6, 2, 2])), [6, 2, 2]),
    ]
    let names = nodes.map(\.0.name)
    for preset in NeuronSemantics.Preset.allCases {
      _ = try compare(
        nodes, Array(zip(names, names.dropFirst())), semantics: NeuronSemantics(preset),
        seed: UInt64(seed), preset.rawValue)
    }
  }

  /// Runs both for 20 steps; returns how many outputs were not zero.
  private func compare(
    _ nodes: [(Model.Node, shape: [Int])], _ edges: [(String, String)],
    feedback: [(String, String)] = [], semantics: NeuronSemantics, seed: UInt64, _ what: String
  ) throws -> Int {
    let model = Model(
      nodes: nodes.map(\.0), edges: edges.map { .init($0.0, $0.1) }, semantics: semantics)
    var options = CompileOptions()
    options.dt_s = 1e-3
    let session = try model.compile(options).makeSession()
    var slow = SlowNetwork(
      nodes, edges: edges, feedback: feedback, semantics: semantics, dt: 1e-3)
    var dice = Dice(seed &+ 5)
    var spoke = 0
    for t in 0..<20 {
      let input = dice.signal(nodes[0].shape.reduce(1, *), density: 0.4, spikes: t % 2 == 0)
      let theirs = slow.step(input)
      let own = try session.step([input])[0]
      spoke += own.count { $0 != 0 }
      guard own == theirs else {
        let i = own.indices.first { own[$0] != theirs[$0] }!
        Issue.record("\(what), step \(t), element \(i): \(own[i]), not \(theirs[i]); \(semantics)")
        return spoke
      }
    }
    return spoke
  }
}

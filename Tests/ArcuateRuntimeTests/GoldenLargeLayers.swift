import Arcuate
import ArcuateTestSupport
import Foundation
import Testing

/// Layers that are large enough for the ways that small ones never take.
extension Cases {
  /// A tensor whose numbers are made quickly.
  static func quick(_ shape: Shape, _ scale: Float) -> Tensor {
    var state: UInt32 = 12345
    let values = (0..<shape.count).map { _ -> Float in
      state = state &* 1_664_525 &+ 1_013_904_223
      return (Float(state >> 16) / 32768 - 1) * scale
    }
    return try! Tensor(values, shape: shape)
  }

  /// Layers that are large enough for the ways that small ones never take.
  mutating func addLargeLayers() {
    func spiking(_ n: Int, _ k: Int) -> Model {
      var dice = Dice(22)
      return .chain([
        ("in", .input(shape: [n])),
        ("w", .linear(Linear(weight: Cases.quick([k, n], 0.3), bias: Cases.quick([k], 0.1)))),
        ("lif", .neuron(dice.neuron(.lif, []))),
        ("v", .linear(Linear(weight: Cases.quick([20, k], 0.3)))),
        ("li", .neuron(dice.neuron(.li, []))), ("out", .output(shape: [20])),
      ])
    }
    func play(_ name: String, _ model: Model, _ setting: Setting, _ densities: [Float]) {
      add(name, model, setting) { session, sum in
        let frames = densities.count
        let input = Cases.input(
          session, frames: frames, seed: 23, spikes: true, densities: densities)
        sum.add(try Library.run(session, frames: frames, input))
      }
    }
    // Weights beyond the nearer caches: rows share their reading, or take them block by block.
    let far = spiking(640, 656)
    play("far", far, Setting(batch: 5), [0.05, 0.2, 0.5])
    play("far", far, Setting(batch: 100, threads: 2), [0.02, 0.15])
    play("far", far, Setting(batch: 100, isFast: true), [0.15])
    for (name, element, model) in [
      ("near", Tensor.Element.int8, spiking(150, 160)), ("near", .bfloat16, spiking(150, 160)),
      ("far", .bfloat16, spiking(900, 912)),
    ] {
      guard let narrow = try? Library.narrow(model, element) else {
        failures.append("\(name) \(element): has no narrow weights")
        continue
      }
      play("\(name) \(element)", narrow, Setting(batch: 100), [0.02, 0.2])
      play("\(name) \(element)", narrow, Setting(batch: 4, threads: 2), [0.05, 0.6])
      play("\(name) \(element)", narrow, Setting(batch: 4, isFast: true), [0.05, 0.6])
    }
    // One that threads share by its outputs.
    play("shared", spiking(1024, 1040), Setting(threads: 2), [0.03, 0.5])
    // Images that are summed by windows, into membranes with fast numerics.
    var dice = Dice(24)
    func kernels(_ from: Int, _ to: Int) -> Operator {
      .convolution(
        Convolution(
          weight: dice.tensor([to, from, 3, 3], -0.3, 0.4), stride: [1, 1],
          padding: .explicit([1, 1]), dilation: [1, 1]))
    }
    var images = Model.chain([
      ("in", .input(shape: [8, 9, 10])), ("a", kernels(8, 64)),
      (
        "n",
        .neuron(
          Neuron(.integrateAndFire, threshold: Tensor(scalar: 1), resetValue: Tensor(scalar: 0)))
      ),
      ("b", kernels(64, 16)),
      (
        "m",
        .neuron(
          Neuron(.integrateAndFire, threshold: Tensor(scalar: 1), resetValue: Tensor(scalar: 0)))
      ),
      ("out", .output(shape: [16, 9, 10])),
    ])
    images.semantics.integratorGain = .r
    images.semantics.reset = .subtract
    for setting in [
      Setting(batch: 2), Setting(isFast: true),
      Setting(threads: 2, isFast: true, alwaysStages: true),
    ] { play("images", images, setting, [0.05, 0.15, 0.3, 0.9]) }
    // A cycle of several tiles of neurons, in windows.
    let count = 2100
    var cycle = Model.chain([
      ("in", .input(shape: [4])),
      ("w", .sparse(dice.sparse(4, count, scale: 2, delay_ms: 0...2, each: true))),
      ("n", .neuron(dice.neuron(.cubaLIF, []))), ("out", .output(shape: [count])),
    ])
    cycle.nodes += [
      .init(
        "back", .sparse(dice.sparse(count, count, density: 0.004, delay_ms: 3...8, each: true))),
      .init("other", .sparse(dice.sparse(count, count, density: 0.004, delay_ms: 4...4))),
    ]
    cycle.edges += [("n", "back"), ("back", "n"), ("n", "other"), ("other", "n")].map {
      .init($0.0, $0.1)
    }
    for setting in [Setting(), Setting(batch: 2, threads: 2)] {
      add("tiles", cycle, setting) {
        try Cases.play($0, &$1, seed: 25, spikes: false, chunks: [20, 9])
      }
    }
  }
}

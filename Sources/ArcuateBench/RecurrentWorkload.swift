import Arcuate
import ArcuateConsole

/// A network for spoken digits encoded as cochlear spikes: 700-256-20 LIF, the hidden layer recurrent,
/// 100 steps from rest.
///
/// 3 % of the inputs and 5 % of the hidden neurons fire in a step.
struct RecurrentWorkload: Workload {
  static let name = "recurrent"
  static let summary = "700-256 recurrent-20 LIF, 100 steps, 3 % input spikes"

  private let inputs, hidden, outputs: Int

  init(isSmall: Bool) {
    (inputs, hidden, outputs) = isSmall ? (70, 32, 5) : (700, 256, 20)
    batches = isSmall ? [1, 3] : [1, 128]
    lengths = isSmall ? [20] : [100]
  }

  let elements: [Tensor.Element] = [.float32]
  let batches: [Int]
  let lengths: [Int]
  let isFramed = false
  var inputShape: Shape { try! Shape([inputs]) }

  func makeModel(_ random: RandomSource) throws -> Model {
    var settings = Model()
    settings.semantics.reset = .subtract
    settings.semantics.comparison = .greaterOrEqual
    // A membrane keeps 15/16 of its value in a step and adds its input: exact in float32.
    settings.dt_s = 1.0 / 1024
    func neurons() -> Neuron {
      Neuron(
        .lif, tauMembrane: Tensor(scalar: 16.0 / 1024), resistance: Tensor(scalar: 16),
        leak: Tensor(scalar: 0), threshold: Tensor(scalar: 1), resetValue: Tensor(scalar: 0))
    }
    let streams = 8
    let steps = lengths[0]
    var network = Calibration(
      streams: streams, steps: steps,
      signal: input(random, call: 1 << 20, steps: steps, batch: streams), shape: inputShape,
      like: settings)
    let into = try random.weights(0, [hidden, inputs])
    let among = Linear(weight: try random.weights(1, [hidden, hidden], gain: 0.5))
    try network.append(rate: 0.05, of: "hidden") { gain in
      .init(
        chain: [
          .init("weights", .linear(Linear(weight: try into.scaled(by: gain)))),
          .init("hidden", .neuron(neurons())),
        ], beside: [.init("recurrent", .linear(among))],
        edges: [.init("hidden", "recurrent"), .init("recurrent", "hidden")])
    }
    let outOf = try random.weights(2, [outputs, hidden])
    return try network.finished(
      with: .init(chain: [
        .init("readout", .linear(Linear(weight: outOf))), .init("answers", .neuron(neurons())),
      ]))
  }

  /// Three bands of channels that move like formants, above a background.
  func input(_ random: RandomSource, call: Int, steps: Int, batch: Int) -> [Float] {
    var spikes = [Float](repeating: 0, count: steps * batch * inputs)
    let width = Float(inputs) * 0.06
    for b in 0..<batch {
      let item = call << 16 | b
      let bands = (0..<3).map { k in
        (
          start: random.uniform(.bands, item, 2 * k) * Float(inputs),
          end: random.uniform(.bands, item, 2 * k + 1) * Float(inputs)
        )
      }
      for t in 0..<steps {
        let u = Float(t) / Float(steps)
        let centers = bands.map { $0.start + ($0.end - $0.start) * u }
        for i in 0..<inputs {
          let isInside = centers.contains { abs(Float(i) - $0) < width / 2 }
          if random.uniform(.events, item, t * inputs + i) < (isInside ? 0.16 : 0.006) {
            spikes[(t * batch + b) * inputs + i] = 1
          }
        }
      }
    }
    return spikes
  }
}

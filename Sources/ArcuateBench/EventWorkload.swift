import Arcuate
import ArcuateConsole

/// A convolutional network for an event camera of 34 x 34 pixels and two polarities:
/// 12 channels 5x5, IF, 2x2 sum, 32 channels 5x5, IF, 2x2 sum, 10 outputs at each step.
///
/// Strokes move as in N-MNIST, in three saccades; about 2 % of the pixels have an event in a step, 4 %
/// of the first and 5 % of the second layer's neurons fire.
struct EventWorkload: Workload {
  static let name = "events"
  static let summary = "34x34x2 events, 12c5-IF-2s-32c5-IF-2s-10, 100 and 300 steps"

  static let side = 34
  private let channels: (first: Int, second: Int)

  init(isSmall: Bool) {
    channels = isSmall ? (4, 6) : (12, 32)
    batches = isSmall ? [1, 2] : [1, 64]
    lengths = isSmall ? [12] : [100, 300]
  }

  let elements: [Tensor.Element] = [.float32]
  let batches: [Int]
  let lengths: [Int]
  let isFramed = false
  let inputShape: Shape = [2, side, side]

  func makeModel(_ random: RandomSource) throws -> Model {
    var settings = Model()
    settings.semantics.integratorGain = .r
    settings.semantics.reset = .subtract
    settings.semantics.comparison = .greaterOrEqual
    let streams = 4
    let steps = lengths[0]
    var network = Calibration(
      streams: streams, steps: steps,
      signal: input(random, call: 1 << 20, steps: steps, batch: streams), shape: inputShape,
      like: settings)
    for (i, (from, to, rate)) in [
      (2, channels.first, 0.04), (channels.first, channels.second, 0.05),
    ].enumerated() {
      let weight = try random.weights(i, [to, from, 5, 5])
      try network.append(rate: rate, of: "neurons\(i)") { gain in
        let convolution = Convolution(
          weight: try weight.scaled(by: gain), stride: [1, 1], padding: .valid, dilation: [1, 1])
        let neurons = Neuron(
          .integrateAndFire, threshold: Tensor(scalar: 1), resetValue: Tensor(scalar: 0))
        let pooling = Pooling(kind: .sum, kernel: [2, 2], stride: [2, 2])
        return .init(chain: [
          .init("convolution\(i)", .convolution(convolution)),
          .init("neurons\(i)", .neuron(neurons)), .init("pooling\(i)", .pooling(pooling)),
        ])
      }
    }
    let features = channels.second * 25
    let weight = try random.weights(2, [10, features])
    return try network.finished(
      with: .init(chain: [
        .init("flatten", .flatten(Flatten(inputShape: try Shape([channels.second, 5, 5])))),
        .init("weights", .linear(Linear(weight: weight))),
      ]))
  }

  func input(_ random: RandomSource, call: Int, steps: Int, batch: Int) -> [Float] {
    let size = inputShape.count
    var events = [Float](repeating: 0, count: steps * batch * size)
    for b in 0..<batch {
      let item = call << 16 | b
      let stroke = stroke(random, item)
      let rate = min(0.9, 0.016 * Float(size) / Float(stroke.count))
      for t in 0..<steps {
        let row = (t * batch + b) * size
        let (dy, dx, saccade) = offset(t, of: steps)
        for (k, point) in stroke.enumerated()
        where random.uniform(.events, item, t * 4096 + k) < rate {
          let y = min(max(point.y + dy, 0), Self.side - 1)
          let x = min(max(point.x + dx, 0), Self.side - 1)
          // An edge that brightened in one saccade darkens in the next.
          let polarity = (k & 1) ^ (saccade & 1)
          events[row + (polarity * Self.side + y) * Self.side + x] = 1
        }
        // Sensor noise, anywhere.
        for k in 0..<9 {
          let at = Int(random.uniform(.noise, item, t * 16 + k) * Float(size))
          events[row + min(at, size - 1)] = 1
        }
      }
    }
    return events
  }

  /// The offset of the image at a step, and the saccade, 0 ... 2.
  private func offset(_ t: Int, of steps: Int) -> (y: Int, x: Int, saccade: Int) {
    let u = 3 * Float(t) / Float(steps)
    let saccade = min(Int(u), 2)
    let part = Int(6 * (u - Float(saccade)))
    return [(part, part / 2, 0), (6 - part, 3 + part / 2, 1), (0, 6 - part, 2)][saccade]
  }

  /// Pixels of a line two pixels wide with occasional turns.
  private func stroke(_ random: RandomSource, _ item: Int) -> [(y: Int, x: Int)] {
    let directions: [(Float, Float)] = [
      (1, 0), (0.7, 0.7), (0, 1), (-0.7, 0.7), (-1, 0), (-0.7, -0.7), (0, -1), (0.7, -0.7),
    ]
    var y = 10 + 8 * random.uniform(.strokes, item, 0)
    var x = 10 + 8 * random.uniform(.strokes, item, 1)
    var direction = Int(8 * random.uniform(.strokes, item, 2))
    var isMarked = [Bool](repeating: false, count: Self.side * Self.side)
    for k in 0..<40 {
      let turn = random.uniform(.strokes, item, 3 + k)
      direction = (direction + (turn < 0.15 ? 1 : turn < 0.3 ? 7 : 0)) % 8
      y = min(max(y + directions[direction].0, 4), 24)
      x = min(max(x + directions[direction].1, 4), 24)
      for (dy, dx) in [(0, 0), (0, 1), (1, 0)] {
        isMarked[(Int(y) + dy) * Self.side + Int(x) + dx] = true
      }
    }
    return isMarked.indices.filter { isMarked[$0] }.map { ($0 / Self.side, $0 % Self.side) }
  }
}

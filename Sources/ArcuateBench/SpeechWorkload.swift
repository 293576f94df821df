import Arcuate
import ArcuateConsole

/// A speech-sized acoustic model: 440-2048-2048-2048-2048-2000, integrate-and-fire neurons.
///
/// A frame's features are held as a current over ten steps; the outputs of the last layer are summed
/// over the steps. Each frame starts from rest. 8 % of the hidden neurons fire in a step.
///
/// Hidden weights are random. Each output represents a sound: its weights are the hidden neurons'
/// response to the sound's features, minus the mean response; frames are features of a sound with
/// noise. So one output leads clearly, as in a trained network, and it is meaningful to ask whether
/// narrow weights change the prediction; with random output weights the leader is an accident. The
/// agreement depends on the noise: at the level used, float32 predicts the sound in nine of ten
/// frames; at twice the level in four of ten, and both narrow types then disagree with it in one of
/// six. Therefore the accuracy is reported next to the agreement.
struct SpeechWorkload: Workload {
  static let name = "speech"
  static let summary = "440-2048-2048-2048-2048-2000 IF, 10 steps a frame, 8 % spikes"

  static let rate = 0.08

  private let sizes: [Int]

  init(isSmall: Bool) {
    sizes = isSmall ? [44, 128, 128, 100] : [440, 2048, 2048, 2048, 2048, 2000]
    batches = isSmall ? [1, 4] : [1, 256]
  }

  let elements: [Tensor.Element] = [.float32, .bfloat16, .int8]
  let batches: [Int]
  let lengths = [10]
  let isFramed = true
  var inputShape: Shape { try! Shape([sizes[0]]) }

  func makeModel(_ random: RandomSource) throws -> Model {
    var settings = Model()
    settings.semantics.integratorGain = .r
    settings.semantics.reset = .subtract
    settings.semantics.comparison = .greaterOrEqual
    settings.metadata = [
      "steps_per_frame": .number(Double(lengths[0])), "frame_state": .string("reset"),
      "frame_output": .string("sum"),
    ]
    // Frames that are not measured.
    let streams = 16
    let frame = input(random, call: 1 << 20, steps: lengths[0], batch: streams)
    var network = Calibration(
      streams: streams, steps: lengths[0],
      signal: Array((0..<lengths[0]).map { _ in frame }.joined()), shape: inputShape,
      like: settings)
    let hidden = sizes.count - 2
    for i in 0..<hidden {
      let weight = try random.weights(i, [sizes[i + 1], sizes[i]])
      let bias = random.normals(.biases, i, count: sizes[i + 1], deviation: 0.1)
      try network.append(rate: Self.rate, of: "neurons\(i)") { gain in
        let linear = Linear(
          weight: try weight.scaled(by: gain), bias: Tensor(vector: bias.map { $0 * gain }))
        let neurons = Neuron(
          .integrateAndFire, threshold: Tensor(scalar: 1), resetValue: Tensor(scalar: 0))
        return .init(chain: [
          .init("weights\(i)", .linear(linear)), .init("neurons\(i)", .neuron(neurons)),
        ])
      }
    }
    let responses = try responses(network.finished(with: .init(chain: [])), random)
    let bias = random.normals(.biases, hidden, count: sizes[hidden + 1], deviation: 0.1)
    return try network.finished(
      with: .init(chain: [
        .init("weights\(hidden)", .linear(Linear(weight: responses, bias: Tensor(vector: bias))))
      ]))
  }

  /// Weights of the outputs, [outputs][hidden], each row of length 1.
  private func responses(_ model: Model, _ random: RandomSource) throws -> Tensor {
    let outputs = sizes[sizes.count - 1]
    let width = sizes[sizes.count - 2]
    let batch = min(outputs, 250)
    let session = try model.compile(options(steps: lengths[0], batch: batch, threads: 1))
      .makeSession()
    var rows: [[Float]] = []
    while rows.count < outputs {
      let sounds = (0..<batch).map { min(rows.count + $0, outputs - 1) }
      let counts = try session.run(frames: 1, [sounds.flatMap { features(random, of: $0) }])[0]
      for b in 0..<min(batch, outputs - rows.count) {
        rows.append(Array(counts[b * width..<(b + 1) * width]))
      }
    }
    var mean = [Float](repeating: 0, count: width)
    for row in rows { for i in 0..<width { mean[i] += row[i] / Float(outputs) } }
    let weights = rows.flatMap { row in
      let difference = (0..<width).map { row[$0] - mean[$0] }
      let length = difference.reduce(0) { $0 + $1 * $1 }.squareRoot()
      return difference.map { length > 0 ? $0 / length : 0 }
    }
    return try Tensor(weights, shape: Shape([outputs, width]))
  }

  /// The features of a sound without noise.
  private func features(_ random: RandomSource, of sound: Int) -> [Float] {
    random.normals(.sounds, sound, count: sizes[0], deviation: 0.95)
  }

  /// Features of variance 1: those of a sound, and noise of a tenth of the variance.
  func input(_ random: RandomSource, call: Int, steps: Int, batch: Int) -> [Float] {
    (0..<batch).flatMap { b in
      let item = call << 16 | b
      let sound = sound(random, item)
      let noise = random.normals(.frames, item, count: sizes[0], deviation: 0.3)
      return zip(features(random, of: sound), noise).map { $0 + $1 }
    }
  }

  func labels(_ random: RandomSource, call: Int, batch: Int) -> [Int]? {
    (0..<batch).map { sound(random, call << 16 | $0) }
  }

  /// The sound of a frame.
  private func sound(_ random: RandomSource, _ item: Int) -> Int {
    let outputs = sizes[sizes.count - 1]
    return min(Int(random.uniform(.sounds, -1 - item, 0) * Float(outputs)), outputs - 1)
  }
}

import Arcuate

/// An acoustic model of speech size: 440-2048-2048-2048-2048-2000, integrate-and-fire neurons.
///
/// A frame's features are a current that is held over ten steps; the outputs of the last layer are
/// summed over them. Each frame starts from rest. 8 % of the hidden neurons fire in a step.
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

  func draw(_ drawing: Drawing) throws -> Model {
    var settings = Model()
    settings.semantics.integratorGain = .r
    settings.semantics.reset = .subtract
    settings.semantics.comparison = .greaterOrEqual
    settings.metadata = [
      "steps_per_frame": .number(Double(lengths[0])), "frame_state": .string("reset"),
      "frame_output": .string("sum"),
    ]
    // Frames that are not among those that are measured.
    let streams = 16
    let frame = input(drawing, call: 1 << 20, steps: lengths[0], batch: streams)
    var network = Calibration(
      streams: streams, steps: lengths[0],
      signal: Array((0..<lengths[0]).map { _ in frame }.joined()), shape: inputShape,
      like: settings)
    let count = sizes.count - 1
    for i in 0..<count {
      let weight = try drawing.weights(i, [sizes[i + 1], sizes[i]])
      let bias = drawing.normals(.biases, i, count: sizes[i + 1], deviation: 0.1)
      func affine(_ gain: Float) throws -> Model.Node {
        let linear = Linear(
          weight: try weight.scaled(by: gain), bias: Tensor(vector: bias.map { $0 * gain }))
        return .init("weights\(i)", .linear(linear))
      }
      guard i < count - 1 else { return try network.finished(with: .init(chain: [affine(1)])) }
      try network.append(rate: Self.rate, of: "neurons\(i)") { gain in
        let neurons = Neuron(.ifire, threshold: Tensor(scalar: 1), resetValue: Tensor(scalar: 0))
        return .init(chain: [try affine(gain), .init("neurons\(i)", .neuron(neurons))])
      }
    }
    preconditionFailure("the last layer has returned")
  }

  func input(_ drawing: Drawing, call: Int, steps: Int, batch: Int) -> [Float] {
    (0..<batch).flatMap { b in
      drawing.normals(.frames, call << 16 | b, count: sizes[0], deviation: 1)
    }
  }
}

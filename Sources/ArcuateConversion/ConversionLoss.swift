import ArcuateCore
import ArcuateModel
import ArcuateRuntime

/// A spiking network compared with its artificial counterpart, on the same frames, after a number of
/// steps per frame.
public struct ConversionLoss: Sendable, Equatable {
  public struct Layer: Sendable, Equatable {
    public let name: String
    public let neurons: Int
    /// Spikes of a neuron in a step, on average.
    public let rate: Double
  }
  public let frames: Int
  public let steps: Int
  /// The fraction of frames whose largest output is the label; nil without labels.
  public let accuracy: Double?
  public let artificialAccuracy: Double?
  /// The fraction of frames on which both predict the same class.
  public let agreement: Double
  /// The root of the sum of squares of the difference of outputs, over that of the artificial outputs.
  public let outputError: Double
  /// The largest difference of an output.
  public let largestError: Double
  /// Per frame: spikes of neurons and of an encoded input; products with spikes of height one, and
  /// others; products of the artificial network with every input and weight.
  public let spikes: Double
  public let acs: Double
  public let macs: Double
  public let artificialMACs: Double
  /// Layers that spike, in order of evaluation.
  public let layers: [Layer]

  /// Synaptic operations per multiply-accumulate of the artificial network.
  public var operationRatio: Double {
    artificialMACs > 0 ? (acs + macs) / artificialMACs : 0
  }
}

/// Measures spiking networks against their artificial counterpart, which is run once.
public struct ConversionMeasurement {
  /// The largest number of frames, of all streams.
  public static let mostFrames = IndependentFrames.mostFrames

  private let frames: IndependentFrames
  private let labels: [Int]?
  /// [frames][size], of the first output port.
  private let expected: [Float]
  private let size: Int
  private let denseOperations: Double

  /// `labels` are indices of the first output port, one for each frame and stream.
  /// Throws. `invalidArgument` for labels out of range or another count; what running throws.
  public init(of artificial: Model, on sample: SampleFrames, labels: [Int]? = nil)
    throws(ArcuateError)
  {
    frames = try IndependentFrames(sample, of: artificial)
    var headless = try artificial.soundly().model
    let output = headless.nodes.first { if case .output = $0.op { true } else { false } }!
    // Functions behind the last weights are added again if the spiking network has them.
    _ = headless.cutTail(of: output.name)
    var values: [Float] = []
    var size = 0
    let sessions = try frames.run(headless, steps: 1, output: .last) {
      part, outputs throws(ArcuateError) in
      values += outputs[0]
      size = outputs[0].count / part.count
    }
    (expected, self.size) = (values, size)
    var operations = 0.0
    for session in sessions { operations += Double(try session.totalCounters().denseOperations) }
    denseOperations = operations
    if let labels {
      guard labels.count == frames.count else {
        throw ArcuateError(
          .invalidArgument, "\(labels.count) labels for \(frames.count) frames")
      }
      if let i = labels.firstIndex(where: { !(0..<size).contains($0) }) {
        throw ArcuateError(
          .invalidArgument, "label \(i) is \(labels[i]), not within 0 ..< \(size)")
      }
    }
    self.labels = labels
  }

  /// Runs a spiking network of the same ports for `steps` steps a frame.
  /// Throws. `invalidArgument` for other ports or steps; what running throws.
  public func loss(of spiking: Model, steps: Int) throws(ArcuateError) -> ConversionLoss {
    try checkRange(steps, 1...1_000_000, "steps")
    let (isPotential, functions) = try spiking.soundly().model.readout()
    let expected = try functions.isEmpty ? expected : shown(functions)
    let factor = isPotential ? 1 / Float(steps) : 1
    var (right, artificialRight, agreeing) = (0, 0, 0)
    var (error, whole, largest) = (0.0, 0.0, 0.0)
    let sessions = try frames.run(spiking, steps: steps, output: .last) {
      part, outputs throws(ArcuateError) in
      guard outputs[0].count == part.count * size else {
        throw ArcuateError(
          .invalidArgument,
          "the spiking network has \(outputs[0].count / part.count) outputs, not \(size)")
      }
      for frame in part {
        let row = (frame - part.lowerBound) * size
        var (best, expectedBest) = (0, 0)
        for i in 0..<size {
          let (value, target) = (outputs[0][row + i] * factor, expected[frame * size + i])
          let difference = Double(value) - Double(target)
          error += difference * difference
          whole += Double(target) * Double(target)
          largest = max(largest, difference.magnitude)
          if outputs[0][row + i] > outputs[0][row + best] { best = i }
          if target > expected[frame * size + expectedBest] { expectedBest = i }
        }
        if best == expectedBest { agreeing += 1 }
        if let labels {
          if best == labels[frame] { right += 1 }
          if expectedBest == labels[frame] { artificialRight += 1 }
        }
      }
    }
    let count = Double(frames.count)
    let counters = try sessions.map { session throws(ArcuateError) in try session.totalCounters() }
    func perFrame(_ field: (Counters) -> UInt64) -> Double {
      counters.reduce(0) { $0 + Double(field($1)) } / count
    }
    let plan = sessions[0].plan
    let layers = try plan.spikingNodes.map { i throws(ArcuateError) in
      let neurons = plan.nodeShapes[i].count
      var spikes = 0.0
      for session in sessions { spikes += Double(try session.counters(at: i).spikes) }
      return ConversionLoss.Layer(
        name: plan.nodeNames[i], neurons: neurons,
        rate: spikes / (count * Double(steps) * Double(max(1, neurons))))
    }
    return ConversionLoss(
      frames: frames.count, steps: steps, accuracy: labels.map { _ in Double(right) / count },
      artificialAccuracy: labels.map { _ in Double(artificialRight) / count },
      agreement: Double(agreeing) / count,
      outputError: whole > 0 ? (error / whole).squareRoot() : error.squareRoot(),
      largestError: largest, spikes: perFrame { $0.spikes }, acs: perFrame { $0.acs },
      macs: perFrame { $0.macs }, artificialMACs: denseOperations / count, layers: layers)
  }

  /// The outputs of the artificial network followed by some functions.
  private func shown(_ functions: [Activation]) throws(ArcuateError) -> [Float] {
    let shape = try Shape([size])
    let chain: [(String, Operator)] =
      [("in", .input(shape: shape))]
      + functions.enumerated().map { ("f\($0)", .activation($1)) }
      + [("out", .output(shape: shape))]
    let session = try Model.chain(chain).compile().makeSession()
    return try session.run(frames: frames.count, [expected])[0]
  }
}

extension Model {
  /// Whether the first output shows potentials, summed over the steps, and the functions before the
  /// output.
  fileprivate func readout() -> (isPotential: Bool, functions: [Activation]) {
    var functions: [Activation] = []
    var name = nodes.first { if case .output = $0.op { true } else { false } }!.name
    // A network that was not converted may have cycles.
    for _ in nodes {
      let feeding = edges.filter { $0.target == name }
      guard feeding.count == 1, let node = self[feeding[0].source] else {
        return (false, functions)
      }
      if case .neuron(let neuron) = node.op { return (neuron.kind == .i, functions) }
      if case .activation(let function) = node.op {
        functions.insert(function, at: 0)
      } else {
        guard case .scale = node.op else { return (false, functions) }
      }
      name = node.name
    }
    return (false, functions)
  }
}

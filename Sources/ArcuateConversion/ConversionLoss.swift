import ArcuateCore
import ArcuateModel
import ArcuateRuntime

/// A spiking network beside the artificial one it was made from, on the same frames, after some
/// number of steps for each of them.
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
  /// The fraction of frames in which both have the largest output at the same place.
  public let agreement: Double
  /// The root of the sum of squares of the outputs' difference over that of the artificial ones.
  public let outputError: Double
  /// The largest difference of any output.
  public let largestError: Double
  /// For each frame: spikes of neurons and of an encoded input; products with spikes of height
  /// one, and others; products of the artificial network with every input and weight.
  public let spikes: Double
  public let acs: Double
  public let macs: Double
  public let artificialMACs: Double
  /// Layers that spike, in the order of work.
  public let layers: [Layer]

  /// Synaptic operations for each multiplication and addition of the artificial network.
  public var operationRatio: Double {
    artificialMACs > 0 ? (acs + macs) / artificialMACs : 0
  }
}

/// Measures spiking networks against an artificial one, which is run once.
public struct ConversionMeasurement {
  /// Frames of all streams at most.
  public static let mostFrames = IndependentFrames.mostFrames

  private let frames: IndependentFrames
  private let labels: [Int]?
  /// [frames][size], of the first output port.
  private let expected: [Float]
  private let size: Int
  private let denseOperations: Double

  /// `labels` are places in the first output port, one for each frame and stream.
  /// Throws. `invalidArgument` for labels out of range or another count; what running throws.
  public init(of artificial: Model, on sample: SampleFrames, labels: [Int]? = nil) throws {
    frames = try IndependentFrames(sample, of: artificial)
    var bare = try artificial.soundly().model
    let output = bare.nodes.first { if case .output = $0.op { true } else { false } }!
    // The functions behind the last weights are put back as far as the spiking network has them.
    _ = bare.cutTail(of: output.name)
    var values: [Float] = []
    var size = 0
    let sessions = try frames.run(bare, steps: 1, output: .last) { part, outputs in
      values += outputs[0]
      size = outputs[0].count / part.count
    }
    (expected, self.size) = (values, size)
    denseOperations = try sessions.reduce(0) {
      $0 + Double(try $1.totalCounters().denseOperations)
    }
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
  public func loss(of spiking: Model, steps: Int) throws -> ConversionLoss {
    guard (1...1_000_000).contains(steps) else {
      throw ArcuateError(.invalidArgument, "steps is \(steps), not within 1 ... 1000000")
    }
    let (isPotential, functions) = try spiking.soundly().model.readout()
    let expected = try functions.isEmpty ? expected : shown(functions)
    let factor = isPotential ? 1 / Float(steps) : 1
    var (right, artificialRight, agreeing) = (0, 0, 0)
    var (error, whole, largest) = (0.0, 0.0, 0.0)
    let sessions = try frames.run(spiking, steps: steps, output: .last) { part, outputs in
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
    func perFrame(_ field: (Counters) -> UInt64) throws -> Double {
      try sessions.reduce(0) { $0 + Double(field(try $1.totalCounters())) } / count
    }
    let plan = sessions[0].plan
    let layers = try plan.spikingNodes.map { i in
      let neurons = plan.nodeShapes[i].count
      let spikes = try sessions.reduce(0) { $0 + Double(try $1.counters(at: i).spikes) }
      return ConversionLoss.Layer(
        name: plan.nodeNames[i], neurons: neurons,
        rate: spikes / (count * Double(steps) * Double(max(1, neurons))))
    }
    return ConversionLoss(
      frames: frames.count, steps: steps, accuracy: labels.map { _ in Double(right) / count },
      artificialAccuracy: labels.map { _ in Double(artificialRight) / count },
      agreement: Double(agreeing) / count,
      outputError: whole > 0 ? (error / whole).squareRoot() : error.squareRoot(),
      largestError: largest, spikes: try perFrame { $0.spikes }, acs: try perFrame { $0.acs },
      macs: try perFrame { $0.macs }, artificialMACs: denseOperations / count, layers: layers)
  }

  /// What the artificial network gives behind some functions.
  private func shown(_ functions: [Activation]) throws -> [Float] {
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
  /// Whether the first output shows potentials, summed over the steps, and what functions stand
  /// between them, or other values, and the output.
  fileprivate func readout() -> (isPotential: Bool, functions: [Activation]) {
    var functions: [Activation] = []
    var name = nodes.first { if case .output = $0.op { true } else { false } }!.name
    // A network that is no converted one may have cycles.
    for _ in nodes {
      let feeding = edges.filter { $0.target == name }
      guard feeding.count == 1, let node = self[feeding[0].source] else {
        return (false, functions)
      }
      switch node.op {
      case .activation(let function): functions.insert(function, at: 0)
      case .scale: break
      case .neuron(let neuron): return (neuron.kind == .i, functions)
      default: return (false, functions)
      }
      name = node.name
    }
    return (false, functions)
  }
}

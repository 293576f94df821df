import ArcuateCore
import ArcuateModel
import ArcuateRuntime

/// The differences between the outputs of two models on the same frames.
public struct OutputComparison: Sendable, Equatable {
  public struct Port: Sendable, Equatable {
    public let name: String
    /// Outputs that were compared: of every frame and stream, and of every step if every step is
    /// emitted.
    public internal(set) var count = 0
    /// Of these, the ones with the largest element at the same index; the first of equals.
    public internal(set) var agreeing = 0
    /// The root of the sum of squares of the difference over that of the first model's outputs.
    public var relativeError: Double {
      whole > 0 ? (error / whole).squareRoot() : error.squareRoot()
    }
    /// The largest difference of any element.
    public internal(set) var largestError = 0.0
    var error = 0.0
    var whole = 0.0

    /// The fraction that agrees; 1 if nothing was compared.
    public var agreement: Double { count > 0 ? Double(agreeing) / Double(count) : 1 }
  }
  public let frames: Int
  public internal(set) var ports: [Port]
}

extension Model {
  /// Runs this model and `other` on the same frames.
  ///
  /// Throws. `invalidArgument` if they have other ports; what compiling and running throw.
  public func compared(with other: Model, on sample: SampleFrames) throws(ArcuateError)
    -> OutputComparison
  {
    let plans = [try compile(sample.options), try other.compile(sample.options)]
    guard plans[0].outputs.map(\.shape) == plans[1].outputs.map(\.shape),
      plans[0].inputs.map(\.shape) == plans[1].inputs.map(\.shape)
    else { throw ArcuateError(.invalidArgument, "the models have different ports") }
    try sample.check(against: plans[0])
    let sessions = try plans.map { plan throws(ArcuateError) in try plan.makeSession() }
    var result = OutputComparison(
      frames: sample.frames, ports: plans[0].outputs.map { .init(name: $0.name) })
    var frame = 0
    while frame < sample.frames {
      let count = min(64, sample.frames - frame)
      let inputs = sample.part(frame..<frame + count, of: plans[0])
      let outputs = try sessions.map { session throws(ArcuateError) in
        try session.run(frames: count, inputs)
      }
      for port in result.ports.indices {
        result.ports[port].add(
          outputs[0][port], outputs[1][port], size: plans[0].outputs[port].shape.count)
      }
      frame += count
    }
    return result
  }
}

extension OutputComparison.Port {
  /// Adds rows of `size` numbers each.
  fileprivate mutating func add(_ first: [Float], _ second: [Float], size: Int) {
    guard size > 0 else { return }
    for start in stride(from: 0, to: first.count, by: size) {
      var (best, otherBest) = (start, start)
      for i in start..<start + size {
        let difference = Double(first[i]) - Double(second[i])
        error += difference * difference
        whole += Double(first[i]) * Double(first[i])
        largestError = max(largestError, difference.magnitude)
        if first[i] > first[best] { best = i }
        if second[i] > second[otherBest] { otherBest = i }
      }
      count += 1
      if best == otherBest { agreeing += 1 }
    }
  }
}

import ArcuateCore

/// Frames that show what a network meets, and how they are run.
public struct SampleFrames: Sendable {
  public var frames: Int
  /// One array for each input port, [frames][batch][shape], as `Session.run` takes them.
  public var inputs: [[Float]]
  public var options: CompileOptions

  public init(frames: Int, inputs: [[Float]], options: CompileOptions = .init()) {
    self.frames = frames
    self.inputs = inputs
    self.options = options
  }

  /// Throws. `invalidArgument` for no frames, another count of ports or a number that is not
  /// finite; `bufferSize` for an array of another size.
  package func check(against plan: Plan) throws(ArcuateError) {
    guard frames > 0, frames <= Session.mostFrames else {
      throw ArcuateError(
        .invalidArgument, "\(frames) frames are not within 1 ... \(Session.mostFrames)")
    }
    guard inputs.count == plan.inputs.count else {
      throw ArcuateError(
        .invalidArgument,
        "frames for \(inputs.count) inputs of a network with \(plan.inputs.count)")
    }
    for (port, values) in inputs.enumerated() {
      let needed = plan.inputCount(port: port, frames: frames)
      try within("input \"\(plan.inputs[port].name)\"") { () throws(ArcuateError) in
        guard values.count == needed else {
          throw ArcuateError(
            .bufferSize, "\(frames) frames are \(needed) numbers, not \(values.count)")
        }
        for start in stride(from: 0, to: values.count, by: 1 << 22) {
          try Cancellation.check()
          let part = values[start..<min(start + 1 << 22, values.count)]
          if let i = part.firstIndex(where: { !$0.isFinite }) {
            throw ArcuateError(.invalidArgument, "number \(i) is not finite")
          }
        }
      }
    }
  }

  /// The arrays of some of the frames.
  package func part(_ range: Range<Int>, of plan: Plan) -> [[Float]] {
    inputs.indices.map { port in
      let size = plan.inputCount(port: port, frames: 1)
      return Array(inputs[port][range.lowerBound * size..<range.upperBound * size])
    }
  }
}

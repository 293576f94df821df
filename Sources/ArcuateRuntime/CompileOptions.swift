import ArcuateCore
import ArcuateModel

/// How a model is to be run; everything a model does not say about its use.
public struct CompileOptions: Sendable, Hashable {
  /// What a stream's state does when a frame ends.
  public enum FrameState: String, Sendable, CaseIterable {
    /// Membranes, currents and delays go on into the next frame.
    case keep
    /// Each frame starts from rest.
    case reset
  }
  /// How a frame of values enters the network.
  public enum FrameInput: String, Sendable, CaseIterable {
    /// The same values at every step of the frame.
    case hold
    /// At the first step only; zeros after it.
    case first
  }
  /// What of the steps of a frame comes out.
  public enum FrameOutput: String, Sendable, CaseIterable {
    /// The last step's output.
    case last
    /// The sum over the frame's steps.
    case sum
    /// The mean over the frame's steps.
    case mean
    /// Every step's output, one after another.
    case every
  }
  /// What is promised about the bits of the results.
  public enum Numerics: String, Sendable, CaseIterable {
    /// The same bits for every thread count, chunking, batch and choice of kernel.
    case exact
    /// Products and sums may be fused, and sums made in any order: a sum of n terms is within n ulp of the
    /// sum of their magnitudes.
    case fast
  }

  /// Seconds per step; nil takes the model's. Required if any node depends on time.
  public var dt_s: Double? = nil
  /// Steps for one frame of input.
  public var stepsPerFrame = 1
  public var frameState: FrameState = .keep
  public var frameInput: FrameInput = .hold
  public var frameOutput: FrameOutput = .last
  /// Independent streams that a session advances together.
  public var batch = 1
  public var threads = 1
  public var numerics: Numerics = .exact
  /// Replaces the semantics of the model (not those of neurons with their own).
  public var semantics: NeuronSemantics? = nil
  /// Whether threads share the nodes however little these do and however few processors there are.
  package var alwaysStages = false

  public init() {}

  /// Throws. `invalidArgument` naming the field, by the name of the C interface, and its range.
  func check() throws {
    func require<T>(_ name: String, _ value: T, within range: ClosedRange<T>) throws {
      guard range.contains(value) else {
        throw ArcuateError(
          .invalidArgument,
          "\(name) is \(value), not within \(range.lowerBound) ... \(range.upperBound)")
      }
    }
    try require("steps_per_frame", stepsPerFrame, within: 1...1_000_000)
    try require("batch", batch, within: 1...65_535)
    try require("threads", threads, within: 1...256)
    if let dt_s { try require("dt_s", dt_s, within: Model.stepLengths) }
  }
}

import Arcuate
import ArcuateConsole
import ArcuateData

/// Alignment of a network's outputs with its input frames.
struct FrameTiming {
  /// How many times the first frame is repeated before each utterance.
  let left: Int
  /// Steps from the input of a frame to its output.
  let latency: Int
  /// One output is kept for this many frames.
  let subsampling: Int

  /// From the model's metadata and the option.
  ///
  /// Throws. `invalidArgument` for a value out of range, or if the network needs context frames but
  /// does not keep its state from frame to frame with one step each.
  init(_ model: Model, subsampling: Int?, _ options: CompileOptions) throws {
    left = try model.metadataInteger("left_context") ?? 0
    latency = try model.metadataInteger("latency") ?? 0
    self.subsampling = try subsampling ?? model.metadataInteger("subsampling") ?? 1
    try Self.require("left_context", left, 0...1_000_000)
    try Self.require("latency", latency, 0...1_000_000)
    try Self.require("subsampling", self.subsampling, 1...1000)
    guard left + latency == 0 || options.stepsPerFrame == 1 && options.frameState == .keep else {
      throw ArcuateError(
        .invalidArgument,
        "the network needs \(left) frames before and \(latency) after each: this requires one step "
          + "per frame and state kept between frames")
    }
  }

  private static func require(_ name: String, _ value: Int, _ range: ClosedRange<Int>) throws {
    guard !range.contains(value) else { return }
    throw ArcuateError(
      .invalidArgument, "\(name) must be \(range.lowerBound) ... \(range.upperBound), got \(value)")
  }
}

import Arcuate
import ArcuateConsole
import ArcuateData

/// How the outputs of a network lie against the frames that go in.
struct FrameTiming {
  /// So often the first frame is given once more before an utterance.
  let left: Int
  /// The output of a step belongs to the input of so many steps before.
  let latency: Int
  /// Every how many frames an output is kept.
  let subsampling: Int

  /// By what the model's metadata states, and what is given here.
  ///
  /// Throws. `invalidArgument` outside 0 ... 1000000 (1 ... 1000 for the last), or where frames do
  /// not follow each other step by step, yet the network waits for later ones.
  init(_ model: Model, subsampling: Int?, _ options: CompileOptions) throws {
    left = try model.metadataInteger("left_context") ?? 0
    latency = try model.metadataInteger("latency") ?? 0
    self.subsampling = try subsampling ?? model.metadataInteger("subsampling") ?? 1
    guard (0...1_000_000).contains(left), (0...1_000_000).contains(latency),
      (1...1000).contains(self.subsampling)
    else {
      throw ArcuateError(
        .invalidArgument,
        "left_context \(left), latency \(latency) and subsampling \(self.subsampling) are absurd")
    }
    guard left + latency == 0 || options.stepsPerFrame == 1 && options.frameState == .keep else {
      throw ArcuateError(
        .invalidArgument,
        "the network looks at \(left) frames before and \(latency) after each: it takes one step a "
          + "frame and keeps its state between frames")
    }
  }
}

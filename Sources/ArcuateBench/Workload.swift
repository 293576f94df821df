import Arcuate
import ArcuateConsole

/// A randomly initialized network and its inputs, to be measured.
///
/// The unit of measurement is a call: one frame, or one sequence of steps from rest.
protocol Workload: Sendable {
  static var name: String { get }
  /// One line for the help.
  static var summary: String { get }

  /// The network in full size, or small to try the command.
  init(isSmall: Bool)

  /// Element types of the weights to measure; the others are compared with the first.
  var elements: [Tensor.Element] { get }
  var batches: [Int] { get }
  /// Steps of a call.
  var lengths: [Int] { get }
  /// Whether a call is one frame, held over its steps; otherwise each step has its own input.
  var isFramed: Bool { get }
  /// Shape of the input, without batch.
  var inputShape: Shape { get }

  func makeModel(_ random: RandomSource) throws -> Model

  /// Input of the call numbered `call`: [batch][shape] for a frame, [steps][batch][shape] for steps.
  func input(_ random: RandomSource, call: Int, steps: Int, batch: Int) -> [Float]

  /// Number of different inputs, used in turn so that caches do not favor one; fewer if they are large.
  func calls(batch: Int) -> Int

  /// The output that should be largest for each stream of a call; nil if there is no correct one.
  func labels(_ random: RandomSource, call: Int, batch: Int) -> [Int]?
}

extension Workload {
  func labels(_ random: RandomSource, call: Int, batch: Int) -> [Int]? { nil }

  /// Compile options for calls of this many steps.
  func options(steps: Int, batch: Int, threads: Int) -> CompileOptions {
    var options = CompileOptions()
    if isFramed {
      options.stepsPerFrame = steps
      options.frameState = .reset
      options.frameOutput = .sum
    }
    options.batch = batch
    options.threads = threads
    return options
  }

  /// Frames of a call in the sense of `Session.run`.
  func frames(steps: Int) -> Int { isFramed ? 1 : steps }

  func calls(batch: Int) -> Int { batch == 1 ? (isFramed ? 16 : 4) : (isFramed ? 2 : 1) }
}

import Arcuate
import ArcuateConsole

/// A network that is drawn, with inputs of its own, to be measured.
///
/// A call is what is measured: one frame, or one sequence of steps from rest.
protocol Workload: Sendable {
  static var name: String { get }
  /// One line for the help.
  static var summary: String { get }

  /// A network of that size; small ones are to try the command.
  init(isSmall: Bool)

  /// Elements the weights are measured in; the first is what the others are compared with.
  var elements: [Tensor.Element] { get }
  var batches: [Int] { get }
  /// Steps of a call.
  var lengths: [Int] { get }
  /// Whether a call is one frame, held over its steps; otherwise each step has its own input.
  var isFramed: Bool { get }
  /// Of the input, without batch.
  var inputShape: Shape { get }

  func draw(_ drawing: Drawing) throws -> Model

  /// Input of the call numbered `call`: [batch][shape] for a frame, [steps][batch][shape] for steps.
  func input(_ drawing: Drawing, call: Int, steps: Int, batch: Int) -> [Float]

  /// Different calls in turn, so that none finds its own traces: fewer where they are large.
  func calls(batch: Int) -> Int

  /// The output that should be largest for each stream of a call; nil where nothing is right.
  func answers(_ drawing: Drawing, call: Int, batch: Int) -> [Int]?
}

extension Workload {
  func answers(_ drawing: Drawing, call: Int, batch: Int) -> [Int]? { nil }

  /// How a call of so many steps is to be compiled.
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

/// The workloads by name, in the order in which they run.
enum Workloads {
  static let all: [any Workload.Type] = [
    SpeechWorkload.self, RecurrentWorkload.self, EventWorkload.self,
    DelaysWorkload<DelaysSizes.Smallest>.self, DelaysWorkload<DelaysSizes.Small>.self,
  ]
  /// Those that take minutes and up to a gigabyte: only where they are asked for by name.
  static let onRequest: [any Workload.Type] = [
    DelaysWorkload<DelaysSizes.Large>.self, DelaysWorkload<DelaysSizes.Largest>.self,
  ]

  /// A line for each, for the help.
  static func list(_ types: [any Workload.Type]) -> String {
    let width = (all + onRequest).map { $0.name.count }.max() ?? 0
    return types.map { type in
      "  \(type.name)\(String(repeating: " ", count: width - type.name.count))  \(type.summary)"
    }.joined(separator: "\n")
  }

  /// Throws. `notFound` listing the names.
  static func named(_ name: String) throws -> any Workload.Type {
    guard let type = (all + onRequest).first(where: { $0.name == name }) else {
      let names = (all + onRequest).map { $0.name }.joined(separator: ", ")
      throw ArcuateError(.notFound, "there is no workload \"\(name)\", but \(names)")
    }
    return type
  }
}

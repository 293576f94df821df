import Arcuate
import ArcuateConsole

/// A workload with one element type, length, batch and number of threads.
struct BenchCase {
  let workload: any Workload
  let workloadName: String
  let element: Tensor.Element
  let steps: Int
  let batch: Int
  let threads: Int
  let numerics: CompileOptions.Numerics

  var options: CompileOptions {
    var options = workload.options(steps: steps, batch: batch, threads: threads)
    options.numerics = numerics
    return options
  }

  /// Such as "events-100-b64" or "speech-10-b1-int8".
  var name: String { inputName + (element == .float32 ? "" : "-\(element.word)") }
  /// The same for all weight types, like the inputs.
  var inputName: String { "\(workloadName)-\(steps)-b\(batch)" }

  /// The inputs of the calls of a round.
  func inputs(_ random: RandomSource) -> [[Float]] {
    (0..<workload.calls(batch: batch)).map {
      workload.input(random, call: $0, steps: steps, batch: batch)
    }
  }

  /// The outputs for these inputs, each from rest.
  func outputs(_ session: Session, _ inputs: [[Float]]) throws -> [[Float]] {
    try inputs.map { input in
      session.reset()
      return try session.run(frames: workload.frames(steps: steps), [input])[0]
    }
  }
}

extension Tensor.Element {
  /// The name of the type on the command line.
  var word: String {
    switch self {
    case .float32: "float32"
    case .bfloat16: "bfloat16"
    case .int8: "int8"
    }
  }

  static func named(_ word: String) -> Tensor.Element? { allCases.first { $0.word == word } }
}

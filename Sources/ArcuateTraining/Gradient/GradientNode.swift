import ArcuateCore
import ArcuateKernels
import ArcuateModel
import ArcuateRuntime

/// What one pass over a network knows.
struct Pass {
  let pool: ThreadPool
  /// Scratch of matrix products, for each worker.
  let products: [MatrixProduct]
  /// Whether masks are drawn and statistics are those of the batch.
  var isTraining: Bool
  /// Numbers the passes, so that what is drawn differs from one to the next.
  var iteration: UInt64
  let random: CounterRandom
  var batch: Int
}

/// A node as the engine runs it: forward over some steps, and backward over the same.
///
/// Forward is called in order of time, backward in the reverse; `accumulate` once, when the
/// gradient of the output is complete.
class GradientNode {
  let name: String
  let inputs: [Signal]
  let output: Signal
  var parameters: [Parameter] { [] }

  init(_ name: String, _ inputs: [Signal], _ output: Signal) {
    self.name = name
    self.inputs = inputs
    self.output = output
  }

  var input: Signal { inputs[0] }

  func forward(_ steps: Range<Int>, _ pass: Pass) throws {}
  func backward(_ steps: Range<Int>, _ pass: Pass) throws {}
  func accumulate(_ pass: Pass) throws {}
  /// Forgets what an earlier sample left.
  func begin(_ pass: Pass) throws {}
  /// The operator with what was learned.
  func learned() throws -> Operator? { nil }

  /// The rows of some steps of the output.
  func rows(_ steps: Range<Int>) -> Range<Int> {
    let batch = output.batch
    return steps.lowerBound * batch..<steps.upperBound * batch
  }

  /// The rows in which `signal` holds the same steps; nil where it holds one step for all of them.
  func sameRows(_ signal: Signal) -> Bool { signal.steps == output.steps }

  /// Goes back through some steps, row by row: `body` gets the gradient of a row of the output, that
  /// of the row of `signal` beside it, and whether it is added to what is there.
  func sendBack(
    _ steps: Range<Int>, to signal: Signal,
    _ body: (_ from: Row<Float>, _ into: Row<Float>, _ adds: Bool, _ t: Int, _ b: Int) throws
      -> Void
  ) throws {
    for t in steps.reversed() {
      let adds = signal.adds(t)
      for b in 0..<output.batch {
        let from = try output.gradientRow(output.place(t) * output.batch + b)
        let into = try signal.gradientRow(signal.place(t) * output.batch + b)
        try body(from, into, adds, t, b)
      }
    }
  }

  /// The row of `signal` beside row `r` of the output.
  func beside(_ r: Int, _ signal: Signal) -> Int {
    signal.steps == output.steps ? r : r % output.batch
  }
}

/// The sum of several signals, each of this step or of the one before.
///
/// One of them may lie in the memory of the sum already.
final class SumNode: GradientNode {
  private let delays: [Int]
  private let within: Int?

  init(
    _ name: String, _ inputs: [Signal], delays: [Int], _ output: Signal, within: Int? = nil
  ) {
    self.delays = delays
    self.within = within
    super.init(name, inputs, output)
  }

  override func forward(_ steps: Range<Int>, _ pass: Pass) {
    let size = output.batch * output.stride
    for t in steps {
      let into = output.values.row.part(output.place(t) * size, size)
      var isFirst = within == nil
      for (k, signal) in inputs.enumerated() where k != within && t - delays[k] >= 0 {
        let from = signal.values.row.part(signal.place(t - delays[k]) * size, size)
        LearningLoops.put(from, into: into, adds: !isFirst)
        isFirst = false
      }
      if isFirst { into.fill(0) }
    }
  }

  override func backward(_ steps: Range<Int>, _ pass: Pass) throws {
    let size = output.batch * output.stride
    for t in steps.reversed() {
      try output.settle(t..<t + 1)
      for (signal, delay) in zip(inputs, delays)
      where signal.needsGradient && t - delay >= 0 && signal.sum !== output {
        let adds = signal.adds(t - delay)
        LearningLoops.put(
          try output.gradient.row.part(output.place(t) * size, size),
          into: try signal.gradient.row.part(signal.place(t - delay) * size, size), adds: adds)
      }
    }
  }
}

/// Its inputs one after another along the first axis.
final class ConcatenationNode: GradientNode {
  override func learned() -> Operator? { .concatenation }

  override func forward(_ steps: Range<Int>, _ pass: Pass) {
    pass.pool.split(rows(steps)) { part, _ in
      for r in part {
        let row = output.row(r)
        var at = 0
        for signal in inputs {
          row.part(at, signal.width).copy(from: signal.row(beside(r, signal)).part(0, signal.width))
          at += signal.width
        }
      }
    }
  }

  override func backward(_ steps: Range<Int>, _ pass: Pass) throws {
    try output.settle(steps)
    var at = 0
    for signal in inputs {
      defer { at += signal.width }
      guard signal.needsGradient else { continue }
      try sendBack(steps, to: signal) { from, into, adds, _, _ in
        LearningLoops.put(
          from.part(at, signal.width), into: into.part(0, signal.width), adds: adds)
      }
    }
  }
}

/// The product of its inputs, element by element.
final class ProductNode: GradientNode {
  override func forward(_ steps: Range<Int>, _ pass: Pass) {
    for r in rows(steps) {
      let row = output.row(r)
      for i in 0..<output.width {
        row[i] = inputs.reduce(1) { $0 * $1.row(beside(r, $1))[i] }
      }
    }
  }

  override func backward(_ steps: Range<Int>, _ pass: Pass) throws {
    try output.settle(steps)
    for (k, signal) in inputs.enumerated() where signal.needsGradient {
      try sendBack(steps, to: signal) { g, d, adds, t, b in
        for i in 0..<output.width {
          var value = g[i]
          for (j, other) in inputs.enumerated() where j != k { value *= other.row(t, b)[i] }
          d[i] = adds ? d[i] + value : value
        }
      }
    }
  }

  override func learned() -> Operator? { .multiplication }
}

/// x(t - delay), a number of steps for each element.
final class DelayNode: GradientNode {
  private let delays: [Int]
  private let tensor: Tensor

  init(_ name: String, _ input: Signal, _ output: Signal, delays: [Int], tensor: Tensor) {
    self.delays = delays
    self.tensor = tensor
    super.init(name, [input], output)
  }

  override func forward(_ steps: Range<Int>, _ pass: Pass) {
    for t in steps {
      for b in 0..<output.batch {
        let row = output.row(t, b)
        for i in 0..<output.width {
          row[i] = t >= delays[i] ? input.row(t - delays[i], b)[i] : 0
        }
      }
    }
  }

  override func backward(_ steps: Range<Int>, _ pass: Pass) throws {
    guard input.needsGradient else { return }
    for t in steps.reversed() {
      try output.settle(t..<t + 1)
      for b in 0..<output.batch {
        let gradient = try output.gradientRow(t * output.batch + b)
        for i in 0..<output.width where t >= delays[i] {
          // Elements of one step come from several: none may be overwritten.
          try input.settle(t - delays[i]..<t - delays[i] + 1)
          let to = try input.gradientRow(input.place(t - delays[i]) * output.batch + b)
          to[i] += gradient[i]
        }
      }
    }
  }

  override func learned() -> Operator? { .delay(tensor) }
}

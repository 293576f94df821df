import ArcuateCore
import ArcuateKernels
import ArcuateModel
import ArcuateRuntime

/// What one pass over a network provides to its nodes.
struct Pass {
  let pool: ThreadPool
  /// Scratch of matrix products, for each worker.
  let products: [MatrixProduct]
  /// Whether masks are sampled and statistics are those of the batch.
  var isTraining: Bool
  /// The number of the pass: random numbers differ from one to the next.
  var iteration: UInt64
  let random: CounterRandom
  var batch: Int
}

/// A node in training: run forward over some steps, and swept backward over the same.
///
/// `forward` is called in order of time, `backward` in reverse order, `accumulate` once when the
/// gradient of the output is complete. Nothing has a default: a node that forgets a requirement
/// does not compile.
protocol NodeTraining: AnyObject {
  /// The node's name, the signals it reads and the one it writes.
  var ports: NodePorts { get }
  /// What training may change, and running statistics.
  var parameters: [Parameter] { get }
  /// Whether the values of the output may be lost after the forward pass: neither the backward pass
  /// nor the counts of activity read them.
  var outputIsTransient: Bool { get }
  /// Whether the gradient of the input may overwrite its values: `backward` and `accumulate` do not
  /// read them, and write each row once.
  var overwritesInput: Bool { get }
  /// Whether nonzeros of a sparse output are spikes that it makes, not passes on.
  var makesSpikes: Bool { get }

  /// Forgets the last batch.
  func begin(_ pass: Pass) throws(ArcuateError)
  func forward(_ steps: Range<Int>, _ pass: Pass) throws(ArcuateError)
  /// Adds the gradients of the inputs over some steps.
  func backward(_ steps: Range<Int>, _ pass: Pass) throws(ArcuateError)
  /// Adds the gradients of the parameters, over all steps.
  func accumulate(_ pass: Pass) throws(ArcuateError)
  /// Products of a weight and a nonzero input in the last run of the first samples.
  func operations(_ samples: Int, _ pass: Pass) throws(ArcuateError) -> Int
  /// The operator with its trained parameters; nil for a node that the model does not have.
  func trained() throws(ArcuateError) -> Operator?
}

/// The name of a node, the signals it reads and the one it writes.
struct NodePorts {
  let name: String
  let inputs: [Signal]
  let output: Signal

  init(_ name: String, _ inputs: [Signal], _ output: Signal) {
    (self.name, self.inputs, self.output) = (name, inputs, output)
  }
}

extension NodeTraining {
  var name: String { ports.name }
  var inputs: [Signal] { ports.inputs }
  var input: Signal { ports.inputs[0] }
  var output: Signal { ports.output }

  /// The rows of some steps of the output.
  func rows(_ steps: Range<Int>) -> Range<Int> {
    let batch = output.batch
    return steps.lowerBound * batch..<steps.upperBound * batch
  }

  /// The row of `signal` beside row `r` of the output.
  func beside(_ r: Int, _ signal: Signal) -> Int {
    signal.steps == output.steps ? r : r % output.batch
  }

  /// Sweeps back through some steps, row by row: `body` gets the gradient of a row of the output, that
  /// of the row of `signal` beside it, and whether it adds to what is there.
  func sendBack(
    _ steps: Range<Int>, to signal: Signal,
    _ body: (_ from: Row<Float>, _ into: Row<Float>, _ adds: Bool, _ t: Int, _ b: Int) -> Void
  ) throws(ArcuateError) {
    for t in steps.reversed() {
      let adds = signal.adds(t)
      for b in 0..<output.batch {
        let from = try output.gradientRow(output.index(t) * output.batch + b)
        let into = try signal.gradientRow(signal.index(t) * output.batch + b)
        body(from, into, adds, t, b)
      }
    }
  }
}

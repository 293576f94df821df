import ArcuateCore
import ArcuateKernels

/// One product of weights and rows, whose outputs can be computed in shares.
struct Product {
  enum Inputs {
    /// One row, by the list of its non-zero inputs.
    case events(Row<Float>, list: Row<UInt32>, nonzero: NonzeroCount)
    /// Consecutive rows, every input.
    case dense(Row<Float>, stride: Int, rows: Int, fused: Bool)
    /// Rows of zeros and ones, each with its own offset in the output.
    case spikes(SpikeRows.Batch)
  }
  let weights: LinearWeights
  let inputs: Inputs
  let output: Row<Float>
  /// Products of an input and a weight, about.
  let work: Int

  /// `scratch` is the spike rows of the worker that runs this.
  @inline(__always)
  func run(first: Int, count: Int, scratch: SpikeRows) {
    switch inputs {
    case .events(let input, let list, let nonzero):
      weights.applyEvents(
        input: input, list: list, nonzero: nonzero, output: output, first: first, count: count)
    case .dense(let input, let stride, let rows, let fused):
      weights.applyDense(
        input: input, inputStride: stride, rows: rows, output: output,
        outputStride: weights.stride, first: first, count: count, fused: fused)
    case .spikes(let rows):
      rows.apply(weights, output: output, first: first, count: count, scratch: scratch)
    }
  }
}

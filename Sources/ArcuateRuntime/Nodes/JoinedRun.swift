import ArcuateCore
import ArcuateKernels

extension Plan.Step {
  /// One row of an operation that takes its inputs one by one: `input` has that of each source.
  ///
  /// Numbers. Exact: elements are copied, or multiplied in the order of the sources.
  @inline(__always)
  func joinRows(_ input: (Int) -> Row<Float>, into output: Row<Float>) {
    switch operation {
    case .concatenation(let joint):
      let stride = joint.widths.reduce(0, +)
      var first = 0
      for n in sources.indices {
        Elementwise.lay(
          input(n), by: sources[n].permutation, runs: joint.runs, width: joint.widths[n],
          into: output, first: first, stride: stride)
        first += joint.widths[n]
      }
    case .multiplication:
      for n in sources.indices {
        switch (sources[n].permutation, n) {
        case (nil, 0): output.part(0, outputCount).copy(from: input(n).part(0, outputCount))
        case (let order?, 0): Elementwise.permute(input(n), by: order, into: output)
        case (nil, _): Elementwise.multiply(output, input(n), into: output, count: outputCount)
        case (let order?, _): Elementwise.multiplyPermuted(input(n), by: order, into: output)
        }
      }
    default: preconditionFailure("an operation that sums its inputs")
    }
  }
}

import ArcuateCore
import ArcuateKernels

/// The inputs one after another along the first axis.
///
/// Numbers. Exact: elements are copied.
final class ConcatenationNode: NodeRun {
  /// Elements that each input has in one run.
  let widths: [Int]
  /// Runs of a row: one where channels come first, one for each pixel where they come last.
  let runs: Int
  let reason: String

  let stateCount = 0
  let scratchCount = 0
  let byteCount = 0
  let weightByteCount = 0
  let fanOut = FanOut.none
  let inputCount: Int? = nil
  let kernels: [Kernel] = []
  let isStateless = true
  let inputUse = InputUse.separate
  let listUse: ListUse = []
  let emission = Emission.values

  init(_ packing: NodePacking) {
    let shape = packing.shape
    let pixels =
      packing.isChannelLast && shape.rank > 1 ? shape.count / max(shape[0], 1) : 1
    widths = packing.inputs.map { $0.count / max(pixels, 1) }
    runs = pixels
    reason = packing.inputs.map { "\($0[0])" }.joined(separator: " + ") + " along the first axis"
  }

  func cost(inputs: Int, outputs: Int) -> Double { Double(inputs + outputs) / 16 * 4 }
  func reset(_: Int, _: Arena) {}
  func emitEarly(_: NodeStep, _: Window, _: Arena) {}
  func recordable(_: NodeQuantity) -> StateRows? { nil }

  func run(_ step: NodeStep, _ window: Window, _ arena: Arena) {
    let slot = arena.slots[step.output]
    let stride = widths.reduce(0, +)
    for t in window.steps {
      for b in window.streams {
        let output = arena.row(slot, t, b)
        var first = 0
        for n in step.sources.indices {
          Elementwise.lay(
            step.source(n, t, b, arena), by: step.sources[n].permutation, runs: runs,
            width: widths[n], into: output, first: first, stride: stride)
          first += widths[n]
        }
      }
    }
  }
}

/// The product of all inputs, element by element, in the order of the sources.
final class MultiplicationNode: NodeRun {
  let reason: String

  let stateCount = 0
  let scratchCount = 0
  let byteCount = 0
  let weightByteCount = 0
  let fanOut = FanOut.none
  let inputCount: Int? = nil
  let kernels: [Kernel] = []
  let isStateless = true
  let inputUse = InputUse.separate
  let listUse: ListUse = []
  let emission = Emission.values

  init(_ packing: NodePacking) { reason = "\(packing.inputs.count) inputs multiplied" }

  func cost(inputs: Int, outputs: Int) -> Double { Double(inputs + outputs) / 16 * 4 }
  func reset(_: Int, _: Arena) {}
  func emitEarly(_: NodeStep, _: Window, _: Arena) {}
  func recordable(_: NodeQuantity) -> StateRows? { nil }

  func run(_ step: NodeStep, _ window: Window, _ arena: Arena) {
    let slot = arena.slots[step.output]
    let count = step.outputCount
    for t in window.steps {
      for b in window.streams {
        let output = arena.row(slot, t, b)
        for n in step.sources.indices {
          let input = step.source(n, t, b, arena)
          switch (step.sources[n].permutation, n) {
          case (nil, 0): output.part(0, count).copy(from: input.part(0, count))
          case (let order?, 0): Elementwise.permute(input, by: order, into: output)
          case (nil, _): Elementwise.multiply(output, input, into: output, count: count)
          case (let order?, _): Elementwise.multiplyPermuted(input, by: order, into: output)
          }
        }
      }
    }
  }
}

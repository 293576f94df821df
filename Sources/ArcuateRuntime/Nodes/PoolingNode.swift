import ArcuateCore
import ArcuateKernels
import ArcuateModel

extension Pooling {
  /// Throws. `outOfMemory`.
  func packed(_ packing: inout NodePacking) throws(ArcuateError) -> any NodeRun {
    let shape = packing.shape
    let input = packing.input ?? shape
    let window = PoolingWindow(
      reduction: reduction, inHeight: input[1], inWidth: input[2], outHeight: shape[1],
      outWidth: shape[2], channels: shape[0], kernelHeight: kernel[0], kernelWidth: kernel[1],
      strideY: stride[0], strideX: stride[1], padY: padding[0], padX: padding[1])
    if kind == .spikeMaximum {
      return SpikeMaximumNode(window, inputs: input.count, &packing)
    }
    return PoolingNode(window, outputOfInput: try window.positions())
  }

  private var reduction: PoolingWindow.Reduction {
    switch kind {
    case .sum: .sum
    case .average: .average
    case .maximum, .spikeMaximum: .maximum
    }
  }
}

/// Windows over the spatial axes of a channel-last array.
final class PoolingNode: NodeRun {
  let window: PoolingWindow
  /// The output of each input, where windows do not overlap.
  let outputOfInput: View<Int32>?

  let stateCount = 0
  let scratchCount = 0
  let weightByteCount = 0
  let fanOut = FanOut.none
  let inputCount: Int? = nil
  let kernels: [Kernel] = []
  let reason = "windows"
  let isStateless = true
  let inputUse = InputUse.sum
  let listUse: ListUse
  let emission = Emission.values

  init(_ window: PoolingWindow, outputOfInput: View<Int32>?) {
    self.window = window
    self.outputOfInput = outputOfInput
    listUse = outputOfInput == nil ? [] : .sufficient
  }

  var byteCount: Int { (outputOfInput?.count ?? 0) * 4 }

  func cost(inputs: Int, outputs: Int) -> Double { Double(inputs + outputs) / 16 * 4 }
  func reset(_: Int, _: Arena) {}
  func emitEarly(_: NodeStep, _: Window, _: Arena) {}
  func recordable(_: NodeQuantity) -> StateRows? { nil }

  func run(_ step: NodeStep, _ window: Window, _ arena: Arena) {
    let (input, output) = (arena.slots[step.inputSlot], arena.slots[step.output])
    for t in window.steps {
      let from = t + step.inputShift
      for b in window.streams {
        if input.listed, let outputOfInput {
          let found = arena.nonzero(input, from, b)[0]
          if self.window.takesEvents(found) {
            self.window.applyEvents(
              input: arena.row(input, from, b), list: arena.list(input, from, b), nonzero: found,
              positions: outputOfInput, output: arena.row(output, t, b))
            continue
          }
        }
        arena.fillRow(input, from, b)
        self.window.apply(input: arena.row(input, from, b), output: arena.row(output, t, b))
      }
    }
  }
}

/// The rise of the largest sum of each window.
final class SpikeMaximumNode: NodeRun {
  let window: PoolingWindow
  /// [batch][inputs, then outputs, each padded]: the sums of the inputs since the reset, then the
  /// largest of each window.
  let state: Int
  let inputStride: Int
  let outputStride: Int
  let stateCount: Int
  let scratchCount = 0

  let byteCount = 0
  let weightByteCount = 0
  let fanOut = FanOut.none
  let inputCount: Int? = nil
  let kernels: [Kernel] = []
  let reason = "windows over sums since the reset"
  let isStateless = false
  let inputUse = InputUse.sum
  let listUse: ListUse = []
  let emission = Emission.values

  init(_ window: PoolingWindow, inputs: Int, _ packing: inout NodePacking) {
    self.window = window
    inputStride = (inputs + 15) & ~15
    outputStride = packing.stride
    stateCount = packing.batch * (inputStride + outputStride)
    state = packing.takeState(stateCount)
  }

  func cost(inputs: Int, outputs: Int) -> Double { Double(inputs + outputs) / 16 * 4 }
  func reset(_ stream: Int, _ arena: Arena) {
    arena.clear(state, inputStride + outputStride, stream)
  }
  func emitEarly(_: NodeStep, _: Window, _: Arena) {}
  func recordable(_: NodeQuantity) -> StateRows? { nil }

  func run(_ step: NodeStep, _ window: Window, _ arena: Arena) {
    let (input, output) = (arena.slots[step.inputSlot], arena.slots[step.output])
    for t in window.steps {
      for b in window.streams {
        let rows = arena.stateRow(state, inputStride + outputStride, b)
        self.window.applyRise(
          input: arena.row(input, t + step.inputShift, b), sums: rows.part(0, inputStride),
          largest: rows.part(inputStride, outputStride), output: arena.row(output, t, b))
      }
    }
  }
}

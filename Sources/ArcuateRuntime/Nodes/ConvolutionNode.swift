import ArcuateCore
import ArcuateKernels
import ArcuateModel

/// A convolution: few non-zero inputs add their kernels, many are summed by windows.
final class ConvolutionNode: NodeRun {
  let weights: ConvolutionWeights
  let fanOut: FanOut
  let inputCount: Int?

  let stateCount = 0
  let scratchCount = 0
  let weightByteCount = 4
  let isStateless = true
  let inputUse = InputUse.sum
  let listUse: ListUse = [.needed, .sufficient, .anyZeroSign]
  let emission = Emission.values

  /// Throws. `limitExceeded`, `outOfMemory`.
  init(_ convolution: Convolution, _ packing: NodePacking) throws(ArcuateError) {
    let shape = packing.shape
    let input: Shape
    if let known = packing.input { input = known } else { input = try convolution.inputExtents() }
    let geometry = convolution.geometry(input: input, output: shape)
    let bias = try (convolution.bias ?? Tensor(scalar: 0)).broadcast(to: Shape([shape[0]]))
    weights = try ConvolutionWeights(
      weight: convolution.weight.floats, bias: bias, geometry: geometry)
    fanOut = FanOut(convolution.fanOut(input: packing.input, output: shape))
    inputCount = convolution.inputCount
  }

  var byteCount: Int { weights.byteCount }
  var kernels: [Kernel] {
    weights.hasWindows ? [.convolutionEvents, .convolutionWindows] : [.convolutionEvents]
  }
  var reason: String {
    weights.hasWindows
      ? "few non-zero inputs add their kernels, many are summed by windows"
      : "every non-zero input adds its kernel"
  }

  func cost(inputs: Int, outputs: Int) -> Double {
    let g = weights.geometry
    let work = g.outputCount * g.inPerGroup * g.kernelHeight * g.kernelWidth
    return Double(work) / 16 * 0.25 + Double(outputs) / 16
  }
  func reset(_: Int, _: Arena) {}
  func emitEarly(_: NodeStep, _: Window, _: Arena) {}
  func recordable(_: NodeQuantity) -> StateRows? { nil }

  func run(_ step: NodeStep, _ window: Window, _ arena: Arena) {
    // The neurons behind it make its sums in their membranes.
    if arena.slots[step.output].isInPlace, !arena.isRecorded { return }
    runRows(step, window, arena)
  }

  func runRows(_ step: NodeStep, _ window: Window, _ arena: Arena) {
    let (input, output) = (arena.slots[step.inputSlot], arena.slots[step.output])
    let shift = step.inputShift
    let starts = arena.temporaryList(window.worker)
    for t in window.steps {
      for b in window.streams {
        let isByWindows = weights.apply(
          input: arena.row(input, t + shift, b), list: arena.list(input, t + shift, b),
          nonzero: arena.nonzero(input, t + shift, b)[0], output: arena.row(output, t, b),
          starts: starts)
        if isByWindows { arena.count(.windowRows, step.index, b, 1) }
        step.countSynapses(input, t + shift, b, arena)
      }
    }
  }
}

extension Convolution {
  /// The input's shape as the node itself states it.
  func inputExtents() throws(ArcuateError) -> Shape {
    try Shape([weight.shape[1] * groups] + inputShape!)
  }

  /// Inputs, as far as the node states them.
  var inputCount: Int { weight.shape[1] * groups * (inputShape ?? []).reduce(1, *) }
}

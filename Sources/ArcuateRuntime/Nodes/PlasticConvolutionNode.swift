import ArcuateCore
import ArcuateKernels
import ArcuateModel

/// A convolution whose kernels a rule changes.
final class PlasticConvolutionNode: AdaptiveNode {
  let weights: PlasticWeights
  let geometry: ConvolutionGeometry
  let stateCount: Int
  let scratchCount = 0
  let fanOut: FanOut
  let inputCount: Int?
  let reason: String

  let weightByteCount = 4
  let kernels: [Kernel] = []
  let isStateless = false
  let inputUse = InputUse.sum
  let listUse = ListUse.needed
  let emission = Emission.values

  /// The share of inputs that are not zero from which on windows beat adding kernels one by one.
  private static let fewestForWindows = 0.1

  /// Throws. `limitExceeded`, `outOfMemory`.
  init(_ plastic: PlasticConvolution, _ packing: inout NodePacking) throws(ArcuateError) {
    let convolution = plastic.convolution
    let shape = packing.shape
    let input: Shape
    if let known = packing.input { input = known } else { input = try convolution.inputExtents() }
    geometry = convolution.geometry(input: input, output: shape)
    let window = geometry.inPerGroup * geometry.kernelHeight * geometry.kernelWidth
    guard window <= NodePacking.largestRow / max(geometry.outHeight * geometry.outWidth, 1) else {
      throw ArcuateError(
        .limitExceeded,
        "windows of \(window) inputs are above \(NodePacking.largestRow) elements")
    }
    let matrix = PlasticLinear(
      weight: try Tensor(convolution.weight.floats, shape: Shape([shape[0], window])),
      bias: convolution.bias, rule: plastic.rule)
    stateCount = (window + 1) * ((shape[0] + 15) & ~15)
    weights = try PlasticWeights(
      matrix, offset: packing.takeState(stateCount), fast: nil, geometry: geometry)
    // Weights that adapt come and go: all of them count.
    var full = convolution
    full.weight = .filled(1, shape: full.weight.shape)
    fanOut = FanOut(full.fanOutByChannel(input: packing.input, output: shape))
    inputCount = convolution.inputCount
    reason = "kernels adapt to \"\(plastic.rule.post)\""
  }

  var byteCount: Int { weights.byteCount }
  let isAdaptive = true
  var adaptiveWeights: PlasticWeights? { weights }

  func cost(inputs: Int, outputs: Int) -> Double { Double(inputs + outputs) / 16 * 4 }
  func reset(_: Int, _: Arena) {}
  func emitEarly(_: NodeStep, _: Window, _: Arena) {}
  func recordable(_: NodeQuantity) -> StateRows? { nil }

  func restore(_ arena: Arena) { weights.row(arena).copy(from: weights.initial.row) }
  func adaptedCount(fast: Bool, batch: Int) -> Int? { weights.count(fast: fast, batch: batch) }
  func forEachAdapted(fast: Bool, _ arena: Arena, _ body: (Int, Float) -> Void) {
    weights.forEach(fast: fast, arena, body)
  }
  func adapted(_ op: Operator, _: Shape, _ arena: Arena) throws(ArcuateError) -> Operator? {
    guard case .plastic(.convolution(var plastic)) = op else { return nil }
    plastic.convolution.weight = try Tensor(
      weights.values(arena), shape: plastic.convolution.weight.shape)
    if plastic.rule.learnsBias { plastic.convolution.bias = weights.bias(arena) }
    return .plastic(.convolution(plastic))
  }

  func run(_ step: NodeStep, _ window: Window, _ arena: Arena) {
    let (input, output) = (arena.slots[step.inputSlot], arena.slots[step.output])
    let shift = step.inputShift
    let (inputs, outputs, positions) = (weights.inputs, weights.outputs, weights.positions)
    let rows = weights.row(arena)
    let kernels = Matrix(rows, rows: inputs, columns: outputs, rowStride: weights.stride)
      .transposed
    for t in window.steps {
      for b in window.streams {
        let y = arena.row(output, t, b)
        for o in 0..<outputs {
          y.part(o * positions, positions).fill(rows[inputs * weights.stride + o])
        }
        let x = arena.row(input, t + shift, b)
        let found = arena.nonzero(input, t + shift, b)[0]
        if found.count
          > Int32(Double(step.inputCount) * PlasticConvolutionNode.fewestForWindows)
        {
          arena.plastic.matrixProducts[window.worker].multiply(
            kernels, weights.windows(x, geometry, window.worker, arena),
            into: Matrix(y, rows: outputs, columns: positions, rowStride: positions), adds: true)
          arena.count(.denseRows, step.index, b, 1)
        } else if found.count > 0 {
          Windows.addEvents(
            x, arena.list(input, t + shift, b).part(0, Int(found.count)), geometry, kernels: rows,
            stride: weights.stride, into: y)
        }
        step.countSynapses(input, t + shift, b, arena)
      }
    }
  }
}

import ArcuateCore
import ArcuateKernels
import ArcuateModel

/// A gated recurrent unit: a matrix for each gate, and the last output of each stream as its state.
final class GRUNode: NodeRun {
  /// Of the gates r, z, n.
  private let inputWeights, hiddenWeights: [LinearWeights]
  private let weights: GatedWeights
  /// [batch][stride]
  private let state: Int
  private let stride: Int
  private let isFast: Bool
  let stateCount: Int
  let scratchCount = 0

  var fanOut: FanOut { weights.fanOut }
  let isStateless = false
  let inputUse = InputUse.sum
  let listUse: ListUse = []
  let emission = Emission.values

  /// Throws. `outOfMemory`.
  init(_ gru: GRU, _ packing: inout NodePacking) throws(ArcuateError) {
    weights = try GatedWeights(gru)
    (inputWeights, hiddenWeights) = (weights.input, weights.hidden)
    isFast = packing.common.isFast
    stride = packing.stride
    stateCount = packing.rows
    state = packing.takeState(stateCount)
  }

  var byteCount: Int { weights.byteCount }
  var weightByteCount: Int { inputWeights[0].kind.byteCount }
  var inputCount: Int? { inputWeights[0].inputs }
  var kernels: [Kernel] {
    [.linear(isFast ? .denseFused : .dense, inputWeights[0].kind)]
  }
  var reason: String { "three gates, each a product with the input and one with the state" }

  func cost(inputs: Int, outputs: Int) -> Double { Double(3 * outputs * (inputs + outputs)) / 16 }
  func reset(_ stream: Int, _ arena: Arena) { arena.clear(state, stride, stream) }
  func emitEarly(_: NodeStep, _: Window, _: Arena) {}
  func recordable(_: NodeQuantity) -> StateRows? { nil }

  func run(_ step: NodeStep, _ window: Window, _ arena: Arena) {
    let (input, output) = (arena.slots[step.inputSlot], arena.slots[step.output])
    let units = step.outputCount
    let first = arena.temporary(window.worker)
    let second = arena.temporaryOutput(window.worker)
    for t in window.steps {
      for b in window.streams {
        arena.fillRow(input, t + step.inputShift, b)
        let x = arena.row(input, t + step.inputShift, b)
        let (h, y) = (arena.stateRow(state, stride, b), arena.row(output, t, b))
        func multiply(_ weights: LinearWeights, _ row: Row<Float>, into sums: Row<Float>) {
          weights.applyDense(
            input: row, inputStride: row.count, rows: 1, output: sums, outputStride: sums.count,
            first: 0, count: weights.stride, fused: isFast)
        }
        // r in `first`, then n in `first`, then z in `second`.
        multiply(inputWeights[0], x, into: first)
        multiply(hiddenWeights[0], h, into: second)
        for i in 0..<units { first[i] += second[i] }
        Elementwise.sigmoid(first, into: first, count: units)
        multiply(hiddenWeights[2], h, into: second)
        multiply(inputWeights[2], x, into: y)
        for i in 0..<units { first[i] = y[i] + first[i] * second[i] }
        Elementwise.tanh(first, into: first, count: units)
        multiply(inputWeights[1], x, into: second)
        multiply(hiddenWeights[1], h, into: y)
        for i in 0..<units { second[i] += y[i] }
        Elementwise.sigmoid(second, into: second, count: units)
        for i in 0..<units { y[i] = first[i] + second[i] * (h[i] - first[i]) }
        h.part(0, units).copy(from: y.part(0, units))
        step.countSynapses(input, t + step.inputShift, b, arena)
      }
    }
  }
}

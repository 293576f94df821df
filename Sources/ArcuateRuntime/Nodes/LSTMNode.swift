import ArcuateCore
import ArcuateKernels
import ArcuateModel

/// Long short-term memory: a matrix for each gate, and the last output and the memory of each stream as
/// its state.
final class LSTMNode: NodeRun {
  /// Of the gates i, f, g, o.
  private let inputWeights, hiddenWeights: [LinearWeights]
  private let weights: GatedWeights
  /// [batch][2][stride]: the last output, and the memory.
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
  init(_ lstm: LSTM, _ packing: inout NodePacking) throws(ArcuateError) {
    weights = try GatedWeights(lstm)
    (inputWeights, hiddenWeights) = (weights.input, weights.hidden)
    isFast = packing.common.isFast
    stride = packing.stride
    stateCount = 2 * packing.rows
    state = packing.takeState(stateCount)
  }

  var byteCount: Int { weights.byteCount }
  var weightByteCount: Int { inputWeights[0].kind.byteCount }
  var inputCount: Int? { inputWeights[0].inputs }
  var kernels: [Kernel] {
    [.linear(isFast ? .denseFused : .dense, inputWeights[0].kind)]
  }
  var reason: String { "four gates, each a product with the input and one with the state" }

  func cost(inputs: Int, outputs: Int) -> Double { Double(4 * outputs * (inputs + outputs)) / 16 }
  func reset(_ stream: Int, _ arena: Arena) { arena.clear(state, 2 * stride, stream) }
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
        let memory = arena.stateRow(state, 2 * stride, b)
        let (h, c) = (memory.part(0, stride), memory.part(stride, stride))
        let y = arena.row(output, t, b)
        func multiply(_ weights: LinearWeights, _ row: Row<Float>, into sums: Row<Float>) {
          weights.applyDense(
            input: row, inputStride: row.count, rows: 1, output: sums, outputStride: sums.count,
            first: 0, count: weights.stride, fused: isFast)
        }
        // The sum of a gate, in `first`.
        func sum(_ gate: Int) {
          multiply(inputWeights[gate], x, into: first)
          multiply(hiddenWeights[gate], h, into: second)
          for i in 0..<units { first[i] += second[i] }
        }
        sum(1)
        Elementwise.sigmoid(first, into: first, count: units)
        for i in 0..<units { c[i] *= first[i] }
        sum(0)
        Elementwise.sigmoid(first, into: y, count: units)
        sum(2)
        Elementwise.tanh(first, into: first, count: units)
        for i in 0..<units { c[i] += y[i] * first[i] }
        sum(3)
        Elementwise.sigmoid(first, into: first, count: units)
        Elementwise.tanh(c, into: second, count: units)
        for i in 0..<units { y[i] = first[i] * second[i] }
        h.part(0, units).copy(from: y.part(0, units))
        step.countSynapses(input, t + step.inputShift, b, arena)
      }
    }
  }
}

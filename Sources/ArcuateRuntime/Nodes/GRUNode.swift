import ArcuateCore
import ArcuateKernels
import ArcuateModel

/// A gated recurrent unit: a matrix for each gate, and the last output of each stream as its state.
final class GRUNode: NodeRun {
  /// Of the gates r, z, n.
  private let inputWeights, hiddenWeights: [LinearWeights]
  /// [batch][stride]
  private let state: Int
  private let stride: Int
  private let isFast: Bool
  let stateCount: Int
  let scratchCount = 0

  let fanOut: FanOut
  let isStateless = false
  let inputUse = InputUse.sum
  let listUse: ListUse = []
  let emission = Emission.values

  /// Throws. `outOfMemory`.
  init(_ gru: GRU, _ packing: inout NodePacking) throws(ArcuateError) {
    let (units, inputs) = (gru.units, gru.inputWeight.shape[1])
    func gates(
      _ weight: Tensor, _ bias: Tensor?, _ inputs: Int
    ) throws(ArcuateError) -> [LinearWeights] {
      let bias = bias?.floats ?? [Float](repeating: 0, count: 3 * units)
      let gates = try weight.reshaped(Shape([3, units, inputs]))
      return try (0..<3).map { k throws(ArcuateError) in
        try LinearWeights(
          weight: gates, matrix: k, bias: Array(bias[k * units..<(k + 1) * units]),
          inputs: inputs, outputs: units)
      }
    }
    let weights = try gates(gru.inputWeight, gru.inputBias, inputs)
    inputWeights = weights
    hiddenWeights = try gates(gru.hiddenWeight, gru.hiddenBias, units)
    isFast = packing.common.isFast
    stride = packing.stride
    stateCount = packing.rows
    state = packing.takeState(stateCount)
    let perInput = (0..<inputs).map { j in
      weights.reduce(0 as UInt32) { $0 + $1.nonzeroPerInput[j] }
    }
    fanOut = FanOut((perInput, UInt64(3 * units * (inputs + units))))
  }

  var byteCount: Int { (inputWeights + hiddenWeights).reduce(0) { $0 + $1.byteCount } }
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

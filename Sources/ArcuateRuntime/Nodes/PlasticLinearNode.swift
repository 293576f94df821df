import ArcuateCore
import ArcuateKernels
import ArcuateModel

/// y = W x + b with weights that a rule changes; with alpha y = (W + alpha * H) x + b.
final class PlasticLinearNode: AdaptiveNode {
  let weights: PlasticWeights
  let stateCount: Int
  let scratchCount = 0
  let fanOut: FanOut
  let reason: String

  let weightByteCount = 4
  let kernels: [Kernel] = [.linearEvents, .linearDense]
  let isStateless = false
  let inputUse = InputUse.sum
  let listUse = ListUse.needed
  let emission = Emission.values

  /// Throws. `limitExceeded`, `outOfMemory`.
  init(_ linear: PlasticLinear, _ packing: inout NodePacking) throws(ArcuateError) {
    let stride = (linear.post + 15) & ~15
    let isFast = linear.alpha != nil
    let most = NodePacking.mostState / max(stride * (isFast ? packing.batch : 1), 1)
    guard linear.pre < most else {
      throw ArcuateError(.limitExceeded, "weights of \(packing.batch) streams are too many")
    }
    let before = packing.state
    let offset = packing.takeState((linear.pre + 1) * stride)
    let fast = isFast ? packing.takeState(packing.batch * linear.pre * stride) : nil
    stateCount = packing.state - before
    weights = try PlasticWeights(linear, offset: offset, fast: fast)
    fanOut = PlasticLinearNode.fanOut(weights)
    reason = "\(isFast ? "fast weights" : "weights") adapt to \"\(linear.rule.post)\""
  }

  /// Weights that adapt come and go: all of them count.
  static func fanOut(_ weights: PlasticWeights) -> FanOut {
    guard weights.inputs > 0, weights.outputs > 0 else { return .none }
    let each = [UInt32](repeating: UInt32(weights.outputs), count: weights.inputs)
    return FanOut((each, UInt64(weights.inputs * weights.outputs)))
  }

  var byteCount: Int { weights.byteCount }
  var inputCount: Int? { weights.inputs }
  let isAdaptive = true
  var adaptiveWeights: PlasticWeights? { weights }

  func cost(inputs: Int, outputs: Int) -> Double { Double(inputs + outputs) / 16 * 4 }
  func emitEarly(_: NodeStep, _: Window, _: Arena) {}
  func recordable(_: NodeQuantity) -> StateRows? { nil }

  /// Weights outlive resets; fast ones do not.
  func reset(_ stream: Int, _ arena: Arena) {
    arena.clear(weights.fast, weights.inputs * weights.stride, stream)
  }

  func restore(_ arena: Arena) { weights.row(arena).copy(from: weights.initial.row) }
  func adaptedCount(fast: Bool, batch: Int) -> Int? { weights.count(fast: fast, batch: batch) }
  func forEachAdapted(fast: Bool, _ arena: Arena, _ body: (Int, Float) -> Void) {
    weights.forEach(fast: fast, arena, body)
  }
  func adapted(_ op: Operator, _: Shape, _ arena: Arena) throws(ArcuateError) -> Operator? {
    guard case .plastic(.linear(var linear)) = op else { return nil }
    linear.weight = try Tensor(weights.values(arena), shape: linear.weight.shape)
    if linear.rule.learnsBias { linear.bias = weights.bias(arena) }
    return .plastic(.linear(linear))
  }

  func run(_ step: NodeStep, _ window: Window, _ arena: Arena) {
    let (input, output) = (arena.slots[step.inputSlot], arena.slots[step.output])
    let shift = step.inputShift
    let (inputs, stride) = (weights.inputs, weights.stride)
    let limit = Int32(Double(inputs) * LinearNode.denseFraction)
    let rows = weights.row(arena)
    let streams = window.streams
    for t in window.steps {
      var b = streams.lowerBound
      while b < streams.upperBound {
        let found = arena.nonzero(input, t + shift, b)[0]
        var end = b + 1
        if found.count > limit {
          while end < streams.upperBound, end - b < 4, !input.constant,
            arena.nonzero(input, t + shift, end)[0].count > limit
          { end += 1 }
          let from = input.row(step: t + shift, stream: b, batch: arena.batch)
          let to = output.row(step: t, stream: b, batch: arena.batch)
          PlasticRows.applyDense(
            input: arena.values.row.part(
              input.values + from * input.stride, (end - b) * input.stride),
            inputStride: input.stride, rows: end - b, weights: rows, inputs: inputs,
            stride: stride,
            output: arena.values.row.part(
              output.values + to * output.stride, (end - b) * output.stride))
          for r in b..<end { arena.count(.denseRows, step.index, r, 1) }
        } else {
          PlasticRows.applyEvents(
            input: arena.row(input, t + shift, b), list: arena.list(input, t + shift, b),
            nonzero: found, weights: rows, inputs: inputs, stride: stride,
            output: arena.row(output, t, b))
        }
        for r in b..<end {
          if let alpha = weights.alpha, let fast = weights.fast {
            let (x, y) = (arena.row(input, t + shift, r), arena.row(output, t, r))
            let list = arena.list(input, t + shift, r)
            for e in 0..<Int(arena.nonzero(input, t + shift, r)[0].count) {
              let j = Int(list[e])
              let at = fast + (r * inputs + j) * stride
              PlasticRows.addProduct(
                alpha.row.part(j * stride, stride), arena.state.row.part(at, stride), times: x[j],
                to: y)
            }
          }
          step.countSynapses(input, t + shift, r, arena)
        }
        b = end
      }
    }
  }
}

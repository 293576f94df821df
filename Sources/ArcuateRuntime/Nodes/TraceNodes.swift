import ArcuateCore
import ArcuateKernels
import ArcuateModel

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Exponential traces of the input.
final class TraceNode: AdaptiveNode {
  let numbers: TraceNumbers
  /// [batch][2][stride]
  let state: Int
  let stride: Int
  let stateCount: Int
  let scratchCount = 0
  let reason: String

  let byteCount = 0
  let weightByteCount = 0
  let fanOut = FanOut.none
  let inputCount: Int? = nil
  let kernels: [Kernel] = []
  let isStateless = false
  let inputUse = InputUse.sum
  let listUse: ListUse = []
  let emission = Emission.values

  init(_ trace: Trace, _ packing: inout NodePacking) {
    numbers = trace.numbers(dt_s: packing.dt_s)
    stride = packing.stride
    stateCount = packing.rows * 2
    state = packing.takeState(stateCount)
    reason = trace.second_s == nil ? "one exponential" : "two exponentials"
  }

  let isAdaptive = true
  var adaptiveWeights: PlasticWeights? { nil }

  func cost(inputs: Int, outputs: Int) -> Double { Double(inputs + outputs) / 16 * 4 }
  func reset(_ stream: Int, _ arena: Arena) { arena.clear(state, 2 * stride, stream) }
  func emitEarly(_: NodeStep, _: Window, _: Arena) {}
  func recordable(_: NodeQuantity) -> StateRows? { nil }

  func restore(_: Arena) {}
  func adaptedCount(fast: Bool, batch: Int) -> Int? { nil }
  func forEachAdapted(fast: Bool, _: Arena, _: (Int, Float) -> Void) {}
  func adapted(_: Operator, _: Shape, _: Arena) -> Operator? { nil }

  func run(_ step: NodeStep, _ window: Window, _ arena: Arena) {
    let (input, output) = (arena.slots[step.inputSlot], arena.slots[step.output])
    for b in window.streams {
      let rows = arena.stateRow(state, 2 * stride, b)
      let (first, second) = (rows.part(0, stride), rows.part(stride, stride))
      for t in window.steps {
        numbers.step(
          arena.row(input, t + step.inputShift, b), first: first, second: second,
          count: step.inputCount)
        arena.row(output, t, b).copy(from: numbers.isDouble ? second : first)
      }
    }
  }
}

/// The largest of the positive elements as they are, 0 elsewhere.
final class WinnersNode: AdaptiveNode {
  let most: Int

  let stateCount = 0
  let scratchCount = 0
  let byteCount = 0
  let weightByteCount = 0
  let fanOut = FanOut.none
  let inputCount: Int? = nil
  let kernels: [Kernel] = []
  let isStateless = false
  let inputUse = InputUse.sum
  let listUse: ListUse = []
  let emission = Emission.values

  init(_ most: Int) { self.most = most }

  var reason: String { "the \(most) largest" }
  let isAdaptive = true
  var adaptiveWeights: PlasticWeights? { nil }

  func cost(inputs: Int, outputs: Int) -> Double { Double(inputs + outputs) / 16 * 4 }
  func reset(_: Int, _: Arena) {}
  func emitEarly(_: NodeStep, _: Window, _: Arena) {}
  func recordable(_: NodeQuantity) -> StateRows? { nil }

  func restore(_: Arena) {}
  func adaptedCount(fast: Bool, batch: Int) -> Int? { nil }
  func forEachAdapted(fast: Bool, _: Arena, _: (Int, Float) -> Void) {}
  func adapted(_: Operator, _: Shape, _: Arena) -> Operator? { nil }

  func run(_ step: NodeStep, _ window: Window, _ arena: Arena) {
    let scratch = arena.temporary(window.worker)
    step.eachRow(window, arena) { input, output in
      Elementwise.winners(
        input, most: most, into: output, count: step.outputCount, scratch: scratch)
    }
  }
}

extension Trace {
  func numbers(dt_s: Double) -> TraceNumbers {
    func decay(_ tau: Float) -> Float {
      Float(isEuler ? 1 - dt_s / Double(tau) : exp(-dt_s / Double(tau)))
    }
    return TraceNumbers(
      decay: decay(tau_s), gain: gain, secondDecay: second_s.map(decay) ?? 0,
      secondGain: second_s == nil ? 0 : secondGain, sets: arrival == .set,
      isDouble: second_s != nil, lags: lags)
  }
}

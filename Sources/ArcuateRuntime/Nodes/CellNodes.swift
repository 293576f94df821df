import ArcuateCore
import ArcuateKernels
import ArcuateModel

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Cells of networks that adapt: a layer with currents, silence after spikes and adaptive thresholds.
final class CellNode: AdaptiveNode {
  let layer: CellLayer
  let stride: Int
  /// [batch][CellRows.count][stride]
  let state: Int
  /// [stride], of all streams.
  let theta: Int
  let stateCount: Int
  let scratchCount = 0
  let initialTheta: View<Float>
  let adaptation: Float
  let thetaDecay: Float

  let weightByteCount = 0
  let fanOut = FanOut.none
  let inputCount: Int? = nil
  let kernels: [Kernel] = []
  let reason = "cells"
  let isStateless = false
  let inputUse = InputUse.sum
  let listUse: ListUse = []
  let emission = Emission.spikes

  /// Throws. `cannotCompile` for a silence of too many steps; `outOfMemory`.
  init(_ cell: Cell, _ packing: inout NodePacking) throws(ArcuateError) {
    let dt_s = packing.dt_s
    stride = packing.stride
    layer = try CellLayer(
      count: cell.size, numbers: try cell.numbers(dt_s: dt_s), threshold: cell.threshold.floats)
    let before = packing.state
    state = packing.takeState(packing.rows * CellRows.count)
    theta = packing.takeState(stride)
    stateCount = packing.state - before
    let start = cell.theta.floats
    initialTheta = try View.packed(
      start.count == cell.size ? start : [Float](repeating: start[0], count: cell.size))
    adaptation = cell.adaptation
    thetaDecay = cell.tauAdaptation_s.map { Float(exp(-dt_s / Double($0))) } ?? 1
  }

  /// Whether thresholds adapt.
  var adapts: Bool { adaptation != 0 || thetaDecay != 1 }
  var byteCount: Int { layer.byteCount + initialTheta.count * 4 }
  var adaptiveWeights: PlasticWeights? { nil }

  func cost(inputs: Int, outputs: Int) -> Double { Double(inputs + outputs) / 16 * 4 }
  func emitEarly(_: NodeStep, _: Window, _: Arena) {}
  func recordable(_ quantity: NodeQuantity) -> StateRows? {
    switch quantity {
    case .membrane: StateRows(offset: state, stride: CellRows.count * stride)
    case .current: nil
    }
  }

  func rows(_ b: Int, _ arena: Arena) -> CellRows {
    func part(_ k: Int) -> Row<Float> {
      arena.state.row.part(state + (b * CellRows.count + k) * stride, stride)
    }
    return CellRows(
      membrane: part(0), input: part(1), lateral: part(2), recovery: part(3), silence: part(4),
      margin: part(5), spikes: part(6))
  }

  func reset(_ stream: Int, _ arena: Arena) {
    arena.clear(state, CellRows.count * stride, stream)
    rows(stream, arena).membrane.fill(layer.numbers.rest)
  }

  func restore(_ arena: Arena) {
    let row = arena.state.row.part(theta, stride)
    row.fill(0)
    for i in 0..<layer.count { row[i] = initialTheta[i] }
  }

  func adaptedCount(fast: Bool, batch: Int) -> Int? { fast ? nil : layer.count }
  func forEachAdapted(fast: Bool, _ arena: Arena, _ body: (Int, Float) -> Void) {
    for i in 0..<layer.count { body(i, arena.state[theta + i]) }
  }
  func adapted(_ node: PlasticNode, _ arena: Arena) -> PlasticNode? {
    guard adapts, case .cell(var cell) = node else { return nil }
    cell.theta = Tensor(vector: arena.state.row.part(theta, layer.count).array)
    return .cell(cell)
  }

  func run(_ step: NodeStep, _ window: Window, _ arena: Arena) {
    let (input, output) = (arena.slots[step.inputSlot], arena.slots[step.output])
    let theta = arena.state.row.part(theta, stride)
    for b in window.streams {
      let rows = rows(b, arena)
      for t in window.steps {
        layer.step(
          input: arena.row(input, t + step.inputShift, b), theta: theta, rows: rows,
          output: arena.row(output, t, b))
        arena.count(.neuronUpdates, step.index, b, UInt64(layer.count))
      }
    }
  }
}

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

  var adaptiveWeights: PlasticWeights? { nil }

  func cost(inputs: Int, outputs: Int) -> Double { Double(inputs + outputs) / 16 * 4 }
  func reset(_ stream: Int, _ arena: Arena) { arena.clear(state, 2 * stride, stream) }
  func emitEarly(_: NodeStep, _: Window, _: Arena) {}
  func recordable(_: NodeQuantity) -> StateRows? { nil }

  func restore(_: Arena) {}
  func adaptedCount(fast: Bool, batch: Int) -> Int? { nil }
  func forEachAdapted(fast: Bool, _: Arena, _: (Int, Float) -> Void) {}
  func adapted(_: PlasticNode, _: Arena) -> PlasticNode? { nil }

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
  var adaptiveWeights: PlasticWeights? { nil }

  func cost(inputs: Int, outputs: Int) -> Double { Double(inputs + outputs) / 16 * 4 }
  func reset(_: Int, _: Arena) {}
  func emitEarly(_: NodeStep, _: Window, _: Arena) {}
  func recordable(_: NodeQuantity) -> StateRows? { nil }

  func restore(_: Arena) {}
  func adaptedCount(fast: Bool, batch: Int) -> Int? { nil }
  func forEachAdapted(fast: Bool, _: Arena, _: (Int, Float) -> Void) {}
  func adapted(_: PlasticNode, _: Arena) -> PlasticNode? { nil }

  func run(_ step: NodeStep, _ window: Window, _ arena: Arena) {
    let scratch = arena.temporary(window.worker)
    step.eachRow(window, arena) { input, output in
      Elementwise.winners(
        input, most: most, into: output, count: step.outputCount, scratch: scratch)
    }
  }
}

extension Cell {
  /// The numbers of a step of `dt_s`. Throws. `cannotCompile` for steps that do not fit.
  func numbers(dt_s: Double) throws(ArcuateError) -> CellNumbers {
    var numbers = CellNumbers()
    func decay(_ tau: Float?) -> Float {
      tau.map { Float(isEuler ? 1 - dt_s / Double($0) : exp(-dt_s / Double($0))) } ?? 0
    }
    numbers.synapse = tauMembrane_s == nil ? .none : isConductance ? .conductance : .current
    numbers.inputDecay = decay(tauSynapse_s)
    numbers.lateralDecay = decay(tauLateral_s)
    numbers.decay = decay(tauMembrane_s)
    numbers.recoveryDecay = decay(tauRecovery_s)
    numbers.rest = rest
    numbers.gain = gain
    numbers.rate = Float(dt_s / Double(tauMembrane_s ?? 1))
    numbers.excitation = excitation ?? 0
    numbers.inhibition = inhibition ?? 0
    numbers.recovery = recovery
    numbers.lateral = lateral
    numbers.resetValue = resetValue
    numbers.resets = reset == .toValue
    numbers.subtracts = reset == .subtract
    numbers.orEqual = orEqual
    let steps = (Double(refractory_s) / dt_s).rounded()
    guard steps <= 1_000_000 else {
      throw ArcuateError(.cannotCompile, "a silence of \(steps) steps is above 1,000,000")
    }
    numbers.refractorySteps = Float(steps)
    numbers.winners = min(winners ?? 0, size)
    numbers.silences = silences
    return numbers
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

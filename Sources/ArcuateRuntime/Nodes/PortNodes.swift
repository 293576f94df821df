import ArcuateCore
import ArcuateKernels

/// A port whose rows the session writes.
final class InputNode: NodeRun {
  let stateCount = 0
  let scratchCount = 0
  let byteCount = 0
  let weightByteCount = 0
  let fanOut = FanOut.none
  let inputCount: Int? = nil
  let kernels: [Kernel] = []
  let reason = "port"
  /// Its response to silence is up to the host.
  let isStateless = false
  let inputUse = InputUse.none
  let listUse: ListUse = []
  let emission = Emission(
    isSpikes: false, isOnes: true, isListed: true, isCounted: false, isEarly: false)

  func cost(inputs: Int, outputs: Int) -> Double { Double(inputs + outputs) / 16 * 4 }
  func reset(_: Int, _: Arena) {}
  func emitEarly(_: NodeStep, _: Window, _: Arena) {}
  func recordable(_: NodeQuantity) -> StateRows? { nil }

  func run(_ step: NodeStep, _ window: Window, _ arena: Arena) {
    let output = arena.slots[step.output]
    for t in window.steps {
      for b in window.streams { arena.enter(output, t, b) }
    }
  }
}

/// An output port or a flattening: the row is copied.
final class CopyNode: NodeRun {
  let stateCount = 0
  let scratchCount = 0
  let byteCount = 0
  let weightByteCount = 0
  let fanOut = FanOut.none
  let inputCount: Int? = nil
  let kernels: [Kernel] = []
  let reason = "hands the row on"
  let isStateless = true
  let inputUse = InputUse.sum
  let listUse: ListUse = []
  let emission = Emission.values

  func cost(inputs: Int, outputs: Int) -> Double { Double(inputs + outputs) / 16 * 4 }
  func reset(_: Int, _: Arena) {}
  func emitEarly(_: NodeStep, _: Window, _: Arena) {}
  func recordable(_: NodeQuantity) -> StateRows? { nil }

  func run(_ step: NodeStep, _ window: Window, _ arena: Arena) {
    step.eachRow(window, arena) { input, output in
      output.part(0, step.outputCount).copy(from: input.part(0, step.outputCount))
    }
  }
}

/// An output port that shows the row of the node before it.
final class AliasNode: NodeRun {
  let stateCount = 0
  let scratchCount = 0
  let byteCount = 0
  let weightByteCount = 0
  let fanOut = FanOut.none
  let inputCount: Int? = nil
  let kernels: [Kernel] = []
  let reason = "output without a copy"
  let isStateless = true
  let inputUse = InputUse.sum
  let listUse: ListUse = []
  /// The node before it has listed the row.
  let emission = Emission(
    isSpikes: false, isOnes: false, isListed: true, isCounted: true, isEarly: false)

  func cost(inputs: Int, outputs: Int) -> Double { 0 }
  func reset(_: Int, _: Arena) {}
  func emitEarly(_: NodeStep, _: Window, _: Arena) {}
  func recordable(_: NodeQuantity) -> StateRows? { nil }
  func run(_: NodeStep, _: Window, _: Arena) {}
}

extension NodeStep {
  /// Calls `body` with the input and the output of each row of a window.
  @inline(__always)
  func eachRow(_ window: Window, _ arena: Arena, _ body: (Row<Float>, Row<Float>) -> Void) {
    let (input, output) = (arena.slots[inputSlot], arena.slots[self.output])
    for t in window.steps {
      for b in window.streams {
        body(arena.row(input, t + inputShift, b), arena.row(output, t, b))
      }
    }
  }
}

import ArcuateCore
import ArcuateKernels
import ArcuateModel

/// y(t) = x(t - delay), element by element: a ring of rows.
///
/// In a cycle, where no delay is shorter than a step, the node emits before it sees the step's input.
final class DelayNode: NodeRun {
  /// Steps of delay for each element.
  let steps: [Int32]
  /// Rows of the ring.
  let ring: Int
  /// Whether the node emits before it sees the step's input.
  let isEarly: Bool
  /// [batch][ring][stride]
  let state: Int
  let stride: Int
  let stateCount: Int
  let scratchCount = 0
  let reason: String

  let weightByteCount = 0
  let fanOut = FanOut.none
  let inputCount: Int? = nil
  let kernels: [Kernel] = []
  let isStateless = false
  let inputUse = InputUse.sum
  let listUse: ListUse = []
  var emission: Emission {
    Emission(isSpikes: false, isOnes: false, isListed: false, isCounted: true, isEarly: isEarly)
  }

  /// Throws. `cannotCompile` for a delay of too many steps; `limitExceeded`.
  init(_ delay: Tensor, _ packing: inout NodePacking) throws(ArcuateError) {
    let dt = packing.dt_s
    let seconds = packing.ordered(try delay.broadcast(to: packing.shape))
    var most = 0
    steps = try seconds.map { seconds throws(ArcuateError) -> Int32 in
      let delay = try Delay.steps(seconds, dt_s: dt)
      most = max(most, delay)
      return Int32(delay)
    }
    ring = most + 1
    guard ring <= NodePacking.mostState / max(packing.rows, 1) else {
      throw ArcuateError(.limitExceeded, "a delay line of \(most + 1) steps is too large")
    }
    isEarly = packing.isCyclic && steps.allSatisfy { $0 >= 1 }
    stride = packing.stride
    stateCount = (most + 1) * packing.rows
    state = packing.takeState(stateCount)
    reason = "up to \(most) steps"
  }

  var byteCount: Int { steps.count * 4 }

  func cost(inputs: Int, outputs: Int) -> Double { Double(inputs + outputs) / 16 * 4 }
  func reset(_ stream: Int, _ arena: Arena) { arena.clear(state, ring * stride, stream) }

  func emitEarly(_ step: NodeStep, _ window: Window, _ arena: Arena) {
    guard isEarly else { return }
    let output = arena.slots[step.output]
    for t in window.steps {
      for b in window.streams {
        emit(step, t, b, arena)
        arena.listRow(output, t, b)
      }
    }
  }

  func recordable(_: NodeQuantity) -> StateRows? { nil }

  func run(_ step: NodeStep, _ window: Window, _ arena: Arena) {
    let input = arena.slots[step.inputSlot]
    for t in window.steps {
      for b in window.streams {
        let lines = arena.stateRow(state, ring * stride, b)
        let at = Int(arena.now(t, b) % UInt64(ring))
        lines.part(at * stride, step.inputCount).copy(
          from: arena.row(input, t + step.inputShift, b).part(0, step.inputCount))
        if !isEarly { emit(step, t, b, arena) }
      }
    }
  }

  /// Writes the row of a step from the ring.
  private func emit(_ step: NodeStep, _ t: Int, _ b: Int, _ arena: Arena) {
    let lines = arena.stateRow(state, ring * stride, b)
    let at = Int(arena.now(t, b) % UInt64(ring))
    let out = arena.row(arena.slots[step.output], t, b)
    for i in 0..<step.outputCount {
      let then = at - Int(steps[i])
      out[i] = lines[(then < 0 ? then + ring : then) * stride + i]
    }
  }
}

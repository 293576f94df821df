import ArcuateCore
import ArcuateKernels
import ArcuateModel

extension Encoder {
  func packed(_ packing: inout NodePacking) -> any NodeRun {
    switch self {
    case .bernoulli(let gain, let seed):
      BernoulliNode(gain: gain, seed: seed, isSigned: false)
    case .signedBernoulli(let gain, let seed):
      BernoulliNode(gain: gain, seed: seed, isSigned: true)
    case .singleShot(let gain): SingleShotNode(gain: gain)
    case .rate(let gain): RateEncoderNode(gain: gain, &packing)
    }
  }
}

/// Spikes with the probability of the input, random by seed, step and element.
final class BernoulliNode: NodeRun {
  let gain: Float
  let random: CounterRandom
  /// Whether spikes have the sign of the input.
  let isSigned: Bool

  let stateCount = 0
  let scratchCount = 0
  let byteCount = 0
  let weightByteCount = 0
  let fanOut = FanOut.none
  let inputCount: Int? = nil
  let kernels: [Kernel] = []
  let reason = "random by counter"
  /// Each step has random numbers of its own.
  let isStateless = false
  let inputUse = InputUse.sum
  let listUse = ListUse.needed
  let emission = Emission.spikes

  init(gain: Float, seed: UInt64, isSigned: Bool) {
    self.gain = gain
    random = CounterRandom(seed: seed)
    self.isSigned = isSigned
  }

  func cost(inputs: Int, outputs: Int) -> Double { Double(inputs + outputs) / 16 * 4 }
  func reset(_: Int, _: Arena) {}
  func emitEarly(_: NodeStep, _: Window, _: Arena) {}
  func recordable(_: NodeQuantity) -> StateRows? { nil }

  func run(_ step: NodeStep, _ window: Window, _ arena: Arena) {
    let (input, output) = (arena.slots[step.inputSlot], arena.slots[step.output])
    for t in window.steps {
      let from = t + step.inputShift
      for b in window.streams {
        // A network that adapts gets other spikes after each reset.
        let when = arena.now(t, b) | arena.resets(of: b) << 32
        Elementwise.bernoulli(
          arena.row(input, from, b), list: arena.list(input, from, b),
          listCount: Int(arena.nonzero(input, from, b)[0].count), gain: gain, isSigned: isSigned,
          random: random, stream: UInt32(truncatingIfNeeded: step.identity.node << 16 | b),
          step: when, into: arena.row(output, t, b))
      }
    }
  }
}

/// The input at the first step after a reset, then zeros.
final class SingleShotNode: NodeRun {
  let gain: Float

  let stateCount = 0
  let scratchCount = 0
  let byteCount = 0
  let weightByteCount = 0
  let fanOut = FanOut.none
  let inputCount: Int? = nil
  let kernels: [Kernel] = []
  let reason = "at the first step"
  /// It depends on the number of the step.
  let isStateless = false
  let inputUse = InputUse.sum
  let listUse: ListUse = []
  let emission = Emission.values

  init(gain: Float) { self.gain = gain }

  func cost(inputs: Int, outputs: Int) -> Double { Double(inputs + outputs) / 16 * 4 }
  func reset(_: Int, _: Arena) {}
  func emitEarly(_: NodeStep, _: Window, _: Arena) {}
  func recordable(_: NodeQuantity) -> StateRows? { nil }

  func run(_ step: NodeStep, _ window: Window, _ arena: Arena) {
    let (input, output) = (arena.slots[step.inputSlot], arena.slots[step.output])
    for t in window.steps {
      for b in window.streams {
        let (from, to) = (arena.row(input, t + step.inputShift, b), arena.row(output, t, b))
        let isFirst = arena.now(t, b) == 0
        for i in 0..<step.outputCount { to[i] = isFirst ? gain * from[i] : 0 }
      }
    }
  }
}

/// Evenly spaced spikes: an accumulator that is emptied spike by spike.
final class RateEncoderNode: NodeRun {
  let gain: Float
  /// [batch][stride]
  let state: Int
  let stride: Int
  let stateCount: Int
  let scratchCount = 0

  let byteCount = 0
  let weightByteCount = 0
  let fanOut = FanOut.none
  let inputCount: Int? = nil
  let kernels: [Kernel] = []
  let reason = "accumulates"
  let isStateless = false
  let inputUse = InputUse.sum
  let listUse: ListUse = []
  let emission = Emission.spikes

  init(gain: Float, _ packing: inout NodePacking) {
    self.gain = gain
    stride = packing.stride
    stateCount = packing.rows
    state = packing.takeState(stateCount)
  }

  func cost(inputs: Int, outputs: Int) -> Double { Double(inputs + outputs) / 16 * 4 }
  func reset(_ stream: Int, _ arena: Arena) { arena.clear(state, stride, stream) }
  func emitEarly(_: NodeStep, _: Window, _: Arena) {}
  func recordable(_: NodeQuantity) -> StateRows? { nil }

  func run(_ step: NodeStep, _ window: Window, _ arena: Arena) {
    let (input, output) = (arena.slots[step.inputSlot], arena.slots[step.output])
    for t in window.steps {
      for b in window.streams {
        let (from, to) = (arena.row(input, t + step.inputShift, b), arena.row(output, t, b))
        let sums = arena.stateRow(state, stride, b)
        for i in 0..<step.outputCount {
          let sum = sums[i] + gain * from[i]
          to[i] = sum >= 1 ? 1 : 0
          sums[i] = sum - to[i]
        }
      }
    }
  }
}

/// The sum of the inputs since the last reset, or their mean.
final class DecoderNode: NodeRun {
  let decoder: Decoder
  /// [batch][stride]
  let state: Int
  let stride: Int
  let stateCount: Int
  let scratchCount = 0

  let byteCount = 0
  let weightByteCount = 0
  let fanOut = FanOut.none
  let inputCount: Int? = nil
  let kernels: [Kernel] = []
  let reason = "accumulates"
  let isStateless = false
  let inputUse = InputUse.sum
  let listUse: ListUse = []
  let emission = Emission.values

  init(_ decoder: Decoder, _ packing: inout NodePacking) {
    self.decoder = decoder
    stride = packing.stride
    stateCount = packing.rows
    state = packing.takeState(stateCount)
  }

  func cost(inputs: Int, outputs: Int) -> Double { Double(inputs + outputs) / 16 * 4 }
  func reset(_ stream: Int, _ arena: Arena) { arena.clear(state, stride, stream) }
  func emitEarly(_: NodeStep, _: Window, _: Arena) {}
  func recordable(_: NodeQuantity) -> StateRows? { nil }

  func run(_ step: NodeStep, _ window: Window, _ arena: Arena) {
    let (input, output) = (arena.slots[step.inputSlot], arena.slots[step.output])
    for t in window.steps {
      for b in window.streams {
        let (from, to) = (arena.row(input, t + step.inputShift, b), arena.row(output, t, b))
        let sums = arena.stateRow(state, stride, b)
        let divisor: Float = decoder == .count ? 1 : Float(arena.now(t, b) &+ 1)
        for i in 0..<step.outputCount {
          sums[i] += from[i]
          to[i] = sums[i] / divisor
        }
      }
    }
  }
}

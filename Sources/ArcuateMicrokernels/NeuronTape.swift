import ArcuateKernelTypes
import CShims

/// One step of a row of neurons, recorded: what the runtime's step does, without what happens in
/// position.
///
/// With b the membrane after the reset of the step before,
///
///     i = currentDecay i' + currentGain x;  v = decay b + gain (i, i' or x) + offset
///
/// Needs. Arrays of `count` floats rounded up to 16, aligned to 64 bytes.
@inline(never)
public func neuronRecord(
  input x: UnsafePointer<Float>, tape: NeuronTape, count: Int, coefficients c: NeuronCoefficients,
  flags: NeuronFlags
) {
  @inline(__always) func run<K: TapeKind>(_: K.Type) { record(K.self, x, tape, count, c, flags) }
  switch flags.rawValue {
  case TapeToValue.flags: run(TapeToValue.self)
  case TapeSubtract.flags: run(TapeSubtract.self)
  case TapeSubtractOrEqual.flags: run(TapeSubtractOrEqual.self)
  default: run(TapeAny.self)
  }
}

/// Flags that a loop is compiled for.
private protocol TapeKind {
  static var flags: UInt32 { get }
  static var isFixed: Bool { get }
}
extension TapeKind {
  @inline(__always) static var isFixed: Bool { true }
}
private enum TapeToValue: TapeKind {
  @inline(__always) static var flags: UInt32 { 4 | 16 }
}
private enum TapeSubtract: TapeKind {
  @inline(__always) static var flags: UInt32 { 4 | 32 }
}
private enum TapeSubtractOrEqual: TapeKind {
  @inline(__always) static var flags: UInt32 { 4 | 8 | 32 }
}
private enum TapeAny: TapeKind {
  @inline(__always) static var flags: UInt32 { 0 }
  @inline(__always) static var isFixed: Bool { false }
}

@inline(__always)
private func record<K: TapeKind>(
  _: K.Type, _ x: UnsafePointer<Float>, _ tape: NeuronTape, _ count: Int,
  _ c: NeuronCoefficients, _ given: NeuronFlags
) {
  typealias V = Lanes
  let flags = K.isFixed ? NeuronFlags(rawValue: K.flags) : given
  let (zero, one) = (V(repeating: 0), V(repeating: 1))
  var n = 0
  while n < count {
    var v = load(tape.membraneBefore + n)
    let threshold = c.threshold.lanes(n)
    var takenOff = zero
    if flags.contains(.spikes) {
      let before = load(tape.spikesBefore + n)
      if flags.contains(.resetToValue) {
        v = cshims_select(cshims_not_equal(before, zero), c.resetValue.lanes(n), v)
      } else if flags.contains(.resetSubtract) {
        let off = before * (threshold - c.resetValue.lanes(n))
        if flags.contains(.resetNextStep) { takenOff = off } else { v -= off }
      }
    }
    var drive = load(x + n)
    if flags.contains(.synapse) {
      let before = load(tape.currentBefore + n)
      let after = c.currentDecay.lanes(n) * before + c.currentGain.lanes(n) * drive
      store(after, tape.current + n)
      drive = flags.contains(.oldCurrent) ? before : after
    }
    v = c.decay.lanes(n) * v + c.gain.lanes(n) * drive + c.offset.lanes(n)
    if flags.contains(.resetNextStep) { v -= takenOff }
    store(v, tape.membrane + n)
    if flags.contains(.spikes) {
      let fired =
        flags.contains(.orEqual)
        ? cshims_greater_equal(v, threshold) : cshims_greater(v, threshold)
      store(cshims_select(fired, one, zero), tape.spikes + n)
    }
    n &+= laneCount
  }
  // Padding lanes stay silent, whatever the coefficients say there.
  while n > count {
    n &-= 1
    tape.membrane[n] = 0
    if flags.contains(.spikes) { tape.spikes[n] = 0 }
    if flags.contains(.synapse) { tape.current[n] = 0 }
  }
}

/// The backward pass through one step of a row of neurons: from the gradient of what it emitted and of
/// the state it left, those of its input and of the state it found.
///
/// `carry` holds the gradient of the membrane after this step's reset and becomes that of the step
/// before; `currentCarry` likewise that of the synaptic current. `membraneGradient` receives the
/// gradient of the membrane that was compared, and is read as that of the following step first
/// (a reset that is made in the next step needs it). With `throughReset` the reset's dependence on
/// the spike counts, else it is a constant.
///
/// Needs. As `neuronRecord`; the surrogate is not `spikeTime`.
@inline(never)
public func neuronSweep(
  emitted: UnsafePointer<Float>, tape: NeuronTape, carry: UnsafeMutablePointer<Float>,
  currentCarry: UnsafeMutablePointer<Float>, membraneGradient: UnsafeMutablePointer<Float>,
  inputGradient: UnsafeMutablePointer<Float>, adds: Bool, count: Int,
  coefficients c: NeuronCoefficients, flags: NeuronFlags, surrogate: SurrogateShape,
  throughReset: Bool
) {
  @inline(__always) func run<K: TapeKind>(_: K.Type) {
    sweep(
      K.self, emitted, tape, carry, currentCarry, membraneGradient, inputGradient, adds, count, c,
      flags, surrogate, throughReset)
  }
  switch flags.rawValue & ~NeuronFlags.orEqual.rawValue {
  case TapeToValue.flags: run(TapeToValue.self)
  case TapeSubtract.flags: run(TapeSubtract.self)
  default: run(TapeAny.self)
  }
}

@inline(__always)
private func sweep<K: TapeKind>(
  _: K.Type, _ emitted: UnsafePointer<Float>, _ tape: NeuronTape,
  _ carry: UnsafeMutablePointer<Float>, _ currentCarry: UnsafeMutablePointer<Float>,
  _ membraneGradient: UnsafeMutablePointer<Float>, _ inputGradient: UnsafeMutablePointer<Float>,
  _ adds: Bool, _ count: Int, _ c: NeuronCoefficients, _ given: NeuronFlags,
  _ surrogate: SurrogateShape, _ throughReset: Bool
) {
  typealias V = Lanes
  let flags = K.isFixed ? NeuronFlags(rawValue: K.flags) : given
  let (zero, one) = (V(repeating: 0), V(repeating: 1))
  let (a, b) = (V(repeating: surrogate.a), V(repeating: surrogate.b))
  let half = a * 0.5
  let angle = a * (Float.pi / 2)
  let inverse = V(repeating: 1 / surrogate.a)
  var n = 0
  while n < count {
    let after = load(carry + n)
    var gradient = load(emitted + n)
    if flags.contains(.spikes) {
      let v = load(tape.membrane + n)
      let s = load(tape.spikes + n)
      let threshold = c.threshold.lanes(n)
      var kept = after
      if flags.contains(.resetToValue) {
        kept = after * (one - s)
        if throughReset { gradient += after * (c.resetValue.lanes(n) - v) }
      } else if flags.contains(.resetSubtract), throughReset {
        let changed = flags.contains(.resetNextStep) ? load(membraneGradient + n) : after
        gradient -= changed * (threshold - c.resetValue.lanes(n))
      }
      let x = v - threshold
      let size = cshims_select(cshims_greater(x, zero), x, zero - x)
      let slope: V
      switch surrogate.kind {
      case .box: slope = cshims_select(cshims_greater(a, size), b, zero)
      case .triangle:
        let height = one - size * inverse
        slope = b * cshims_select(cshims_greater(height, zero), height, zero)
      case .fastSigmoid:
        let base = one + a * size
        slope = one / (base * base)
      case .arctan:
        let scaled = angle * x
        slope = half / (one + scaled * scaled)
      case .spikeTime: slope = zero
      }
      gradient = kept + gradient * slope
    } else {
      gradient += after
    }
    store(gradient, membraneGradient + n)
    store(c.decay.lanes(n) * gradient, carry + n)
    var drive = c.gain.lanes(n) * gradient
    if flags.contains(.synapse) {
      let later = load(currentCarry + n)
      if flags.contains(.oldCurrent) {
        store(drive + c.currentDecay.lanes(n) * later, currentCarry + n)
        drive = c.currentGain.lanes(n) * later
      } else {
        let now = drive + later
        store(c.currentDecay.lanes(n) * now, currentCarry + n)
        drive = c.currentGain.lanes(n) * now
      }
    }
    store(adds ? load(inputGradient + n) + drive : drive, inputGradient + n)
    n &+= laneCount
  }
}

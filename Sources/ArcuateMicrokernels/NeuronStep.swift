import ArcuateKernelTypes
import CShims

extension NeuronParameter {
  @inline(__always)
  func lanes(_ i: Int) -> Lanes { load(pointer + (i & mask)) }
}

extension NeuronCoefficients {
  /// Whether every coefficient is the same for all neurons.
  var isUniform: Bool {
    currentDecay.mask | currentGain.mask | decay.mask | gain.mask | offset.mask | threshold.mask
      | resetValue.mask == 0
  }

  /// The coefficients of some neurons.
  fileprivate struct Coefficients {
    var currentDecay, currentGain, decay, gain, offset, threshold, resetValue: Lanes
  }

  @inline(__always)
  fileprivate func lanes(_ i: Int) -> Coefficients {
    Coefficients(
      currentDecay: currentDecay.lanes(i), currentGain: currentGain.lanes(i),
      decay: decay.lanes(i), gain: gain.lanes(i), offset: offset.lanes(i),
      threshold: threshold.lanes(i), resetValue: resetValue.lanes(i))
  }
}

/// Advances `count` neurons by one step, writes what they emit (spikes, or the membrane where there
/// is no threshold) and, if they spike, lists who does.
///
/// The order is: late reset, synapse, membrane, comparison, reset, clamp.
///
/// Needs. Every array padded to a multiple of 16 and aligned to 64 bytes; `current` is used only
/// with `.synapse`, `pending` only with `.spikeNextStep`, `list` only with `.spikes`, with space for
/// `count` rounded up to 16. Padding lanes of `y` are written as 0. A nil `y` is not written; with
/// `x2` the input is x + x2.
@inline(never)
public func neuronStep(
  input x: UnsafePointer<Float>, and x2: UnsafePointer<Float>?,
  membrane: UnsafeMutablePointer<Float>, current: UnsafeMutablePointer<Float>,
  pending: UnsafeMutablePointer<Float>,
  output y: UnsafeMutablePointer<Float>?, list: UnsafeMutablePointer<UInt32>, count: Int,
  coefficients c: NeuronCoefficients, flags: NeuronFlags
) -> NeuronOutcome {
  // The common kinds get loops of their own, in which every question about flags is answered, and
  // uniform coefficients stay in registers.
  @inline(__always) func run<K: NeuronLoopKind>(_: K.Type) -> NeuronOutcome {
    c.isUniform
      ? neuronLoop(K.self, true, x, x2, membrane, current, pending, y, list, count, c, flags)
      : neuronLoop(K.self, false, x, x2, membrane, current, pending, y, list, count, c, flags)
  }
  switch flags.rawValue {
  case Leaky.flags: return run(Leaky.self)
  case SynapticLeaky.flags: return run(SynapticLeaky.self)
  case ToValue.flags: return run(ToValue.self)
  case Subtract.flags: return run(Subtract.self)
  case ToValueOrEqual.flags: return run(ToValueOrEqual.self)
  case SubtractOrEqual.flags: return run(SubtractOrEqual.self)
  case SynapticToValue.flags: return run(SynapticToValue.self)
  case SynapticSubtract.flags: return run(SynapticSubtract.self)
  default: return run(AnyKind.self)
  }
}

/// Flags that a loop is compiled for, as types, since a function of flags is not specialized.
private protocol NeuronLoopKind {
  static var flags: UInt32 { get }
  static var isFixed: Bool { get }
}

extension NeuronLoopKind {
  @inline(__always) static var isFixed: Bool { true }
}

// Bits of `NeuronFlags`.
private enum Leaky: NeuronLoopKind {
  @inline(__always) static var flags: UInt32 { 0 }
}
private enum SynapticLeaky: NeuronLoopKind {
  @inline(__always) static var flags: UInt32 { 1 }
}
private enum ToValue: NeuronLoopKind {
  @inline(__always) static var flags: UInt32 { 4 | 16 }
}
private enum Subtract: NeuronLoopKind {
  @inline(__always) static var flags: UInt32 { 4 | 32 }
}
private enum ToValueOrEqual: NeuronLoopKind {
  @inline(__always) static var flags: UInt32 { 4 | 8 | 16 }
}
private enum SubtractOrEqual: NeuronLoopKind {
  @inline(__always) static var flags: UInt32 { 4 | 8 | 32 }
}
private enum SynapticToValue: NeuronLoopKind {
  @inline(__always) static var flags: UInt32 { 1 | 4 | 16 }
}
private enum SynapticSubtract: NeuronLoopKind {
  @inline(__always) static var flags: UInt32 { 1 | 4 | 32 }
}
private enum AnyKind: NeuronLoopKind {
  @inline(__always) static var flags: UInt32 { 0 }
  @inline(__always) static var isFixed: Bool { false }
}

@inline(__always)
private func neuronLoop<K: NeuronLoopKind>(
  _: K.Type, _ isUniform: Bool, _ x: UnsafePointer<Float>, _ x2: UnsafePointer<Float>?,
  _ membrane: UnsafeMutablePointer<Float>, _ current: UnsafeMutablePointer<Float>,
  _ pending: UnsafeMutablePointer<Float>, _ y: UnsafeMutablePointer<Float>?,
  _ list: UnsafeMutablePointer<UInt32>, _ count: Int, _ c: NeuronCoefficients,
  _ givenFlags: NeuronFlags
) -> NeuronOutcome {
  typealias V = Lanes
  let flags = K.isFixed ? NeuronFlags(rawValue: K.flags) : givenFlags
  let zero = V(repeating: 0)
  let one = V(repeating: 1)
  let synapse = flags.contains(.synapse)
  let oldCurrent = flags.contains(.oldCurrent)
  let spikes = flags.contains(.spikes)
  let toValue = flags.contains(.resetToValue)
  let subtract = flags.contains(.resetSubtract)
  let late = flags.contains(.resetNextStep)
  let residual = flags.contains(.residual)
  let spikeLate = flags.contains(.spikeNextStep)
  let multi = flags.contains(.multiSpike)
  let clamps = flags.contains(.clampsBelow)
  let orEqual = flags.contains(.orEqual)
  let first = c.lanes(0)
  var changedLanes = LaneMask.zero
  var changed = 0
  var listed = 0
  var other: UInt32 = 0

  @inline(__always) func reaches(_ v: V, _ threshold: V) -> LaneMask {
    orEqual ? cshims_greater_equal(v, threshold) : cshims_greater(v, threshold)
  }
  @inline(__always) func number(_ v: V, _ threshold: V) -> V {
    multi ? cshims_floor(v / threshold) : one
  }
  @inline(__always) func step(_ i: Int, _ isWhole: Bool, _ inside: UInt32) {
    let n = isUniform ? first : c.lanes(i)
    let old = load(membrane + i)
    var v = old
    var drive = load(x + i)
    if let x2 { drive += load(x2 + i) }
    var takenOff = zero
    if late {
      let fired = reaches(v, n.threshold)
      if toValue {
        v = cshims_select(fired, n.resetValue, v)
      } else if subtract {
        takenOff = cshims_select(
          fired, number(v, n.threshold) * (n.threshold - n.resetValue), zero)
      }
    }
    if synapse {
      let before = load(current + i)
      let after = n.currentDecay * before + n.currentGain * drive
      store(after, current + i)
      drive = oldCurrent ? before : after
    }
    v = n.decay * v + n.gain * drive + n.offset
    if late { v -= takenOff }
    var emitted = v
    if spikes {
      var compared = v
      if residual {
        // A spike's reset was already made, so what is still above threshold was left over.
        compared -= cshims_select(reaches(old, n.threshold), n.threshold, zero)
      }
      let fired = reaches(compared, n.threshold)
      emitted = cshims_select(fired, number(v, n.threshold), zero)
      if !late {
        if toValue {
          v = cshims_select(fired, n.resetValue, v)
        } else if subtract {
          v -= emitted * (n.threshold - n.resetValue)
        }
      }
      if clamps { v = cshims_select(cshims_greater(-n.threshold, v), -n.threshold, v) }
    }
    if spikeLate {
      let now = emitted
      emitted = load(pending + i)
      store(now, pending + i)
    }
    store(v, membrane + i)
    if let y { store(emitted, y + i) }
    // Bits are at hand where comparisons make them.
    #if ARCUATE_WIDE
      changed &+= (cshims_bits(cshims_not_equal(v, old)) & inside).nonzeroBitCount
    #else
      if isWhole {
        changedLanes &-= cshims_not_equal(v, old)
      } else {
        changed &+= (cshims_bits(cshims_not_equal(v, old)) & inside).nonzeroBitCount
      }
    #endif
    if spikes {
      var bits = cshims_bits(cshims_not_equal(emitted, zero))
      if !isWhole { bits &= inside }
      if multi { other |= bits & ~cshims_bits(cshims_equal(emitted, one)) }
      listed &+= Int(cshims_append(bits, UInt32(truncatingIfNeeded: i), list + listed))
    }
  }

  var i = 0
  while i &+ laneCount <= count {
    step(i, true, ~0)
    i &+= laneCount
  }
  while i < count {
    step(i, false, lanes(from: i, of: count))
    i &+= laneCount
  }
  for lane in 0..<laneCount { changed &+= Int(changedLanes[lane]) }
  // Padding lanes have coefficients of their own only by accident; they must stay silent.
  var rest = count
  while rest & 15 != 0 {
    if let y { y[rest] = 0 }
    membrane[rest] = 0
    if synapse { current[rest] = 0 }
    if spikeLate { pending[rest] = 0 }
    rest &+= 1
  }
  return NeuronOutcome(changed: changed, listed: listed, unit: other == 0)
}

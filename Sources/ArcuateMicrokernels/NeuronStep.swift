import CShims

/// What a neuron's step does besides its linear recurrence.
public struct NeuronFlags: OptionSet, Sendable {
  public let rawValue: UInt32
  public init(rawValue: UInt32) { self.rawValue = rawValue }

  /// There is a synaptic current between input and membrane.
  public static let synapse = NeuronFlags(rawValue: 1)
  /// The membrane integrates the current from before this step.
  public static let oldCurrent = NeuronFlags(rawValue: 2)
  /// There is a threshold.
  public static let spikes = NeuronFlags(rawValue: 4)
  /// A membrane at the threshold spikes.
  public static let orEqual = NeuronFlags(rawValue: 8)
  public static let resetToValue = NeuronFlags(rawValue: 16)
  public static let resetSubtract = NeuronFlags(rawValue: 32)
  /// The reset for this step's spike happens in the next step.
  public static let resetNextStep = NeuronFlags(rawValue: 64)
  /// A membrane left above threshold is compared after taking off a threshold.
  public static let residual = NeuronFlags(rawValue: 128)
  /// The spike is seen one step later.
  public static let spikeNextStep = NeuronFlags(rawValue: 256)
  public static let multiSpike = NeuronFlags(rawValue: 512)
  /// The membrane stays at or above -threshold.
  public static let clampsBelow = NeuronFlags(rawValue: 1024)
}

/// One parameter of a layer of neurons: an array padded to 16, or 16 copies of one number.
///
/// `mask` is -1 for an array and 0 for copies, so that `pointer + (i & mask)` is right for both.
public struct NeuronParameter {
  public var pointer: UnsafePointer<Float>
  public var mask: Int
  public init(pointer: UnsafePointer<Float>, mask: Int) {
    self.pointer = pointer
    self.mask = mask
  }

  @inline(__always)
  func lanes(_ i: Int) -> SIMD8<Float> { load8(pointer + (i & mask)) }
}

/// The coefficients of the step
///
///     i = currentDecay i + currentGain x
///     v = decay v + gain (i or x) + offset
public struct NeuronCoefficients {
  public var currentDecay, currentGain, decay, gain, offset: NeuronParameter
  public var threshold, resetValue: NeuronParameter
  public init(
    currentDecay: NeuronParameter, currentGain: NeuronParameter, decay: NeuronParameter,
    gain: NeuronParameter, offset: NeuronParameter, threshold: NeuronParameter,
    resetValue: NeuronParameter
  ) {
    self.currentDecay = currentDecay
    self.currentGain = currentGain
    self.decay = decay
    self.gain = gain
    self.offset = offset
    self.threshold = threshold
    self.resetValue = resetValue
  }
}

/// What became of a step: membranes that changed, and what of the emitted row is not zero.
public struct NeuronOutcome {
  public var changed: Int
  public var listed: Int
  /// Whether everything that is listed is exactly 1.
  public var unit: Bool
}

/// Advances `count` neurons by one step, writes what they emit (spikes, or the membrane where there
/// is no threshold) and, if they spike, lists who does.
///
/// The order is: late reset, synapse, membrane, comparison, reset, clamp.
///
/// Needs. Every array padded to a multiple of 16 and aligned to 64 bytes; `current` is used only
/// with `.synapse`, `pending` only with `.spikeNextStep`, `list` only with `.spikes`, with room for
/// `count` rounded up to 8. Padding lanes of `y` are written as 0.
@inline(never)
public func neuronStep(
  input x: UnsafePointer<Float>, membrane: UnsafeMutablePointer<Float>,
  current: UnsafeMutablePointer<Float>, pending: UnsafeMutablePointer<Float>,
  output y: UnsafeMutablePointer<Float>, list: UnsafeMutablePointer<UInt32>, count: Int,
  coefficients c: NeuronCoefficients, flags: NeuronFlags
) -> NeuronOutcome {
  // The common kinds get loops of their own, in which every question about flags is answered.
  @inline(__always) func run(_ flags: NeuronFlags) -> NeuronOutcome {
    neuronLoop(x, membrane, current, pending, y, list, count, c, flags)
  }
  switch flags {
  case []: return run([])
  case [.synapse]: return run([.synapse])
  case [.spikes, .resetToValue]: return run([.spikes, .resetToValue])
  case [.spikes, .resetSubtract]: return run([.spikes, .resetSubtract])
  case [.spikes, .resetToValue, .orEqual]: return run([.spikes, .resetToValue, .orEqual])
  case [.spikes, .resetSubtract, .orEqual]: return run([.spikes, .resetSubtract, .orEqual])
  case [.synapse, .spikes, .resetToValue]: return run([.synapse, .spikes, .resetToValue])
  case [.synapse, .spikes, .resetSubtract]: return run([.synapse, .spikes, .resetSubtract])
  default: return run(flags)
  }
}

@inline(__always)
private func neuronLoop(
  _ x: UnsafePointer<Float>, _ membrane: UnsafeMutablePointer<Float>,
  _ current: UnsafeMutablePointer<Float>, _ pending: UnsafeMutablePointer<Float>,
  _ y: UnsafeMutablePointer<Float>, _ list: UnsafeMutablePointer<UInt32>, _ count: Int,
  _ c: NeuronCoefficients, _ flags: NeuronFlags
) -> NeuronOutcome {
  typealias V = SIMD8<Float>
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
  @inline(__always) func reaches(_ v: V, _ threshold: V) -> SIMD8<Int32> {
    flags.contains(.orEqual) ? cshims_greater_equal(v, threshold) : cshims_greater(v, threshold)
  }
  @inline(__always) func number(_ v: V, _ threshold: V) -> V {
    multi ? cshims_floor(v / threshold) : one
  }
  var changed = 0
  var listed = 0
  var other: UInt32 = 0
  var i = 0
  while i < count {
    let inside = lanes(from: i, of: count)
    let old = load8(membrane + i)
    var v = old
    var drive = load8(x + i)
    let threshold = c.threshold.lanes(i)
    let resetValue = c.resetValue.lanes(i)
    var takenOff = zero
    if late {
      let fired = reaches(v, threshold)
      if toValue {
        v = cshims_select(fired, resetValue, v)
      } else if subtract {
        takenOff = cshims_select(fired, number(v, threshold) * (threshold - resetValue), zero)
      }
    }
    if synapse {
      let before = load8(current + i)
      let after = c.currentDecay.lanes(i) * before + c.currentGain.lanes(i) * drive
      store8(after, current + i)
      drive = oldCurrent ? before : after
    }
    v = c.decay.lanes(i) * v + c.gain.lanes(i) * drive + c.offset.lanes(i)
    if late { v -= takenOff }
    var emitted = v
    if spikes {
      var compared = v
      if residual {
        // A spike's reset was already made, so what is still above threshold was left over.
        compared -= cshims_select(reaches(old, threshold), threshold, zero)
      }
      let fired = reaches(compared, threshold)
      emitted = cshims_select(fired, number(v, threshold), zero)
      if !late {
        if toValue {
          v = cshims_select(fired, resetValue, v)
        } else if subtract {
          v -= emitted * (threshold - resetValue)
        }
      }
      if clamps { v = cshims_select(cshims_greater(-threshold, v), -threshold, v) }
    }
    if spikeLate {
      let now = emitted
      emitted = load8(pending + i)
      store8(now, pending + i)
    }
    store8(v, membrane + i)
    store8(emitted, y + i)
    changed &+= (cshims_bits(cshims_not_equal(v, old)) & inside).nonzeroBitCount
    if spikes {
      let bits = cshims_bits(cshims_not_equal(emitted, zero)) & inside
      if multi { other |= bits & ~cshims_bits(cshims_equal(emitted, one)) }
      listed &+= Int(cshims_append(bits, UInt32(truncatingIfNeeded: i), list + listed))
    }
    i &+= 8
  }
  // Padding lanes have coefficients of their own only by accident; they must stay silent.
  var rest = count
  while rest & 15 != 0 {
    y[rest] = 0
    membrane[rest] = 0
    if synapse { current[rest] = 0 }
    if spikeLate { pending[rest] = 0 }
    rest &+= 1
  }
  return NeuronOutcome(changed: changed, listed: listed, unit: other == 0)
}

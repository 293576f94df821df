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
  func lanes(_ i: Int) -> SIMD16<Float> { load(pointer + (i & mask)) }
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

/// Advances `count` neurons by one step and writes what they emit: spikes, or the membrane where
/// there is no threshold. Returns how many membranes changed.
///
/// The order is: late reset, synapse, membrane, comparison, reset, clamp.
///
/// Needs. Every array padded to a multiple of 16 and aligned to 64 bytes; `current` is used only
/// with `.synapse`, `pending` only with `.spikeNextStep`. Padding lanes of `y` are written as 0.
@inline(never)
public func neuronStep(
  input x: UnsafePointer<Float>, membrane: UnsafeMutablePointer<Float>,
  current: UnsafeMutablePointer<Float>, pending: UnsafeMutablePointer<Float>,
  output y: UnsafeMutablePointer<Float>, count: Int, coefficients c: NeuronCoefficients,
  flags: NeuronFlags
) -> Int {
  typealias V = SIMD16<Float>
  let zero = V(repeating: 0)
  let one = V(repeating: 1)
  let synapse = flags.contains(.synapse)
  let oldCurrent = flags.contains(.oldCurrent)
  let spikes = flags.contains(.spikes)
  let orEqual = flags.contains(.orEqual)
  let toValue = flags.contains(.resetToValue)
  let subtract = flags.contains(.resetSubtract)
  let late = flags.contains(.resetNextStep)
  let residual = flags.contains(.residual)
  let spikeLate = flags.contains(.spikeNextStep)
  let multi = flags.contains(.multiSpike)
  let clamps = flags.contains(.clampsBelow)
  let lanes = SIMD16<Int32>(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)
  var changed = SIMD16<Int32>(repeating: 0)
  var i = 0
  while i < count {
    let old = load(membrane + i)
    var v = old
    var drive = load(x + i)
    let threshold = c.threshold.lanes(i)
    let resetValue = c.resetValue.lanes(i)
    var takenOff = zero
    if late {
      let fired = orEqual ? v .>= threshold : v .> threshold
      if toValue {
        v = v.replacing(with: resetValue, where: fired)
      } else if subtract {
        let number = multi ? (v / threshold).rounded(.down) : one
        takenOff = zero.replacing(with: number * (threshold - resetValue), where: fired)
      }
    }
    if synapse {
      let before = load(current + i)
      let after = c.currentDecay.lanes(i) * before + c.currentGain.lanes(i) * drive
      store(after, current + i)
      drive = oldCurrent ? before : after
    }
    v = c.decay.lanes(i) * v + c.gain.lanes(i) * drive + c.offset.lanes(i)
    if late { v -= takenOff }
    var emitted = v
    if spikes {
      var compared = v
      if residual {
        // A spike's reset was already made, so what is still above threshold was left over.
        compared -= zero.replacing(with: threshold, where: orEqual ? old .>= threshold : old .> threshold)
      }
      let fired = orEqual ? compared .>= threshold : compared .> threshold
      let number = multi ? (v / threshold).rounded(.down) : one
      emitted = zero.replacing(with: number, where: fired)
      if !late {
        if toValue {
          v = v.replacing(with: resetValue, where: fired)
        } else if subtract {
          v -= emitted * (threshold - resetValue)
        }
      }
      if clamps { v = v.replacing(with: -threshold, where: v .< -threshold) }
    }
    if spikeLate {
      let now = emitted
      emitted = load(pending + i)
      store(now, pending + i)
    }
    store(v, membrane + i)
    store(emitted, y + i)
    let inside = lanes .< SIMD16(repeating: Int32(truncatingIfNeeded: count - i))
    changed.replace(with: changed &+ 1, where: (v .!= old) .& inside)
    i += 16
  }
  // Padding lanes have coefficients of their own only by accident; they must stay silent.
  var i0 = count
  while i0 & 15 != 0 {
    y[i0] = 0
    membrane[i0] = 0
    if synapse { current[i0] = 0 }
    if spikeLate { pending[i0] = 0 }
    i0 += 1
  }
  return Int(changed.wrappedSum())
}

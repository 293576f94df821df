/// What a neuron's step does besides its linear recurrence.
public struct NeuronFlags: OptionSet, Sendable {
  public let rawValue: UInt32
  @inlinable
  public init(rawValue: UInt32) { self.rawValue = rawValue }

  /// There is a synaptic current between input and membrane.
  @inlinable public static var synapse: NeuronFlags { NeuronFlags(rawValue: 1) }
  /// The membrane integrates the current from before this step.
  @inlinable public static var oldCurrent: NeuronFlags { NeuronFlags(rawValue: 2) }
  /// There is a threshold.
  @inlinable public static var spikes: NeuronFlags { NeuronFlags(rawValue: 4) }
  /// A membrane at the threshold spikes.
  @inlinable public static var orEqual: NeuronFlags { NeuronFlags(rawValue: 8) }
  @inlinable public static var resetToValue: NeuronFlags { NeuronFlags(rawValue: 16) }
  @inlinable public static var resetSubtract: NeuronFlags { NeuronFlags(rawValue: 32) }
  /// The reset for this step's spike happens in the next step.
  @inlinable public static var resetNextStep: NeuronFlags { NeuronFlags(rawValue: 64) }
  /// A membrane left above threshold is compared after taking off a threshold.
  @inlinable public static var residual: NeuronFlags { NeuronFlags(rawValue: 128) }
  /// The spike is seen one step later.
  @inlinable public static var spikeNextStep: NeuronFlags { NeuronFlags(rawValue: 256) }
  @inlinable public static var multiSpike: NeuronFlags { NeuronFlags(rawValue: 512) }
  /// The membrane stays at or above -threshold.
  @inlinable public static var clampsBelow: NeuronFlags { NeuronFlags(rawValue: 1024) }
}

/// One parameter of a layer of neurons: an array padded to 16, or 16 copies of one number.
///
/// `mask` is -1 for an array and 0 for copies, so that `pointer + (i & mask)` is right for both.
public struct NeuronParameter {
  public var pointer: UnsafePointer<Float>
  public var mask: Int
  @inlinable
  public init(pointer: UnsafePointer<Float>, mask: Int) {
    self.pointer = pointer
    self.mask = mask
  }
}

/// The coefficients of the step
///
///     i = currentDecay i + currentGain x
///     v = decay v + gain (i or x) + offset
public struct NeuronCoefficients {
  public var currentDecay, currentGain, decay, gain, offset: NeuronParameter
  public var threshold, resetValue: NeuronParameter
  @inlinable
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

  @inlinable
  public init(changed: Int, listed: Int, unit: Bool) {
    self.changed = changed
    self.listed = listed
    self.unit = unit
  }
}

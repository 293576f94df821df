import ArcuateCore
import ArcuateKernelTypes

/// The recorded step of neurons and the backward pass through it, one neuron at a time: the reference of the
/// kernels, and the one that also knows smooth spikes and the gradients of the neurons' own
/// parameters.
public struct NeuronTapeReference: Sendable {
  /// The numbers of one neuron's step, as in `NeuronCoefficients`.
  public struct Coefficients: Sendable {
    public var currentDecay, currentGain, decay, gain, offset, threshold, resetValue: Float
    public init(
      currentDecay: Float = 0, currentGain: Float = 1, decay: Float, gain: Float, offset: Float = 0,
      threshold: Float = 0, resetValue: Float = 0
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

  /// A neuron at one step.
  public struct Moment: Sendable {
    public var membrane: Float = 0
    public var spike: Float = 0
    public var current: Float = 0
    public init(membrane: Float = 0, spike: Float = 0, current: Float = 0) {
      self.membrane = membrane
      self.spike = spike
      self.current = current
    }
  }

  /// What goes back through time.
  public struct Carry: Sendable {
    public var state: Float = 0
    public var current: Float = 0
    public var membrane: Float = 0
    public init(state: Float = 0, current: Float = 0, membrane: Float = 0) {
      self.state = state
      self.current = current
      self.membrane = membrane
    }
  }

  public let flags: NeuronFlags
  public let throughReset: Bool

  public init(flags: NeuronFlags, throughReset: Bool) {
    self.flags = flags
    self.throughReset = throughReset
  }

  private func base(_ before: Moment, _ c: Coefficients) -> Float {
    guard flags.contains(.spikes) else { return before.membrane }
    if flags.contains(.resetToValue) {
      // Written so that a spike of exactly 0 or 1 leaves no rounding.
      return before.spike == 1
        ? c.resetValue
        : before.spike == 0
          ? before.membrane
          : before.membrane + before.spike * (c.resetValue - before.membrane)
    }
    if flags.contains(.resetSubtract), !flags.contains(.resetNextStep) {
      return before.membrane - before.spike * (c.threshold - c.resetValue)
    }
    return before.membrane
  }

  private func takenOff(_ before: Moment, _ c: Coefficients) -> Float {
    flags.contains([.spikes, .resetSubtract, .resetNextStep]) && !flags.contains(.resetToValue)
      ? before.spike * (c.threshold - c.resetValue) : 0
  }

  /// The next moment; `fire` says what a membrane above threshold by so much emits.
  public func step(
    _ x: Float, before: Moment, _ c: Coefficients, fire: (_ excess: Float) -> Float
  ) -> Moment {
    var now = Moment()
    var drive = x
    if flags.contains(.synapse) {
      now.current = c.currentDecay * before.current + c.currentGain * x
      drive = flags.contains(.oldCurrent) ? before.current : now.current
    }
    now.membrane = c.decay * base(before, c) + c.gain * drive + c.offset
    if flags.contains(.resetNextStep) { now.membrane -= takenOff(before, c) }
    if flags.contains(.spikes) { now.spike = fire(now.membrane - c.threshold) }
    return now
  }

  /// A spike as it is: 1 above threshold, or at it.
  public func fires(_ excess: Float) -> Float {
    (flags.contains(.orEqual) ? excess >= 0 : excess > 0) ? 1 : 0
  }

  /// One step of the backward pass: returns the gradient of the input for a gradient of the output,
  /// and adds the gradients of the coefficients to `sums`.
  public func sweep(
    emitted: Float, input x: Float, now: Moment, before: Moment, _ c: Coefficients, slope: Float,
    carry: inout Carry, sums: inout Coefficients
  ) -> Float {
    var gradient = emitted
    let after = carry.state
    if flags.contains(.spikes) {
      var kept = after
      if flags.contains(.resetToValue) {
        kept = after * (1 - now.spike)
        sums.resetValue += after * now.spike
        if throughReset { gradient += after * (c.resetValue - now.membrane) }
      } else if flags.contains(.resetSubtract) {
        let changed = flags.contains(.resetNextStep) ? carry.membrane : after
        sums.threshold -= changed * now.spike
        sums.resetValue += changed * now.spike
        if throughReset { gradient -= changed * (c.threshold - c.resetValue) }
      }
      sums.threshold -= gradient * slope
      gradient = kept + gradient * slope
    } else {
      gradient += after
    }
    carry.membrane = gradient
    carry.state = c.decay * gradient
    sums.decay += gradient * base(before, c)
    sums.offset += gradient
    guard flags.contains(.synapse) else {
      sums.gain += gradient * x
      return c.gain * gradient
    }
    let drive = c.gain * gradient
    let now_i: Float
    if flags.contains(.oldCurrent) {
      sums.gain += gradient * before.current
      now_i = carry.current
      carry.current = drive + c.currentDecay * now_i
    } else {
      sums.gain += gradient * now.current
      now_i = drive + carry.current
      carry.current = c.currentDecay * now_i
    }
    sums.currentDecay += now_i * before.current
    sums.currentGain += now_i * x
    return c.currentGain * now_i
  }
}

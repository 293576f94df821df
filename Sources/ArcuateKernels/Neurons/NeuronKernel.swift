import ArcuateCore
import ArcuateKernelTypes

/// The coefficients of a layer of neurons, ready for the kernel.
///
///     i = currentDecay i + currentGain x
///     v = decay v + gain (i or x) + offset
public final class NeuronLayer: Sendable {
  /// One number for all neurons, or one for each.
  public struct Parameter: Sendable {
    let values: View<Float>
    let mask: Int

    /// `values` has one element or `count`. Throws. `outOfMemory`.
    public init(_ values: [Float], count: Int) throws(ArcuateError) {
      precondition(values.count == 1 || values.count == count, "one value or one per neuron")
      let uniform = values.allSatisfy { $0.bitPattern == values.first?.bitPattern }
      if uniform {
        self.values = try View.packed([Float](repeating: values.first ?? 0, count: 16))
        mask = 0
      } else {
        self.values = try View.packed(values)
        mask = -1
      }
    }

    var kernelParameter: NeuronParameter {
      NeuronParameter(pointer: values.pointer, mask: mask)
    }
    /// Whether it is one number for all that is as asked for.
    fileprivate func isEverywhere(_ condition: (Float) -> Bool) -> Bool {
      mask == 0 && condition(values[0])
    }
    public var byteCount: Int { values.count * 4 }
    /// One number for all, or one for each and some more.
    public var list: [Float] { mask == 0 ? [values[0]] : values.array }
  }

  public let count: Int
  public let flags: NeuronFlags
  public let currentDecay, currentGain, decay, gain, offset, threshold, resetValue: Parameter
  /// Whether a step is no more than adding what arrives to the membrane and `fire`: integrators that
  /// neither leak nor scale, with the same numbers for all.
  public let addsInPlace: Bool

  public init(
    count: Int, flags: NeuronFlags, currentDecay: [Float] = [0], currentGain: [Float] = [1],
    decay: [Float], gain: [Float], offset: [Float] = [0], threshold: [Float] = [0],
    resetValue: [Float] = [0]
  ) throws(ArcuateError) {
    self.count = count
    self.flags = flags
    self.currentDecay = try Parameter(currentDecay, count: count)
    self.currentGain = try Parameter(currentGain, count: count)
    self.decay = try Parameter(decay, count: count)
    self.gain = try Parameter(gain, count: count)
    self.offset = try Parameter(offset, count: count)
    self.threshold = try Parameter(threshold, count: count)
    self.resetValue = try Parameter(resetValue, count: count)
    let resets = flags.intersection([.resetSubtract, .resetToValue])
    addsInPlace =
      self.decay.isEverywhere { $0 == 1 } && self.gain.isEverywhere { $0 == 1 }
      && self.offset.isEverywhere { $0 == 0 } && self.resetValue.mask == 0
      // Padding must stay silent.
      && self.threshold.isEverywhere { $0 > 0 }
      && (resets == .resetSubtract || resets == .resetToValue)
      && flags.subtracting([.orEqual, resets]) == .spikes
  }

  public var byteCount: Int {
    [currentDecay, currentGain, decay, gain, offset, threshold, resetValue]
      .reduce(0) { $0 + $1.byteCount }
  }

  /// One step for one row; returns how many membranes changed and, if the neurons spike, what was
  /// listed.
  ///
  /// What arrives is `input`, or the sum of it and `other`. `current`, `pending` and `list` may be
  /// empty when the flags do not ask for them; without an output only the list says who spiked.
  @inline(__always)
  public func step(
    input: Row<Float>, and other: Row<Float>? = nil, membrane: Row<Float>, current: Row<Float>,
    pending: Row<Float>, output: Row<Float>?, list: Row<UInt32>
  ) -> (changed: Int, nonzero: NonzeroCount) {
    let padded = (count + 15) & ~15
    precondition(
      input.count >= padded && other.map { $0.count >= padded } ?? true && membrane.count >= padded
        && (output.map { $0.count >= padded } ?? flags.contains(.spikes))
        && (!flags.contains(.synapse) || current.count >= padded)
        && (!flags.contains(.spikeNextStep) || pending.count >= padded)
        && (!flags.contains(.spikes) || list.count >= padded), "rows padded to 16")
    // SAFETY: every row has `padded` elements; parameters are padded or repeated.
    let outcome = neuronStep(
      input: input.pointer, and: other?.pointer, membrane: membrane.pointer,
      current: current.pointer,
      pending: pending.pointer, output: output?.pointer, list: list.pointer, count: count,
      coefficients: NeuronCoefficients(
        currentDecay: currentDecay.kernelParameter, currentGain: currentGain.kernelParameter,
        decay: decay.kernelParameter, gain: gain.kernelParameter, offset: offset.kernelParameter,
        threshold: threshold.kernelParameter, resetValue: resetValue.kernelParameter),
      flags: flags)
    return (outcome.changed, NonzeroCount(count: outcome.listed, unit: outcome.unit))
  }

  /// The rest of a step of neurons that add in place, whose membranes hold what arrived; says what was
  /// listed.
  @inline(__always)
  public func fire(membrane: Row<Float>, output: Row<Float>?, list: Row<UInt32>) -> NonzeroCount {
    let padded = (count + 15) & ~15
    precondition(
      addsInPlace && membrane.count >= padded && list.count >= padded
        && output.map { $0.count >= padded } ?? true, "rows padded to 16")
    // SAFETY: every row has `padded` elements; parameters are repeated.
    let listed = neuronFire(
      membrane: membrane.pointer, output: output?.pointer, list: list.pointer, count: count,
      threshold: threshold.values[0], resetValue: resetValue.values[0], flags: flags)
    return NonzeroCount(count: listed, unit: true)
  }
}

import ArcuateCore
import ArcuateKernelTypes
import ArcuateMicrokernels

/// Rows of one step of a layer that is recorded; see `ArcuateKernelTypes.NeuronTape`.
public struct NeuronTapeRows {
  public var membraneBefore, spikesBefore, currentBefore: Row<Float>
  public var membrane, spikes, current: Row<Float>

  public init(
    membraneBefore: Row<Float>, spikesBefore: Row<Float>, currentBefore: Row<Float>,
    membrane: Row<Float>, spikes: Row<Float>, current: Row<Float>
  ) {
    self.membraneBefore = membraneBefore
    self.spikesBefore = spikesBefore
    self.currentBefore = currentBefore
    self.membrane = membrane
    self.spikes = spikes
    self.current = current
  }

  /// Rows that a layer of these flags does not have may be empty.
  fileprivate func tape(_ padded: Int, _ flags: NeuronFlags) -> NeuronTape {
    precondition(
      membraneBefore.count >= padded && membrane.count >= padded
        && (!flags.contains(.spikes) || min(spikesBefore.count, spikes.count) >= padded)
        && (!flags.contains(.synapse) || min(currentBefore.count, current.count) >= padded),
      "rows padded to 16")
    return NeuronTape(
      membraneBefore: membraneBefore.pointer, spikesBefore: spikesBefore.pointer,
      currentBefore: currentBefore.pointer, membrane: membrane.pointer, spikes: spikes.pointer,
      current: current.pointer)
  }
}

/// What goes back through time with a row of neurons.
public struct NeuronSweepRows {
  /// Gradient of what was emitted.
  public var emitted: Row<Float>
  /// Gradient of the state after the step; becomes that before it.
  public var carry, currentCarry: Row<Float>
  /// Gradient of the membrane that was compared.
  public var membrane: Row<Float>
  public var input: Row<Float>
  /// Whether the gradient of the input is added to what is there.
  public var adds: Bool

  public init(
    emitted: Row<Float>, carry: Row<Float>, currentCarry: Row<Float>, membrane: Row<Float>,
    input: Row<Float>, adds: Bool
  ) {
    self.emitted = emitted
    self.carry = carry
    self.currentCarry = currentCarry
    self.membrane = membrane
    self.input = input
    self.adds = adds
  }
}

extension NeuronLayer {
  private var coefficients: NeuronCoefficients {
    NeuronCoefficients(
      currentDecay: currentDecay.kernelParameter, currentGain: currentGain.kernelParameter,
      decay: decay.kernelParameter, gain: gain.kernelParameter, offset: offset.kernelParameter,
      threshold: threshold.kernelParameter, resetValue: resetValue.kernelParameter)
  }

  /// One step of one row, recorded. Needs. Flags without those of the present only: residual, late
  /// spikes, several spikes, clamping.
  public func record(input: Row<Float>, tape: NeuronTapeRows) {
    let padded = (count + 15) & ~15
    precondition(input.count >= padded, "rows padded to 16")
    // SAFETY: every row has `padded` elements; parameters are padded or repeated.
    neuronRecord(
      input: input.pointer, tape: tape.tape(padded, flags), count: count,
      coefficients: coefficients, flags: flags)
  }

  /// The backward pass through it.
  public func sweep(
    _ rows: NeuronSweepRows, tape: NeuronTapeRows, surrogate: SurrogateShape, throughReset: Bool
  ) {
    let padded = (count + 15) & ~15
    precondition(
      min(rows.emitted.count, rows.carry.count, rows.membrane.count, rows.input.count) >= padded
        && (!flags.contains(.synapse) || rows.currentCarry.count >= padded), "rows padded to 16")
    // SAFETY: as above.
    neuronSweep(
      emitted: rows.emitted.pointer, tape: tape.tape(padded, flags), carry: rows.carry.pointer,
      currentCarry: rows.currentCarry.pointer, membraneGradient: rows.membrane.pointer,
      inputGradient: rows.input.pointer, adds: rows.adds, count: count,
      coefficients: coefficients, flags: flags, surrogate: surrogate, throughReset: throughReset)
  }
}

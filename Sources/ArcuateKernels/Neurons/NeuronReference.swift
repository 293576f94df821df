import ArcuateCore
import ArcuateKernelTypes

extension Reference {
  /// Advances one neuron by one step and returns its output.
  public static func neuronStep(
    input: Float, membrane v: inout Float, current i: inout Float, pending: inout Float,
    numbers n: NeuronTapeReference.Coefficients, flags: NeuronFlags
  ) -> Float {
    func reaches(_ value: Float) -> Bool {
      flags.contains(.orEqual) ? value >= n.threshold : value > n.threshold
    }
    func number(_ value: Float) -> Float {
      flags.contains(.multiSpike) ? (value / n.threshold).rounded(.down) : 1
    }
    let old = v
    var takenOff: Float = 0
    if flags.contains(.resetNextStep), reaches(v) {
      if flags.contains(.resetToValue) {
        v = n.resetValue
      } else if flags.contains(.resetSubtract) {
        takenOff = number(v) * (n.threshold - n.resetValue)
      }
    }
    var drive = input
    if flags.contains(.synapse) {
      let before = i
      i = n.currentDecay * before + n.currentGain * input
      drive = flags.contains(.oldCurrent) ? before : i
    }
    v = n.decay * v + n.gain * drive + n.offset
    if flags.contains(.resetNextStep) { v -= takenOff }
    var emitted = v
    if flags.contains(.spikes) {
      let compared = flags.contains(.residual) && reaches(old) ? v - n.threshold : v
      emitted = reaches(compared) ? number(v) : 0
      if !flags.contains(.resetNextStep) {
        if flags.contains(.resetToValue) {
          if emitted != 0 { v = n.resetValue }
        } else if flags.contains(.resetSubtract) {
          v -= emitted * (n.threshold - n.resetValue)
        }
      }
      if flags.contains(.clampsBelow), v < -n.threshold { v = -n.threshold }
    }
    if flags.contains(.spikeNextStep) {
      swap(&emitted, &pending)
    }
    return emitted
  }
}

import ArcuateKernelTypes
import CShims

/// Advances `count` neurons by one step for the sum of two inputs, of which the second is set to zero
/// behind it, and lists who spikes, as position + 0, 1 and so on. What `neuronStep` does with the same sum, without a row of output.
///
/// `base` may repeat one number. Numbers are those of `neuronStep` to the bit.
/// Needs. Flags among `.synapse`, `.spikes`, `.orEqual`, `.resetToValue` and `.resetSubtract`; arrays
/// padded to a multiple of 16 and aligned to 64 bytes; space for `count` rounded up to 16 in the list.
@inline(never)
public func populationStep(
  base: NeuronParameter, sum: UnsafeMutablePointer<Float>, membrane: UnsafeMutablePointer<Float>,
  current: UnsafeMutablePointer<Float>, list: UnsafeMutablePointer<UInt32>, position: Int,
  count: Int,
  coefficients c: NeuronCoefficients, flags: NeuronFlags
) -> (changed: Int, listed: Int) {
  // What a layer has in common stays in registers; resting potentials often differ.
  let common =
    c.currentDecay.mask | c.currentGain.mask | c.decay.mask | c.gain.mask | c.threshold.mask
    | c.resetValue.mask
  // The usual comparison and reset get loops of their own, in which nothing is asked.
  let plain = flags.contains(.resetToValue) && !flags.contains(.orEqual)
  @inline(__always) func run(_ synapse: Bool, _ common: Bool, _ plain: Bool) -> (Int, Int) {
    populationLoop(
      base, sum, membrane, current, list, position, count, c, flags, synapse, common, plain)
  }
  switch (flags.contains(.synapse), common == 0, plain) {
  case (true, true, true): return run(true, true, true)
  case (true, true, false): return run(true, true, false)
  case (true, false, true): return run(true, false, true)
  case (true, false, false): return run(true, false, false)
  case (false, true, true): return run(false, true, true)
  case (false, true, false): return run(false, true, false)
  case (false, false, true): return run(false, false, true)
  case (false, false, false): return run(false, false, false)
  }
}

@inline(__always)
private func populationLoop(
  _ base: NeuronParameter, _ sum: UnsafeMutablePointer<Float>,
  _ membrane: UnsafeMutablePointer<Float>, _ current: UnsafeMutablePointer<Float>,
  _ list: UnsafeMutablePointer<UInt32>, _ position: Int, _ count: Int, _ c: NeuronCoefficients,
  _ flags: NeuronFlags, _ synapse: Bool, _ common: Bool, _ plain: Bool
) -> (changed: Int, listed: Int) {
  typealias V = Lanes
  let zero = V(repeating: 0)
  let one = V(repeating: 1)
  let orEqual = !plain && flags.contains(.orEqual)
  let toValue = plain || flags.contains(.resetToValue)
  let subtract = flags.contains(.resetSubtract)
  let (currentDecay, currentGain) = (c.currentDecay.lanes(0), c.currentGain.lanes(0))
  let (decay, gain) = (c.decay.lanes(0), c.gain.lanes(0))
  let (threshold, resetValue) = (c.threshold.lanes(0), c.resetValue.lanes(0))
  var changes = LaneMask(repeating: 0)
  var listed = 0
  var i = 0
  while i < count {
    @inline(__always) func some(_ i: Int) -> LaneMask {
      @inline(__always) func lanesOf(_ parameter: NeuronParameter, _ shared: V) -> V {
        common ? shared : parameter.lanes(i)
      }
      let old = load(membrane + i)
      var drive = base.lanes(i) + load(sum + i)
      store(zero, sum + i)
      if synapse {
        drive =
          lanesOf(c.currentDecay, currentDecay) * load(current + i)
          + lanesOf(c.currentGain, currentGain) * drive
        store(drive, current + i)
      }
      var v = lanesOf(c.decay, decay) * old + lanesOf(c.gain, gain) * drive + c.offset.lanes(i)
      let level = lanesOf(c.threshold, threshold)
      let fired = orEqual ? cshims_greater_equal(v, level) : cshims_greater(v, level)
      if toValue {
        v = cshims_select(fired, lanesOf(c.resetValue, resetValue), v)
      } else if subtract {
        v -= cshims_select(fired, one, zero) * (level - lanesOf(c.resetValue, resetValue))
      }
      store(v, membrane + i)
      changes &-= cshims_not_equal(v, old)
      return fired
    }
    // Sixteen at once, since few of them spike.
    #if ARCUATE_WIDE
      let fired = some(i)
      if cshims_any(fired) { listed &+= appended(fired, i, count, position, list + listed) }
    #else
      let (low, high) = (some(i), some(i &+ 8))
      if cshims_any(low | high) {
        listed &+= appended(low, i, count, position, list + listed)
        if i &+ 8 < count { listed &+= appended(high, i &+ 8, count, position, list + listed) }
      }
    #endif
    i &+= 16
  }
  // Padding lanes must stay silent and unchanged; what changed in them is not counted.
  var rest = count
  var changed = Int(changes.wrappedSum())
  while rest & 15 != 0 {
    if rest < i && membrane[rest] != 0 { changed &-= 1 }
    membrane[rest] = 0
    if synapse { current[rest] = 0 }
    sum[rest] = 0
    rest &+= 1
  }
  return (changed, listed)
}

/// Not inline: what it makes of the mask would be made for every sixteen neurons.
@inline(never)
private func appended(
  _ mask: LaneMask, _ first: Int, _ count: Int, _ position: Int,
  _ list: UnsafeMutablePointer<UInt32>
) -> Int {
  let inside = cshims_bits(mask) & lanes(from: first, of: count)
  return Int(cshims_append(inside, UInt32(truncatingIfNeeded: position &+ first), list))
}

import ArcuateKernelTypes
import CShims

/// Compares and resets `count` neurons whose membranes already hold what arrived in this step, writes
/// what they emit and lists who does; returns how many.
///
/// Needs. Every array padded to a multiple of 16 and aligned to 64 bytes, `list` with space for `count`
/// rounded up to 16; of the flags one of the resets, made at once, and `.orEqual`. Padding lanes of
/// the membrane below the threshold; those of `y` are written as 0. A nil `y` is not written.
@inline(never)
public func neuronFire(
  membrane: UnsafeMutablePointer<Float>, output y: UnsafeMutablePointer<Float>?,
  list: UnsafeMutablePointer<UInt32>, count: Int, threshold: Float, resetValue: Float,
  flags: NeuronFlags
) -> Int {
  let (level, rest) = (Lanes(repeating: threshold), Lanes(repeating: resetValue))
  let drop = Lanes(repeating: threshold - resetValue)
  let orEqual = flags.contains(.orEqual)
  let toValue = flags.contains(.resetToValue)
  var listed = 0
  for i in stride(from: 0, to: count, by: laneCount) {
    let v = load(membrane + i)
    let fired = orEqual ? cshims_greater_equal(v, level) : cshims_greater(v, level)
    store(cshims_select(fired, toValue ? rest : v - drop, v), membrane + i)
    let bits = cshims_bits(fired) & lanes(from: i, of: count)
    if let y { store(cshims_select(fired, Lanes(repeating: 1), .zero), y + i) }
    listed &+= Int(cshims_append(bits, UInt32(truncatingIfNeeded: i), list + listed))
  }
  if let y {
    for i in count..<(count &+ 15) & ~15 { y[i] = 0 }
  }
  return listed
}

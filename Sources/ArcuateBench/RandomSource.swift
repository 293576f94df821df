import Arcuate
import ArcuateConsole

/// Random numbers for networks and inputs: for a seed, the same on every machine.
struct RandomSource {
  private let random: CounterRandom

  init(seed: UInt64) { random = CounterRandom(seed: seed) }

  /// The use of the numbers; each use has its own sequence.
  enum Purpose: UInt32 {
    case weights, biases, sounds, frames, events, bands, strokes, noise, connections, currents
  }

  /// A uniform number in [0, 1).
  func uniform(_ purpose: Purpose, _ item: Int, _ index: Int) -> Float {
    random.uniform(
      stream: purpose.rawValue, step: UInt64(truncatingIfNeeded: item),
      index: UInt32(truncatingIfNeeded: index))
  }

  /// Eight uniform 16-bit numbers.
  func words(_ purpose: Purpose, _ item: Int, _ index: Int) -> SIMD8<UInt16> {
    // SAFETY: both are vectors of 16 bytes, of which any bits are a value.
    unsafeBitCast(
      random.words(
        stream: purpose.rawValue, step: UInt64(truncatingIfNeeded: item),
        index: UInt32(truncatingIfNeeded: index)), to: SIMD8<UInt16>.self)
  }

  /// Maps a uniform 16-bit number to the gap between independent events of this probability; gaps
  /// rarer than one in 65,536 are truncated.
  ///
  /// Numbers. The probability of a gap above k is (1 - probability)^k, computed by multiplication:
  /// libraries round logarithms differently.
  func gaps(probability: Float) -> [UInt16] {
    var gaps: [UInt16] = []
    gaps.reserveCapacity(1 << 16)
    var (gap, chance): (UInt16, Double) = (1, 1 - Double(probability))
    for word in 0..<(1 << 16) {
      while Double(word) >= (1 - chance) * 65_536, gap < .max {
        gap += 1
        chance *= 1 - Double(probability)
      }
      gaps.append(gap)
    }
    return gaps
  }

  /// `count` approximately normal numbers of mean 0 and this standard deviation.
  ///
  /// Numbers. Each is a sum of eight uniform numbers, which is exact on every machine.
  func normals(_ purpose: Purpose, _ item: Int, count: Int, deviation: Float) -> [Float] {
    // Eight uniform 16-bit numbers: mean 8 * 32767.5, variance 8 * (2^32 - 1) / 12.
    let factor = deviation / (8 * 4_294_967_295.0 / 12 as Float).squareRoot()
    return (0..<count).map { i in
      let words = random.words(
        stream: purpose.rawValue, step: UInt64(truncatingIfNeeded: item),
        index: UInt32(truncatingIfNeeded: i))
      let low = words & 0xFFFF
      let high = words &>> 16
      return (Float((low &+ high).wrappedSum()) - 262_140) * factor
    }
  }

  /// Weights [post, pre...], normal with variance gain^2 / pre, similar to trained ones.
  func weights(_ item: Int, _ extents: [Int], gain: Float = 1) throws -> Tensor {
    let shape = try Shape(extents)
    let fanIn = Float(max(1, shape.count / max(1, shape[0])))
    return try Tensor(
      normals(.weights, item, count: shape.count, deviation: gain / fanIn.squareRoot()),
      shape: shape)
  }
}

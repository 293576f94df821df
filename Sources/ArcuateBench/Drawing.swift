import Arcuate
import ArcuateConsole
import Glibc

/// Numbers for drawn networks and inputs: the same for a seed on every machine.
struct Drawing {
  private let random: CounterRandom

  init(seed: UInt64) { random = CounterRandom(seed: seed) }

  /// What the numbers are for: none is drawn twice.
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
    unsafeBitCast(
      random.words(
        stream: purpose.rawValue, step: UInt64(truncatingIfNeeded: item),
        index: UInt32(truncatingIfNeeded: index)), to: SIMD8<UInt16>.self)
  }

  /// For each 16-bit number how far it is to the next of things that are there with this
  /// probability, each by itself; gaps so long that they come less than once in 65,536 are cut.
  ///
  /// Numbers. The chance of more than k is (1 - probability)^k, multiplied out: no logarithm, which
  /// libraries round differently.
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

  /// `count` numbers of mean 0 and this standard deviation, nearly normal: each is a sum of eight
  /// uniform ones, which needs no function that libraries round differently.
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

  /// Weights [post, pre...] as they come out of training, about: normal, of variance 1 / pre.
  func weights(_ item: Int, _ extents: [Int], gain: Float = 1) throws -> Tensor {
    let shape = try Shape(extents)
    let fanIn = Float(max(1, shape.count / max(1, shape[0])))
    return try Tensor(
      normals(.weights, item, count: shape.count, deviation: gain / fanIn.squareRoot()),
      shape: shape)
  }
}

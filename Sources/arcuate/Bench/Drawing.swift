import Arcuate
import Glibc

/// Numbers for drawn networks and inputs: the same for a seed on every machine.
struct Drawing {
  private let random: CounterRandom

  init(seed: UInt64) { random = CounterRandom(seed: seed) }

  /// What the numbers are for: none is drawn twice.
  enum Purpose: UInt32 {
    case weights, biases, sounds, frames, events, bands, strokes, noise
  }

  /// A uniform number in [0, 1).
  func uniform(_ purpose: Purpose, _ item: Int, _ index: Int) -> Float {
    random.uniform(
      stream: purpose.rawValue, step: UInt64(truncatingIfNeeded: item),
      index: UInt32(truncatingIfNeeded: index))
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

import Arcuate
import Testing

/// Spikes of either sign.
@Suite struct SignedDrawsTests {
  private func spikes(_ encoder: Encoder, _ values: [Float], steps: Int) throws -> [[Float]] {
    let shape = try Shape([values.count])
    let session = try Model.chain([
      ("in", .input(shape: shape)), ("code", .encoder(encoder)), ("out", .output(shape: shape)),
    ]).compile().makeSession()
    return try (0..<steps).map { _ in try session.step([values])[0] }
  }

  @Test func theyHaveTheSignAndTheChanceOfTheirValue() throws {
    let values: [Float] = [0.5, -0.5, 0.1, -1, 0, 3, -0.25]
    let steps = 4000
    let drawn = try spikes(.signedBernoulli(gain: 0.8, seed: 7), values, steps: steps)
    for (i, value) in values.enumerated() {
      let of = drawn.map { $0[i] }
      #expect(of.allSatisfy { $0 == 0 || $0 == (value < 0 ? -1 : 1) })
      let chance = min(1, abs(0.8 * Double(value)))
      let deviation = (chance * (1 - chance) / Double(steps)).squareRoot()
      let found = Double(of.count { $0 != 0 }) / Double(steps)
      #expect(abs(found - chance) <= 4.5 * deviation, "\(value): \(found)")
    }
  }

  @Test func thePositiveOnesAreThoseOfTheUnsignedEncoder() throws {
    let values: [Float] = [0.5, 0.1, 0.9, 0]
    #expect(
      try spikes(.signedBernoulli(gain: 1, seed: 3), values, steps: 50)
        == spikes(.bernoulli(gain: 1, seed: 3), values, steps: 50))
  }
}

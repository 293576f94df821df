import ArcuateCore
import Testing

@Suite struct CounterRandomTests {
  /// Vectors of the Random123 distribution (kat_vectors, philox4x32 with ten rounds).
  @Test func matchesTheKnownVectors() {
    let zero = CounterRandom(seed: 0).words(stream: 0, step: 0, index: 0)
    #expect(zero == SIMD4(0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8))
    let ones = CounterRandom(seed: .max).words(stream: .max, step: .max, index: .max)
    #expect(ones == SIMD4(0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd))
    // Counter 243f6a88 85a308d3 13198a2e 03707344, key a4093822 299f31d0: digits of pi.
    let pi = CounterRandom(seed: 0x299f_31d0_a409_3822).words(
      stream: 0x0370_7344, step: 0x1319_8a2e_85a3_08d3, index: 0x243f_6a88)
    #expect(pi == SIMD4(0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1))
  }

  @Test func uniformNumbersAreBelowOneAndHave24Bits() {
    let random = CounterRandom(seed: 7)
    var sum: Float = 0
    for i in 0..<4096 {
      let value = random.uniform(stream: 1, step: 2, index: UInt32(i))
      #expect(value >= 0 && value < 1)
      #expect(value * 0x1p24 == (value * 0x1p24).rounded())
      sum += value
    }
    #expect(abs(sum / 4096 - 0.5) < 0.02)
  }

  @Test func everyArgumentMatters() {
    let random = CounterRandom(seed: 7)
    let base = random.words(stream: 1, step: 2, index: 3)
    #expect(base == random.words(stream: 1, step: 2, index: 3))
    #expect(base != random.words(stream: 2, step: 2, index: 3))
    #expect(base != random.words(stream: 1, step: 1 << 32 | 2, index: 3))
    #expect(base != random.words(stream: 1, step: 2, index: 4))
    #expect(base != CounterRandom(seed: 8).words(stream: 1, step: 2, index: 3))
  }
}

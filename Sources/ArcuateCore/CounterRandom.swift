/// Philox4x32-10: random numbers that depend only on (seed, stream, step, index).
///
/// Chunking, threads and order of evaluation do not change them.
/// Source. Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
public struct CounterRandom: Sendable {
  package let key0: UInt32
  package let key1: UInt32

  public init(seed: UInt64) {
    key0 = UInt32(truncatingIfNeeded: seed)
    key1 = UInt32(truncatingIfNeeded: seed >> 32)
  }

  /// Four independent uniform 32-bit words for one counter value.
  @inlinable
  public func words(stream: UInt32, step: UInt64, index: UInt32) -> SIMD4<UInt32> {
    philox(
      SIMD4(
        index, UInt32(truncatingIfNeeded: step), UInt32(truncatingIfNeeded: step >> 32), stream))
  }

  /// A uniform number in [0, 1) with 24 random bits.
  @inlinable
  public func uniform(stream: UInt32, step: UInt64, index: UInt32) -> Float {
    Float(words(stream: stream, step: step, index: index)[0] >> 8) * 0x1p-24
  }

  @usableFromInline
  func philox(_ counter: SIMD4<UInt32>) -> SIMD4<UInt32> {
    var c = counter
    var k0 = key0
    var k1 = key1
    for _ in 0..<10 {
      let p0 = UInt64(0xD251_1F53) &* UInt64(c[0])
      let p1 = UInt64(0xCD9E_8D57) &* UInt64(c[2])
      c = SIMD4(
        UInt32(truncatingIfNeeded: p1 >> 32) ^ c[1] ^ k0, UInt32(truncatingIfNeeded: p1),
        UInt32(truncatingIfNeeded: p0 >> 32) ^ c[3] ^ k1, UInt32(truncatingIfNeeded: p0))
      k0 = k0 &+ 0x9E37_79B9
      k1 = k1 &+ 0xBB67_AE85
    }
    return c
  }
}

import ArcuateCore
import Glibc
import Testing

@testable import ArcuateData
@testable import ArcuateFormats

/// Archives that are cut short, damaged or lie: an error or a value, never a trap.
@Suite struct KaldiHostileTests {
  @Test(arguments: KaldiSamples.all.indices)
  func cutAtEveryByte(_ i: Int) throws {
    let sample = KaldiSamples.all[i]
    // Text may be cut at its final newline and inside its last integer and still be whole.
    let isText = sample.name.hasPrefix("text") || sample.name == "no integers"
    for length in 1..<sample.bytes.count {
      let cut = Array(sample.bytes[..<length])
      if isText {
        _ = try? KaldiSamples.read(cut)
      } else {
        #expect(throws: ArcuateError.self, "\(sample.name) cut at \(length)") {
          try KaldiSamples.read(cut)
        }
      }
    }
  }

  @Test func tenThousandFlippedBits() throws {
    let seed: UInt64 = 20_261_124
    print("flipped bits: seed \(seed)")
    let random = CounterRandom(seed: seed)
    var (values, errors) = (0, 0)
    for (s, sample) in KaldiSamples.all.enumerated() {
      for trial in 0..<10_000 {
        let words = random.words(stream: UInt32(s), step: UInt64(trial), index: 0)
        var bytes = sample.bytes
        for place in [words[0], words[1]].prefix(Int(words[2] % 2) + 1) {
          let bit = Int(place) % (bytes.count * 8)
          bytes[bit / 8] ^= 1 << (bit % 8)
        }
        do {
          _ = try KaldiSamples.read(bytes)
          values += 1
        } catch {
          #expect(error is ArcuateError)
          errors += 1
        }
      }
    }
    #expect(values > 0 && errors > 0)
  }

  @Test func absurdSizesCostNoMemory() {
    typealias S = KaldiSamples
    let most = Int32.max
    for (token, sizes) in [
      ("FM ", S.size(most) + S.size(most)), ("DM ", S.size(most) + S.size(1)),
      ("FM ", S.size(most) + S.size(0)), ("FM ", S.size(-1) + S.size(3)), ("FV ", S.size(most)),
      ("DV ", S.size(-5)), ("CM ", S.compressed(most, most)), ("CM2 ", S.compressed(1, most)),
      ("CM3 ", S.compressed(-1, -1)), ("", S.size(most)), ("XX ", []),
      (String(repeating: "F", count: 99), []),
    ] {
      #expect(throws: ArcuateError.self, "\(token)") {
        try S.read(S.entry("a", S.binary(token, sizes)))
      }
    }
  }

  /// Through a pipe nobody knows the length: memory follows the bytes that arrive.
  @Test func claimsThroughAPipe() throws {
    typealias S = KaldiSamples
    var ends: [Int32] = [0, 0]
    #expect(pipe(&ends) == 0)
    let bytes = S.entry("a", S.binary("FM ", S.size(1 << 20), S.size(1000), S.floats([1, 2, 3])))
    #expect(bytes.withUnsafeBytes { write(ends[1], $0.baseAddress!, $0.count) } == bytes.count)
    close(ends[1])
    defer { close(ends[0]) }
    let reader = try KaldiTableReader("ark:/dev/fd/\(ends[0])")
    #expect(reader.fraction == nil)
    #expect {
      try reader.next()
    } throws: { "\($0)".contains("more bytes, but only 12 remain") }
    #expect(try reader.next() == nil)
  }
}

import Arcuate
import ArcuateTestSupport
import Testing

/// A snapshot that is not one, or not whole, is refused, and the session goes on as if not asked.
@Suite struct SnapshotTests {
  let model = Family.allCases[0].draw(1)

  func refusal(_ session: Session, _ bytes: [UInt8]) throws -> String {
    let before = session.save()
    defer { #expect(session.save() == before) }
    let error = #expect(throws: ArcuateError.self) { try session.restore(Bytes(bytes)) }
    #expect(error?.code == .invalidState)
    return error?.message ?? ""
  }

  @Test(arguments: Family.allCases)
  func everyBitCounts(family: Family) throws {
    let session = try EquivalenceTests.session(family.draw(1))
    _ = try session.run(
      frames: EquivalenceTests.frames, EquivalenceTests.input(family.draw(1), family, 1))
    let snapshot = session.save()
    for i in 0..<min(snapshot.count, 400) {
      var damaged = snapshot
      damaged[i] ^= 1 << UInt8(i % 8)
      #expect(try !refusal(session, damaged).isEmpty, "byte \(i)")
    }
    // The sign bits of two words: what the plain hash would take for nothing.
    var damaged = snapshot
    damaged[47] ^= 0x80
    damaged[55] ^= 0x80
    #expect(try refusal(session, damaged).contains("checksum"))
    try session.restore(Bytes(snapshot))
  }

  @Test func theSentenceSaysWhatDiffers() throws {
    let session = try EquivalenceTests.session(model)
    let snapshot = session.save()
    #expect(try refusal(session, []).contains("0 bytes"))
    #expect(try refusal(session, [UInt8](repeating: 0x5A, count: 64)).contains("ARCSTATE"))
    #expect(try refusal(session, snapshot.dropLast(8)).contains("length"))
    #expect(try refusal(session, snapshot + [0]).contains("length"))
    var old = snapshot
    old[8] = 1
    #expect(try refusal(session, old).contains("version 1"))
    let other = try EquivalenceTests.session(model, .init(batch: 2)).save()
    #expect(try refusal(session, other).contains("another plan"))
  }

  /// Made by someone who knows the checksum: counts that would overflow later are refused too.
  @Test func stepCountsBeyondAnyLife() throws {
    let session = try EquivalenceTests.session(model, .init(batch: 1))
    var forged = session.save()
    for (count, isTaken) in [(UInt64.max, false), (1 << 62 + 1, false), (1 << 62, true)] {
      var words = stride(from: 0, to: forged.count, by: 8).map { at in
        (0..<8).reduce(UInt64(0)) { $0 | UInt64(forged[at + $1]) << UInt64(8 * $1) }
      }
      words[5] = count
      words[4] = words.enumerated().reduce(0xCBF2_9CE4_8422_2325) { hash, word in
        if word.offset == 4 { return hash }
        let mixed = (hash ^ word.element) &* 0x100_0000_01B3
        return mixed ^ mixed >> 32
      }
      forged = words.flatMap { word in (0..<8).map { UInt8(truncatingIfNeeded: word >> (8 * $0)) } }
      if isTaken {
        try session.restore(Bytes(forged))
        let input = session.plan.inputs.map { [Float](repeating: 1, count: $0.shape.count) }
        _ = try session.step(input)
      } else {
        #expect(try refusal(session, forged).contains("2^62"))
      }
    }
  }
}

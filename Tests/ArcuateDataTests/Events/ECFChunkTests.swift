import ArcuateCore
import Testing

@testable import ArcuateData

/// Chunks of Prophesee's codec made by hand.
@Suite struct ECFChunkTests {
  static func head(_ count: Int, _ flags: Int, _ time: UInt64) -> [UInt8] {
    .words([UInt32(count << 2 | flags)]) + .words([time])
  }

  /// Readers took the count for the whole first word.
  @Test func masksAndRuns() throws {
    // Two events at 1000, one after 3, one after 0x125.
    let times: [UInt8] = [0x02, 0x31, 0xF5, 0xF2, 0xF1, 0x01]
    let rows: [UInt8] = .words([7 << 5 | 3, 9 << 5 | 1] as [UInt16])
    let columns: [UInt8] = .words([100 << 5 | 0b10001, 200 << 5] as [UInt16])
    let polarities: [UInt8] = [1 << 7 | 1, 3]
    let bytes = Self.head(4, 0, 1000) + times + rows + columns + polarities
    let chunk = try ECFChunk(Bytes(bytes))
    #expect(chunk.t == [1000, 1000, 1003, 1003 + 0x125])
    #expect(chunk.y == [7, 7, 7, 9])
    #expect(chunk.x == [100, 101, 105, 200])
    #expect(chunk.p == [1, 0, 0, 0])
    for end in 0..<bytes.count {
      #expect(throws: ArcuateError.self) { try ECFChunk(Bytes(Array(bytes[..<end]))) }
    }
  }

  @Test func packedWordsAndColumns() throws {
    let events: [(x: UInt32, y: UInt32, p: UInt32)] = [(1279, 719, 1), (5, 6, 0), (2047, 2047, 1)]
    var v = events.map { $0.y << 12 | $0.x << 1 | $0.p } + [0]
    let words: [UInt8] = .words([
      v[0] << 8 | v[1] & 0xFF, (v[1] >> 8) << 16 | v[2] & 0xFFFF, (v[2] >> 16) << 24 | v[3],
    ])
    let chunk = try ECFChunk(Bytes(Self.head(3, 2, 5) + [0x13] + words))
    #expect(chunk.t == [6, 6, 6])
    #expect(chunk.x == [1279, 5, 2047])
    #expect(chunk.y == [719, 6, 2047])
    #expect(chunk.p == [1, 0, 1])
    v = events.map { $0.x << 1 | $0.p } + [0]
    let columns: [UInt8] = .words(
      [v[0] << 4 | v[1] & 15, (v[1] >> 4) << 8 | v[2] & 0xFF, (v[2] >> 8) << 12 | v[3]].map {
        UInt16($0)
      })
    let rows: [UInt8] = .words([719 << 5 | 31, 3] as [UInt16])
    let other = try ECFChunk(Bytes(Self.head(3, 1, 5) + [0x0F, 3, 0] + rows + columns))
    #expect(other.x == chunk.x)
    #expect(other.p == chunk.p)
    #expect(other.y == [719, 719, 719])
    #expect(throws: ArcuateError.self) { try ECFChunk(Bytes(Self.head(2, 2, 5) + [0x13] + words)) }
    #expect(throws: ArcuateError.self) { try ECFChunk(Bytes(Self.head(70_000, 2, 5) + words)) }
  }
}

import ArcuateCore
import Testing

@testable import ArcuateData

/// EVT 2, 2.1, 3 and DAT from words made by hand.
@Suite struct PropheseeWordsTests {
  static func evt3(_ words: [(Int, Int)]) -> [UInt8] {
    .words(words.map { UInt16($0.0 << 12 | $0.1) })
  }
  static let start = [(8, 0), (6, 0), (0, 0)]

  @Test func evt3IgnoresTriggersAndVendorWords() throws {
    let words = [
      (8, 1), (6, 2), (0, 30), (2, 0x805), (10, 0x101), (7, 5), (15, 9), (14, 3), (2, 6),
    ]
    let events = try decode(Self.evt3(words), as: .evt3)
    #expect(events.t == [4098, 4098])
    #expect(events.x == [5, 6])
    #expect(events.y == [30, 30])
    #expect(events.p == [1, 0])
    #expect(
      events.findings.map(\.description) == [
        "note: byte 8: 1 external triggers are left out",
        "note: byte 10: 3 words of the vendor are left out",
      ])
  }

  @Test func evt3ReportsUnknownWords() throws {
    let events = try decode(Self.evt3(Self.start + [(1, 4), (9, 0), (2, 1)]), as: .evt3)
    #expect(events.y == [0])
    #expect(events.has("2 words of an unknown type"))
  }

  /// Readers gave the first events half a clock.
  @Test func evt3StartsInTheMiddleOfAStream() throws {
    let words = [(2, 1), (6, 5), (2, 2), (4, 1), (8, 3), (2, 3), (0, 9), (4, 0xFFF), (2, 4)]
    let events = try decode(Self.evt3(words), as: .evt3)
    #expect(events.x == [4])
    #expect(events.t == [3 << 12 | 5])
    #expect(events.has("4 words before the clock and the row are known"))
    #expect(events.has("1 vector words without a base"))
  }

  @Test func evt3ClockOf24BitsBeginsAgain() throws {
    let words = [
      (8, 0xFFF), (6, 7), (0, 1), (2, 1), (8, 0), (2, 2), (8, 0x900), (8, 0x0FF), (2, 3),
    ]
    let events = try decode(Self.evt3(words), as: .evt3)
    #expect(events.t == [0xFFF007, 1 << 24 | 7, 2 << 24 | 0xFF << 12 | 7])
    #expect(events.has("2 overflows of the clock"))
  }

  /// An upper part that falls a little, or a lower one that does, is no overflow.
  @Test func evt3StepsBackAreKept() throws {
    let words = [(8, 5), (6, 9), (0, 1), (2, 1), (6, 4), (2, 2), (8, 4), (2, 3)]
    let events = try decode(Self.evt3(words), as: .evt3)
    #expect(events.t == [5 << 12 | 9, 5 << 12 | 4, 4 << 12 | 4])
    #expect(
      events.findings.map(\.description) == [
        "note: event 1: is earlier than the one before, as are 1 more: the order is kept"
      ])
  }

  @Test func evt3FirstClockCanBeZero() throws {
    let words = [(8, 1570), (6, 0), (0, 1), (8, 1571), (6, 2288), (2, 1)]
    #expect(try decode(Self.evt3(words), as: .evt3).t == [6_437_104])
    var options = EventOptions(format: .evt3)
    options.timeOrigin = .firstClock
    #expect(try decode(Self.evt3(words), options).t == [6384])
    options.timeOrigin = .firstEvent
    #expect(try decode(Self.evt3(words), options).t == [0])
    options.timeOrigin = .offset(6_437_000)
    #expect(try decode(Self.evt3(words), options).t == [104])
  }

  /// Against a slow decoder that looks at one bit after the other.
  @Test func evt3VectorsAreExpanded() throws {
    var random = SeededNumbers(state: 7)
    for round in 0..<200 {
      var words = Self.start
      var (x, p, y): (Int, Int, Int) = (0, 0, 0)
      var expected: [[Int]] = []
      func vector(_ mask: Int, _ bits: Int) {
        for bit in 0..<bits where mask >> bit & 1 == 1 { expected.append([x + bit, y, p]) }
        x += bits
      }
      words.append((3, 3))
      x = 3
      for _ in 0..<40 {
        let mask = Int.random(in: 0..<4096, using: &random)
        switch Int.random(in: 0..<6, using: &random) {
        case 0:
          y = mask & 0x7FF
          words.append((0, y))
        case 1:
          (x, p) = (mask & 0x7FF, mask >> 11)
          words.append((3, mask))
        case 2:
          words.append((4, mask))
          vector(mask, 12)
        case 3:
          words.append((5, mask & 0xFF))
          vector(mask & 0xFF, 8)
        case 4:
          (x, p) = (mask & 0x7FF, mask >> 11)
          words += [(3, mask), (4, mask), (4, 4095 - mask), (5, mask & 0xFF)]
          vector(mask, 12)
          vector(4095 - mask, 12)
          vector(mask & 0xFF, 8)
        default:
          words.append((2, mask))
          expected.append([mask & 0x7FF, y, mask >> 11])
        }
      }
      let bytes = Self.evt3(words)
      let events = try decode(bytes, EventOptions(format: .evt3), capacity: 64)
      let found = (0..<events.count).map {
        [Int(events.x[$0]), Int(events.y[$0]), Int(events.p[$0])]
      }
      #expect(found == expected, "round \(round)")
      #expect(try decode(bytes, EventOptions(format: .evt3), cut: { 3 }) == events)
    }
  }

  @Test func evt3HeaderGivesTheSize() throws {
    for (lines, width, height) in [
      ("% evt 3.0\n% format EVT3;height=720;width=1280\n% end\n", 1280, 720),
      ("% evt 3.0\n% geometry 640x480\n", 640, 480),
      ("% evt 3.0\n", nil as Int?, nil as Int?),
    ] {
      let events = try decode(Array(lines.utf8) + Self.evt3([(8, 1), (6, 2), (0, 3), (2, 4)]))
      #expect(events.header?.format == .evt3)
      #expect(events.header?.width == width)
      #expect(events.header?.height == height)
      #expect(events.t == [4098])
    }
  }

  @Test func eventsOutsideTheSensorAreReported() throws {
    let lines = Array("% format EVT3;height=4;width=8\n% end\n".utf8)
    let words = Self.evt3(Self.start + [(2, 7), (2, 8), (0, 4), (2, 1)])
    let events = try decode(lines + words)
    #expect(events.x == [7, 8, 1])
    #expect(
      events.findings.map(\.description) == [
        "note: event 1: is outside the sensor of 8 x 4 pixels, as are 1 more"
      ])
  }

  static func evt2(_ words: [(Int, Int)]) -> [UInt8] {
    .words(words.map { UInt32($0.0 << 28 | $0.1) })
  }

  @Test func evt2ReadsEventsAndLeavesOutTheRest() throws {
    let pixel = 599 << 11 | 475
    let words = [
      (0, pixel), (8, 100), (1, 63 << 22 | pixel), (10, 1), (14, 0), (15, 2), (0, 0), (3, 0),
    ]
    let events = try decode(Array("% evt 2.0\n".utf8) + Self.evt2(words))
    #expect(events.header?.format == .evt2)
    #expect(events.t == [6463, 6400])
    #expect(events.x == [599, 0])
    #expect(events.y == [475, 0])
    #expect(events.p == [1, 0])
    #expect(events.has("1 words before the clock"))
    #expect(events.has("1 external triggers"))
    #expect(events.has("2 words of the vendor"))
    #expect(events.has("1 words of an unknown type"))
  }

  @Test func evt2ClockOf34BitsBeginsAgain() throws {
    let events = try decode(
      Self.evt2([(8, 0xFFF_FFFF), (1, 0), (8, 0), (1, 0), (8, 5), (8, 4), (1, 0)]), as: .evt2)
    #expect(events.t == [(1 << 34) - 64, 1 << 34, 1 << 34 | 256])
    #expect(events.has("1 overflows"))
  }

  @Test(arguments: [false, true], ["", "legacy", "little"])
  func evt21IsReadInBothOrders(_ isSwapped: Bool, _ stated: String) throws {
    if stated == "legacy" && !isSwapped || stated == "little" && isSwapped { return }
    let words: [UInt64] = [
      1 << 60 | 0x8000_0001, 8 << 60 | 77 << 32, 10 << 60, 14 << 60,
      1 << 60 | 5 << 54 | 64 << 43 | 300 << 32 | 0x8000_0101, 0 << 60 | 32 << 43,
      6 << 60, 0 << 60 | 1 << 43 | 1 << 32 | 0xFFFF_FFFF,
    ]
    let header = stated.isEmpty ? "% evt 2.1\n" : "% format EVT21;endianness=\(stated)\n"
    let bytes: [UInt8] = .words(words.map { isSwapped ? $0 << 32 | $0 >> 32 : $0 })
    let events = try decode(Array(header.utf8) + bytes)
    #expect(events.header?.format == .evt21)
    #expect(events.t.prefix(3) == [4933, 4933, 4933])
    #expect(events.x.prefix(3) == [64, 72, 95])
    #expect(events.y.prefix(3) == [300, 300, 300])
    #expect(events.x.suffix(32) == (1...32).map { UInt16($0) })
    #expect(events.count == 35)
    #expect(events.has("1 words before the clock"))
    #expect(events.has("1 external triggers"))
    #expect(events.has("1 words of the vendor"))
    #expect(events.has("1 words of an unknown type"))
  }

  static func dat(_ header: String, _ type: UInt8, _ records: [(UInt32, UInt32)]) -> [UInt8] {
    Array(header.utf8) + [type, 8] + .words(records.flatMap { [$0.0, $0.1] })
  }

  @Test func datHasTwoVersions() throws {
    let two = 1 << 28 | 500 << 14 | 1000
    let one = 1 << 17 | 200 << 9 | 300
    for type: UInt8 in [0, 12] {
      let new = try decode(
        Self.dat("% Version 2\n% Width 1280\n% Height 720\n", type, [(7, UInt32(two))]))
      #expect(new.x + new.y + [UInt16(new.p[0])] == [1000, 500, 1])
      #expect(new.header?.width == 1280)
      let old = try decode(Self.dat("% Version 1\n", type, [(7, UInt32(one))]))
      #expect(old.x + old.y + [UInt16(old.p[0])] == [300, 200, 1])
      #expect(old.t == [7])
    }
  }

  @Test func datClockOf32BitsBeginsAgain() throws {
    let events = try decode(
      Self.dat("% Version 2\n", 12, [(0xFFFF_FFF0, 0), (5, 0), (3, 0), (9, 0)]))
    #expect(events.t == [0xFFFF_FFF0, 1 << 32 | 5, 1 << 32 | 3, 1 << 32 | 9])
    #expect(events.has("1 overflows"))
    #expect(events.has("is earlier"))
  }

  @Test func datTriggersAndUnknownTypes() throws {
    #expect(try decode(Self.dat("% Version 2\n", 14, [(1, 0), (2, 0)])).has("2 external triggers"))
    #expect(throws: ArcuateError.self) { try decode(Self.dat("% Version 2\n", 40, [(1, 0)])) }
    #expect(throws: ArcuateError.self) { try decode(Array("% Version 2\n".utf8) + [0, 9, 0]) }
  }
}

import ArcuateCore
import ArcuateTestSupport
import Foundation
import Testing

@testable import ArcuateData

/// Real recordings against the sums on which other readers agree.
@Suite(.enabled(if: dataFolder != nil, "needs ARCUATE_DATA"))
struct RecordedEventsTests {
  struct Expected: Decodable {
    let events: Int
    let on: Int?
    let sha256: [String: String]?
  }

  static func expected() throws -> [String: Expected] {
    let path = "\(dataFolder ?? "")/events/expected.json"
    let all = try #require(
      JSONSerialization.jsonObject(with: Data(contentsOf: URL(fileURLWithPath: path)))
        as? [String: [String: Any]])
    return all.mapValues {
      Expected(
        events: $0["events"] as? Int ?? -1, on: $0["on"] as? Int,
        sha256: $0["sha256"] as? [String: String])
    }
  }

  @Test(
    arguments: [
      ("tonic/sample.aedat4", "", EventFormat.aedat4, 320, 240),
      ("aestream/davis.aedat4", "", .aedat4, 346, 260),
      ("expelliarmus/evt2_sample.raw", "", .evt2, nil, nil),
      ("expelliarmus/evt3_sample.raw", "", .evt3, nil, nil),
      ("tonic/sample_ncars.dat", "", .dat, nil, nil),
      ("loris/NCARS_obj_004397_td.dat", "", .dat, nil, nil),
      ("faery/dvs.es", " (origin top left)", .eventStream, 320, 240),
      ("faery/dvs.es", " (y as in the file)", .eventStream, 320, 240),
      ("loris/test.es", " (origin top left)", .eventStream, 54, 239),
      ("loris/test.es", " (y as in the file)", .eventStream, 54, 239),
      ("tonic/sample_nmnist.bin", "", .nmnist, nil, nil),
    ] as [(String, String, EventFormat, Int?, Int?)])
  func equalsOtherReaders(
    _ name: String, _ note: String, _ format: EventFormat, _ width: Int?, _ height: Int?
  ) throws {
    let expected = try #require(try Self.expected()[name + note])
    var options = EventOptions()
    if note.contains("in the file") { options.verticalOrigin = .file }
    let events = try decode(try recording(name), options)
    #expect(events.header?.format == format)
    #expect(events.header?.width == width)
    #expect(events.header?.height == height)
    #expect(events.count == expected.events)
    #expect(events.p.reduce(0) { $0 + Int($1) } == expected.on)
    #expect(try sha256(events.t) == expected.sha256?["t_i64"])
    #expect(try sha256(events.x) == expected.sha256?["x_u16"])
    #expect(try sha256(events.y) == expected.sha256?["y_u16"])
    #expect(try sha256(events.p) == expected.sha256?["p_u8"])
  }

  @Test(arguments: [
    ("pynavis/sound_mono_32ch_ONOFF_addr2b_ts02.aedat", 200),
    ("pynavis/enun_stereo_64ch_ONOFF_addr4b_ts1.aedat", 1000),
  ])
  func cochleaIsToldByItsContent(_ name: String, _ tick_ns: Int) throws {
    let expected = try #require(try Self.expected()[name])
    let bytes = try recording(name)
    let events = try decode(bytes)
    #expect(events.header?.format == .cochlea)
    #expect(events.count == expected.events)
    #expect(try sha256(events.t.map { UInt32($0) }) == expected.sha256?["t_u32"])
    let addresses = zip(events.x, events.y).map { UInt32($0) | UInt32($1) << 16 }
    #expect(try sha256(addresses) == expected.sha256?["a_u32"])
    var options = EventOptions()
    options.tick_ns = tick_ns
    #expect(try decode(bytes, options).t == events.t.map { $0 * Int64(tick_ns) / 1000 })
  }

  @Test func genericEventsHavePayloads() throws {
    let bytes = try recording("faery/generic.es")
    let events = try GenericEvents(Bytes(bytes))
    #expect(events.times.count == 70)
    #expect(events.payloads[0] == Array("Lorem".utf8))
    #expect(events.times.last == 1_207_922)
    #expect(try sha256(events.payloads.flatMap { $0 }).hasPrefix("10a80798787b6c2b"))
    #expect(try sha256(events.times).hasPrefix("8cd83d4dd1404988"))
    let decoded = try decode(bytes)
    #expect(decoded.t == events.times)
    #expect(decoded.has("payloads"))
  }

  static let small = [
    "expelliarmus/evt2_sample.raw", "expelliarmus/evt3_sample.raw", "tonic/sample_ncars.dat",
    "loris/test.es", "tonic/sample_nmnist.bin", "faery/generic.es",
    "pynavis/sound_mono_32ch_ONOFF_addr2b_ts02.aedat",
    "pynavis/enun_stereo_64ch_ONOFF_addr4b_ts1.aedat", "tonic/sample_aedat_header.aedat",
  ]

  @Test(arguments: small)
  func everyCutIsAPrefix(_ name: String) throws {
    let bytes = Array(try recording(name).prefix(1500))
    let whole = try decode(bytes)
    // What a few bytes cannot tell is stated.
    var options = EventOptions()
    options.format = whole.header?.format
    options.addressBytes = name.contains("addr4b") ? 4 : 2
    for end in 0...bytes.count {
      do {
        let part = try decode(Array(bytes[..<end]), options)
        #expect(part.isPrefix(of: whole), "\(end) bytes")
      } catch is ArcuateError {
        #expect(end < 64, "\(end) bytes")
      }
    }
  }

  /// Readers raise an error for such a file and hand over nothing.
  @Test(arguments: ["tonic/sample.aedat4", "aestream/davis.aedat4"])
  func aedat4CutShortHandsOverWholePackets(_ name: String) throws {
    let bytes = try recording(name)
    let whole = try decode(bytes)
    var last = 0
    for end in stride(from: 14_000, to: bytes.count, by: bytes.count / 20) {
      let part = try decode(Array(bytes[..<end]))
      #expect(part.isPrefix(of: whole))
      #expect(part.count >= last)
      #expect(part.has("cut short"))
      last = part.count
    }
    #expect(last > whole.count / 2)
  }

  @Test(arguments: small + ["tonic/sample.aedat4", "aestream/davis.aedat4", "faery/dvs.es"])
  func anyChunksGiveTheSame(_ name: String) throws {
    let bytes = Array(try recording(name).prefix(120_000))
    let whole = try decode(bytes)
    for (seed, largest) in [(1, 7), (2, 100), (3, 70_000)] {
      var random = SeededNumbers(state: UInt64(seed))
      let parts = try decode(bytes, capacity: seed == 1 ? 64 : 1000) {
        Int.random(in: 1...largest, using: &random)
      }
      #expect(parts == whole, "seed \(seed)")
    }
    if bytes.count < 30_000 { #expect(try decode(bytes, cut: { 1 }) == whole) }
  }
}

import ArcuateCore
import Testing

@testable import ArcuateData

/// AEDAT 2 to 4, Event Stream, N-MNIST and cochleas from records made by hand.
@Suite struct OtherCamerasTests {
  static func aedat2(_ header: String, _ records: [(UInt32, UInt32)]) -> [UInt8] {
    Array(header.utf8) + .words(records.flatMap { [$0.0.byteSwapped, $0.1.byteSwapped] })
  }
  static let davis = "#!AER-DAT2.0\r\n# AEChip: eu.seebetter.ini.chips.davis.Davis346red\r\n"

  static func davisAddress(_ x: Int, _ y: Int, _ p: Int) -> UInt32 {
    UInt32(y << 22 | x << 12 | p << 11)
  }

  /// A reader handed over samples of images and external events as changes.
  @Test func davis346LeavesOutSamplesAndExternalEvents() throws {
    let records = [
      (Self.davisAddress(10, 20, 1), 5), (1 << 31 | Self.davisAddress(1, 2, 0), 6),
      (Self.davisAddress(3, 4, 0) | 1 << 10, 7), (Self.davisAddress(345, 259, 0), 8),
    ].map { ($0.0, UInt32($0.1)) }
    let events = try decode(Self.aedat2(Self.davis, records))
    #expect(events.header?.width == 346)
    #expect(events.header?.detail == "davis346")
    #expect(events.t == [5, 8])
    #expect(events.x == [335, 0])
    #expect(events.y == [239, 0])
    #expect(events.p == [1, 0])
    #expect(events.has("1 samples"))
    #expect(events.has("1 external events"))
  }

  /// Addresses outside the sensor are reported, and version 2.1 is read as 2.0.
  @Test func aedat21ReportsAddressesOutsideTheSensor() throws {
    let header = "#!AER-DAT2.1\r\n# AEChip: DAVIS240C\r\n"
    let records = [(Self.davisAddress(0, 200, 1), 1), (Self.davisAddress(239, 179, 0), 2)]
      .map { ($0.0, UInt32($0.1)) }
    let events = try decode(Self.aedat2(header, records))
    #expect(events.count == 2)
    #expect(events.y == [200, 0])
    #expect(events.has("outside the sensor of 240 x 180"))
  }

  @Test func dvs128AddressesAndWraps() throws {
    let records: [(UInt32, UInt32)] = [
      (5 << 8 | 3 << 1 | 1, 0xFFFF_FFFF), (127 << 8 | 127 << 1, 4), (1 << 15, 6),
    ]
    let events = try decode(Self.aedat2("#!AER-DAT2.0\r\n# a line\r\n", records))
    #expect(events.t == [0xFFFF_FFFF, 1 << 32 | 4])
    #expect(events.x == [124, 0])
    #expect(events.y == [122, 0])
    #expect(events.p == [0, 1])
    #expect(events.has("1 external"))
    #expect(events.has("1 overflows"))
    var options = EventOptions()
    options.camera = .davis240
    #expect(try decode(Self.aedat2("#!AER-DAT2.0\r\n", records), options).header?.width == 240)
  }

  static func packet3(
    _ type: Int16, size: Int32 = 8, overflow: Int32 = 0, capacity: Int32? = nil,
    _ events: [(UInt32, Int32)]
  ) -> [UInt8] {
    let count = Int32(events.count)
    let places = capacity ?? count
    return [UInt8].words([type, 1]) + .words([size, 4, overflow, places, count, count])
      + .words(events.flatMap { [$0.0, UInt32(bitPattern: $0.1)] })
      + [UInt8](repeating: 9, count: Int(max(0, places - count) * size))
  }
  static func event3(_ x: UInt32, _ y: UInt32, _ p: UInt32, isValid: UInt32 = 1) -> UInt32 {
    x << 17 | y << 2 | p << 1 | isValid
  }
  static let header3 = Array("#!AER-DAT3.1\r\n#Format: RAW\r\n#!END-HEADER\r\n".utf8)

  /// A reader took every packet for changes and did not add the overflow.
  @Test func aedat3LeavesOutOtherPacketsAndInvalidEvents() throws {
    let bytes =
      Self.header3 + Self.packet3(0, [(7, 1)])
      + Self.packet3(1, [(Self.event3(3, 4, 1), 10), (Self.event3(5, 6, 0, isValid: 0), 11)])
      + Self.packet3(2, size: 40, capacity: 2, [])
      + Self.packet3(1, overflow: 2, capacity: 5, [(Self.event3(127, 126, 0), 12)])
    let events = try decode(bytes)
    #expect(events.header?.format == .aedat3)
    #expect(events.t == [10, 2 << 31 | 12])
    #expect(events.x == [3, 127])
    #expect(events.y == [4, 126])
    #expect(events.p == [1, 0])
    #expect(events.has("2 packets without events"))
    #expect(events.has("1 events that the camera marked as invalid"))
    for end in Self.header3.count..<bytes.count {
      let part = try decode(Array(bytes[..<end]))
      #expect(part.isPrefix(of: events))
    }
    #expect(try decode(bytes.dropLast()).has("cut short"))
    #expect(try decode(bytes, cut: { 1 }) == events)
  }

  @Test func aedat3StopsAtABrokenPacket() throws {
    var broken = Self.packet3(1, [(Self.event3(1, 1, 1), 10)])
    broken[23] = 0x80
    let events = try decode(
      Self.header3 + Self.packet3(1, [(Self.event3(3, 4, 1), 10)]) + broken)
    #expect(events.t == [10])
    #expect(events.findings.contains { $0.severity == .error && $0.location == "byte 78" })
  }

  static func events4(_ events: [(Int64, UInt16, UInt16, UInt8)]) -> [UInt8] {
    var body: [UInt8] = .words([16 as UInt32]) + Array("EVTS".utf8)
    body += .words([6, 8, 4, 0] as [UInt16]) + .words([8, 4, UInt32(events.count)])
    for (t, x, y, p) in events { body += .words([t]) + .words([x, y]) + [p, 0, 0, 0] }
    return .words([UInt32(body.count)]) + body
  }
  static func file4(_ compression: Int32, _ packets: [(Int32, [UInt8])]) -> [UInt8] {
    let text = Array(
      """
      <dv version="2.0"><node name="outInfo"><node name="0"><attr key="typeIdentifier" \
      type="string">EVTS</attr><node name="info"><attr key="sizeX" type="int">346</attr>\
      <attr key="sizeY" type="int">260</attr></node></node><node name="1"><attr \
      key="typeIdentifier" type="string">FRME</attr></node></node></dv>
      """.utf8)
    var table: [UInt8] = .words([20 as UInt32]) + Array("IOHE".utf8)
    table += .words([10, 20, 4, 8, 16, 0] as [UInt16])
    table += .words([12, compression]) + .words([-1 as Int64]) + .words([4, UInt32(text.count)])
    table += text
    var bytes = Array("#!AER-DAT4.0\r\n".utf8) + .words([UInt32(table.count)]) + table
    for (stream, payload) in packets {
      bytes += .words([stream, Int32(payload.count)]) + payload
    }
    return bytes
  }
  static let two: [(Int64, UInt16, UInt16, UInt8)] = [(5, 1, 2, 1), (6, 345, 259, 0)]

  /// A frame of 16 bits ended the reading; what holds no events is skipped.
  @Test func aedat4SkipsWhatIsNotEvents() throws {
    let frame: [UInt8] =
      .words([40 as UInt32, 16]) + Array("FRME".utf8) + [UInt8](repeating: 1, count: 32)
    let bytes = Self.file4(
      0, [(1, [0xFF, 0xFF]), (0, Self.events4(Self.two)), (2, frame), (0, Self.events4(Self.two))])
    let events = try decode(bytes)
    #expect(events.header?.width == 346)
    #expect(events.header?.height == 260)
    #expect(events.t == [5, 6, 5, 6])
    #expect(events.x == [1, 345, 1, 345])
    #expect(events.has("2 packets without events"))
    for end in 14..<bytes.count {
      if let part = try? decode(Array(bytes[..<end])) { #expect(part.isPrefix(of: events)) }
    }
    #expect(try decode(bytes, cut: { 1 }) == events)
  }

  @Test func aedat4ReportsBadPackets() throws {
    var wild = Self.events4(Self.two)
    wild[28] = 200
    let bytes = Self.file4(0, [(0, wild), (0, [1, 2, 3]), (0, Self.events4(Self.two))])
    let events = try decode(bytes)
    #expect(events.count == 2)
    #expect(events.has("2 such packets"))
    let stopped = try decode(
      Self.file4(0, [(0, Self.events4(Self.two))]) + .words([0, -5 as Int32]))
    #expect(stopped.count == 2)
    #expect(stopped.findings.contains { $0.severity == .error })
  }

  @Test func aedat4ZstandardIsLoadedOrNamed() throws {
    let plain = Self.events4(Self.two)
    // A frame of one stored block.
    let header = UInt32(plain.count << 3 | 1)
    let frame =
      [0x28, 0xB5, 0x2F, 0xFD, 0x20, UInt8(plain.count)] + [UInt8].words([header]).dropLast()
      + plain
    let events = try decode(Self.file4(3, [(0, frame), (0, Array(frame.dropLast(3)))]))
    if ZstdLibrary.shared == nil {
      #expect(events.has("libzstd"))
    } else {
      #expect(events.t == [5, 6])
      #expect(events.has("1 such packets"))
    }
  }

  /// A stored block, literals, an overlapping match and a long one.
  @Test func lz4BlocksOfEveryKind() throws {
    func frame(_ blocks: [[UInt8]], isStored: Bool = false) -> [UInt8] {
      [4, 0x22, 0x4D, 0x18, 0x40, 0x40, 0]
        + blocks.flatMap { [UInt8].words([UInt32($0.count) | (isStored ? 1 << 31 : 0)]) + $0 }
        + [0, 0, 0, 0]
    }
    func plain(_ frame: [UInt8]) throws -> [UInt8] {
      var decoder = LZ4Frame(limit: 1 << 20)
      try frame.withUnsafeBytes { bytes in
        Result { () throws(ArcuateError) in try decoder.decompress(bytes) }
      }.get()
      return decoder.withBytes { [UInt8]($0) }
    }
    #expect(try plain(frame([[1, 2, 3]], isStored: true)) == [1, 2, 3])
    #expect(try plain(frame([[0x30, 7, 8, 9]])) == [7, 8, 9])
    // Two literals, a match of 4 + 15 + 255 + 1 from 2 before, one literal.
    let match: [UInt8] = [0x2F, 1, 2, 2, 0, 255, 1, 0x10, 9]
    let repeated = (0..<277).map { UInt8(1 + $0 % 2) }
    #expect(try plain(frame([match])) == repeated + [9])
    // The second block refers to the first.
    let other: [UInt8] = [0x00, 5, 0, 0x10, 4]
    let copied = Array((repeated + [9]).suffix(5).prefix(4))
    #expect(try plain(frame([match, other])) == repeated + [9] + copied + [4])
    for end in 0..<frame([match]).count {
      #expect(throws: ArcuateError.self) { try plain(Array(frame([match])[..<end])) }
    }
    for wrong: [UInt8] in [[0x10], [0x10, 1, 0, 0], [0x10, 1, 2, 0], [0x1F, 1, 1, 0, 255]] {
      #expect(throws: ArcuateError.self) { try plain(frame([wrong])) }
    }
    // More than a block may hold.
    let bomb: [UInt8] = [0x1F, 1, 1, 0] + [UInt8](repeating: 255, count: 300) + [0, 0x10, 1]
    #expect(throws: ArcuateError.self) { try plain(frame([bomb])) }
  }

  static func es(_ kind: UInt8, _ body: [UInt8]) -> [UInt8] {
    Array("Event Stream".utf8) + [2, 0, 0, kind] + .words([300, 200] as [UInt16]) + body
  }

  @Test func eventStreamOverflowsAndKinds() throws {
    let dvs = try decode(
      Self.es(1, [0xFF, 0xFF, 0xFE, 3 << 1 | 1, 44, 1, 199, 0, 0, 1, 0, 0, 0]))
    #expect(dvs.t == [257, 257])
    #expect(dvs.x == [300, 1])
    #expect(dvs.y == [0, 199])
    #expect(dvs.p == [1, 0])
    #expect(dvs.has("outside the sensor of 300 x 200"))
    let atis = try decode(
      Self.es(2, [0xFE, 5 << 2 | 2, 7, 0, 0, 0, 1 << 2 | 1, 8, 0, 0, 0, 0, 9, 0, 1, 0]))
    #expect(atis.t == [131, 132])
    #expect(atis.x == [7, 9])
    #expect(atis.p == [1, 0])
    #expect(atis.has("1 measurements of exposure"))
    let color = try decode(Self.es(4, [0xFF, 6, 7, 0, 0, 0, 1, 2, 3]))
    #expect(color.t == [260])
    #expect(color.has("1 events have colors"))
    #expect(try decode(Self.es(1, [0, 1])).has("cut short"))
    #expect(throws: ArcuateError.self) { try decode(Self.es(3, [0, 1])) }
  }

  @Test func nmnistOverflowRecordsAddTime() throws {
    let records: [[UInt8]] = [[1, 2, 0x80, 0, 9], [0, 240, 0, 0, 0], [3, 4, 0, 0, 1], [7]]
    let events = try decode(records.flatMap { $0 })
    #expect(events.header?.format == .nmnist)
    #expect(events.t == [9, 8193])
    #expect(events.x == [1, 3])
    #expect(events.p == [1, 0])
    #expect(events.has("cut short"))
  }

  @Test func unknownBytesAreRefused() throws {
    var random = SeededNumbers(state: 3)
    let noise = (0..<5000).map { _ in UInt8.random(in: 128...255, using: &random) }
    #expect(throws: ArcuateError.self) { try decode(noise) }
    #expect(throws: ArcuateError.self) { try decode([]) }
    #expect(throws: ArcuateError.self) { try decode(Array("% evt 3.0\n".utf8), as: .aedat4) }
  }
}

import ArcuateCore
import Testing

@testable import ArcuateData
@testable import ArcuateFormats

@Suite struct NMNISTFileTests {
  static func record(_ x: UInt8, _ y: UInt8, _ on: Bool, _ time: Int) -> [UInt8] {
    [x, y, UInt8(time >> 16) | (on ? 0x80 : 0), UInt8(time >> 8 & 255), UInt8(time & 255)]
  }

  @Test func recordsAreReadBitByBit() throws {
    let bytes =
      Self.record(0, 33, true, 0) + Self.record(33, 0, false, 0x7F_FFFF)
      + Self.record(5, 240, false, 12) + Self.record(1, 2, true, 0x01_0203)
      + Self.record(0, 240, true, 0) + Self.record(1, 2, false, 0x01_0203)
    let (recording, findings) = try NMNISTFile.parse(Bytes(bytes))
    #expect(
      recording
        == EventRecording(
          width: 34, height: 34,
          changes: [
            .init(time_us: 0, x: 0, y: 33, on: true),
            .init(time_us: 0x7F_FFFF, x: 33, y: 0, on: false),
            .init(time_us: 0x01_0203 + 8192, x: 1, y: 2, on: true),
            .init(time_us: 0x01_0203 + 16384, x: 1, y: 2, on: false),
          ]))
    #expect(findings.map(\.location) == ["event 2"])
    #expect(try NMNISTFile.parse(Bytes([])).recording.changes.isEmpty)
  }

  @Test func badRecordsAreNamed() {
    let good = Self.record(1, 1, true, 5)
    for (bytes, place) in [
      (good + good.dropLast(), "record 1"), (good + Self.record(34, 0, true, 6), "record 1"),
      (Self.record(0, 34, true, 6) + good, "record 0"), (Self.record(0, 239, true, 6), "record 0"),
    ] {
      do {
        _ = try NMNISTFile.parse(Bytes(bytes))
        Issue.record("accepted")
      } catch { #expect(error.location == place) }
    }
  }

  @Test func changesAreBinnedFromTheFirstOn() throws {
    let recording = EventRecording(
      width: 34, height: 34,
      changes: [
        .init(time_us: 2999, x: 3, y: 1, on: true), .init(time_us: 1000, x: 0, y: 0, on: false),
        .init(time_us: 1999, x: 33, y: 33, on: true), .init(time_us: 2000, x: 0, y: 0, on: false),
        .init(time_us: 4000, x: 0, y: 0, on: false),
      ])
    let events = try recording.events(microsecondsPerStep: 1000, steps: 3, stream: 4, port: 1)
    #expect(
      events == [
        Event(step: 0, stream: 4, port: 1, index: 0),
        Event(step: 0, stream: 4, port: 1, index: 2 * 34 * 34 - 1),
        Event(step: 1, stream: 4, port: 1, index: 34 * 34 + 34 + 3),
        Event(step: 1, stream: 4, port: 1, index: 0),
      ])
    #expect(try recording.events(microsecondsPerStep: 1000, steps: 0).isEmpty)
    #expect(throws: ArcuateError.self) {
      try recording.events(microsecondsPerStep: 0, steps: 3)
    }
    var wild = recording
    wild.changes[0].x = 34
    #expect(throws: ArcuateError.self) {
      try wild.events(microsecondsPerStep: 1000, steps: 3)
    }
    wild.changes = [
      .init(time_us: .min, x: 0, y: 0, on: true), .init(time_us: .max, x: 0, y: 0, on: true),
    ]
    #expect(try wild.events(microsecondsPerStep: 1, steps: 1 << 31).count == 1)
  }
}

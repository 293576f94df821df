import ArcuateCore
import ArcuateTestSupport
import Foundation
import Testing

@testable import ArcuateData

/// Writing and reading gives the same events.
@Suite struct EventWritersTests {
  static func events(_ count: Int, side: Int, start: Int64 = 0, pause: Int64 = 0) throws
    -> EventColumns
  {
    let columns = try EventColumns(capacity: max(64, count))
    var random = SeededNumbers(state: 9)
    var time = start
    for i in 0..<count {
      time += Int64.random(in: 0...300, using: &random) + (i == count / 2 ? pause : 0)
      columns.append(
        time, UInt16.random(in: 0..<UInt16(side), using: &random),
        UInt16.random(in: 0..<UInt16(side), using: &random), UInt8.random(in: 0...1, using: &random)
      )
    }
    return columns
  }

  static func read(_ path: String, _ options: EventOptions = EventOptions()) throws -> Decoded {
    let file = try EventFile(path, options)
    let columns = try EventColumns(capacity: 1000)
    var result = Decoded()
    while try file.read(into: columns) { result.take(columns) }
    (result.findings, result.header) = (file.findings, file.header)
    return result
  }

  @Test(arguments: EventFileWriter.formats)
  func writtenEventsAreReadBack(_ format: EventFormat) throws {
    let folder = TemporaryFolder()
    for (count, start, pause) in [
      (0, 0, 0), (1, 5, 0), (20_000, 0, 0), (3000, 70_000_000, 30_000_000),
    ] {
      let columns = try Self.events(
        count, side: 200, start: Int64(start), pause: Int64(pause))
      // The ending says nothing.
      let path = folder.path + "/events.aedat"
      let writer = try EventFileWriter(path, format, width: 320, height: 240)
      try writer.write(columns)
      try writer.finish()
      if count == 0 && format == .nmnist { continue }
      let found = try Self.read(path)
      #expect(found.header?.format == format)
      #expect(found.t == columns.times)
      #expect(found.x == columns.xs)
      #expect(found.y == columns.ys)
      #expect(found.p == columns.polarities)
      if ![.nmnist, .npz, .csv].contains(format) {
        #expect(found.header?.width == 320)
        #expect(found.header?.height == 240)
      }
    }
    #expect(folder.names == ["events.aedat"])
  }

  @Test func whatAFormatCannotHoldIsNamed() throws {
    let folder = TemporaryFolder()
    func message(_ format: EventFormat, _ events: [(Int64, UInt16, UInt16)]) throws -> String? {
      let columns = try EventColumns()
      for (t, x, y) in events { columns.append(t, x, y, 1) }
      let writer = try EventFileWriter(folder.path + "/a", format, width: 4000, height: 4000)
      do {
        try writer.write(columns)
        return nil
      } catch { return error.description }
    }
    for format in [EventFormat.eventStream, .dat, .evt2, .evt3, .nmnist] {
      let late = try #require(try message(format, [(1 << 50, 1, 1)]))
      #expect(late.contains("event 0") && late.contains("first event"))
    }
    #expect(try message(.eventStream, [(5, 1, 1), (4, 1, 1)])?.contains("event 1") == true)
    #expect(try message(.evt3, [(5, 2048, 1)])?.contains("2047") == true)
    #expect(try message(.nmnist, [(5, 1, 240)])?.contains("240") == true)
    #expect(try message(.dat, [(5, 1, 1), (4, 1, 1)]) == nil)
    #expect(try message(.aedat4, [(5, 4000, 1)])?.contains("outside 4000 x 4000") == true)
    #expect(folder.names.isEmpty)
  }

  @Test(.enabled(if: dataFolder != nil, "needs ARCUATE_DATA"))
  func recordingsAreConverted() throws {
    let folder = TemporaryFolder()
    for (name, formats) in [
      ("faery/dvs.es", [EventFormat.eventStream, .dat, .evt2, .evt3, .aedat4]),
      ("expelliarmus/evt2_sample.raw", [.dat, .evt3, .aedat4]),
    ] {
      let whole = try decode(try recording(name))
      for format in formats {
        let path = folder.path + "/converted"
        let file = try EventFile("\(dataFolder!)/events/\(name)")
        let writer = try EventFileWriter(path, format, width: 640, height: 480)
        let columns = try EventColumns()
        while try file.read(into: columns) {
          try writer.write(columns)
          columns.clear()
        }
        try writer.finish()
        let found = try Self.read(path)
        #expect(found.isPrefix(of: whole) && found.count == whole.count, "\(name) \(format)")
      }
    }
  }

  @Test func recordingsAreReadInOnePiece() throws {
    let folder = TemporaryFolder()
    let path = folder.path + "/a"
    let writer = try EventFileWriter(path, .nmnist, width: 34, height: 34)
    try writer.write(try Self.events(100, side: 34))
    try writer.finish()
    let (recording, findings) = try EventFile.recording(path)
    #expect(recording.changes.count == 100)
    #expect(findings.isEmpty)
    var options = EventOptions()
    (options.width, options.height) = (40, 50)
    #expect(try EventFile.recording(path, options).recording.height == 50)
  }
}

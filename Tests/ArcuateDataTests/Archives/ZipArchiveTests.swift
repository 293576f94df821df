import ArcuateCore
import Foundation
import Testing

@testable import ArcuateData
@testable import ArcuateFormats

/// Archives that Python's zipfile and NumPy wrote.
@Suite struct ZipArchiveTests {
  static let zip = PNGImageTests.decoded(
    "UEsDBBQAAAAAAEcZeV0gMDo2BgAAAAYAAAAMAAAAYS9zdG9yZWQudHh0aGVsbG8KUEsDBBQAAAAIAEcZ"
      + "eV3BSEJZDAAAACwBAAAOAAAAYS9kZWZsYXRlZC50eHTLSM3JyVfIGCWJIAFQSwMEFAAAAAAARxl5XQAA"
      + "AAAAAAAAAAAAAAYAAABlbXB0eS9QSwECFAMUAAAAAABHGXldIDA6NgYAAAAGAAAADAAAAAAAAAAAAAAA"
      + "gAEAAAAAYS9zdG9yZWQudHh0UEsBAhQDFAAAAAgARxl5XcFIQlkMAAAALAEAAA4AAAAAAAAAAAAAAIAB"
      + "MAAAAGEvZGVmbGF0ZWQudHh0UEsBAhQDFAAAAAAARxl5XQAAAAAAAAAAAAAAAAYAAAAAAAAAAAAQAP1B"
      + "aAAAAGVtcHR5L1BLBQYAAAAAAwADAKoAAACMAAAACQBhIGNvbW1lbnQ=")
  static let npz = PNGImageTests.decoded(
    "UEsDBC0AAAAIAAAAIQBP6QAq//////////8FABQAeC5ucHkBABAAmAAAAAAAAABVAAAAAAAAAJvsF+ob"
      + "EMnIUMZQrZ6SWpxcpG6loG6TZqKuo6Cell9UUpSYF59flJIKEndLzClOBYoXZyQWpAL5GkY6CsaaOgq1"
      + "CmQDLgYwaLAHEg5ABMQNQLzAAQBQSwMELQAAAAgAAAAhAIzeM+D//////////woAFABsYWJlbHMubnB5"
      + "AQAQAJAAAAAAAAAASgAAAAAAAACb7BfqGxDJyFDGUK2eklqcXKRupaBuk2mhrqOgnpZfVFKUmBefX5SS"
      + "ChJ3S8wpTgWKF2ckFqQC+RpGOpo6CrUKFAAuZgYIYITSAFBLAQItAy0AAAAIAAAAIQBP6QAqVQAAAJgA"
      + "AAAFAAAAAAAAAAAAAACAAQAAAAB4Lm5weVBLAQItAy0AAAAIAAAAIQCM3jPgSgAAAJAAAAAKAAAAAAAA"
      + "AAAAAACAAYwAAABsYWJlbHMubnB5UEsFBgAAAAACAAIAawAAABIBAAAAAA==")
  static let storedNpz = PNGImageTests.decoded(
    "UEsDBC0AAAAAAAAAIQBP6QAq//////////8FABQAeC5ucHkBABAAmAAAAAAAAACYAAAAAAAAAJNOVU1Q"
      + "WQEAdgB7J2Rlc2NyJzogJzxmNCcsICdmb3J0cmFuX29yZGVyJzogRmFsc2UsICdzaGFwZSc6ICgyLCAz"
      + "KSwgfSAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAg"
      + "ICAKAAAAAAAAgD8AAABAAABAQAAAgEAAAKBAUEsDBC0AAAAAAAAAIQCM3jPg//////////8KABQAbGFi"
      + "ZWxzLm5weQEAEACQAAAAAAAAAJAAAAAAAAAAk05VTVBZAQB2AHsnZGVzY3InOiAnPGk4JywgJ2ZvcnRy"
      + "YW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKDIsKSwgfSAgICAgICAgICAgICAgICAgICAgICAgICAg"
      + "ICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoDAAAAAAAAAAEAAAAAAAAAUEsBAi0DLQAA"
      + "AAAAAAAhAE/pACqYAAAAmAAAAAUAAAAAAAAAAAAAAIABAAAAAHgubnB5UEsBAi0DLQAAAAAAAAAhAIze"
      + "M+CQAAAAkAAAAAoAAAAAAAAAAAAAAIABzwAAAGxhYmVscy5ucHlQSwUGAAAAAAIAAgBrAAAAmwEAAAAA")

  static func text(_ bytes: Bytes) -> String { String(decoding: bytes.array, as: UTF8.self) }

  @Test func storedAndDeflated() throws {
    let archive = try ZipArchive(Bytes(Self.zip))
    #expect(archive.entries.map(\.name) == ["a/stored.txt", "a/deflated.txt", "empty/"])
    #expect(archive.entries.map(\.isFolder) == [false, false, true])
    #expect(Self.text(try archive.read(archive.entries[0])) == "hello\n")
    let deflated = try #require(archive["a/deflated.txt"])
    #expect(deflated.size == 300)
    #expect(
      Self.text(try archive.read(deflated)) == String(repeating: "hello ", count: 50))
    #expect(archive["a"] == nil)
    #expect(ZipArchive.recognizes(Bytes(Self.zip)))
  }

  @Test func arraysOfNumPy() throws {
    for bytes in [Self.npz, Self.storedNpz] {
      let archive = try NumpyArchive(Bytes(bytes))
      #expect(archive.names == ["x", "labels"])
      #expect(try archive.array("x") == NumpyArray(extents: [2, 3], values: [0, 1, 2, 3, 4, 5]))
      #expect(try archive.array("labels").values == [3, 1])
      #expect(throws: ArcuateError.self) { try archive.array("y") }
    }
  }

  private static func readAll(_ bytes: [UInt8]) throws -> Int {
    let archive = try ZipArchive(Bytes(bytes))
    var count = 0
    for entry in archive.entries { count += try archive.read(entry).count }
    return count
  }

  @Test func cutAndFlipped() throws {
    for (name, bytes) in [("zip", Self.zip), ("npz", Self.npz)] {
      for length in 0..<bytes.count {
        #expect(throws: ArcuateError.self, "\(name) cut to \(length)") {
          try Self.readAll(Array(bytes[..<length]))
        }
      }
      var survived = 0
      for bit in 0..<8 * bytes.count {
        for other in [0, 7, 1001] {
          var damaged = bytes
          damaged[bit / 8] ^= 1 << (bit % 8)
          if other > 0 { damaged[(bit / 8 + other) % bytes.count] ^= 1 << (bit % 8) }
          if (try? Self.readAll(damaged)) != nil { survived += 1 }
        }
      }
      #expect(survived > 0 && survived < 12 * bytes.count, "\(name): \(survived)")
    }
  }

  /// Sizes that are claimed cost nothing before they are there.
  @Test func liesAboutSizes() throws {
    var bytes = Self.zip
    let at = try #require(
      bytes.indices.dropLast(4).last {
        Array(bytes[$0..<$0 + 4]) == [0x50, 0x4B, 1, 2] && bytes[$0 + 10] == 8
      })
    // The deflated entry claims 2 GiB.
    for (i, byte) in [0, 0, 0, 0x7F].enumerated() { bytes[at + 24 + i] = UInt8(byte) }
    let archive = try ZipArchive(Bytes(bytes))
    let error = #expect(throws: ArcuateError.self) { try archive.read(archive.entries[1]) }
    #expect(error?.code == .malformed)
    // And one that claims less than comes out.
    for (i, byte) in [10, 0, 0, 0].enumerated() { bytes[at + 24 + i] = UInt8(byte) }
    let small = try ZipArchive(Bytes(bytes))
    #expect(throws: ArcuateError.self) { try small.read(small.entries[1]) }
  }
}

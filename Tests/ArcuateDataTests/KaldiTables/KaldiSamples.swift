import ArcuateCore
import ArcuateData

@testable import ArcuateFormats

/// A small archive of each kind, as Kaldi lays it out.
enum KaldiSamples {
  static let matrix = try! KaldiMatrix(
    rows: 3, columns: 2, values: [1, -2.5, 3e-9, 4, .infinity, 6])

  static func entry(_ key: String, _ value: [UInt8]) -> [UInt8] { Array("\(key) ".utf8) + value }

  /// A value in Kaldi's binary way, from its token and the bytes behind it.
  static func binary(_ token: String, _ rest: [UInt8]...) -> [UInt8] {
    [0, UInt8(ascii: "B")] + Array(token.utf8) + rest.joined()
  }

  static func int32(_ value: Int32) -> [UInt8] { withUnsafeBytes(of: value) { Array($0) } }
  static func size(_ value: Int32) -> [UInt8] { [4] + int32(value) }
  static func floats(_ values: [Float]) -> [UInt8] { values.withUnsafeBytes { Array($0) } }
  static func doubles(_ values: [Double]) -> [UInt8] { values.withUnsafeBytes { Array($0) } }
  static func words(_ values: [UInt16]) -> [UInt8] { values.withUnsafeBytes { Array($0) } }

  /// Minimum 1, range 65535: a step of CM2 is 1, one of CM3 is 257.
  static func compressed(_ rows: Int32, _ columns: Int32) -> [UInt8] {
    floats([1, 65535]) + int32(rows) + int32(columns)
  }

  static let all: [(name: String, bytes: [UInt8], value: KaldiValue)] = [
    ("FM", entry("a", KaldiValue.matrix(matrix).binary()), .matrix(matrix)),
    (
      "DM", entry("a", binary("DM ", size(1), size(2), doubles([0.1, 2]))),
      .matrix(try! KaldiMatrix(rows: 1, columns: 2, values: [0.1, 2]))
    ),
    ("FV", entry("a", binary("FV ", size(2), floats([7, 8]))), .vector([7, 8])),
    ("DV", entry("a", binary("DV ", size(2), doubles([7, 1e300]))), .vector([7, .infinity])),
    (
      // Quartiles 1, 65, 193 and 256 up from the minimum: the byte is the number itself, but one.
      "CM",
      entry(
        "a",
        binary("CM ", compressed(3, 1), words([0, 64, 192, 255]), [0, 100, 255])),
      .matrix(try! KaldiMatrix(rows: 3, columns: 1, values: [1, 101, 256]))
    ),
    (
      "CM2", entry("a", binary("CM2 ", compressed(1, 2), words([0, 65535]))),
      .matrix(try! KaldiMatrix(rows: 1, columns: 2, values: [1, 65536]))
    ),
    (
      "CM3", entry("a", binary("CM3 ", compressed(1, 3), [0, 1, 255])),
      .matrix(try! KaldiMatrix(rows: 1, columns: 3, values: [1, 258, 65536]))
    ),
    (
      "integers", entry("a", binary("", size(2), size(-3), size(70_000))),
      .integers([-3, 70_000])
    ),
    (
      "text matrix", entry("a", Array(" [\n  1 2.5 \n  -3e2 inf ]\n".utf8)),
      .matrix(try! KaldiMatrix(rows: 2, columns: 2, values: [1, 2.5, -300, .infinity]))
    ),
    ("text vector", entry("a", Array(" [ 1 2 ]\n".utf8)), .vector([1, 2])),
    ("text integers", entry("a", Array("1 -2 3\n".utf8)), .integers([1, -2, 3])),
    ("no integers", Array("a\n".utf8), .integers([])),
  ]

  /// Every entry of an archive in memory.
  static func read(_ bytes: [UInt8]) throws -> [(key: String, value: KaldiValue)] {
    let reader = try KaldiTableReader(archive: bytes, name: "sample")
    var entries: [(String, KaldiValue)] = []
    while let entry = try reader.next() { entries.append(entry) }
    return entries
  }
}

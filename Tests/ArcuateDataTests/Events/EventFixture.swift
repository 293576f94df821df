import ArcuateCore
import ArcuateModel
import ArcuateTestSupport
import Foundation
import Testing

@testable import ArcuateData

/// Events as arrays, for comparison.
struct Decoded: Equatable {
  var t: [Int64] = []
  var x: [UInt16] = []
  var y: [UInt16] = []
  var p: [UInt8] = []
  var findings: [Finding] = []
  var header: EventHeader?

  var count: Int { t.count }

  mutating func take(_ columns: EventColumns) {
    t += columns.times
    x += columns.xs
    y += columns.ys
    p += columns.polarities
    columns.clear()
  }

  /// Whether the events are the first of `other`.
  func isPrefix(of other: Decoded) -> Bool {
    other.t.starts(with: t) && other.x.starts(with: x) && other.y.starts(with: y)
      && other.p.starts(with: p)
  }

  func has(_ text: String) -> Bool { findings.contains { $0.message.contains(text) } }
}

/// Decodes bytes fed in parts of the sizes that `cut` returns.
func decode(
  _ bytes: [UInt8], _ options: EventOptions = EventOptions(), capacity: Int = 1 << 12,
  cut: () -> Int = { .max }
) throws -> Decoded {
  let decoder = try EventDecoder(options)
  let columns = try EventColumns(capacity: capacity)
  var result = Decoded()
  var at = 0
  while at < bytes.count {
    let end = at + min(max(1, cut()), bytes.count - at)
    while at < end {
      at += try bytes[at..<end].withUnsafeBytes { try decoder.feed($0, into: columns) }
      result.take(columns)
    }
  }
  while try !decoder.finish(into: columns) { result.take(columns) }
  result.take(columns)
  (result.findings, result.header) = (decoder.findings, decoder.header)
  return result
}

func decode(_ bytes: [UInt8], as format: EventFormat) throws -> Decoded {
  try decode(bytes, EventOptions(format: format))
}

/// A file of the data folder's recordings.
func recording(_ name: String) throws -> [UInt8] {
  [UInt8](try Data(contentsOf: URL(fileURLWithPath: "\(dataFolder ?? "")/events/\(name)")))
}

/// Random numbers that a seed repeats.
struct SeededNumbers: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return state ^ state >> 29
  }
}

/// The SHA-256 of numbers as little-endian bytes, as the system's command prints it.
func sha256<T: FixedWidthInteger>(_ values: [T]) throws -> String {
  let folder = TemporaryFolder()
  let path = folder.path + "/numbers"
  try Data(values.withUnsafeBytes { [UInt8]($0) }).write(to: URL(fileURLWithPath: path))
  let text = String(decoding: try #require(output(of: "sha256sum", [path])), as: UTF8.self)
  return String(text.prefix(64))
}

extension [UInt8] {
  /// Little-endian.
  static func words<T: FixedWidthInteger>(_ values: [T]) -> [UInt8] {
    values.flatMap { value in Swift.withUnsafeBytes(of: value.littleEndian) { [UInt8]($0) } }
  }
}

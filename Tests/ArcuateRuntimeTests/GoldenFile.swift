import Arcuate
import ArcuateTestSupport
import Foundation
import Testing

/// A number of 64 bits that changes with whatever was added, in order.
///
/// FNV-1a over words, with a shift so that high bits reach the low ones.
struct Sum {
  var value: UInt64 = 0xCBF2_9CE4_8422_2325
  /// Whether no number but zero was added.
  var isSilent = true
  /// Whether some number is none, whose bits nobody promises.
  var hasNaN = false

  var hex: String {
    let digits = String(value, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }

  mutating func add(_ word: UInt64) {
    value = (value ^ word) &* 0x100_0000_01B3
    value ^= value >> 32
  }
  mutating func add(_ numbers: [Float]) {
    add(UInt64(numbers.count))
    for number in numbers {
      add(UInt64(number.bitPattern))
      if number != 0 { isSilent = false }
      if number.isNaN { hasNaN = true }
    }
  }
  mutating func add(_ rows: [[Float]]) {
    add(UInt64(rows.count))
    for row in rows { add(row) }
  }
  mutating func add(_ rows: [[UInt64]]) {
    add(UInt64(rows.count))
    for row in rows { for word in row { add(word) } }
  }
  /// Bytes as little-endian words, the last one filled up with zeros.
  mutating func add(_ bytes: [UInt8]) {
    add(UInt64(bytes.count))
    let whole = bytes.count & ~7
    bytes.withUnsafeBytes { raw in
      for at in stride(from: 0, to: whole, by: 8) {
        add(UInt64(littleEndian: raw.loadUnaligned(fromByteOffset: at, as: UInt64.self)))
      }
    }
    var last: UInt64 = 0
    for (i, byte) in bytes[whole...].enumerated() { last |= UInt64(byte) << UInt64(8 * i) }
    add(last)
  }
  mutating func add(_ text: String) { add(Array(text.utf8)) }
}

/// The lines of Tests/golden/expected.txt, by their names.
enum GoldenFile {
  static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().appendingPathComponent("golden")
  static let path = folder.appendingPathComponent("expected.txt")

  static func read() -> [String: String] {
    guard let text = try? String(contentsOf: path, encoding: .utf8) else { return [:] }
    var lines: [String: String] = [:]
    for line in text.split(separator: "\n") where !line.hasPrefix("#") {
      guard let colon = line.range(of: ": ") else { continue }
      lines[String(line[..<colon.lowerBound])] = String(line[colon.upperBound...])
    }
    return lines
  }

  /// What is to be compared with: the file as it is, or as it is after it was written.
  static func settled(_ cases: Cases, recording: String?) -> [String: String] {
    var lines = read()
    guard let recording else { return lines }
    let set = Library.instructions
    let keyed = ["explain", "ways", "fast"].map { "\($0) \(set) " }
    let common = ["exact ", "learn ", "file "]
    let replaced = recording == "explain" ? [keyed[0]] : keyed + common
    func isReplaced(_ key: String) -> Bool { replaced.contains { key.hasPrefix($0) } }
    lines = lines.filter { !isReplaced($0.key) }
    for (key, columns) in cases.lines where isReplaced(key) { lines[key] = columns }
    let head = "# Hashes of what networks give; written and explained by GoldenTests.swift.\n"
    let text = head + lines.map { "\($0.key): \($0.value)\n" }.sorted().joined()
    do {
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      try text.write(to: path, atomically: true, encoding: .utf8)
      // Of one instruction set, so that the file says the same whoever records last.
      if Library.usesBestInstructions {
        try cases.texts.joined(separator: "\n").write(
          to: folder.appendingPathComponent("explain.txt"), atomically: true, encoding: .utf8)
      }
    } catch { Issue.record("\(path.path): \(error)") }
    return lines
  }
}

import ArcuateCore
import Foundation
import Testing

@testable import ArcuateData

/// Damaged recordings end in events or an error, whatever the cut, and never in more events than
/// their bytes can hold.
@Suite struct EventHostileTests {
  /// The inputs that fuzzing starts from.
  static let seeds: [(name: String, bytes: [UInt8])] = {
    let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent().appending(path: "fuzz/corpus")
    let folders = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
    return folders.sorted().filter { $0.hasPrefix("events") }.flatMap { name in
      let path = folder.appending(path: name)
      let files = (try? FileManager.default.contentsOfDirectory(atPath: path.path)) ?? []
      return files.sorted().compactMap { file in
        (try? Data(contentsOf: path.appending(path: file))).map { ("\(name)/\(file)", [UInt8]($0)) }
      }
    }
  }()

  @Test func everyFormatHasASeed() throws {
    for format in EventFormat.allCases {
      let seed = try #require(Self.seeds.first { $0.name == "events-\(format.rawValue)/small" })
      let events = try decode(seed.bytes)
      #expect(events.header?.format == format)
      #expect(events.count > 0, "\(format)")
    }
  }

  @Test(arguments: EventFormat.allCases)
  func damagedFilesAreReadTheSameInAnyCut(_ format: EventFormat) throws {
    var random = SeededNumbers(state: 5)
    let seeds = Self.seeds.filter { $0.name.hasPrefix("events-\(format.rawValue)/") }
    for round in 0..<400 {
      var bytes = try #require(seeds.randomElement(using: &random)).bytes
      for _ in 0..<Int.random(in: 1...6, using: &random) where !bytes.isEmpty {
        let at = Int.random(in: 0..<bytes.count, using: &random)
        switch Int.random(in: 0..<4, using: &random) {
        case 0: bytes[at] = UInt8.random(in: 0...255, using: &random)
        case 1: bytes[at] = [0, 255, 128, 127].randomElement(using: &random)!
        case 2: bytes.removeSubrange(at..<min(bytes.count, at + Int(random.next() % 9)))
        default: bytes.insert(contentsOf: bytes[at...].prefix(Int(random.next() % 40)), at: at)
        }
      }
      let options = EventOptions(format: random.next() % 4 == 0 ? nil : format)
      let whole = Result { try decode(bytes, options) }
      let parts = Result { try decode(bytes, options, capacity: 64, cut: { 3 }) }
      switch (whole, parts) {
      case (.success(let a), .success(let b)):
        #expect(a == b, "round \(round)")
        #expect(a.count <= 6 * bytes.count || format == .aedat4)
      case (.failure(let a), .failure(let b)): #expect("\(a)" == "\(b)", "round \(round)")
      default: Issue.record("round \(round): \(whole) and \(parts)")
      }
    }
  }
}

import ArcuateCore
import ArcuateModel
import ArcuateTestSupport
import Foundation
import Testing

@testable import ArcuateData
@testable import ArcuateFormats

/// Untrusted files: every result is a model or an error with a location, never a trap.
@Suite struct HostileTests {
  /// Change it to try others; a failure names what was done to which file.
  static let seed: UInt64 = 20_261_124

  /// Reads and checks; returns whether a model came out.
  static func survives(_ bytes: [UInt8], _ what: @autoclosure () -> String) -> Bool {
    do {
      let (model, _) = try ModelFile.parse(Bytes(bytes))
      _ = model.check()
      return true
    } catch {
      if error.message.isEmpty || error.location?.isEmpty != false,
        error.code != .unsupportedFormat
      {
        Issue.record("\(what()): no location in \"\(error)\"")
      }
      return false
    }
  }

  static func published() throws -> [(name: String, bytes: [UInt8])] {
    try dataFiles("nir", ".nir").map { ($0, try Files.read("\(dataFolder!)/nir/\($0)").array) }
  }

  /// Every length below the whole, or about `tries` of them if there are more than 64 kB.
  static func lengths(_ bytes: [UInt8], tries: Int) -> StrideTo<Int> {
    stride(from: 0, to: bytes.count, by: bytes.count > 64_000 ? bytes.count / tries | 1 : 1)
  }

  /// Flips one to four bits at a time; returns how many files were still readable.
  static func flip(_ name: String, _ bytes: [UInt8], rounds: Int, stream: UInt32) -> Int {
    let random = CounterRandom(seed: seed)
    var models = 0
    var damaged = bytes
    for round in 0..<rounds {
      let words = (0..<3).map { random.words(stream: stream, step: UInt64(round), index: $0) }
      var places: [Int] = []
      for i in 0...Int(words[0][0] & 3) {
        let bit = Int(words[1][i]) % (8 * bytes.count)
        damaged[bit / 8] ^= 1 << (bit % 8)
        places.append(bit)
      }
      if survives(damaged, "\(name), bits \(places) flipped, seed \(seed), round \(round)") {
        models += 1
      }
      for bit in places { damaged[bit / 8] = bytes[bit / 8] }
    }
    return models
  }

  @Test(.enabled(if: dataFolder != nil, "needs ARCUATE_DATA"))
  func publishedFilesCutShort() throws {
    for (name, bytes) in try Self.published() {
      for length in Self.lengths(bytes, tries: 1000) {
        let what = "\(name) cut to \(length) bytes"
        if Self.survives(Array(bytes[..<length]), what) { Issue.record("read: \(what)") }
      }
    }
  }

  @Test(.enabled(if: dataFolder != nil, "needs ARCUATE_DATA"))
  func publishedFilesWithBitsFlipped() throws {
    let files = try Self.published()
    let small = files.count { $0.bytes.count <= 64_000 }
    var (models, rounds) = (0, 0)
    for (i, (name, bytes)) in files.enumerated() {
      // The check looks at every weight: large files get fewer rounds.
      let share = bytes.count > 64_000 ? 100 : 10_000 / small + 1
      models += Self.flip(name, bytes, rounds: share, stream: UInt32(i))
      rounds += share
    }
    print("seed \(Self.seed): \(models) of \(rounds) damaged .nir files were readable")
    #expect(models > 0)
  }

  @Test func ownFilesCutShort() throws {
    let nir = try NIRFile.encode(Samples.wire)
    let tensors = try SafetensorsFile.encode(Samples.small)
    for (name, bytes) in [("own .nir", nir), ("own .safetensors", tensors)] {
      for length in bytes.indices {
        let what = "\(name) cut to \(length) bytes"
        if Self.survives(Array(bytes[..<length]), what) { Issue.record("read: \(what)") }
      }
    }
  }

  /// Cut files whose superblock was made to agree, so that the loss is found only later.
  @Test func filesCutShortThatDenyIt() throws {
    var files = [("own .nir", try NIRFile.encode(Samples.nir))]
    files += try Self.published().map { ($0.name, $0.bytes) }
    for (name, bytes) in files {
      let step = max(1, bytes.count / 200) | 1
      for length in stride(from: 96, to: bytes.count, by: step) {
        var cut = Array(bytes[..<length])
        for i in 0..<8 { cut[40 + i] = UInt8(truncatingIfNeeded: length >> (8 * i)) }
        _ = Self.survives(cut, "\(name) cut to \(length) bytes, and saying so")
      }
    }
  }

  @Test func ownFilesWithBitsFlipped() throws {
    let files: [(name: String, bytes: [UInt8], rounds: Int)] = [
      ("small .safetensors", try SafetensorsFile.encode(Samples.small), 10_000),
      ("large .safetensors", try SafetensorsFile.encode(Samples.extended), 300),
      ("small .nir", try NIRFile.encode(Samples.small), 2000),
      ("large .nir", try NIRFile.encode(Samples.nir), 300),
    ]
    for (i, (name, bytes, rounds)) in files.enumerated() {
      let models = Self.flip(name, bytes, rounds: rounds, stream: UInt32(100 + i))
      print("seed \(Self.seed): \(models) of \(rounds) damaged \(name) files were readable")
      #expect(models > 0)
    }
  }

  /// Every byte of the header in turn is made the largest it can be.
  @Test func everyHeaderByteMadeLarge() throws {
    let tensors = try SafetensorsFile.encode(Samples.wire)
    let nir = try NIRFile.encode(Samples.wire)
    for (name, bytes) in [("safetensors", tensors), ("nir", nir)] {
      for i in bytes.indices {
        var damaged = bytes
        damaged[i] = 0xFF
        _ = Self.survives(damaged, "\(name) with byte \(i) at 255")
        // Eight bytes: most numbers of both formats, and aligned in one of them.
        guard i % 4 == 0 else { continue }
        for j in i..<min(i + 8, bytes.count) { damaged[j] = j == i + 7 ? 0x7F : 0xFF }
        _ = Self.survives(damaged, "\(name) with bytes from \(i) made large")
      }
    }
  }

  @Test func recordingsCutAndDamaged() throws {
    let random = CounterRandom(seed: Self.seed)
    for round in 0..<10_000 {
      let words = random.words(stream: 0, step: UInt64(round), index: 0)
      let bytes = (0..<Int(words[0] % 64)).map { i in
        // Small numbers, so that many records are sound, with some of any size.
        let word = random.words(stream: 1, step: UInt64(round), index: UInt32(i))
        return UInt8(truncatingIfNeeded: word[0] & 15 == 0 ? word[1] : word[1] % 34)
      }
      do {
        let recording = try NMNISTFile.parse(Bytes(bytes)).recording
        _ = try recording.events(microsecondsPerStep: 1000, steps: 300)
      } catch {
        #expect(error.location?.hasPrefix("record ") == true)
      }
    }
  }
}

import ArcuateCore
import ArcuateTestSupport
import Foundation
import Testing

@testable import ArcuateData
@testable import ArcuateFormats

/// Files that Kaldi itself wrote.
@Suite struct KaldiRecordingTests {
  static var tests: String { dataFolder! + "/kaldi/kaldi-io-for-python/tests/data" }

  static func entries(_ path: String) throws -> [(key: String, value: KaldiValue)] {
    let reader = try KaldiTableReader("ark:\(path)")
    var entries: [(String, KaldiValue)] = []
    while let entry = try reader.next() { entries.append(entry) }
    return entries
  }

  @Test(.enabled(if: dataFolder != nil, "needs ARCUATE_DATA"))
  func alignmentsInBinaryAndText() throws {
    let binary = try Self.entries(Self.tests + "/ali.ark")
    let text = try Self.entries(Self.tests + "/ali_ascii.ark")
    #expect(binary.count > 0)
    #expect(binary.map(\.key) == text.map(\.key))
    #expect(binary.map(\.value) == text.map(\.value))
  }

  @Test(.enabled(if: dataFolder != nil, "needs ARCUATE_DATA"))
  func confidencesInBinaryAndText() throws {
    let binary = try Self.entries(Self.tests + "/conf.ark")
    let text = try Self.entries(Self.tests + "/conf_ascii.ark")
    #expect(binary.count > 0 && binary.count == text.count)
    for (b, t) in zip(binary, text) {
      guard case .vector(let x) = b.value, case .vector(let y) = t.value else {
        Issue.record("\(b.key) is not a vector")
        continue
      }
      #expect(b.key == t.key && x.count == y.count)
      // Text has seven digits.
      #expect(zip(x, y).allSatisfy { abs($0 - $1) <= 1e-6 * max(1, abs($0)) })
    }
  }

  @Test(.enabled(if: dataFolder != nil, "needs ARCUATE_DATA"))
  func compressedFeaturesAreNearThePlain() throws {
    let plain = try Self.entries(Self.tests + "/feats.ark")
    let compressed = try Self.entries(Self.tests + "/feats_compressed.ark")
    #expect(plain.count > 0 && plain.map(\.key) == compressed.map(\.key))
    for (p, c) in zip(plain, compressed) {
      guard case .matrix(let x) = p.value, case .matrix(let y) = c.value else {
        Issue.record("\(p.key) is not a matrix")
        continue
      }
      #expect(x.rows == y.rows && x.columns == y.columns)
      let range = x.values.max()! - x.values.min()!
      #expect(zip(x.values, y.values).allSatisfy { abs($0 - $1) < 0.02 * range })
    }
  }

  /// Alignments have a number for every frame of the features of their key.
  @Test(.enabled(if: dataFolder != nil, "needs ARCUATE_DATA"))
  func alignmentsOfAn4() throws {
    let folder = dataFolder! + "/an4-kaldi"
    for part in ["train", "test"] {
      let lines = try String(contentsOfFile: "\(folder)/\(part)/utt2num_frames", encoding: .utf8)
      var frames: [Substring: Int] = [:]
      for line in lines.split(separator: "\n") {
        let words = line.split(separator: " ")
        frames[words[0]] = Int(words[1])
      }
      let reader = try KaldiTableReader(
        "ark:\(folder)/gmm/pdf_\(part).ark", expecting: .integers)
      var count = 0
      while let (key, value) = try reader.next() {
        guard case .integers(let pdfs) = value else { continue }
        #expect(pdfs.count == frames[key[...]] && pdfs.allSatisfy { (0..<464).contains($0) })
        count += 1
      }
      #expect(count > 0 && count <= frames.count)
      print("\(part): \(count) of \(frames.count) utterances have an alignment")
    }
  }

  @Test(.enabled(if: dataFolder != nil, "needs ARCUATE_DATA"))
  func everyFrameOfAn4() throws {
    for part in ["train", "test"] {
      let folder = dataFolder! + "/an4-kaldi/\(part)"
      let lengths = try String(contentsOfFile: folder + "/utt2num_frames", encoding: .utf8)
      let reader = try KaldiTableReader("ark:\(folder)/feats.ark", expecting: .matrix)
      for line in lengths.split(separator: "\n") {
        let words = line.split(separator: " ")
        guard let (key, value) = try reader.next(), case .matrix(let matrix) = value else {
          Issue.record("\(words[0]) is missing")
          return
        }
        #expect(key == words[0] && matrix.rows == Int(words[1])! && matrix.columns == 40)
        #expect(matrix.values.allSatisfy { $0.isFinite })
      }
      #expect(try reader.next() == nil)
    }
  }

  @Test(.enabled(if: dataFolder != nil, "needs ARCUATE_DATA"))
  func inputsAndOutputsOfNnet3() throws {
    let folder = dataFolder! + "/kaldi/nnet3-tract"
    var count = 0
    for model in try FileManager.default.contentsOfDirectory(atPath: folder) {
      for name in ["input.ark", "output.ark"] {
        let path = "\(folder)/\(model)/\(name)"
        guard FileManager.default.fileExists(atPath: path) else { continue }
        let entries = try Self.entries(path)
        #expect(entries.count == 1 && entries[0].value.kind == .matrix, "\(path)")
        count += 1
      }
    }
    #expect(count >= 31)
  }

  /// Every Kaldi-written sample, cut at many places.
  @Test(
    .enabled(if: dataFolder != nil, "needs ARCUATE_DATA"),
    arguments: ["feats_compressed.ark", "ali.ark", "conf.ark", "feats.ark"])
  func cutShort(_ name: String) throws {
    let bytes = try Files.read(Self.tests + "/" + name).array
    var whole = 0
    for length in stride(from: 1, to: bytes.count, by: 97) {
      do {
        _ = try KaldiSamples.read(Array(bytes[..<length]))
        whole += 1
      } catch { #expect(error is ArcuateError) }
    }
    // Only a cut between two entries goes unnoticed.
    #expect(whole <= 2)
  }
}

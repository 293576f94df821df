import Arcuate
import ArcuateData
import ArcuateTestSupport
import Foundation
import Testing

/// Real recordings of digits through the convolutional network of the NIR paper.
@Suite(.enabled(if: dataFolder != nil, "needs ARCUATE_DATA"))
struct NMNISTTests {
  /// The members of the archive, by file name: bytes of a `tar`, 512 to a block.
  static let files: [String: ArraySlice<UInt8>] = {
    let archive = dataFolder! + "/nmnist-small/NMNISTsmall.tar.xz"
    guard let tar = output(of: "xz", ["-dc", archive]) else { return [:] }
    var files: [String: ArraySlice<UInt8>] = [:]
    var at = 0
    while at + 512 <= tar.count, tar[at] != 0 {
      let name = String(decoding: tar[at..<at + 100].prefix { $0 != 0 }, as: UTF8.self)
      let digits = String(decoding: tar[at + 124..<at + 136], as: UTF8.self)
      let size = Int(digits.filter(\.isNumber), radix: 8) ?? 0
      files[String(name.split(separator: "/").last ?? "")] = tar[at + 512..<at + 512 + size]
      at += 512 + (size + 511) / 512 * 512
    }
    return files
  }()

  static func recording(_ name: String) throws -> EventRecording {
    let (recording, findings) = try NMNISTFile.parse(Bytes(Array(try #require(files[name]))))
    #expect(findings.isEmpty)
    return recording
  }

  @Test func everyRecordingIsRead() throws {
    let names = Self.files.keys.filter { $0.hasSuffix(".bs2") }
    #expect(names.count == 1100)
    var total = 0
    for name in names { total += try Self.recording(name).changes.count }
    #expect(total == 4_518_827)
  }

  /// Recordings of a list with what they show.
  static func samples(_ list: String) throws -> [(file: String, label: Int)] {
    String(decoding: try #require(files[list]), as: UTF8.self).split(whereSeparator: \.isNewline)
      .compactMap { line in
        let fields = line.split(whereSeparator: \.isWhitespace)
        guard fields.count == 2, let label = Int(fields[1]) else { return nil }
        return ("\(fields[0]).bs2", label)
      }
  }

  static func network(_ preset: NeuronSemantics.Preset) throws -> Model {
    var model = try ModelFile.read(dataFolder! + "/nir/paper/02_cnn/cnn_sinabs.nir").model
    model.semantics = NeuronSemantics(preset)
    return model
  }

  /// How many of the hundred test recordings are recognised. The binning is that of the paper:
  /// counts in windows of 1 ms from the first event on.
  static func right(_ model: Model) throws -> Int {
    let samples = try samples("test100.txt")
    #expect(samples.count == 100)
    var options = CompileOptions()
    options.dt_s = 1e-3
    options.batch = 10
    options.threads = 2
    let session = try model.compile(options).makeSession()
    var right = 0
    for start in stride(from: 0, to: samples.count, by: 10) {
      var events: [Event] = []
      for b in 0..<10 {
        events += try recording(samples[start + b].file).events(
          microsecondsPerStep: 1000, steps: 300, stream: UInt16(b))
      }
      events.sort { $0.step < $1.step }
      session.reset()
      var counts = [[Float]](repeating: [Float](repeating: 0, count: 10), count: 10)
      for event in try session.runEvents(events, steps: 300) {
        counts[Int(event.stream)][Int(event.index)] += event.value
      }
      for b in 0..<10 {
        let best = counts[b].indices.max { counts[b][$0] < counts[b][$1] }
        if best == samples[start + b].label { right += 1 }
      }
    }
    return right
  }

  @Test(arguments: [NeuronSemantics.Preset.norse, .snntorch])
  func theNetworkKnowsTheDigits(preset: NeuronSemantics.Preset) throws {
    let right = try Self.right(Self.network(preset))
    print("float32, \(preset): \(right) of 100 digits")
    #expect(right >= 97, "\(right) of 100 digits")
  }

  /// Ten recordings of the training set, side by side as frames of one step.
  static func calibration() throws -> SampleFrames {
    let (steps, streams, size) = (300, 10, 2 * 34 * 34)
    var values = [Float](repeating: 0, count: steps * streams * size)
    for (b, sample) in try samples("train1K.txt").prefix(streams).enumerated() {
      for event in try recording(sample.file).events(microsecondsPerStep: 1000, steps: steps) {
        values[(Int(event.step) * streams + b) * size + Int(event.index)] += event.value
      }
    }
    var options = CompileOptions()
    options.dt_s = 1e-3
    options.batch = streams
    return SampleFrames(frames: steps, inputs: [values], options: options)
  }

  @Test(arguments: ["bfloat16", "int8", "int8, calibrated"])
  func narrowWeightsKnowThem(kind: String) throws {
    var options = QuantizationOptions()
    if kind.hasSuffix("calibrated") { options.calibration = try Self.calibration() }
    let (model, report) = try Self.network(.snntorch)
      .quantized(to: kind == "bfloat16" ? .bfloat16 : .int8, options)
    #expect(report.nodes.allSatisfy { $0.after == report.element && $0.weightError < 0.02 })
    let right = try Self.right(model)
    print("\(kind): \(right) of 100 digits\n\(report)")
    #expect(right >= 96, "\(right) of 100 digits")
  }
}

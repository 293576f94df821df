import Arcuate
import ArcuateTestSupport
import Foundation
import Testing

/// A recurrent network on one touched letter: hidden spikes of the NIR paper's simulators.
@Suite(.enabled(if: dataFolder != nil, "needs ARCUATE_DATA"))
struct BrailleRecordingTests {
  /// 12 channels of 256 time bits, most significant first: the sample that was recorded.
  static let sample = [
    "0000000000000000000000000000000000000000000000000000000000000000",
    "00006b41f003e0680a00841ff87e1ffc00000000fc3ff8020280006b43ff8000",
    "01a008001080a0080202fc3ff81a1ffc3ff80a0ffc1b08020f83e0b841ff82e0",
    "000000000000000000000000f80a00a400000000840d28020000a02801bb8000",
    "002000401280a00000008401081a068005280000000000000000000001bb8000",
    "00a00a41bf8000000002943ff83e1ffc01000000000000000b82e00001ff8000",
    "00a00040db82e0282e0fdc1ff80a1ffc3ff87e0ffc1b282e0f82e02841ff80a0",
    "00000000000001f87e000001680a0280000000000000000000000000009f87e0",
    "00000000000000003e0f80000000000000000000000000000000000000000000",
    "0000000000000000000000000000000000000000000000000000000000000000",
    "01a02a401280a008020ffc1f0802068000281a00003ff83e0080000800128020",
    "00000000000000000000000d68000000000000000000681a0000000000000000",
  ]

  static var input: [Float] {
    var frames = [Float](repeating: 0, count: 256 * 12)
    for (channel, digits) in sample.enumerated() {
      for (d, digit) in digits.enumerated() {
        let bits = Int(String(digit), radix: 16)!
        for b in 0..<4 where bits >> (3 - b) & 1 == 1 { frames[(4 * d + b) * 12 + channel] = 1 }
      }
    }
    return frames
  }

  static func hidden(
    _ file: String, _ preset: NeuronSemantics.Preset, node: String = "lif1.lif",
    reset: NeuronSemantics.Reset? = nil, frames: [Float] = input
  ) throws -> (hidden: [Float], output: [Float]) {
    var model = try ModelFile.read(dataFolder! + "/nir/paper/03_rnn/" + file).model
    model.semantics = NeuronSemantics(preset)
    if let reset { model.semantics.reset = reset }
    var options = CompileOptions()
    options.dt_s = 1e-4
    let session = try model.compile(options).makeSession()
    let probe = try session.makeProbe(node, capacity: 256)
    let output = try session.run(frames: 256, [frames])[0]
    return (probe.values(), output)
  }

  static func recording(_ name: String) throws -> [Float] {
    let array = try #require(NumpyArray(path: dataFolder! + "/nir/paper/03_rnn/\(name).npy"))
    #expect(array.shape[0] == 256)
    return array.values
  }

  @Test(arguments: [
    ("braille_noDelay_bias_zero.nir", "snntorch", "snntorch_activity_noDelay_bias_zero"),
    ("braille_noDelay_bias_zero.nir", "norse", "norse_activity_noDelay_bias_zero"),
    ("braille_noDelay_noBias_subtract.nir", "spyx", "spyx_activity_noDelay_noBias_subtract"),
  ])
  func noSpikeDiffers(file: String, preset: String, recording: String) throws {
    let own = try Self.hidden(file, NeuronSemantics.Preset(rawValue: preset)!).hidden
    let theirs = try Self.recording(recording)
    #expect(zip(own, theirs).filter { $0 != $1 }.count == 0)
    #expect(theirs.reduce(0, +) > 100)
  }

  /// The files whose nested graph names nodes that are not there run as their flat versions do.
  @Test func nestedGraphsEqualFlatOnes() throws {
    for name in ["bias_zero", "noBias_subtract"] {
      let flat = try Self.hidden("braille_noDelay_\(name).nir", .snntorch)
      let nested = try Self.hidden(
        "extras/braille_noDelay_\(name)_subgraph.nir", .snntorch, node: "lif1/lif1")
      #expect(flat.hidden == nested.hidden)
      #expect(flat.output == nested.output)
    }
  }

  @Test func outputCountsAreThePublishedOnes() throws {
    let output = try Self.hidden("braille_noDelay_bias_zero.nir", .snntorch).output
    let counts = (0..<7).map { c in (0..<256).reduce(0) { $0 + Int(output[$1 * 7 + c]) } }
    #expect(counts == [10, 160, 112, 113, 103, 68, 121])
  }

  /// Rockpool kept the state of another sample when this one was recorded: the first half differs
  /// in places, and once that has faded nothing does.
  @Test func rockpoolAgreesOnceItsPastHasFaded() throws {
    let own = try Self.hidden("braille_noDelay_noBias_subtract.nir", .rockpool).hidden
    let theirs = try Self.recording("rockpool_activity_noDelay_noBias_subtract")
    let differing = own.indices.filter { own[$0] != theirs[$0] }.map { $0 / 40 }
    #expect(differing.count < 40 && differing.max()! < 120, "\(differing)")
    #expect(theirs[(120 * 40)...].reduce(0, +) > 40)
  }
}

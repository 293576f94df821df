import Arcuate
import ArcuateTestSupport
import Foundation
import Testing

/// One neuron, 34 input spikes, 1000 steps: the traces of the NIR paper's simulators.
/// Source. Pedersen et al., Nature Communications 15, 8122 (2024), figure 3.
@Suite(.enabled(if: dataFolder != nil, "needs ARCUATE_DATA"))
struct LIFRecordingTests {
  /// What each simulator is known to do; the step by which its recording lags is that of its
  /// process model.
  static let recordings: [(file: String, preset: NeuronSemantics.Preset)] = [
    ("norse", .norse), ("snntorch", .snntorch), ("spinnaker2", .spinnaker2),
    ("lava_cpu_float", .lava), ("rockpool", .rockpool), ("sinabs", .sinabs), ("nengo", .nengo),
  ]

  @Test(arguments: recordings.indices)
  func reproduces(_ index: Int) throws {
    let (file, preset) = Self.recordings[index]
    let folder = dataFolder! + "/nir/paper/01_lif/"
    let text = try String(contentsOfFile: folder + "lif_\(file).csv", encoding: .utf8)
    let rows = text.split(separator: "\n").map { $0.split(separator: ",").map { Double($0)! } }
    #expect(rows.count == 1000)
    var model = try ModelFile.read(folder + "lif_norse.nir").model
    model.semantics = NeuronSemantics(preset)
    var options = CompileOptions()
    options.dt_s = 1e-4
    let session = try model.compile(options).makeSession()
    let probe = try session.makeProbe("1", .membrane, capacity: 1000)
    let input = try String(contentsOfFile: folder + "lif_norse.csv", encoding: .utf8)
      .split(separator: "\n").map { $0.split(separator: ",").map { Float($0)! }[0] }
    let spikes = try session.run(frames: 1000, [input])[0]
    let recorded = rows.indices.filter { rows[$0][2] != 0 }
    #expect(spikes.indices.filter { spikes[$0] != 0 } == recorded)
    // Simulators scale the membrane differently, so each trace is divided by its largest value;
    // a simulator whose spikes lag by a step also shows its membrane then or one step earlier.
    let own = probe.values()
    let top = Double(own.max()!)
    let theirTop = rows.map { $0[1] }.max()!
    let errors = [0, 1].map { lag in
      (0..<(1000 - lag)).map { abs(Double(own[$0]) / top - rows[$0 + lag][1] / theirTop) }.max()!
    }
    #expect(errors.min()! < 1e-6, "largest difference \(errors)")
  }
}

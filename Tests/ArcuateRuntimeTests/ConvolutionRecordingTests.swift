import Arcuate
import ArcuateTestSupport
import Foundation
import Testing

/// The first layer of the N-MNIST network, as Norse ran it: 300 steps of ten digits.
@Suite(.enabled(if: dataFolder != nil, "needs ARCUATE_DATA"))
struct ConvolutionRecordingTests {
  @Test func firstLayerEqualsNorse() throws {
    let folder = dataFolder! + "/nir/"
    func array(_ name: String) throws -> NumpyArray {
      let bytes = try #require(output(of: "xz", ["-dc", folder + "rebuilt/\(name).npy.xz"]))
      return try #require(NumpyArray(bytes))
    }
    let input = try array("cnn_numbers")
    let theirs = try array("Norse_activity")
    #expect(input.shape == [300, 10, 2, 34, 34] && theirs.shape == [300, 10, 16, 16, 16])
    var model = try ModelFile.read(folder + "paper/02_cnn/cnn_sinabs.nir").model
    model.semantics = NeuronSemantics(.norse)
    var options = CompileOptions()
    options.dt_s = 1e-4
    options.batch = 10
    options.threads = 2
    let session = try model.compile(options).makeSession()
    let probe = try session.makeProbe("1", capacity: 300)
    _ = try session.run(frames: 300, [input.values])
    let own = probe.values()
    #expect(theirs.values.reduce(0, +) == 49711)
    #expect(own.reduce(0, +) == 49711)
    #expect(own == theirs.values)
  }
}

import Arcuate
import Testing

@Suite struct LIFTests {
  @Test func norse() throws {
    var lif = Neuron(.lif, tauMembrane: Tensor(scalar: 0.0025), leak: Tensor(scalar: 0), threshold: Tensor(scalar: 0.1), resetValue: Tensor(scalar: 0))
    lif.semantics = nil
    var model = Model.chain([
      ("in", .input(shape: [1])), ("w", .linear(Linear(weight: try Tensor([1], shape: [1, 1])))),
      ("lif", .neuron(lif)), ("out", .output(shape: [1]))])
    model.dt_s = 1e-4
    model.semantics = NeuronSemantics(.norse)
    let on = Set([60, 220, 270, 310, 320, 350, 370, 400, 410, 430, 440, 450, 460, 470, 480, 490, 500, 510, 520, 530, 670, 680, 690, 700, 710, 720, 730, 740, 750, 760, 770, 780, 840, 850])
    let session = try model.compile().makeSession()
    let out = try session.run(frames: 1000, [(0..<1000).map { on.contains($0) ? 1 : 0 }])
    #expect(out[0].indices.filter { out[0][$0] != 0 } == [460, 510, 710, 760])
  }
}

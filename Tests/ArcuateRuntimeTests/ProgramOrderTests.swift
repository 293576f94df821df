import Arcuate
import Testing

/// Programs in which the index of a neuron is part of the result.
@Suite struct ProgramOrderTests {
  /// Behind a convolution rows have the channel last, and random numbers and winners went by it.
  @Test(arguments: ["value = uniform() + 0 * x", "spike = winners(0 * x, 4)"])
  func anotherOrderInMemoryGaveOtherRandomNumbersAndWinners(_ text: String) throws {
    let shape: Shape = [3, 6, 5]
    let neuron = ProgramNeuron(try NeuronProgram(text))
    func output(behind op: Operator) throws -> [Float] {
      let model = Model.chain([
        ("in", .input(shape: shape)), ("before", op), ("n", .program(neuron)),
        ("out", .output(shape: shape)),
      ])
      let session = try model.compile().makeSession()
      return try session.run(frames: 2, [[Float](repeating: 1, count: 180)])[0]
    }
    let convolution = Convolution(
      weight: .filled(1, shape: [3, 3, 1, 1]), stride: [1, 1], padding: .explicit([0, 0]),
      dilation: [1, 1])
    #expect(
      try output(behind: .convolution(convolution)) == output(behind: .scale(Tensor(scalar: 1))))
  }
}

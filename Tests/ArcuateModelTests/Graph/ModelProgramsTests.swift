import ArcuateCore
import ArcuateModel
import Testing

@Suite struct ModelProgramsTests {
  private func model(_ op: Operator, shape: Shape = [2, 3]) -> Model {
    var model = Model.chain([
      ("in", .input(shape: shape)), ("n", op), ("out", .output(shape: shape)),
    ])
    model.dt_s = 1e-3
    return model
  }

  private func code(_ body: () throws -> Void) -> ArcuateError.Code? {
    do {
      try body()
      return nil
    } catch {
      return (error as? ArcuateError)?.code
    }
  }

  @Test func aProgramTakesTheParametersOfTheNeuronsItReplaces() throws {
    let lif = Neuron(
      .lif, tauMembrane: .filled(0.02, shape: [2, 3]), leak: Tensor(scalar: 0),
      threshold: Tensor(scalar: 0.5))
    var model = model(.neuron(lif))
    #expect(code { _ = try model.program(of: "n") } == .invalidArgument)
    try model.setProgram(
      "state v\nv = v * exp(-dt / tau) + x\nspike = v > v_threshold\nv = spike ? floor_of_v : v",
      of: "n", parameters: ["floor_of_v": Tensor(scalar: -1)])
    let neuron = try model.program(of: "n")
    #expect(neuron.program.parameterNames == ["tau", "v_threshold", "floor_of_v"])
    #expect(neuron.parameters["tau"] == .filled(0.02, shape: [2, 3]))
    #expect(neuron.parameters["v_threshold"]?.floats == [0.5])
    #expect(neuron.parameters.count == 3)
    #expect(model.check().checked?.shapes[1] == [2, 3])
  }

  @Test func anotherProgramKeepsWhatHasTheSameName() throws {
    let first = ProgramNeuron(
      try NeuronProgram("parameter b = 2\nvalue = a * x + b"),
      parameters: ["a": Tensor(scalar: 3)], seed: 7)
    var model = model(.program(first))
    try model.setProgram("value = a * x - c", of: "n")
    let neuron = try model.program(of: "n")
    #expect(neuron.parameters.mapValues(\.floats) == ["a": [3]])
    #expect(neuron.seed == 7)
    // What has no value is an error of the model until it is set.
    #expect(model.check().checked == nil)
    try model.setParameter("c", of: "n", to: Tensor(scalar: 1))
    #expect(model.check().checked != nil)
  }

  @Test func parametersAreOneNumberOrOneForEachNeuron() throws {
    var model = model(.program(ProgramNeuron(try NeuronProgram("value = a * x + b"))))
    try model.setParameter("a", of: "n", to: [1, 2, 3, 4, 5, 6])
    try model.setParameter("b", of: "n", to: [9])
    #expect(try model.program(of: "n").parameters["a"]?.shape == [2, 3])
    #expect(try model.program(of: "n").parameters["b"]?.shape == .scalar)
    #expect(model.check().checked != nil)
    let before = model
    #expect(code { try model.setParameter("a", of: "n", to: [1, 2, 3]) } == .shapeMismatch)
    #expect(code { try model.setParameter("a", of: "n", to: [Float]()) } == .shapeMismatch)
    #expect(code { try model.setParameter("a", of: "n", to: [.nan]) } == .invalidArgument)
    #expect(code { try model.setParameter("z", of: "n", to: [1]) } == .notFound)
    #expect(code { try model.setParameter("a", of: "m", to: [1]) } == .notFound)
    #expect(code { try model.setParameter("a", of: "in", to: [1]) } == .invalidArgument)
    #expect(model == before)
  }

  @Test func programsThatCannotBeLeaveTheModelUnchanged() throws {
    var model = model(.program(ProgramNeuron(try NeuronProgram("value = x"))))
    let before = model
    #expect(code { try model.setProgram("value = (x", of: "n") } == .malformed)
    #expect(code { try model.setProgram("value = x", of: "m") } == .notFound)
    #expect(code { try model.setProgram("value = x", of: "in") } == .invalidArgument)
    #expect(
      code { try model.setProgram("value = x", of: "n", parameters: ["a": Tensor(scalar: 1)]) }
        == .notFound)
    #expect(model == before)
    do {
      try model.setProgram("state v\nvalue = (x", of: "n")
    } catch {
      #expect(
        error.description == "program: line 2, column 11: expected \")\", not the end of the line")
    }
  }
}

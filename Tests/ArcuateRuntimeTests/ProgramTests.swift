import Arcuate
import ArcuateTestSupport
import Testing

/// Neuron programs against an evaluation number by number, and against the neurons of NIR.
@Suite struct ProgramTests {
  static let steps = 7

  static func model(_ op: Operator, _ count: Int, inputs: Int = 1) throws -> Model {
    let shape = try Shape([count])
    var model = Model()
    for k in 0..<inputs { model.nodes.append(.init("in\(k)", .input(shape: shape))) }
    model.nodes += [.init("neurons", op), .init("out", .output(shape: shape))]
    model.edges = (0..<inputs).map { .init("in\($0)", "neurons") } + [.init("neurons", "out")]
    model.dt_s = 1e-3
    return model
  }

  /// [step][neuron]
  static func run(_ model: Model, _ inputs: [[[Float]]], batch: Int = 1) throws -> [[Float]] {
    var options = CompileOptions()
    options.batch = batch
    let session = try model.compile(options).makeSession()
    let outputs = try session.run(
      frames: inputs[0].count, inputs.map { input in input.flatMap { $0 } })
    let width = outputs[0].count / inputs[0].count
    return (0..<inputs[0].count).map { Array(outputs[0][$0 * width..<($0 + 1) * width]) }
  }

  static func rows(_ count: Int, _ stream: UInt32, scale: Float = 2) -> [[Float]] {
    let random = CounterRandom(seed: 3)
    return (0..<steps).map { t in
      (0..<count).map {
        (random.uniform(stream: stream, step: UInt64(t), index: UInt32($0)) * 2 - 0.8) * scale
      }
    }
  }

  static func isSame(_ a: [[Float]], _ b: [[Float]]) -> Bool {
    zip(a, b).allSatisfy { left, right in
      zip(left, right).allSatisfy { $0.bitPattern == $1.bitPattern || ($0.isNaN && $1.isNaN) }
    }
  }

  @Test(arguments: 0..<10) func randomProgramsEqualTheSlowEvaluation(part: Int) throws {
    for seed in part * TestSize.programs..<(part + 1) * TestSize.programs {
      var draw = RandomProgram(seed: UInt64(seed))
      let text = draw.text()
      guard let program = try? NeuronProgram(text) else {
        // More instructions than a program may have; anything else is a mistake of the text.
        #expect(throws: ArcuateError.self) { try NeuronProgram(text) }
        continue
      }
      let count = [1, 15, 17, 40, 259, 300][seed % 6]
      let isWide = seed % 2 == 0
      let neuron = ProgramNeuron(
        program,
        parameters: [
          "p": isWide ? Tensor(vector: ProgramTests.rows(count, 5)[0]) : Tensor(scalar: 0.75),
          "q": Tensor(scalar: 0.4),
        ].filter { program.parameterNames.contains($0.key) }, seed: UInt64(seed))
      let x = ProgramTests.rows(count, UInt32(seed))
      var slow = try SlowProgram(neuron, count: count, dt_s: 1e-3)
      let expected = x.map { slow.step([$0]) }
      let found = try ProgramTests.run(ProgramTests.model(.program(neuron), count), [x])
      #expect(ProgramTests.isSame(found, expected), "seed \(seed):\n\(text)")
    }
  }

  @Test func randomNumbersWinnersAndCountsOfSpikesAreThoseOfTheSlowEvaluation() throws {
    let texts = [
      "state v\nv = 0.5 * v + x + 0.3 * normal()\nspike = v > uniform()\nv = spike ? 0 : v",
      "state v\nv = 0.8 * v + x\nspike = v > 0.5 && winners(v - 0.5, 3)\nv = spike ? 0 : v",
      "state v\nv = 0.8 * v + x - 0.1 * spikes_before\nspike = v > 0.5\nv = spike ? 0 : v",
      "state v\nv = 0.8 * v + x\nw = winners(v, 2)\nz = w ? 2 * v : v\ncount = max(floor(z), 0)",
      "input a, b\nstate v\nv = 0.5 * v + a * b\nvalue = v",
    ]
    for text in texts {
      for count in [1, 16, 300] {
        let neuron = ProgramNeuron(try NeuronProgram(text), seed: 1 << 40 | 9)
        let inputs = neuron.program.inputNames.indices.map { ProgramTests.rows(count, UInt32($0)) }
        var slow = try SlowProgram(neuron, count: count, dt_s: 1e-3, node: inputs.count)
        let expected = (0..<ProgramTests.steps).map { t in slow.step(inputs.map { $0[t] }) }
        let model = try ProgramTests.model(.program(neuron), count, inputs: inputs.count)
        #expect(try ProgramTests.isSame(ProgramTests.run(model, inputs), expected), "\(text) \(count)")
      }
    }
  }

  /// Programs that say what kinds of NIR do.
  static let twins: [(Neuron.Kind, String)] = [
    (
      .integrateAndFire,
      "state v\nv = v + dt * r * x\nspike = v > v_threshold\nv = spike ? v_reset : v"
    ),
    (
      .lif,
      """
      state v
      v = (1 - dt / tau) * v + dt / tau * r * x + dt / tau * v_leak
      spike = v > v_threshold
      v = spike ? v_reset : v
      """
    ),
    (
      .cubaLIF,
      """
      state v, i
      i = (1 - dt / tau_syn) * i + dt / tau_syn * w_in * x
      v = (1 - dt / tau_mem) * v + dt / tau_mem * r * i + dt / tau_mem * v_leak
      spike = v > v_threshold
      v = spike ? v_reset : v
      """
    ),
  ]

  @Test(arguments: twins.indices) func theirBitsAreThoseOfTheNeurons(index: Int) throws {
    let (kind, text) = ProgramTests.twins[index]
    var dice = Dice(4)
    let count = 300
    let neuron = dice.neuron(kind, try Shape([count]))
    let program = try NeuronProgram(text)
    let parameters = Dictionary(
      uniqueKeysWithValues: neuron.parameters.filter { program.parameterNames.contains($0.name) })
    let twin = ProgramNeuron(program, parameters: parameters)
    let x = ProgramTests.rows(count, 2, scale: 20)
    let expected = try ProgramTests.run(ProgramTests.model(.neuron(neuron), count), [x])
    let found = try ProgramTests.run(ProgramTests.model(.program(twin), count), [x])
    #expect(expected.contains { $0.contains(1) })
    #expect(ProgramTests.isSame(found, expected))
  }
}

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
      "state v\nv = 0.8 * v + x\ns = total(v > 0.5)\nspike = v > 0.5 && s < 3\nv = spike ? v - total(v) / 9 : v",
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
        #expect(
          try ProgramTests.isSame(ProgramTests.run(model, inputs), expected), "\(text) \(count)")
      }
    }
  }

  /// Constants are computed in double precision, but number() of one is float32.
  @Test func numberRoundsConstants() throws {
    for (text, expected) in [
      ("value = x * 0 + 0.1 * k", Float(0.1 * 9.0)),
      ("value = x * 0 + number(0.1) * k", Float(0.1) * 9),
    ] {
      let neuron = ProgramNeuron(
        try NeuronProgram(text), parameters: ["k": Tensor(scalar: 9)])
      let found = try ProgramTests.run(ProgramTests.model(.program(neuron), 1), [[[1]]])
      #expect(found == [[expected]])
    }
    #expect(Float(0.1 * 9.0) != Float(0.1) * 9)
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

  /// The neuron as a program.
  static func twin(of neuron: Neuron) throws -> Operator {
    guard let text = twins.first(where: { $0.0 == neuron.kind })?.1 else { return .neuron(neuron) }
    let program = try NeuronProgram(text)
    let known = neuron.parameters.filter { program.parameterNames.contains($0.name) }
    return .program(
      ProgramNeuron(
        program, parameters: Dictionary(uniqueKeysWithValues: known.map { ($0.name, $0.tensor) })))
  }

  /// The outputs of a model in windows, by two threads, and step by step, which are the same.
  static func outputs(_ model: Model, _ input: [Float], frames: Int, watching node: String) throws
    -> [[Float]]
  {
    var all: [[[Float]]] = []
    var counters: [Counters] = []
    for (threads, isWatched) in [(1, false), (2, false), (1, true)] {
      var options = CompileOptions()
      (options.dt_s, options.threads) = (1e-3, threads)
      let session = try model.compile(options).makeSession()
      #expect(session.plan.explain().contains("run in windows"))
      let probe = isWatched ? try session.makeProbe(node, .membrane, capacity: frames) : nil
      all.append(try session.run(frames: frames, [input]))
      counters.append(try session.totalCounters())
      withExtendedLifetime(probe) {}
    }
    #expect(all[1] == all[0], "two threads")
    #expect(all[2] == all[0], "step by step")
    #expect(counters.allSatisfy { $0 == counters[0] })
    return all[0]
  }

  @Test(arguments: 1...6) func cyclesWithDelaysRunInWindows(seed: UInt64) throws {
    let model = Family.population.draw(seed)
    var programs = model
    for i in programs.nodes.indices {
      guard case .neuron(let neuron) = programs.nodes[i].op else { continue }
      programs.nodes[i].op = try ProgramTests.twin(of: neuron)
    }
    guard case .input(let shape) = model.nodes[0].op else { return }
    var dice = Dice(seed)
    let input = (0..<70).flatMap { _ in dice.signal(shape.count, density: 0.5, spikes: false) }
    let expected = try ProgramTests.outputs(model, input, frames: 70, watching: "many")
    let found = try ProgramTests.outputs(programs, input, frames: 70, watching: "many")
    #expect(expected.allSatisfy { $0.contains(1) })
    #expect(found == expected)
  }

  /// Two projections to two inputs are what their sum is to a program that adds them.
  @Test(arguments: [2100, 40]) func inputsOfTheirOwnRunInWindows(count: Int) throws {
    func model(_ text: String) throws -> Model {
      var dice = Dice(3)
      let shape = try Shape([count])
      let density: Float = count > 100 ? 0.005 : 0.3
      let program = ProgramNeuron(try NeuronProgram(text), seed: 5)
      return Model(
        nodes: [
          .init("in", .input(shape: shape)), .init("n", .program(program)),
          .init("a", .sparse(dice.sparse(count, count, density: density, delay_ms: 3...3))),
          .init(
            "b", .sparse(dice.sparse(count, count, density: density, delay_ms: 2...9, each: true))),
          .init("out", .output(shape: shape)),
        ],
        edges: [("in", "n"), ("a", "n"), ("b", "n"), ("n", "a"), ("n", "b"), ("n", "out")].map {
          .init($0.0, $0.1)
        })
    }
    let rest = "v = 0.9 * v + drive + 0.05 * normal()\nspike = v > 0.5\nv = spike ? 0 : v"
    let one = try model("state v\ndrive = x\n" + rest)
    let three = try model("input x, a, b\nstate v\ndrive = x + a + b\n" + rest)
    var dice = Dice(8)
    let input = (0..<40).flatMap { _ in dice.signal(count, density: 0.3, spikes: false) }
    let expected = try ProgramTests.outputs(one, input, frames: 40, watching: "n")
    let found = try ProgramTests.outputs(three, input, frames: 40, watching: "n")
    #expect(expected[0].contains(1))
    #expect(found == expected)
  }
}

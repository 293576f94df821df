import Arcuate
import ArcuateModel
import ArcuateTestSupport
import Testing

/// Programs of the kinds of NIR: what is generated, what is recognized, and that both are the same.
@Suite struct LinearFormTests {
  /// Semantics that differ in every field that neurons have.
  static let semantics: [NeuronSemantics] = {
    var all: [NeuronSemantics] = []
    for integrator in NeuronSemantics.Integrator.allCases {
      for reset in NeuronSemantics.Reset.allCases {
        for timing in NeuronSemantics.ResetTiming.allCases {
          for bits in 0..<4 {
            var s = NeuronSemantics()
            (s.integrator, s.reset, s.resetTiming) = (integrator, reset, timing)
            s.comparison = bits & 1 == 0 ? .greater : .greaterOrEqual
            s.multiSpike = bits & 2 != 0
            s.spikeTiming = (all.count / 4) % 3 == 0 ? .nextStep : .sameStep
            s.clampsBelow = all.count % 2 == 0
            s.integratorGain = all.count % 3 == 0 ? .r : .dtR
            all.append(s)
          }
        }
      }
    }
    return all
  }()

  static func neuron(_ kind: Neuron.Kind, _ seed: UInt64, count: Int, _ s: NeuronSemantics)
    -> Neuron
  {
    var dice = Dice(seed)
    var neuron = dice.neuron(kind, try! Shape([count]))
    if !kind.leaks, s.integratorGain == .r { neuron.resistance = Tensor(scalar: 1.25) }
    if seed % 3 == 0 { neuron.initial = dice.tensor(try! Shape([count]), -0.2, 0.2) }
    return neuron
  }

  static func run(_ op: Operator, _ s: NeuronSemantics, _ x: [[Float]]) throws -> [[Float]] {
    var model = try ProgramTests.model(op, x[0].count)
    model.semantics = s
    return try ProgramTests.run(model, [x])
  }

  /// The same program with a state that nothing uses, which no kernel of NIR's neurons has.
  static func interpreted(_ neuron: ProgramNeuron) throws -> Operator {
    let program = try NeuronProgram(neuron.program.text + "\nstate unused_1, unused_2")
    return .program(ProgramNeuron(program, parameters: neuron.parameters))
  }

  @Test(arguments: Neuron.Kind.allCases) func everyNeuronIsAProgram(kind: Neuron.Kind) throws {
    let count = 35
    var recognized = 0
    for (n, s) in LinearFormTests.semantics.enumerated() {
      let neuron = LinearFormTests.neuron(kind, UInt64(n), count: count, s)
      let program = neuron.program(s)
      let x = ProgramTests.rows(count, UInt32(n), scale: 3)
      let expected = try LinearFormTests.run(.neuron(neuron), s, x)
      let found = try LinearFormTests.run(LinearFormTests.interpreted(program), s, x)
      #expect(found == expected, "\(s)\n\(program.program.text)")
      let form = LinearForm(program.program)
      if form != nil {
        recognized += 1
        let fused = try ProgramTests.model(.program(program), count)
        let session = try fused.compile().makeSession()
        #expect(session.plan.explain().contains("f32-neuron-step"))
        #expect(try ProgramTests.run(fused, [x]) == expected, "\(program.program.text)")
        // NIR has the neuron again.
        var back = try #require(program.neuron(s), "\(program.program.text)")
        back.semantics = neuron.semantics
        var expected = neuron
        if s.reset == .none { expected.resetValue = nil }
        #expect(back == expected)
      }
    }
    #expect(recognized > 0)
  }

  /// Ways of writing the same, and programs that only look alike.
  @Test func otherWaysOfWriting() throws {
    let same = [
      "state v\nv = x * gain + decay * v\nspike = v > threshold\nv = spike ? 0 : v",
      "state v\nv = gain * x + v * decay\nspike = threshold < v\nv = spike ? reset : v",
      "state v = 0.3\nv = decay * v + x\nspike = v >= threshold\nv -= spike * threshold",
      "state v = 0.3\nv = x + decay * v\nspike = v >= threshold\nv = spike ? v - drop : v",
      "state v\nv += x\nspike = v > threshold",
      "state v, s\ns = decay * s + x\nv = decay * v + gain * s\nspike = v > threshold\nv = spike ? 0 : v",
      "state v, s\nv = decay * v + gain * s + 0.1\ns = decay * s + gain * x\nspike = v > threshold\nv = spike ? 0 : v",
      "state v\nv = decay * v + gain * x + 0.25\nvalue = v",
    ]
    let other = [
      "state v\nv = decay * v - x\nspike = v > threshold\nv = spike ? 0 : v",
      "state v\nv = decay * v + x\nspike = v > threshold\nv = spike ? 0 : 2 * v",
      "state v\nv = decay * v + x\nspike = v > threshold\nv = spike ? v : 0",
      "state v\nspike = v > threshold\nv = decay * v + x",
      "state v\nv = decay * (v + x)\nspike = v > threshold\nv = spike ? 0 : v",
      "state v, s = 1\ns = decay * s + x\nv = decay * v + gain * s\nspike = v > threshold",
      "state s, v\ns = decay * s + x\nv = decay * v + gain * s\nspike = v > threshold\nv = spike ? 0 : v",
      "state v\nv = decay * v + x\nvalue = v\nv = 0.5 * v",
    ]
    var values: [String: Tensor] = [
      "decay": Tensor(scalar: 0.9), "gain": Tensor(scalar: 0.7), "threshold": Tensor(scalar: 1.1),
      "reset": Tensor(scalar: -0.1), "drop": Tensor(scalar: 0.6),
    ]
    values["decay"] = Tensor(vector: ProgramTests.rows(40, 7, scale: 0.4)[0])
    for (texts, isFused) in [(same, true), (other, false)] {
      for text in texts {
        let program = try NeuronProgram(text)
        let neuron = ProgramNeuron(
          program, parameters: values.filter { program.parameterNames.contains($0.key) })
        let model = try ProgramTests.model(.program(neuron), 40)
        let plan = try model.compile()
        #expect(plan.explain().contains("f32-neuron-step") == isFused, "\(text)")
        var slow = try SlowProgram(neuron, count: 40, dt_s: 1e-3)
        let x = ProgramTests.rows(40, 6)
        let expected = x.map { slow.step([$0]) }
        #expect(try ProgramTests.run(model, [x]) == expected, "\(text)")
      }
    }
  }

  /// What a program emits before it sees its input breaks a cycle by itself, as the kinds' does.
  @Test func earlyEmissionBreaksCycles() throws {
    var s = NeuronSemantics()
    s.spikeTiming = .nextStep
    let count = 20
    var dice = Dice(6)
    let neuron = LinearFormTests.neuron(.lif, 1, count: count, s)
    let weight = Linear(weight: dice.tensor(try Shape([count, count]), -0.5, 0.8))
    func model(_ op: Operator) throws -> Model {
      var model = try ProgramTests.model(op, count)
      model.semantics = s
      model.nodes.append(.init("back", .linear(weight)))
      model.edges += [.init("neurons", "back"), .init("back", "neurons")]
      return model
    }
    let x = ProgramTests.rows(count, 3)
    let expected = try ProgramTests.run(model(.neuron(neuron)), [x])
    #expect(expected.contains { $0.contains(1) })
    #expect(try ProgramTests.run(model(.program(neuron.program(s))), [x]) == expected)
  }

  /// A program that is one of NIR's neurons is written as one; another is refused.
  @Test func nirFilesHoldWhatNIRHas() throws {
    let neuron = LinearFormTests.neuron(.cubaLIF, 1, count: 9, NeuronSemantics())
    let model = try ProgramTests.model(.program(neuron.program(NeuronSemantics())), 9)
    let read = try ModelFile.parse(Bytes(NIRFile.encode(model))).model
    #expect(read.nodes.contains { $0.op == .neuron(neuron) })
    let adaptive = try NeuronProgram(
      "state v, a\nv = 0.9 * v + x\nspike = v > 1 + a\na = 0.9 * a + spike")
    let other = try ProgramTests.model(.program(ProgramNeuron(adaptive)), 9)
    let error = #expect(throws: ArcuateError.self) { try NIRFile.encode(other) }
    #expect(error?.code == .notRepresentable)
  }
}

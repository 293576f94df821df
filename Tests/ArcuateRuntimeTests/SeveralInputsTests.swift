import Arcuate
import ArcuateTestSupport
import Testing

/// Nodes that take their inputs one by one: concatenation and multiplication; and normalization.
@Suite struct SeveralInputsTests {
  /// Two layers of spikes beside each other and their input once more, over weights.
  static func skip(_ dice: inout Dice) -> Model {
    var model = Model.chain([
      ("in", .input(shape: [6])),
      ("w", .linear(Linear(weight: dice.tensor([40, 6], -1, 2)))),
      ("a", .neuron(dice.neuron(.lif, [40]))), ("both", .concatenation),
      ("over", .linear(Linear(weight: dice.tensor([9, 70], -1, 1)))), ("out", .output(shape: [9])),
    ])
    model.nodes += [
      .init("v", .linear(Linear(weight: dice.tensor([30, 6], -1, 2)))),
      .init("b", .neuron(dice.neuron(.lif, [30]))),
    ]
    model.edges += [("in", "v"), ("v", "b"), ("b", "both")].map { .init($0.0, $0.1) }
    return model
  }

  /// Spikes stay spikes: they are counted once, summed by events, and priced as additions.
  @Test func spikesStaySpikes() throws {
    var dice = Dice(3)
    let model = Self.skip(&dice)
    let checked = try #require(model.check().checked)
    let both = try #require(checked.model.nodes.firstIndex { $0.name == "both" })
    #expect(checked.signals[both] == .spike && checked.shapes[both] == [70])

    var options = CompileOptions()
    options.dt_s = 1e-3
    let plan = try model.compile(options)
    #expect(plan.explain().contains("40 + 30 along the first axis"))
    let session = try plan.makeSession()
    let probes = try ["a", "b", "both"].map { try session.makeProbe($0, capacity: 50) }
    for _ in 0..<50 { _ = try session.step([dice.signal(6, density: 0.3, spikes: false)]) }
    let (a, b, joint) = (probes[0].values(), probes[1].values(), probes[2].values())
    for t in 0..<50 {
      #expect(
        Array(joint[t * 70..<(t + 1) * 70])
          == Array(a[t * 40..<(t + 1) * 40]) + Array(b[t * 30..<(t + 1) * 30]))
    }
    let spikes = UInt64(joint.count { $0 != 0 })
    #expect(spikes > 50)
    let (over, own) = (try session.counters(of: "over"), try session.counters(of: "both"))
    #expect(over.acs == spikes * 9 && over.macs == 0 && over.denseOperations == 50 * 630)
    #expect(own.spikes == 0 && own.acs == 0 && own.rows == 50)
    #expect(try session.totalCounters().spikes == spikes)
    #expect(session.kernelsUsed().contains(.linearEvents))
  }

  /// A joint of spikes and values carries values, and is priced so.
  @Test func valuesAmongSpikesAreValues() throws {
    var dice = Dice(4)
    var model = Self.skip(&dice)
    model.nodes[model.nodes.firstIndex { $0.name == "over" }!].op = .linear(
      Linear(weight: dice.tensor([9, 76], -1, 1)))
    model.edges.append(.init("in", "both"))
    let checked = try #require(model.check().checked)
    #expect(checked.signals[checked.model.nodes.firstIndex { $0.name == "both" }!] == .value)
    var options = CompileOptions()
    options.dt_s = 1e-3
    let session = try model.compile(options).makeSession()
    _ = try session.step([[0.5, 0.5, 0.5, 0.5, 0.5, 0.5]])
    #expect(try session.counters(of: "over").macs >= 54)
  }

  /// The order of the edges is the order of the parts, through ports of nested graphs too.
  @Test func orderSurvivesNesting() throws {
    let inner = Model(
      nodes: [
        .init("in", .input(shape: [2])), .init("neg", .scale(Tensor(scalar: -1))),
        .init("cat", .concatenation), .init("out", .output(shape: [4])),
      ],
      edges: [
        .init("in", "neg"), .init("in", "cat"), .init("neg", "cat"), .init("cat", "out"),
      ])
    let model = Model(
      nodes: [
        .init("x", .input(shape: [2])), .init("g", .graph(inner)),
        .init("ten", .scale(Tensor(scalar: 10))),
        .init("cat", .concatenation), .init("out", .output(shape: [8])),
      ],
      edges: [
        .init("x", "g"), .init("x", "ten"), .init("g", "cat"), .init("ten", "cat"),
        .init("x", "cat"), .init("cat", "out"),
      ])
    let out = try model.compile().makeSession().step([[1, 2]])
    #expect(out == [[1, 2, -1, -2, 10, 20, 1, 2]])
  }

  /// What a joint in a cycle carries before the first step, where that is the answer to silence.
  @Test func answersToSilence() throws {
    let start = Linear(weight: .filled(1, shape: [1, 3]), bias: Tensor(vector: [5]))
    var model = Model.chain([
      ("in", .input(shape: [1])), ("sum", .concatenation), ("w", .linear(start)),
      ("twice", .concatenation), ("times", .multiplication), ("out", .output(shape: [2])),
    ])
    model.nodes.append(.init("half", .scale(Tensor(vector: [0.5]))))
    model.edges += [.init("w", "half"), .init("half", "twice"), .init("times", "sum")]
    model.semantics.feedbackStart = .response
    // Silence: w says 5, the joint [5, 2.5]; so does the product of one.
    let session = try model.compile().makeSession()
    #expect(try session.step([[1]]) == [[13.5, 6.75]])
    #expect(try session.step([[0]]) == [[25.25, 12.625]])
  }

  /// Whole networks against the slow interpreter.
  @Test(arguments: 1...5 as ClosedRange<UInt64>) func againstTheInterpreter(seed: UInt64) throws {
    var dice = Dice(seed)
    func linear(_ input: Int, _ output: Int) -> Operator {
      .linear(
        Linear(
          weight: dice.tensor([output, input], -1, 1), bias: dice.tensor([output], -0.2, 0.3)))
    }
    let nodes: [(Model.Node, shape: [Int])] = [
      (.init("in", .input(shape: [5])), [5]), (.init("w", linear(5, 7)), [7]),
      (.init("lif", .neuron(dice.neuron(.lif, [7]))), [7]), (.init("v", linear(5, 7)), [7]),
      (.init("if", .neuron(dice.neuron(.integrateAndFire, [7]))), [7]),
      (.init("and", .multiplication), [7]), (.init("cat", .concatenation), [28]),
      (.init("u", linear(28, 7)), [7]), (.init("li", .neuron(dice.neuron(.li, [7]))), [7]),
      (.init("norm", .normalization(Normalization(target: 0.7, appendsLog: true))), [8]),
      (.init("out", .output(shape: [8])), [8]),
    ]
    let edges = [
      ("in", "w"), ("w", "lif"), ("in", "v"), ("v", "if"), ("lif", "and"), ("if", "and"),
      ("if", "cat"), ("and", "cat"), ("lif", "cat"), ("li", "cat"), ("cat", "u"), ("u", "li"),
      ("li", "norm"), ("norm", "out"),
    ]
    for preset in [NeuronSemantics.Preset.snntorch, .norse] {
      let semantics = NeuronSemantics(preset)
      let model = Model(
        nodes: nodes.map(\.0), edges: edges.map { .init($0.0, $0.1) }, semantics: semantics)
      var options = CompileOptions()
      options.dt_s = 1e-3
      let session = try model.compile(options).makeSession()
      var slow = SlowNetwork(
        nodes, edges: edges, feedback: [("li", "cat")], semantics: semantics, dt: 1e-3)
      for t in 0..<40 {
        let input = dice.signal(5, density: 0.5, spikes: false)
        let (own, theirs) = (try session.step([input])[0], slow.step(input))
        #expect(own == theirs, "\(preset) seed \(seed) step \(t)")
      }
    }
  }

  @Test func normalizationOfSilence() throws {
    let model = Model.chain([
      ("in", .input(shape: [4])),
      ("norm", .normalization(Normalization(target: 2, floor: 0.25, appendsLog: true))),
      ("out", .output(shape: [5])),
    ])
    let session = try model.compile().makeSession()
    // The floor: divided by a half; the logarithm of 2 * 0.5.
    #expect(try session.step([[0, 0, 0, 0]]) == [[0, 0, 0, 0, 0]])
    #expect(try session.step([[0, 0.5, 0, 0]]) == [[0, 1, 0, 0, 0]])
    // A root mean square of 4 becomes 2.
    let loud = try session.step([[4, -4, 4, -4]])[0]
    #expect(loud.dropLast() == [2, -2, 2, -2] && abs(loud[4] - 1.3862944) < 1e-6)
  }
}

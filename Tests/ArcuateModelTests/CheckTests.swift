import ArcuateCore
import ArcuateModel
import ArcuateRuntime
import Testing

@Suite struct NeuronDynamicsTests {
  private func model(_ tau: Float, threshold: Float) -> Model {
    var model = Model.chain([
      ("in", .input(shape: [2])),
      (
        "lif",
        .neuron(
          Neuron(
            .lif, tauMembrane: Tensor(vector: [1, tau]), threshold: Tensor(scalar: threshold)))
      ),
      ("out", .output(shape: [2])),
    ])
    model.dt_s = 1e-3
    return model
  }

  private func findings(_ model: Model) -> [Finding] {
    model.check().findings.filter { $0.location == "node \"lif\"" }
  }

  /// The membrane of a neuron whose time constant is below half a step grows without end.
  @Test func aStepTooLongForTheEulerIntegratorIsANote() throws {
    #expect(findings(model(0.0005, threshold: 1)).isEmpty)
    let long = model(0.0004, threshold: 1)
    #expect(findings(long).map(\.severity) == [.note])
    #expect(findings(long)[0].message.hasPrefix("diverges"))
    var exact = long
    exact.semantics.integrator = .exponential
    #expect(findings(exact).isEmpty)
    // Found, too, where the step is only given when compiling.
    let checked = try #require(model(0.01, threshold: 1).check().checked)
    let findings = try checked.applying(semantics: nil, dt_s: 1).findings
    #expect(findings.contains { $0.message.hasPrefix("diverges") })
  }

  @Test func severalSpikesNeedAPositiveThreshold() throws {
    var several = model(0.01, threshold: 0)
    #expect(findings(several).isEmpty)
    several.semantics.multiSpike = true
    #expect(findings(several).map(\.severity) == [.error])
    let checked = try #require(model(0.01, threshold: -1).check().checked)
    #expect(throws: ArcuateError.self) {
      try checked.applying(semantics: NeuronSemantics(.sinabs), dt_s: nil)
    }
  }
}

/// What the check says about a model, and what compiling refuses: each names the node.
@Suite struct CheckTests {
  static func linear(_ input: Int, _ output: Int) -> Operator {
    .linear(Linear(weight: .filled(1, shape: try! Shape([output, input]))))
  }
  static let lif = Operator.neuron(
    Neuron(
      .lif, tauMembrane: Tensor(scalar: 0.01), leak: Tensor(scalar: 0),
      threshold: Tensor(scalar: 1), resetValue: Tensor(scalar: 0)))
  static let sound = Model.chain([
    ("in", .input(shape: [2])), ("w", linear(2, 3)), ("n", lif), ("out", .output(shape: [3])),
  ])

  static func replacing(_ name: String, _ op: Operator) -> Model {
    var model = sound
    model.nodes[model.nodes.firstIndex { $0.name == name }!].op = op
    return model
  }

  static func adding(_ nodes: [(String, Operator)], _ edges: [(String, String)]) -> Model {
    var model = sound
    model.nodes += nodes.map { .init($0.0, $0.1) }
    model.edges += edges.map { .init($0.0, $0.1) }
    return model
  }

  @Test func aSoundModelHasNoFindings() {
    var model = Self.sound
    model.dt_s = 1e-3
    let (checked, findings) = model.check()
    #expect(checked != nil && findings.isEmpty)
  }

  struct Case: Sendable {
    let severity: Finding.Severity
    let location: String
    let words: String
    let model: Model
  }

  static let cases: [Case] = {
    func neuron(_ change: (inout Neuron) -> Void) -> Operator {
      guard case .neuron(var neuron) = lif else { fatalError() }
      change(&neuron)
      return .neuron(neuron)
    }
    return [
      Case(
        severity: .error, location: "node \"w\"", words: "[.., 5]",
        model: replacing("w", linear(5, 3))
      ),
      Case(
        severity: .error, location: "node \"out\"", words: "shape [4]",
        model: replacing("out", .output(shape: [4]))),
      Case(
        severity: .repair, location: "node \"out\"", words: "which is taken",
        model: replacing("out", .output(shape: [1, 3]))),
      Case(
        severity: .error, location: "node \"n\"", words: "tau must be positive",
        model: replacing("n", neuron { $0.tauMembrane = Tensor(scalar: 0) })),
      Case(
        severity: .error, location: "node \"n\"", words: "tau is missing",
        model: replacing("n", neuron { $0.tauMembrane = nil })),
      Case(
        severity: .error, location: "node \"n\"", words: "v_threshold is missing",
        model: replacing("n", neuron { $0.threshold = nil })),
      Case(
        severity: .error, location: "node \"n\"", words: "not finite",
        model: replacing("n", neuron { $0.threshold = Tensor(scalar: .nan) })),
      Case(
        severity: .error, location: "node \"n\"", words: "shape",
        model: replacing("n", neuron { $0.threshold = Tensor(vector: []) })),
      Case(
        severity: .error, location: "node \"n\"", words: "expects shape [2]",
        model: replacing("n", neuron { $0.threshold = Tensor(vector: [1, 2]) })),
      Case(
        severity: .error, location: "model", words: "no input",
        model: Model(nodes: [.init("out", .output(shape: [1]))])),
      Case(
        severity: .error, location: "node \"w\"", words: "used twice",
        model: adding([("w", linear(2, 3))], [])),
      Case(
        severity: .error, location: "edge \"w\" -> \"nobody\"", words: "not a node",
        model: adding([], [("w", "nobody")])),
      Case(
        severity: .repair, location: "edge \"w\" -> \"n\"", words: "given twice",
        model: adding([], [("w", "n")])),
      Case(
        severity: .note, location: "node \"lonely\"", words: "runs on silence",
        model: adding([("lonely", linear(2, 2))], [])),
      Case(
        severity: .note, location: "node \"lonely\"", words: "only be probed",
        model: adding([("lonely", linear(2, 2))], [("in", "lonely")])),
      Case(
        severity: .note, location: "edge \"back\" -> \"n\"", words: "closes a cycle",
        model: adding([("back", linear(3, 3))], [("n", "back"), ("back", "n")])),
      Case(
        severity: .error, location: "node \"n\"", words: "cannot be summed",
        model: adding([("v", linear(2, 4))], [("in", "v"), ("v", "n")])),
      Case(
        severity: .error, location: "node \"times\"",
        words: "[3] and [2], which cannot be multiplied",
        model: adding([("times", .multiplication)], [("n", "times"), ("in", "times")])),
      Case(
        severity: .error, location: "node \"both\"", words: "do not join along the first axis",
        model: adding(
          [("both", .concatenation), ("v", .input(shape: [2, 2]))],
          [("n", "both"), ("v", "both")])),
      Case(
        severity: .error, location: "node \"both\"", words: "do not join",
        model: adding([("both", .concatenation), ("v", .input(shape: []))], [("v", "both")])),
      Case(
        severity: .error, location: "node \"both\"", words: "does not follow from its inputs",
        model: adding([("both", .concatenation)], [("both", "out")])),
      Case(
        severity: .error, location: "node \"times\"", words: "does not follow from its inputs",
        model: adding([("times", .multiplication)], [])),
      Case(
        severity: .repair, location: "edge \"n\" -> \"both\"", words: "given twice",
        model: adding([("both", .concatenation)], [("n", "both"), ("n", "both")])),
      Case(
        severity: .error, location: "node \"norm\"", words: "put a decoder between",
        model: adding([("norm", .normalization(Normalization()))], [("n", "norm")])),
      Case(
        severity: .error, location: "node \"norm\"", words: "target must be positive",
        model: adding([("norm", .normalization(Normalization(target: 0)))], [("w", "norm")])),
      Case(
        severity: .error, location: "node \"norm\"", words: "floor must be positive",
        model: adding([("norm", .normalization(Normalization(floor: .nan)))], [("w", "norm")])),
      Case(
        severity: .error, location: "node \"norm\"", words: "expects one axis",
        model: adding(
          [
            ("norm", .normalization(Normalization(appendsLog: true))),
            ("v", .input(shape: [2, 2])),
          ], [("v", "norm")])),
      Case(
        severity: .error, location: "node \"tanh\"", words: "put a decoder between",
        model: adding([("tanh", .activation(.tanh))], [("n", "tanh")])),
      Case(
        severity: .error, location: "node \"code\"", words: "receives spikes",
        model: adding([("code", .encoder(.rate(gain: 1)))], [("n", "code")])),
      Case(
        severity: .error, location: "node \"count\"", words: "receives values",
        model: adding([("count", .decoder(.count))], [("w", "count")])),
      Case(
        severity: .error, location: "node \"d\"", words: "negative",
        model: adding([("d", .delay(Tensor(scalar: -1)))], [("n", "d")])),
      Case(
        severity: .error, location: "node \"in\"", words: "an edge leads to it",
        model: adding([("b", linear(3, 2))], [("n", "b"), ("b", "in")])),
      // Each of two loops is closed by one edge, whatever comes first.
      Case(
        severity: .note, location: "edge \"ca\" -> \"a\"", words: "closes a cycle",
        model: adding(
          [
            ("a", lif), ("b", lif), ("ab", linear(3, 3)), ("bb", linear(3, 3)),
            ("ca", linear(3, 3)),
          ],
          [
            ("n", "a"), ("a", "ab"), ("ab", "b"), ("b", "bb"), ("bb", "b"), ("b", "ca"),
            ("ca", "a"),
          ])),
      // The loop of two populations is entered at both.
      Case(
        severity: .error, location: "node \"b\"", words: "put a Delay of one step",
        model: adding(
          [("a", lif), ("b", lif), ("ab", linear(3, 3)), ("ba", linear(3, 3))],
          [("n", "a"), ("n", "b"), ("a", "ab"), ("ab", "b"), ("b", "ba"), ("ba", "a")])),
      Case(
        severity: .error, location: "node \"out\"", words: "leads away",
        model: adding([("b", linear(3, 3))], [("out", "b")])),
    ]
  }()

  @Test(arguments: cases.indices) func finds(_ index: Int) {
    let one = Self.cases[index]
    let (checked, findings) = one.model.check()
    #expect(
      findings.contains {
        $0.severity == one.severity && $0.location == one.location && $0.message.contains(one.words)
      }, "\(findings)")
    #expect((checked == nil) == findings.contains { $0.severity == .error })
    if one.severity == .error { #expect(throws: ArcuateError.self) { try one.model.compile() } }
  }

  @Test func graphsTooDeepAreRefused() {
    var model = Self.sound
    for _ in 0..<40 {
      model = Model.chain([
        ("in", .input(shape: [2])), ("g", .graph(model)), ("out", .output(shape: [3])),
      ])
    }
    let (checked, findings) = model.check()
    #expect(checked == nil && findings.first!.message.contains("nested"))
  }

  /// Runs `body`, which must throw, and returns what.
  static func thrown(_ body: () throws -> some Any) -> ArcuateError? {
    do {
      _ = try body()
      return nil
    } catch {
      return error as? ArcuateError
    }
  }

  @Test func compilingSaysWhatIsMissing() {
    let missing = Self.thrown { try Self.sound.compile() }
    #expect(missing?.code == .cannotCompile && missing?.location == "node \"n\"")
    #expect(missing?.message.contains("dt") == true)
    for change in [
      { $0.batch = 0 }, { $0.batch = 70_000 }, { $0.threads = 0 }, { $0.threads = 1000 },
      { $0.stepsPerFrame = 0 }, { $0.dt_s = 0 }, { $0.dt_s = .nan }, { $0.dt_s = -1 },
    ] as [(inout CompileOptions) -> Void] {
      var options = CompileOptions()
      options.dt_s = 1e-3
      change(&options)
      #expect(Self.thrown { try Self.sound.compile(options) }?.code == .invalidArgument)
    }
    var options = CompileOptions()
    options.dt_s = 1e-9
    let delayed = Self.adding([("d", .delay(Tensor(scalar: 1)))], [("n", "d")])
    let long = Self.thrown { try delayed.compile(options) }
    #expect(long?.code == .cannotCompile && long?.location == "node \"d\"")
  }

  /// Sizes that no memory holds are refused before anything of that size is made.
  @Test func absurdSizesAreRefused() throws {
    var options = CompileOptions()
    options.dt_s = 1e-3
    let wide = Model.chain([
      ("in", .input(shape: [1 << 40])), ("n", Self.lif), ("out", .output(shape: [1 << 40])),
    ])
    let refused = Self.thrown { try wide.compile(options) }
    #expect(refused?.code == .limitExceeded && refused?.location == "node \"in\"")
    options.batch = 65_535
    let many = Model.chain([
      ("in", .input(shape: [1 << 27])), ("n", Self.lif), ("out", .output(shape: [1 << 27])),
    ])
    #expect(Self.thrown { try many.compile(options) }?.code == .limitExceeded)
    options.dt_s = 1e-6
    let delay = Model.chain([
      ("in", .input(shape: [1 << 20])), ("d", .delay(Tensor(scalar: 0.9))),
      ("out", .output(shape: [1 << 20])),
    ])
    #expect(Self.thrown { try delay.compile(options) }?.code == .limitExceeded)
  }
}

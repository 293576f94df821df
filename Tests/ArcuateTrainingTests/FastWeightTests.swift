import ArcuateCore
import ArcuateModel
import ArcuateRuntime
import Testing

@testable import ArcuateTraining

/// Gradients through weights that a rule changes while a sample runs.
@Suite struct FastWeightTests {
  static func rule(_ decay: PlasticRule.Decay, rate: Float = 0.7) -> PlasticRule {
    var rule = PlasticRule(
      post: "y", [.init(.step, pre: .value, post: .value, rate: rate)])
    rule.decay = decay
    return rule
  }

  /// in -> a -> x, fast -> y, softmax -> b -> out.
  static func model(
    _ rule: PlasticRule, alpha: Tensor? = GradientCase.tensor([3, 5], 41, 0.4, 0.6),
    bias: Bool = false, post: Operator = .activation(.softmax)
  ) -> Model {
    Model.chain([
      ("in", .input(shape: try! Shape([4]))), ("a", GradientCase.linear(5, 4, 1)),
      (
        "x",
        .plastic(
          .linear(
            PlasticLinear(
              weight: GradientCase.tensor([3, 5], 40, 0.5),
              bias: bias ? GradientCase.tensor([3], 42, 0.3) : nil, alpha: alpha, rule: rule)))
      ), ("y", post), ("b", GradientCase.linear(3, 3, 2)),
      ("out", .output(shape: try! Shape([3]))),
    ])
  }

  static var cases: [GradientCase] {
    var late = rule(.oja(0.7))
    late.firstStep = 1
    // What the rule learns from also comes back to its own input.
    var cycle = model(rule(.oja(0.7)))
    cycle.nodes.append(.init("back", GradientCase.linear(5, 3, 43)))
    cycle.edges += [.init("y", "back"), .init("back", "x")]
    // The rule learns from a node whose sum with another is the output.
    var sum = model(rule(.oja(0.3)), post: GradientCase.linear(3, 3, 44))
    sum.edges += [.init("x", "b")]
    return [
      GradientCase(name: "fast weights, oja", model: model(rule(.oja(0.7)))),
      GradientCase(name: "fast weights, a decay of its own", model: model(rule(.oja(0.2)))),
      GradientCase(
        name: "fast weights, hebb with decay", model: model(rule(.weight(0.7)), bias: true)),
      GradientCase(
        name: "fast weights, no decay, one alpha",
        model: model(rule(.none), alpha: Tensor(scalar: 0.8))),
      GradientCase(name: "fast weights, late", model: model(late)),
      GradientCase(
        name: "fast weights for two steps", model: model(rule(.oja(0.7))),
        change: { $0.plasticSteps = 2 }),
      GradientCase(name: "fast weights in a cycle", model: cycle),
      GradientCase(name: "fast weights before a sum", model: sum),
      GradientCase(
        name: "fast weights that learn from neurons",
        model: model(rule(.oja(0.7)), post: GradientCase.lif(3))),
    ]
  }

  /// Classes shown once each with a label that overrules the answer, and then a question.
  private static func readout(threads: Int = 1) throws -> (Model, GradientOptions) {
    var model = Model.chain([
      ("in", .input(shape: try Shape([8]))), ("a", GradientCase.linear(20, 8, 1)),
      ("t", .activation(.tanh)),
      (
        "x",
        .plastic(
          .linear(
            PlasticLinear(
              weight: GradientCase.tensor([3, 20], 40, 0.01),
              alpha: GradientCase.tensor([3, 20], 41, 0.1, 0.3), rule: rule(.oja(1.3), rate: 1.3))))
      ), ("y", .activation(.softmax)), ("out", .output(shape: try Shape([3]))),
    ])
    model.nodes += [
      .init("label", .input(shape: try Shape([3]))),
      .init("loud", .scale(.filled(1000, shape: try Shape([3])))),
    ]
    model.edges += [.init("label", "loud"), .init("loud", "y")]
    var options = GradientOptions()
    options.batch = 2
    options.steps = 5
    options.input = .every
    options.threads = threads
    options.inputGradients = true
    options.frozen = ["loud"]
    return (model, options)
  }

  private static func episodes() -> (images: [Float], labels: [Float]) {
    var labels = [Float](repeating: 0, count: 2 * 5 * 3)
    for t in 0..<3 {
      labels[t * 3 + t] = 1
      labels[(5 + t) * 3 + 2 - t] = 1
    }
    return (GradientCase.random(2 * 5 * 8, 70), labels)
  }

  /// Forward is what a session does that learns, for `plasticSteps` of them.
  @Test(arguments: [nil, 3]) func runsAsASessionDoes(plasticSteps: Int?) throws {
    var (model, options) = try Self.readout()
    options.plasticSteps = plasticSteps
    let network = try Network(model, options)
    let (images, labels) = Self.episodes()
    try network.setInput(images, port: 0)
    try network.setInput(labels, port: 1)
    try network.forward(isTraining: false)
    let output = network.output()
    var compiling = CompileOptions()
    compiling.batch = 2
    let session = try network.trainedModel().compile(compiling).makeSession()
    for t in 0..<5 {
      session.adapts = t < plasticSteps ?? 5
      func step(_ all: [Float], _ width: Int) -> [Float] {
        (0..<2).flatMap { b in all[(b * 5 + t) * width..<(b * 5 + t + 1) * width] }
      }
      let answer = try session.step([step(images, 8), step(labels, 3)])[0]
      for (a, b) in zip(answer, step(output, 3)) { #expect(abs(a - b) < 1e-5) }
    }
  }

  @Test func bitsDoNotDependOnThreads() throws {
    var results: [[Float]] = []
    for threads in 1...3 {
      let (model, options) = try Self.readout(threads: threads)
      let network = try Network(model, options)
      let (images, labels) = Self.episodes()
      try network.setInput(images, port: 0)
      try network.setInput(labels, port: 1)
      try network.forward(isTraining: true)
      network.clearGradients()
      try network.setOutputGradient(GradientCase.random(2 * 5 * 3, 71))
      try network.backward()
      results.append(
        network.output() + (try network.inputGradient())
          + network.parameters.flatMap { $0.readGradient() })
      #expect(
        network.parameters.filter(\.isTrained).map(\.name) == [
          "a.weight", "a.bias", "x.weight", "x.alpha", "x.rate",
        ])
    }
    #expect(results[0].contains { $0 != 0 })
    #expect(results[0] == results[1])
    #expect(results[0] == results[2])
  }

  /// A rate that learned is that of the model, and the decay with it.
  @Test func theRateIsOfTheModel() throws {
    let network = try Network(Self.model(Self.rule(.oja(0.35))), GradientOptions())
    let rate = try #require(network.parameters.first { $0.name == "x.rate" })
    #expect(rate.read() == [0.7])
    rate.write([1.4])
    guard case .plastic(.linear(let learned)) = try network.trainedModel().nodes[2].op else {
      Issue.record("no fast weights")
      return
    }
    #expect(learned.rule.terms[0].rate == 1.4)
    #expect(learned.rule.decay == .oja(0.7))
  }

  @Test func whatItCannotFollowIsNamed() throws {
    var modulated = Self.rule(.none)
    modulated.modulator = .init(.signal("reward"), .all)
    var bounded = Self.rule(.none)
    bounded.high = 1
    var traced = Self.rule(.none)
    traced.terms[0].pre = .previous
    var doubled = Self.rule(.none)
    doubled.terms += doubled.terms
    var scaled = Self.rule(.none)
    scaled.scaling = .square(decay: 0.9, rate: 0.1)
    for (rule, words) in [
      (modulated, "modulator"), (bounded, "bound"), (traced, "factor"), (doubled, "several terms"),
      (scaled, "step of its own"), (Self.rule(.oja(1), rate: 0), "rate of 0"),
    ] {
      let error = #expect(throws: ArcuateError.self) {
        try Network(Self.model(rule), GradientOptions())
      }
      #expect(error?.code == .cannotCompile)
      #expect(error?.description.contains("node \"x\"") == true)
      #expect(error?.description.contains(words) == true, "\(error?.description ?? "")")
    }
    let error = #expect(throws: ArcuateError.self) {
      try Network(Self.model(Self.rule(.none), alpha: nil), GradientOptions())
    }
    #expect(error?.description.contains("alpha") == true)
  }
}

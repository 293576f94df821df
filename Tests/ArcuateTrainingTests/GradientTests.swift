import ArcuateCore
import ArcuateModel
import Testing

@testable import ArcuateTraining

/// Networks with one kind of node each, small enough for finite differences.
struct GradientCase: CustomTestStringConvertible, Sendable {
  let name: String
  let model: Model
  var change: @Sendable (inout GradientOptions) -> Void = { _ in }
  var testDescription: String { name }

  static func random(_ count: Int, _ stream: UInt32, _ size: Float = 1) -> [Float] {
    let random = CounterRandom(seed: 20)
    return (0..<count).map {
      (random.uniform(stream: stream, step: 0, index: UInt32($0)) * 2 - 1) * size
    }
  }

  static func tensor(_ shape: [Int], _ stream: UInt32, _ size: Float = 1, _ base: Float = 0)
    -> Tensor
  {
    let shape = try! Shape(shape)
    return try! Tensor(random(shape.count, stream, size).map { $0 + base }, shape: shape)
  }

  static func linear(_ post: Int, _ pre: Int, _ stream: UInt32, bias: Bool = true) -> Operator {
    .linear(
      Linear(
        weight: tensor([post, pre], stream, 0.8),
        bias: bias ? tensor([post], stream + 100, 0.3) : nil))
  }

  static func gru(_ units: Int, inputs: Int, bias: Bool = true) -> Operator {
    .gru(
      GRU(
        inputWeight: tensor([3 * units, inputs], 21, 0.8),
        hiddenWeight: tensor([3 * units, units], 22, 0.8),
        inputBias: bias ? tensor([3 * units], 23, 0.3) : nil,
        hiddenBias: bias ? tensor([3 * units], 24, 0.3) : nil))
  }

  static func lstm(_ units: Int, inputs: Int, bias: Bool = true) -> Operator {
    .lstm(
      LSTM(
        inputWeight: tensor([4 * units, inputs], 21, 0.8),
        hiddenWeight: tensor([4 * units, units], 22, 0.8),
        inputBias: bias ? tensor([4 * units], 23, 0.3) : nil,
        hiddenBias: bias ? tensor([4 * units], 24, 0.3) : nil))
  }

  static func semantics(_ change: (inout NeuronSemantics) -> Void) -> NeuronSemantics {
    var semantics = NeuronSemantics()
    semantics.integratorGain = .r
    change(&semantics)
    return semantics
  }

  static func lif(_ width: Int, _ change: (inout NeuronSemantics) -> Void = { _ in }) -> Operator {
    .neuron(
      Neuron(
        .lif, tauMembrane: tensor([width], 7, 1e-3, 4e-3), resistance: tensor([width], 8, 0.3, 2),
        leak: tensor([width], 9, 0.1), threshold: tensor([width], 10, 0.1, 0.6),
        resetValue: tensor([width], 11, 0.1), semantics: semantics(change)))
  }

  static func cuba(_ width: Int, _ change: (inout NeuronSemantics) -> Void = { _ in }) -> Operator {
    .neuron(
      Neuron(
        .cubaLIF, tauSynapse: tensor([width], 12, 1e-3, 3e-3),
        tauMembrane: tensor([width], 13, 1e-3, 4e-3), resistance: tensor([width], 14, 0.3, 2),
        leak: tensor([width], 15, 0.1), threshold: tensor([width], 16, 0.1, 0.6),
        resetValue: tensor([width], 17, 0.1), inputWeight: tensor([width], 18, 0.2, 2),
        semantics: semantics(change)))
  }

  /// in -> linear -> op -> linear -> out.
  static func sandwich(_ name: String, _ op: Operator, inner: Int = 5, outer: Int? = nil) -> Model {
    Model.chain([
      ("in", .input(shape: try! Shape([4]))), ("a", linear(inner, 4, 1)), ("x", op),
      ("b", linear(3, outer ?? inner, 2)), ("out", .output(shape: try! Shape([3]))),
    ])
  }

  static func recurrent(_ op: Operator) -> Model {
    var model = sandwich("recurrent", op)
    model.nodes.append(.init("back", linear(5, 5, 3)))
    model.edges += [.init("x", "back"), .init("back", "x")]
    return model
  }

  static func image(_ ops: [(String, Operator)], flat: Int) -> Model {
    Model.chain(
      [("in", .input(shape: try! Shape([2, 5, 6])))] + ops + [
        ("flat", .flatten(Flatten())), ("b", linear(3, flat, 2)),
        ("out", .output(shape: try! Shape([3]))),
      ])
  }

  static func convolution(
    _ out: Int, _ inGroup: Int, stride: [Int] = [1, 1], pad: [Int] = [0, 0],
    dilation: [Int] = [1, 1],
    groups: Int = 1
  ) -> Operator {
    .convolution(
      Convolution(
        weight: tensor([out, inGroup, 3, 2], 4, 0.5), bias: tensor([out], 5, 0.3), stride: stride,
        padding: .explicit(pad), dilation: dilation, groups: groups))
  }

  static let all: [GradientCase] = {
    let trainsAll: @Sendable (inout GradientOptions) -> Void = {
      $0.trained = ["tau", "tau_mem", "tau_syn", "r", "v_leak", "v_threshold", "v_reset", "w_in"]
    }
    var cases = [
      GradientCase(name: "gru", model: sandwich("gru", gru(5, inputs: 5))),
      GradientCase(
        name: "gru without bias", model: sandwich("gru", gru(6, inputs: 5, bias: false), outer: 6)),
      GradientCase(name: "gru in a cycle", model: recurrent(gru(5, inputs: 5))),
      GradientCase(name: "lstm", model: sandwich("lstm", lstm(5, inputs: 5))),
      GradientCase(
        name: "lstm without bias",
        model: sandwich("lstm", lstm(6, inputs: 5, bias: false), outer: 6)),
      GradientCase(name: "lstm in a cycle", model: recurrent(lstm(5, inputs: 5))),
      GradientCase(name: "relu", model: sandwich("relu", .activation(.relu))),
      GradientCase(name: "sigmoid", model: sandwich("sigmoid", .activation(.sigmoid))),
      GradientCase(name: "tanh", model: sandwich("tanh", .activation(.tanh))),
      GradientCase(name: "softmax", model: sandwich("softmax", .activation(.softmax))),
      GradientCase(name: "log softmax", model: sandwich("log", .activation(.logSoftmax))),
      GradientCase(name: "scale", model: sandwich("scale", .scale(tensor([5], 6)))),
      GradientCase(
        name: "threshold", model: sandwich("threshold", .threshold(tensor([5], 6, 0.2))),
        change: { $0.trained = ["threshold"] }),
      GradientCase(
        name: "delay",
        model: sandwich(
          "delay", .delay(Tensor(vector: [0, 1e-3, 2e-3, 1e-3, 3e-3])))),
      GradientCase(
        name: "batch norm",
        model: sandwich(
          "norm",
          .batchNorm(
            BatchNorm(
              mean: tensor([5], 20), variance: tensor([5], 21, 0.2, 1),
              gamma: tensor([5], 22, 0.2, 1),
              beta: tensor([5], 23))))),
      GradientCase(
        name: "group norm",
        model: image(
          [
            ("c", convolution(4, 2)),
            (
              "norm",
              .groupNorm(
                GroupNorm(
                  groups: 2, gamma: tensor([4], 22, 0.2, 1), beta: tensor([4], 23), epsilon: 1e-3))
            ),
          ], flat: 4 * 3 * 5)),
      GradientCase(
        name: "li",
        model: sandwich(
          "li",
          .neuron(Neuron(.li, tauMembrane: tensor([5], 7, 1e-3, 4e-3), leak: tensor([5], 9, 0.1)))),
        change: trainsAll),
      GradientCase(name: "i", model: sandwich("i", .neuron(Neuron(.i))), change: trainsAll),
      GradientCase(
        name: "convolution",
        model: image([("c", convolution(3, 2, stride: [1, 2], pad: [1, 0]))], flat: 3 * 5 * 3)),
      GradientCase(
        name: "convolution in groups, dilated",
        model: image([("c", convolution(4, 1, dilation: [2, 1], groups: 2))], flat: 4 * 1 * 5)),
      GradientCase(
        name: "average pooling",
        model: image(
          [
            ("c", convolution(3, 2)),
            (
              "p",
              .pooling(Pooling(kind: .average, kernel: [2, 2], stride: [1, 2], padding: [1, 0]))
            ),
          ], flat: 3 * 4 * 2)),
      GradientCase(
        name: "maximum pooling",
        model: image(
          [
            ("c", convolution(3, 2)),
            ("p", .pooling(Pooling(kind: .maximum, kernel: [2, 2], stride: [2, 2]))),
          ], flat: 3 * 1 * 2)),
      GradientCase(
        name: "dropout", model: sandwich("relu", .activation(.tanh)),
        change: { $0.dropout = ["x": 0.4] }),
      GradientCase(
        name: "tied weights",
        model: Model.chain([
          ("in", .input(shape: try! Shape([5]))), ("a", linear(5, 5, 1)), ("x", lif(5)),
          ("a2", linear(5, 5, 1)), ("x2", lif(5)), ("b", linear(3, 5, 2)),
          ("out", .output(shape: try! Shape([3]))),
        ]), change: { $0.ties = [["a", "a2"]] }),
    ]
    cases += FastWeightTests.cases
    for reset in NeuronSemantics.Reset.allCases {
      for timing in [NeuronSemantics.ResetTiming.sameStep, .nextStep] {
        for late in [NeuronSemantics.SpikeTiming.sameStep, .nextStep] {
          cases.append(
            GradientCase(
              name: "lif \(reset) \(timing) \(late)",
              model: recurrent(
                lif(5) { ($0.reset, $0.resetTiming, $0.spikeTiming) = (reset, timing, late) }),
              change: trainsAll))
        }
      }
    }
    for integrator in NeuronSemantics.Integrator.allCases {
      cases.append(
        GradientCase(
          name: "cuba \(integrator)",
          model: recurrent(cuba(5) { $0.integrator = integrator }), change: trainsAll))
    }
    for surrogate in [
      Surrogate.box(width: 0.6, height: 0.8), .triangle(width: 1, height: 0.7),
      .fastSigmoid(slope: 3), .arctan(slope: 2),
    ] {
      cases.append(
        GradientCase(
          name: "\(surrogate)", model: recurrent(lif(5)), change: { $0.surrogate = surrogate }))
    }
    // A skip edge: the second layer receives a sum of two.
    var skip = sandwich("skip", lif(4), inner: 4)
    skip.edges.append(.init("in", "b"))
    cases.append(GradientCase(name: "skip", model: skip))
    // Side by side, and multiplied.
    var beside = sandwich("beside", .concatenation, inner: 5, outer: 9)
    beside.edges.append(.init("in", "x"))
    cases.append(GradientCase(name: "concatenation", model: beside))
    var product = sandwich("product", .multiplication)
    product.nodes.append(.init("c", linear(5, 4, 30)))
    product.edges += [.init("in", "c"), .init("c", "x")]
    cases.append(GradientCase(name: "multiplication", model: product))
    // The delay breaks the cycle; two edges lead to it.
    var late = recurrent(.activation(.tanh))
    late.edges.removeAll { $0.target == "back" }
    late.nodes += [.init("d", .delay(Tensor(vector: [1e-3, 2e-3, 1e-3, 3e-3, 1e-3])))]
    late.edges += [.init("x", "d"), .init("a", "d"), .init("d", "back")]
    cases.append(GradientCase(name: "delay that breaks a cycle", model: late))
    // A product of a cycle: what was remembered opens its own gate.
    var gate = sandwich("gate", .multiplication)
    gate.nodes += [
      .init("li", .neuron(Neuron(.li, tauMembrane: Tensor(scalar: 4e-3)))),
      .init("c", linear(5, 5, 30)),
    ]
    gate.edges += [.init("x", "li"), .init("li", "c"), .init("c", "x")]
    cases.append(GradientCase(name: "multiplication in a cycle", model: gate))
    for decoder in Decoder.allCases {
      let model = Model.chain([
        ("in", .input(shape: try! Shape([4]))), ("a", linear(5, 4, 1)), ("x", lif(5)),
        ("d", .decoder(decoder)), ("b", linear(3, 5, 2)), ("out", .output(shape: try! Shape([3]))),
      ])
      cases.append(GradientCase(name: "decoder \(decoder)", model: model))
    }
    cases.append(
      GradientCase(name: "single shot", model: sandwich("shot", .encoder(.singleShot(gain: 1.5)))))
    var starting = lif(5)
    if case .neuron(var neuron) = starting {
      neuron.initial = tensor([5], 31, 0.5)
      starting = .neuron(neuron)
    }
    cases.append(
      GradientCase(
        name: "what neurons begin with", model: recurrent(starting),
        change: { $0.trained = ["v_initial"] }))
    return cases + programs
  }()
}

@Suite struct GradientTests {
  /// Against central differences of the smooth twin, whose derivative the sweep computes.
  @Test(arguments: GradientCase.all)
  func agreesWithFiniteDifferences(_ one: GradientCase) throws {
    for input in [GradientOptions.Input.hold, .every] {
      var options = GradientOptions()
      options.batch = 3
      options.steps = 4
      options.dt_s = 1e-3
      options.input = input
      options.isSmooth = true
      options.inputGradients = true
      options.surrogate = .arctan(slope: 2)
      options.seed = 5
      one.change(&options)
      let network = try Network(one.model, options)
      let width = network.inputWidth()
      let count = options.batch * (input == .every ? options.steps : 1) * width
      var x = GradientCase.random(count, 50)
      let weights = GradientCase.random(options.batch * options.steps * network.outputWidth(), 51)
      func loss() throws -> Double {
        try network.setInput(x)
        try network.forward(isTraining: true, iteration: 3)
        return zip(network.output(), weights).reduce(0) { $0 + Double($1.0 * $1.1) }
      }
      _ = try loss()
      network.clearGradients()
      try network.setOutputGradient(weights)
      try network.backward()
      func compare(_ what: String, _ gradient: Float, _ change: (Float) throws -> Void) rethrows {
        let step: Float = 2e-3
        let middle = try! loss()
        try change(step)
        let high = try! loss()
        try change(-2 * step)
        let low = try! loss()
        try change(step)
        let sides = [(middle - low) / Double(step), (high - middle) / Double(step)]
        // At a kink the two sides differ, and the gradient is that of one of them or between.
        let room = 2e-2 * max(1, abs(sides[0]))
        #expect(
          Double(gradient) > sides.min()! - room && Double(gradient) < sides.max()! + room,
          "\(one.name), \(input), \(what): \(gradient), not \(sides)")
        if abs(sides[0] - sides[1]) > room { kinks += 1 } else { smooth += 1 }
      }
      var (kinks, smooth) = (0, 0)
      defer { #expect(smooth > 5 * kinks, "\(one.name): \(kinks) kinks, \(smooth) smooth places") }
      let learned = network.parameters.filter(\.isTrained)
      #expect(!learned.isEmpty)
      let gradients = learned.map { $0.readGradient() }
      let inputGradient = try network.inputGradient()
      for (parameter, gradient) in zip(learned, gradients) {
        // Time constants are thousandths: their differences are scaled by them.
        let scale: Float = parameter.name.contains("tau") ? 1e-3 : 1
        for i in stride(from: 0, to: parameter.count, by: max(1, parameter.count / 7)) {
          compare("\(parameter.name)[\(i)]", gradient[i] * scale) { step in
            var values = parameter.read()
            values[i] += step * scale
            parameter.write(values)
          }
        }
      }
      for i in stride(from: 0, to: count, by: max(1, count / 9)) {
        compare("input[\(i)]", inputGradient[i]) { step in x[i] += step }
      }
    }
  }

  /// Hard spikes: the kernels and the one-by-one twin give the same, for every thread count.
  @Test func kernelsAgreeWithTheirTwin() throws {
    let model = GradientCase.recurrent(GradientCase.cuba(5) { $0.reset = .subtract })
    var results: [[Float]] = []
    for (threads, trained) in [(1, Set<String>()), (2, []), (3, []), (1, ["v_leak"])] {
      var options = GradientOptions()
      options.batch = 5
      options.steps = 20
      options.dt_s = 1e-3
      options.threads = threads
      options.trained = trained
      options.inputGradients = true
      options.surrogate = .fastSigmoid(slope: 4)
      let network = try Network(model, options)
      try network.setInput(GradientCase.random(5 * 4, 60, 3))
      try network.forward(isTraining: true)
      let output = network.output()
      let spikes = try #require(network.activity(of: "x"))
      #expect(Set(spikes) == [0, 1])
      network.clearGradients()
      try network.setOutputGradient(GradientCase.random(output.count, 61))
      try network.backward()
      let weight = try #require(network.parameters.first { $0.name == "back.weight" })
      results.append(output + (try network.inputGradient()) + weight.readGradient())
    }
    #expect(results[0] == results[1])
    #expect(results[0] == results[2])
    for (a, b) in zip(results[0], results[3]) { #expect(abs(a - b) < 1e-4 * max(1, abs(a))) }
  }
}

import Arcuate
import ArcuateTestSupport
import Foundation
import Testing

/// Conversion, and steps of trainers.
extension Cases {
  // MARK: Conversion

  mutating func addConversions() {
    var dice = Dice(37)
    func linear(_ from: Int, _ to: Int) -> Operator {
      .linear(Linear(weight: dice.tensor([to, from], -1, 1), bias: dice.tensor([to], -0.5, 0.5)))
    }
    func image(_ from: Int, _ to: Int) -> Operator {
      .convolution(
        Convolution(
          weight: dice.tensor([to, from, 3, 3], -1, 1), bias: dice.tensor([to], -0.5, 0.5),
          stride: [1, 1], padding: .same, dilation: [1, 1]))
    }
    let norm = BatchNorm(
      mean: dice.tensor([4], -0.2, 0.2), variance: dice.tensor([4], 0.5, 2),
      gamma: dice.tensor([4], 0.5, 1.5), beta: dice.tensor([4], -0.1, 0.3))
    let layers = Model.chain([
      ("in", .input(shape: [8])), ("w1", linear(8, 12)), ("r1", .activation(.relu)),
      ("w2", linear(12, 9)), ("r2", .activation(.relu)), ("w3", linear(9, 4)),
      ("soft", .activation(.softmax)), ("out", .output(shape: [4])),
    ])
    let images = Model.chain([
      ("in", .input(shape: [2, 6, 4])), ("c1", image(2, 4)), ("norm", .batchNorm(norm)),
      ("r1", .activation(.relu)),
      ("max", .pooling(Pooling(kind: .maximum, kernel: [2, 2], stride: [2, 2]))),
      ("c2", image(4, 3)), ("r2", .activation(.relu)),
      ("mean", .pooling(Pooling(kind: .average, kernel: [3, 1], stride: [3, 1]))),
      ("flat", .flatten(Flatten())), ("w", linear(6, 4)), ("out", .output(shape: [4])),
    ])
    var skips = Model.chain([
      ("in", .input(shape: [8])), ("w1", linear(8, 8)), ("r1", .activation(.relu)),
      ("w2", linear(8, 8)), ("r2", .activation(.relu)), ("both", .concatenation),
      ("w3", linear(16, 3)), ("out", .output(shape: [3])),
    ])
    skips.edges += [.init("r1", "r2"), .init("r1", "both")]
    func options(_ change: (inout ConversionOptions) -> Void) -> ConversionOptions {
      var options = ConversionOptions()
      options.steps = 12
      options.seed = 38
      change(&options)
      return options
    }
    let choices: [(String, ConversionOptions)] = [
      ("data", options { $0.balancing = .data(percentile: 95) }),
      ("model", options { ($0.balancing, $0.initialPotential) = (.model, 0.5) }),
      ("norm", options { ($0.balancing, $0.sharesScales) = (.spikeNorm(factor: 0.8), false) }),
      ("once", options { ($0.input, $0.bias) = (.singleShot, .once) }),
      ("drawn", options { ($0.input, $0.readout, $0.comparison) = (.bernoulli, .mean, .greater) }),
    ]
    for (kind, model) in [("layers", layers), ("images", images), ("skips", skips)] {
      for (choice, options) in choices {
        let name = "converted \(kind) \(choice)"
        do {
          let sample = Cases.input(
            try Library.session(model, .init()), frames: 5, seed: 39, spikes: false,
            densities: [0.9])
          let (spiking, scales) = try Library.convert(model, options, on: sample, count: 5)
          addFile(name, spiking)
          for isFast in [false, true] {
            add(name, spiking, Setting(steps: 12, isFast: isFast, resets: true)) { session, sum in
              sum.add(try Library.run(session, frames: 5, sample))
              if sum.isSilent { throw Unexpected.silence }
              sum.add(scales)
            }
          }
        } catch { failures.append("\(name): \(error)") }
      }
    }
  }

  // MARK: Trainers

  /// Three steps of learning from drawn samples, and the line of what they came to.
  mutating func learn(
    _ name: String, _ model: Model, values: Bool = false,
    _ change: (inout TrainingOptions) -> Void = { _ in }
  ) {
    var (losses, parameters, predictions) = (Sum(), Sum(), Sum())
    do {
      try Cases.learn(model, values: values, change, &losses, &parameters, &predictions)
    } catch { failures.append("learn \(name): \(error)") }
    put(
      "learn \(name)",
      "losses \(losses.hex) parameters \(parameters.hex) predictions \(predictions.hex)")
  }

  @discardableResult
  static func learn(
    _ model: Model, values: Bool = false, _ change: (inout TrainingOptions) -> Void,
    _ losses: inout Sum, _ parameters: inout Sum, _ predictions: inout Sum
  ) throws -> Trainer {
    var options = TrainingOptions()
    options.gradient.batch = 4
    options.gradient.steps = 5
    options.gradient.dt_s = 1e-3
    options.gradient.seed = 40
    options.optimizer.rate = 1e-2
    change(&options)
    let trainer = try Library.trainer(model, options)
    var dice = Dice(41)
    let batch = options.gradient.batch
    func draw() -> [[Float]] {
      Library.sampleSizes(trainer).map { dice.signal(batch * $0, density: 0.8, spikes: false) }
    }
    let width = Library.answerSize(trainer, options.losses[0].port)
    var largest = 0.0
    for _ in 0..<3 {
      let inputs = draw()
      let target =
        values
        ? Target.values((0..<batch * width).map { _ in dice.uniform() })
        : .labels((0..<batch).map { _ in dice.integer(0...width - 1) })
      let (result, gradient) = try Library.learn(trainer, inputs, target)
      largest = max(largest, gradient)
      losses.add([result])
    }
    if largest == 0 { throw Unexpected.nothingLearned }
    for (name, numbers) in Library.parameters(trainer) {
      parameters.add(name)
      parameters.add(numbers)
    }
    predictions.add(try Library.predict(trainer, draw(), samples: batch))
    return trainer
  }

  mutating func addTrainers() {
    var dice = Dice(42)
    func linear(_ from: Int, _ to: Int) -> Operator {
      .linear(
        Linear(weight: dice.tensor([to, from], -0.8, 0.8), bias: dice.tensor([to], -0.2, 0.2)))
    }
    func norm(_ n: Int) -> Operator {
      .batchNorm(
        BatchNorm(
          mean: dice.tensor([n], -0.2, 0.2), variance: dice.tensor([n], 0.5, 2),
          gamma: dice.tensor([n], 0.5, 1.5), beta: dice.tensor([n], -0.1, 0.3)))
    }
    func image(_ from: Int, _ to: Int, groups: Int = 1) -> Operator {
      .convolution(
        Convolution(
          weight: dice.tensor([to, from / groups, 3, 3], -0.6, 0.6),
          bias: dice.tensor([to], 0, 0.2),
          stride: [1, 1], padding: .explicit([1, 1]), dilation: [1, 1], groups: groups))
    }
    func recurrent(_ neuron: Neuron) -> Model {
      var model = Model.chain([
        ("in", .input(shape: [6])), ("a", linear(6, 9)), ("n", .neuron(neuron)),
        ("b", linear(9, 3)), ("li", .neuron(dice.neuron(.li, [3]))), ("out", .output(shape: [3])),
      ])
      model.nodes.append(.init("back", linear(9, 9)))
      model.edges += [.init("n", "back"), .init("back", "n")]
      return model
    }
    let everything: Set = [
      "tau", "tau_mem", "tau_syn", "r", "v_leak", "v_threshold", "v_reset", "w_in", "v_initial",
    ]
    var starting = dice.neuron(.cubaLIF, [9])
    starting.initial = dice.tensor([9], -0.1, 0.2)
    let cuba = recurrent(starting)
    let lif = recurrent(dice.neuron(.lif, [9]))

    for threads in [1, 2] {
      learn("recurrent t\(threads)", cuba) {
        ($0.gradient.threads, $0.gradient.input, $0.gradient.trained) = (
          threads, .every, everything
        )
        ($0.gradient.surrogate, $0.optimizer.rate) = (.arctan(slope: 2), 1e-4)
        $0.gradient.dropout = ["n": 0.3]
      }
    }
    for (name, surrogate) in [
      ("box", Surrogate.box(width: 0.5, height: 1)), ("triangle", .triangle(width: 1, height: 0.3)),
      ("fast sigmoid", .fastSigmoid(slope: 4)), ("arctan", .arctan(slope: 2)),
      ("spike time", .spikeTime(alpha: 0.3, beta: 0.1)),
    ] { learn("surrogate \(name)", lif) { $0.gradient.surrogate = surrogate } }
    for (name, change) in [
      ("detached time", { $0.detachesTime = true }), ("around reset", { $0.throughReset = false }),
      ("frozen", { $0.frozen = ["a", "back"] }), ("first", { $0.input = .first }),
      ("detached edge", { $0.detached = [.init("back", "n")] }),
    ] as [(String, (inout GradientOptions) -> Void)] {
      learn("lif \(name)", lif) {
        change(&$0.gradient)
        $0.gradient.surrogate = .fastSigmoid(slope: 4)
      }
    }
    // Every way of making a step, in one line each kind.
    for kind in Neuron.Kind.allCases {
      var (losses, parameters, predictions) = (Sum(), Sum(), Sum())
      for integrator in NeuronSemantics.Integrator.allCases {
        for reset in NeuronSemantics.Reset.allCases {
          for isLate in [false, true] {
            var model = recurrent(dice.neuron(kind, [9]))
            (model.semantics.integrator, model.semantics.reset) = (integrator, reset)
            if isLate {
              (model.semantics.resetTiming, model.semantics.spikeTiming) = (.nextStep, .nextStep)
            }
            model.semantics.integratorGain = .r
            do {
              try Cases.learn(
                model,
                {
                  ($0.gradient.trained, $0.gradient.surrogate) = (everything, .arctan(slope: 2))
                  $0.optimizer.rate = 1e-4
                }, &losses, &parameters, &predictions)
            } catch { failures.append("learn neurons \(kind) \(integrator) \(reset): \(error)") }
          }
        }
      }
      put(
        "learn neurons \(kind.rawValue)",
        "losses \(losses.hex) parameters \(parameters.hex) predictions \(predictions.hex)")
    }
    let images = Model.chain([
      ("in", .input(shape: [2, 6, 6])), ("c1", image(2, 4)), ("norm", norm(4)),
      ("relu", .activation(.relu)),
      ("max", .pooling(Pooling(kind: .maximum, kernel: [2, 2], stride: [2, 2]))),
      ("c2", image(4, 6, groups: 2)), ("lif", .neuron(dice.neuron(.lif, []))),
      (
        "mean",
        .pooling(Pooling(kind: .average, kernel: [2, 2], stride: [1, 1], padding: [1, 0]))
      ),
      ("flat", .flatten(Flatten())), ("w", linear(48, 3)), ("out", .output(shape: [3])),
    ])
    for threads in [1, 2] {
      learn("images t\(threads)", images) {
        $0.gradient.threads = threads
        ($0.optimizer.kind, $0.optimizer.momentum, $0.optimizer.nesterov) = (.sgd, 0.9, true)
        ($0.optimizer.weightDecay, $0.optimizer.clipNorm) = (0.01, 0.5)
      }
    }
    for (name, change) in [
      ("sgd decay", { ($0.kind, $0.schedule) = (.sgd, .decay(factor: 0.5, steps: 1)) }),
      ("adam amsgrad", { ($0.amsgrad, $0.schedule) = (true, .milestones([1, 2], factor: 0.3)) }),
      ("adamax", { ($0.kind, $0.schedule, $0.clipValue) = (.adamax, .cosine(steps: 4), 0.01) }),
      ("adamw", { ($0.kind, $0.schedule, $0.weightDecay) = (.adamw, .linear(steps: 4), 0.1) }),
      ("added noise", { $0.noise = .init(.additive, sigma: 0.01, fadesAt: 4) }),
      ("times noise", { $0.noise = .init(.multiplicative, sigma: 0.1) }),
    ] as [(String, (inout OptimizerOptions) -> Void)] {
      learn("optimizer \(name)", lif) {
        change(&$0.optimizer)
        $0.gradient.surrogate = .fastSigmoid(slope: 4)
      }
    }
    for kind in Loss.Kind.allCases where kind != .stochmax && kind != .stochmaxNaive {
      for readout in Loss.Readout.allCases {
        var model = lif
        if kind == .binaryCrossEntropy {
          model.nodes[4].op = .activation(.sigmoid)
        }
        let isTop = kind == .crossEntropy || readout == .maximum
        // Numbers within 0 ... 1 where the loss asks for these.
        guard kind != .binaryCrossEntropy || readout != .sum else { continue }
        learn("loss \(kind.rawValue) \(readout.rawValue)", model, values: !isTop) {
          $0.losses = [(0, Loss(kind, readout: readout, window: 1..<5, weight: 0.5))]
        }
      }
    }
    let heads = Model(
      nodes: [
        .init("in", .input(shape: [6])), .init("a", linear(6, 9)), .init("t", .activation(.tanh)),
        .init("y", linear(9, 3)), .init("p", linear(9, 3)), .init("q", linear(9, 3)),
        .init("o0", .output(shape: [3])), .init("o1", .output(shape: [3])),
        .init("o2", .output(shape: [3])),
      ],
      edges: [
        ("in", "a"), ("a", "t"), ("t", "y"), ("t", "p"), ("t", "q"), ("y", "o0"), ("p", "o1"),
        ("q", "o2"),
      ].map { .init($0.0, $0.1) })
    for kind in [Loss.Kind.stochmax, .stochmaxNaive] {
      learn("loss \(kind.rawValue)", heads) { $0.losses = [(0, Loss(kind, readout: .last))] }
    }
    learn("several losses", heads) {
      $0.losses = [(0, Loss()), (1, Loss(.crossEntropy, readout: .last, weight: 0.3))]
    }
    addTandem(&dice)
    addFastWeights(&dice)
    addGates(&dice)
  }

  /// An artificial network that learns beside its spiking twin, and the twin as a session runs it.
  mutating func addTandem(_ dice: inout Dice) {
    func linear(_ from: Int, _ to: Int) -> Operator {
      .linear(
        Linear(weight: dice.tensor([to, from], -0.8, 0.8), bias: dice.tensor([to], -0.2, 0.2)))
    }
    let norm = BatchNorm(
      mean: dice.tensor([10], -0.2, 0.2), variance: dice.tensor([10], 0.5, 2),
      gamma: dice.tensor([10], 0.5, 1.5), beta: dice.tensor([10], -0.1, 0.3))
    let model = Model.chain([
      ("in", .input(shape: [7])), ("a", linear(7, 10)), ("norm", .batchNorm(norm)),
      ("x", .activation(.relu)), ("b", linear(10, 8)), ("y", .activation(.relu)),
      ("c", linear(8, 3)), ("out", .output(shape: [3])),
    ])
    func change(_ options: inout TrainingOptions) {
      options.mode = .tandem
      options.gradient.steps = 8
      options.optimizer.kind = .adamax
    }
    learn("tandem", model, change)
    do {
      var (a, b, c) = (Sum(), Sum(), Sum())
      let trainer = try Cases.learn(model, change, &a, &b, &c)
      add("tandem twin", try Library.spikingModel(trainer), Setting(steps: 8, resets: true)) {
        try Cases.play($0, &$1, seed: 43, spikes: false, chunks: [4])
      }
    } catch { failures.append("tandem: \(error)") }
  }

  mutating func addFastWeights(_ dice: inout Dice) {
    for (name, decay) in [
      ("oja", PlasticRule.Decay.oja(0.7)), ("weight", .weight(0.2)), ("none", .none),
    ] {
      var rule = PlasticRule(post: "y", [.init(.step, pre: .value, post: .value, rate: 0.7)])
      rule.decay = decay
      let model = Model.chain([
        ("in", .input(shape: [6])),
        ("a", .linear(Linear(weight: dice.tensor([5, 6], -0.8, 0.8)))),
        (
          "x",
          .plastic(
            .linear(
              PlasticLinear(
                weight: dice.tensor([4, 5], -0.5, 0.5), alpha: dice.tensor([4, 5], 0.2, 1),
                rule: rule)))
        ), ("y", .activation(.softmax)),
        ("b", .linear(Linear(weight: dice.tensor([3, 4], -0.8, 0.8)))),
        ("out", .output(shape: [3])),
      ])
      learn("fast weights \(name)", model) {
        ($0.gradient.input, $0.optimizer.kind) = (.every, .adamw)
        if name == "oja" { $0.gradient.plasticSteps = 2 }
      }
    }
  }

  /// Nodes of other kinds that gradients go through, with weights that two nodes share.
  mutating func addGates(_ dice: inout Dice) {
    func linear(_ from: Int, _ to: Int) -> Operator {
      .linear(
        Linear(weight: dice.tensor([to, from], -0.8, 0.8), bias: dice.tensor([to], -0.2, 0.2)))
    }
    var model = Model.chain([
      ("in", .input(shape: [5])), ("shot", .encoder(.singleShot(gain: 1.5))), ("a", linear(5, 5)),
      ("tanh", .activation(.tanh)), ("times", .multiplication), ("cat", .concatenation),
      ("scale", .scale(dice.tensor([10], 0.5, 1.5))), ("b", linear(10, 5)),
      ("late", .delay(Tensor(vector: [0, 1e-3, 2e-3, 1e-3, 3e-3]))),
      ("lif", .neuron(dice.neuron(.lif, [5]))), ("mean", .decoder(.mean)), ("c", linear(5, 3)),
      ("log", .activation(.logSoftmax)), ("out", .output(shape: [3])),
    ])
    model.nodes += [.init("a2", model["a"]!.op), .init("sigmoid", .activation(.sigmoid))]
    model.edges += [("in", "a2"), ("a2", "sigmoid"), ("sigmoid", "times"), ("in", "cat")].map {
      .init($0.0, $0.1)
    }
    for ties in [[], [["a", "a2"]]] {
      learn("gates" + (ties.isEmpty ? "" : " tied"), model) {
        ($0.gradient.ties, $0.gradient.input) = (ties, .every)
        $0.gradient.surrogate = .triangle(width: 1, height: 1)
      }
    }
  }
}

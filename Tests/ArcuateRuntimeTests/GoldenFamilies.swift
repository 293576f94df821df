import Arcuate
import ArcuateTestSupport
import Foundation
import Testing

/// Random networks, frames and pieces of runs, semantics, and nodes that no family has.
extension Cases {
  mutating func addFamilies() {
    for family in Family.allCases {
      for seed in [1, 2] as [UInt64] {
        let (model, name) = (family.draw(seed), "\(family) \(seed)")
        addFile(name, model)
        for (batch, threads, isFast) in [
          (1, 1, false), (1, 2, false), (3, 1, false), (3, 2, false), (1, 1, true), (1, 2, true),
          (3, 1, true), (3, 2, true),
        ] {
          add(name, model, Setting(batch: batch, threads: threads, isFast: isFast)) {
            try Cases.play($0, &$1, family, seed: seed)
          }
        }
      }
    }
  }

  mutating func addFrames() {
    for family in Family.allCases {
      for setting in [
        Setting(batch: 2, steps: 10, resets: true, output: .sum),
        Setting(batch: 1, threads: 2, steps: 3, isFirstOnly: true, output: .every),
        Setting(batch: 1, steps: 40, resets: true, isFirstOnly: true, output: .mean),
        Setting(batch: 2, steps: 4, isFast: true, output: .mean),
      ] {
        add("\(family) 1", family.draw(1), setting) {
          try Cases.play($0, &$1, family, seed: 1, chunks: [2, 1])
        }
      }
    }
    for resets in [false, true] {
      for isFirstOnly in [false, true] {
        for output in CompileOptions.FrameOutput.allCases {
          add(
            "counting 3", Family.counting.draw(3),
            Setting(
              batch: 2, threads: 2, steps: 5, resets: resets, isFirstOnly: isFirstOnly,
              output: output)
          ) { try Cases.play($0, &$1, seed: 3, spikes: false, chunks: [1, 3]) }
        }
        // Frames of one step.
        add(
          "ports 3", Family.ports.draw(3),
          Setting(batch: 2, resets: resets, isFirstOnly: isFirstOnly)
        ) {
          try Cases.play($0, &$1, seed: 3, spikes: false, chunks: [4, 3])
        }
      }
    }
  }

  /// Runs that are not one call: several calls, steps, events, probes, snapshots, stages.
  mutating func addPieces() {
    for family in Family.allCases {
      let (model, name, spikes) = (family.draw(1), "\(family) 1", family.takesSpikes)
      for setting in [
        Setting(batch: 3), Setting(threads: 2), Setting(batch: 3, isFast: true),
        Setting(threads: 2, isFast: true),
      ] {
        add(name, model, setting, play: "in pieces") { session, sum in
          try Cases.play(session, &sum, family, seed: 4, chunks: [1, 7, 2])
          for seed in [5, 6] as [UInt64] {
            sum.add(
              try Library.step(
                session,
                Cases.input(session, frames: 1, seed: seed, spikes: spikes, densities: [0.5])))
          }
          try Library.reset(session, stream: setting.batch - 1)
          try Cases.play(session, &sum, family, seed: 7, chunks: [5])
        }
        add(name, model, setting, play: "probed") { session, sum in
          let probes = try Library.probes(session, steps: 9)
          try Cases.play(session, &sum, family, seed: 8, chunks: [8, 4])
          for probe in probes { sum.add(probe()) }
        }
      }
      add(name, model, Setting(batch: 3), play: "by events") { session, sum in
        let steps = 15
        let input = Cases.input(session, frames: steps, seed: 9, spikes: spikes)
        var events: [Event] = []
        for frame in 0..<steps {
          for (port, values) in Cases.part(session, input, frame..<frame + 1).enumerated() {
            let size = Library.inputSizes(session)[port]
            for (at, value) in values.enumerated() where value != 0 {
              events.append(
                Event(
                  step: UInt32(frame), stream: UInt16(at / size), port: UInt16(port),
                  index: UInt32(at % size), value: value))
            }
          }
        }
        for event in try Library.runEvents(session, events, steps: steps) {
          sum.add([
            [UInt64(event.step), UInt64(event.stream), UInt64(event.port), UInt64(event.index)]
          ])
          sum.add([event.value])
        }
      }
      add(name, model, Setting(batch: 3, threads: 2), play: "restored") { session, sum in
        let first = try Library.another(session)
        try Cases.play(first, &sum, family, seed: 10, chunks: [6])
        try Library.restore(session, Library.save(first))
        try Cases.play(session, &sum, family, seed: 11, chunks: [6])
        try Library.reset(session)
        try Cases.play(session, &sum, family, seed: 12, chunks: [6])
      }
      for setting in [
        Setting(threads: 3, alwaysStages: true), Setting(threads: 2, steps: 6, alwaysStages: true),
      ] {
        add(name, model, setting) {
          try Cases.play($0, &$1, family, seed: 13, chunks: [17, 4])
        }
      }
    }
  }

  mutating func addNarrowWeights() {
    for family in Family.weighted {
      for element in [Tensor.Element.int8, .bfloat16] {
        let name = "\(family) 1 \(element)"
        do {
          let model = try Library.narrow(family.draw(1), element)
          addFile(name, model)
          for setting in [
            Setting(batch: 3), Setting(threads: 2), Setting(batch: 3, isFast: true),
          ] {
            add(name, model, setting) {
              try Cases.play($0, &$1, family, seed: 14)
            }
          }
        } catch { failures.append("\(name): \(error)") }
      }
    }
    for family in [Family.dense, .hybrid] {
      let name = "\(family) 2 calibrated"
      do {
        let whole = family.draw(2)
        let sample = Cases.input(
          try Library.session(whole, .init()), frames: 6, seed: 15, spikes: family.takesSpikes)
        let model = try Library.narrow(whole, .int8, on: sample, count: 6)
        addFile(name, model)
        add(name, model) { try Cases.play($0, &$1, family, seed: 15) }
      } catch { failures.append("\(name): \(error)") }
    }
  }

  /// Every way of making a step of a neuron, a line for each kind; presets for whole networks.
  mutating func addSemantics() {
    for preset in NeuronSemantics.Preset.allCases {
      for family in [Family.recurrent, .convolution, .nested] {
        let setting = Setting(batch: 2, semantics: NeuronSemantics(preset))
        add("\(family) 1 as \(preset)", family.draw(1), setting) {
          try Cases.play($0, &$1, seed: 16, spikes: true)
        }
      }
    }
    var all: [NeuronSemantics] = []
    for integrator in NeuronSemantics.Integrator.allCases {
      for reset in NeuronSemantics.Reset.allCases {
        for timing in NeuronSemantics.ResetTiming.allCases {
          var one = NeuronSemantics()
          (one.integrator, one.reset, one.resetTiming) = (integrator, reset, timing)
          // The other settings, each often enough.
          let n = all.count
          one.comparison = n % 2 == 0 ? .greater : .greaterOrEqual
          one.spikeTiming = n / 2 % 3 == 0 ? .nextStep : .sameStep
          one.feedbackStart = n / 3 % 2 == 0 ? .zero : .response
          one.integratorGain = n / 5 % 2 == 0 ? .r : .dtR
          one.multiSpike = n % 7 == 0
          one.clampsBelow = n % 4 == 0
          all.append(one)
        }
      }
    }
    for kind in Neuron.Kind.allCases {
      for isFast in [false, true] {
        var dice = Dice(17)
        let model = Cases.loop(&dice, kind)
        add("neurons \(kind.rawValue)", model, Setting(isFast: isFast)) { session, sum in
          try Cases.play(session, &sum, seed: 17, spikes: false)
          for (n, semantics) in all.enumerated() {
            let setting = Setting(batch: 1 + n % 2, isFast: isFast, semantics: semantics)
            let other = try Library.session(model, setting)
            try Cases.play(other, &sum, seed: UInt64(n), spikes: n % 2 == 0, chunks: [8])
            sum.add(Library.save(other))
            sum.add(try Library.counters(other).work)
          }
        }
      }
    }
  }

  /// Neurons that see their own output of the step before.
  static func loop(_ dice: inout Dice, _ kind: Neuron.Kind) -> Model {
    var neuron = dice.neuron(kind, [9])
    neuron.initial = dice.tensor([9], -0.2, 0.4)
    var model = Model.chain([
      ("in", .input(shape: [4])), ("w", .linear(Linear(weight: dice.tensor([9, 4], -1, 2)))),
      ("n", .neuron(neuron)), ("out", .output(shape: [9])),
    ])
    model.nodes.append(
      .init(
        "back",
        .linear(Linear(weight: dice.tensor([9, 9], -0.2, 0.2), bias: dice.tensor([9], 0, 0.1)))))
    model.edges += [.init("n", "back"), .init("back", "n")]
    return model
  }

  /// Nodes that no family has.
  mutating func addOtherNodes() {
    var dice = Dice(18)
    func line(
      _ out: Int, _ inputs: Int, _ stride: Int, _ padding: Convolution.Padding, groups: Int = 1
    )
      -> Operator
    {
      .convolution(
        Convolution(
          weight: dice.tensor([out, inputs / groups, 3], -1, 1),
          bias: dice.tensor([out], -0.1, 0.2),
          stride: [stride], padding: padding, dilation: [stride == 1 ? 2 : 1], groups: groups))
    }
    var model = Model.chain([
      // [4, 12] -> [6, 12] -> [4, 6] -> [5, 4]
      ("in", .input(shape: [4, 12])), ("c1", line(6, 4, 1, .same)),
      ("level", .threshold(dice.tensor([6, 12], -0.3, 0.6))),
      ("c2", line(4, 6, 2, .explicit([1]), groups: 2)), ("c3", line(5, 4, 1, .valid)),
      ("flat", .flatten(Flatten(start: 0, end: 1))),
      ("w", .linear(Linear(weight: dice.tensor([6, 10], -1, 1)))),
      ("log", .activation(.logSoftmax)), ("x", .output(shape: [6])),
    ])
    model.nodes += [
      .init("draw", .encoder(.bernoulli(gain: 0.4, seed: 19))),
      .init("signed", .encoder(.signedBernoulli(gain: 0.4, seed: 20))),
      .init("both", .concatenation), .init("rate", .decoder(.rate)),
      .init("norm", .normalization(Normalization(target: 0.7))),
      .init("each", .linear(Linear(weight: dice.tensor([7, 12], -1, 1)))),
      .init(
        "own",
        .linear(
          Linear(weight: dice.tensor([8, 3, 7], -1, 1), bias: dice.tensor([3], 0, 1)))),
      .init("y", .output(shape: [8, 3])), .init("cuba", .neuron(dice.neuron(.cubaLI, [8, 3]))),
      .init("again", .delay(Tensor(scalar: 0.002))), .init("z", .output(shape: [8, 3])),
    ]
    model.edges += [
      ("in", "draw"), ("in", "signed"), ("draw", "both"), ("signed", "both"), ("both", "rate"),
      ("rate", "norm"), ("norm", "each"), ("each", "own"), ("own", "y"), ("own", "cuba"),
      ("cuba", "again"), ("again", "z"),
    ].map { .init($0.0, $0.1) }
    addFile("others", model)
    for setting in [
      Setting(batch: 3), Setting(threads: 2), Setting(batch: 2, isFast: true),
      Setting(batch: 2, steps: 3, resets: true),
    ] {
      add("others", model, setting) { try Cases.play($0, &$1, seed: 18, spikes: false) }
    }
    // A network in which nothing depends on time.
    let still = Model.chain([
      ("in", .input(shape: [10])), ("w", .linear(Linear(weight: dice.tensor([12, 10], -1, 1)))),
      ("relu", .activation(.relu)), ("v", .linear(Linear(weight: dice.tensor([4, 12], -1, 1)))),
      ("soft", .activation(.softmax)), ("out", .output(shape: [4])),
    ])
    for setting in [Setting(batch: 3), Setting(steps: 4), Setting(isFast: true)] {
      add("still", still, setting) { try Cases.play($0, &$1, seed: 21, spikes: false) }
    }
    let gated = Model.chain([
      ("in", .input(shape: [6, 5])),
      (
        "norm",
        .groupNorm(
          GroupNorm(groups: 2, gamma: dice.tensor([6], 0.5, 1.5), beta: dice.tensor([6], -1, 1)))
      ),
      ("flat", .flatten(Flatten(start: 0, end: 1))),
      (
        "gru",
        .gru(
          GRU(
            inputWeight: dice.tensor([57, 30], -0.3, 0.3),
            hiddenWeight: dice.tensor([57, 19], -0.3, 0.3), inputBias: dice.tensor([57], -1, 1),
            hiddenBias: dice.tensor([57], -1, 1)))
      ), ("out", .output(shape: [19])),
    ])
    addFile("gated", gated)
    for setting in [
      Setting(batch: 3), Setting(threads: 2), Setting(batch: 2, isFast: true),
      Setting(batch: 2, steps: 3, resets: true),
    ] {
      add("gated", gated, setting) { try Cases.play($0, &$1, seed: 22, spikes: false) }
    }
  }
}

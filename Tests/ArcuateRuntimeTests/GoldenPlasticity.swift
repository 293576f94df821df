import Arcuate
import ArcuateTestSupport
import Foundation
import Testing

/// Rules that change weights while running.
extension Cases {
  static let quickTrace = Trace(tau_s: 0.02, arrival: .set)
  static let slowTrace = Trace(tau_s: 0.04, arrival: .add, gain: 0.3)
  static let doubleTrace = Trace(
    tau_s: 0.01, gain: 0.5, second_s: 0.03, secondGain: 0.2, lags: true)

  /// Rules with every event, factor, modulator, decay, scaling and application at least once.
  static func rules(_ dice: inout Dice) -> [(name: String, rule: PlasticRule)] {
    typealias Term = PlasticRule.Term
    func rule(_ terms: [Term], _ change: (inout PlasticRule) -> Void = { _ in }) -> PlasticRule {
      var rule = PlasticRule(post: "cells", terms)
      change(&rule)
      return rule
    }
    let depression = Term(.pre, pre: .value, post: .trace(quickTrace, before: true), rate: -0.01)
    let potentiation = Term(
      .post, pre: .trace(quickTrace, before: false), post: .trace(slowTrace, before: true),
      rate: 0.1)
    let hebb = Term(.step, pre: .value, post: .value, rate: 0.05)
    let traced = Term(.step, pre: .trace(doubleTrace, before: false), post: .value, rate: 0.2)
    let error = PlasticRule.Modulator.Source.error(node: "answer", teacher: "label")
    var all: [(String, PlasticRule)] = [
      ("stdp", rule([depression, potentiation]) { ($0.low, $0.high) = (0, 1) }),
      (
        "pair",
        rule([
          depression, .init(.post, pre: .trace(slowTrace, before: true), post: .value, rate: 0.05),
        ]) {
          ($0.low, $0.high, $0.columnSum) = (0, 1, 3)
        }
      ),
      (
        "mixed",
        rule([depression, potentiation, .init(.step, pre: .value, post: .one, rate: 1e-4)])
      ),
      ("bias", rule([traced]) { $0.learnsBias = true }),
      (
        "reward",
        rule([
          .init(
            .step, pre: .trace(slowTrace, before: false), post: .trace(slowTrace, before: false),
            rate: 0.05),
          .init(.step, pre: .previous, post: .previous, rate: -0.02),
        ]) {
          $0.modulator = .init(.signal("reward"), .all)
          ($0.low, $0.high) = (-1, 1)
        }
      ),
      ("one", rule([.init(.post, pre: .one, post: .value, rate: 0.01), hebb])),
      ("node", rule([.init(.step, pre: .node("in"), post: .value, rate: 0.02)])),
      ("late", rule([hebb]) { $0.firstStep = 5 }),
      ("decay", rule([hebb]) { $0.decay = .weight(0.01) }),
      ("oja", rule([hebb]) { $0.decay = .oja(0.05) }),
      ("maximum", rule([hebb]) { $0.scaling = .maximum(decay: 0.95, rate: 0.01) }),
      (
        "square",
        rule([traced]) { ($0.scaling, $0.learnsBias) = (.square(decay: 0.9, rate: 0.01), true) }
      ),
      (
        "signal each",
        rule([hebb]) { $0.modulator = .init(.signal("wanted"), .each) }
      ),
      (
        "error each",
        rule([.init(.step, pre: .value, post: .one, rate: 0.05)]) {
          $0.modulator = .init(.error(node: "cells", teacher: "label"), .each)
          ($0.modulator!.deadZone, $0.modulator!.limit, $0.modulator!.scale) = (0.2, 0.8, 1.5)
        }
      ),
      (
        "compartments",
        rule([traced]) {
          $0.modulator = .init(.signal("zones"), .compartments([0, 1, 2, 0, 1, 2, 0]))
        }
      ),
      ("node each", rule([hebb]) { $0.modulator = .init(.node("cells"), .each) }),
      (
        "node compartments",
        rule([traced]) {
          $0.modulator = .init(.node("answer"), .compartments([0, 1, 2, 3, 3, 2, 1]))
        }
      ),
      (
        "error matrix",
        rule([traced]) { $0.modulator = .init(error, .matrix(dice.tensor([7, 4], -1, 1))) }
      ),
      (
        "error random",
        rule([traced, depression]) { $0.modulator = .init(error, .random(seed: 7, amplitude: 0.5)) }
      ),
      ("error transpose", rule([traced]) { $0.modulator = .init(error, .transpose(of: "v")) }),
      (
        "frame since reset",
        rule([.init(.post, pre: .sinceReset(doubleTrace), post: .one, rate: 0.5)]) {
          $0.application = .frame
          $0.modulator = .init(error, .random(seed: 8, amplitude: 1))
        }
      ),
      (
        "frame scaled",
        rule([hebb, depression]) {
          ($0.application, $0.scaling) = (.frame, .maximum(decay: 0.9, rate: 0.02))
          ($0.columnSum, $0.learnsBias) = (4, true)
        }
      ),
      (
        "frame square",
        rule([.init(.post, pre: .trace(slowTrace, before: true), post: .one, rate: 0.1)]) {
          ($0.application, $0.scaling) = (.frame, .square(decay: 0.9, rate: 0.02))
          $0.modulator = .init(error, .transpose(of: "v"))
        }
      ),
    ]
    for (name, surrogate) in [
      ("box", Surrogate.box(width: 0.5, height: 1)), ("triangle", .triangle(width: 1, height: 0.3)),
      ("fast sigmoid", .fastSigmoid(slope: 10)), ("arctan", .arctan(slope: 2)),
    ] {
      all.append(
        (
          "surrogate \(name)",
          rule([
            .init(
              .step, pre: .trace(slowTrace, before: false), post: .surrogate(surrogate), rate: 0.05)
          ]) {
            $0.modulator = .init(error, .transpose(of: "v"))
          }
        ))
    }
    for (name, trace) in [
      ("euler", Trace(tau_s: 0.01, gain: 0.5, isEuler: true)),
      ("double", Trace(tau_s: 0.01, gain: 0.5, second_s: 0.02, isEuler: true)),
    ] {
      all.append(
        (
          "trace \(name)",
          rule([.init(.step, pre: .trace(trace, before: true), post: .value, rate: 0.1)])
        ))
    }
    return all
  }

  /// in -> spikes -> w, which learns -> cells -> v -> tanh "answer".
  static func learner(
    _ rule: PlasticRule, _ cell: Cell? = nil, alpha: Tensor? = nil, plasticReadout: Bool = false
  ) -> Model {
    var dice = Dice(26)
    let weight = dice.tensor([7, 13], 0.05, 0.6)
    let bias = rule.learnsBias ? dice.tensor([7], 0, 0.01) : nil
    let readout = dice.tensor([4, 7], -0.5, 0.5)
    var model = Model.chain([
      ("in", .input(shape: [13])), ("code", .encoder(.bernoulli(gain: 0.6, seed: 27))),
      ("w", .plastic(.linear(PlasticLinear(weight: weight, bias: bias, alpha: alpha, rule: rule)))),
      ("cells", .program((cell ?? usualCell).neuron)), ("out", .output(shape: [7])),
    ])
    var reading = PlasticRule(post: "answer", [.init(.step, pre: .value, post: .one, rate: 0.05)])
    reading.modulator = .init(.error(node: "answer", teacher: "label"), .each)
    model.nodes += [
      .init(
        "v",
        plasticReadout
          ? .plastic(.linear(PlasticLinear(weight: readout, rule: reading)))
          : .linear(Linear(weight: readout))),
      .init("answer", .activation(.tanh)), .init("said", .output(shape: [4])),
    ]
    model.edges += [("cells", "v"), ("v", "answer"), ("answer", "said")].map { .init($0.0, $0.1) }
    return model
  }

  static var usualCell: Cell {
    var cell = Cell(size: 7)
    cell.tauMembrane_s = 0.02
    cell.threshold = Tensor(scalar: 0.8)
    cell.refractory_s = 0.002
    cell.adaptation = 0.05
    return cell
  }

  /// Runs frames of spikes while signals are given, then some without learning.
  static func lesson(_ session: Session, _ sum: inout Sum) throws {
    let before = Library.learned(session, of: "w")
    Library.setLearning(session, true)
    var dice = Dice(28)
    for part in 0..<5 {
      for (name, width) in Library.signals(session) where part != 3 {
        try Library.teach(
          session, name, dice.tensor([width * Library.batch(session)], -1, 1).floats)
      }
      try play(session, &sum, seed: UInt64(part), spikes: true, chunks: [3, 2])
      if part == 1 { try Library.reset(session, stream: 0) }
      if part == 2 { try Library.setRate(session, 0.5) }
      if part == 3 { try Library.reset(session) }
    }
    if sum.isSilent { throw Unexpected.silence }
    if Library.learned(session, of: "w") == before { throw Unexpected.nothingLearned }
    sum.add(Library.learned(session))
    Library.setLearning(session, false)
    try play(session, &sum, seed: 29, spikes: true, chunks: [3])
  }

  mutating func addRules() {
    var dice = Dice(30)
    for (name, rule) in Cases.rules(&dice) {
      let model = Cases.learner(rule)
      addFile("rule \(name)", model)
      for setting in [Setting(), Setting(batch: 3, threads: 2, steps: 4, output: .every)] {
        add("rule \(name)", model, setting) { try Cases.lesson($0, &$1) }
      }
    }
    // Weights of a stream beside those that stay.
    for (name, alpha) in [
      ("one alpha", Tensor(scalar: 0.5)), ("alphas", dice.tensor([7, 13], 0, 1)),
    ] {
      for (decay, word) in [
        (PlasticRule.Decay.oja(0.1), "oja"), (.weight(0.1), "weight"), (.none, "none"),
      ] {
        var rule = PlasticRule(post: "cells", [.init(.step, pre: .value, post: .value, rate: 0.3)])
        rule.decay = decay
        add("fast weights, \(name), \(word)", Cases.learner(rule, alpha: alpha), Setting(batch: 2))
        {
          try Cases.lesson($0, &$1)
        }
      }
    }
    // The transpose of weights that learn themselves, frames that start from rest, fast numerics.
    var back = PlasticRule(
      post: "cells",
      [.init(.step, pre: .trace(Cases.slowTrace, before: false), post: .value, rate: 0.1)])
    back.modulator = .init(.error(node: "answer", teacher: "label"), .transpose(of: "v"))
    let both = Cases.learner(back, plasticReadout: true)
    for setting in [
      Setting(batch: 2, steps: 6, resets: true, output: .sum), Setting(batch: 4, threads: 2),
      Setting(batch: 2, isFast: true),
    ] { add("two rules", both, setting) { try Cases.lesson($0, &$1) } }
    addKernels(&dice)
  }

  /// Convolutions that learn, of one axis and two.
  mutating func addKernels(_ dice: inout Dice) {
    typealias Term = PlasticRule.Term
    let error = PlasticRule.Modulator.Source.error(node: "answer", teacher: "label")
    let slow = Cases.slowTrace
    for (name, term, scaling) in [
      ("value", Term(.step, pre: .value, post: .value, rate: 0.02), PlasticRule.Scaling.none),
      ("trace", Term(.step, pre: .trace(slow, before: false), post: .one, rate: 0.02), .none),
      (
        "surrogate", Term(.step, pre: .value, post: .surrogate(.fastSigmoid(slope: 5)), rate: 0.05),
        .maximum(decay: 0.9, rate: 0.01)
      ),
    ] {
      var rule = PlasticRule(post: "cells", [term])
      (rule.scaling, rule.low, rule.high, rule.learnsBias) = (scaling, -1, 1, true)
      if name != "value" { rule.modulator = .init(error, .random(seed: 31, amplitude: 1)) }
      for axes in [1, 2] {
        let shape: Shape = axes == 1 ? [2, 9] : [2, 6, 6]
        let kernel: Shape = axes == 1 ? [3, 2, 3] : [3, 2, 3, 2]
        let output: Shape = axes == 1 ? [3, 7] : [3, 6, 3]
        let convolution = Convolution(
          weight: dice.tensor(kernel, -0.2, 0.6), bias: dice.tensor([3], 0, 0.1),
          stride: axes == 1 ? [1] : [1, 2], padding: .explicit(axes == 1 ? [0] : [1, 0]),
          dilation: axes == 1 ? [1] : [1, 1])
        var cell = Cell(size: output.count)
        cell.threshold = Tensor(scalar: 0.5)
        let model = Model.chain([
          ("in", .input(shape: shape)), ("code", .encoder(.bernoulli(gain: 0.5, seed: 32))),
          ("w", .plastic(.convolution(PlasticConvolution(convolution, rule: rule)))),
          ("cells", .program(cell.neuron)), ("flat", .flatten(Flatten())),
          ("answer", .linear(Linear(weight: dice.tensor([4, output.count], -0.3, 0.3)))),
          ("out", .output(shape: [4])),
        ])
        addFile("kernels \(axes) \(name)", model)
        for setting in [Setting(), Setting(batch: 3, threads: 2, steps: 3, output: .every)] {
          add("kernels \(axes) \(name)", model, setting) { try Cases.lesson($0, &$1) }
        }
      }
    }
  }

  /// Cells with every setting, and the other nodes around rules.
  mutating func addCells() {
    func cell(_ change: (inout Cell) -> Void) -> Cell {
      var cell = Cases.usualCell
      change(&cell)
      return cell
    }
    let rule = PlasticRule(post: "cells", [.init(.step, pre: .value, post: .value, rate: 0.01)])
    let all: [(String, Cell)] = [
      ("plain", cell { ($0.tauMembrane_s, $0.adaptation, $0.refractory_s) = (nil, 0, 0) }),
      ("winners", cell { ($0.winners, $0.silences) = (2, true) }),
      ("winner", cell { ($0.winners, $0.orEqual, $0.lateral) = (1, true, 0.3) }),
      ("lateral", cell { ($0.lateral, $0.tauLateral_s) = (0.4, 0.005) }),
      ("recovery", cell { ($0.recovery, $0.tauRecovery_s) = (0.3, 0.01) }),
      ("synapse", cell { ($0.tauSynapse_s, $0.gain, $0.rest) = (0.005, 0.5, 0.05) }),
      (
        "conductance",
        cell {
          ($0.excitation, $0.inhibition, $0.lateral) = (3, -1, 0.5)
          ($0.tauSynapse_s, $0.tauLateral_s) = (0.003, 0.004)
        }
      ),
      ("euler", cell { ($0.isEuler, $0.tauAdaptation_s) = (true, 0.05) }),
      ("subtract", cell { ($0.reset, $0.tauAdaptation_s, $0.refractory_s) = (.subtract, 0.02, 0) }),
      ("no reset", cell { ($0.reset, $0.resetValue) = (.none, 0.1) }),
      (
        "vectors",
        cell {
          var dice = Dice(33)
          ($0.threshold, $0.theta) = (dice.tensor([7], 0.3, 1), dice.tensor([7], 0, 0.2))
          $0.resetValue = -0.1
        }
      ),
    ]
    for (name, cell) in all {
      let model = Cases.learner(rule, cell)
      addFile("cell \(name)", model)
      for setting in [Setting(), Setting(batch: 3, threads: 2, steps: 3, output: .sum)] {
        add("cell \(name)", model, setting) { try Cases.lesson($0, &$1) }
      }
    }
    var around = Cases.learner(rule)
    around.nodes += [
      .init("trace", .plastic(.trace(Cases.doubleTrace))),
      .init("plain trace", .plastic(.trace(Cases.quickTrace))),
      .init("winners", .plastic(.winners(count: 3))),
      .init(
        "few",
        .plastic(.projection(Projection(post: 5, pre: 13, seed: 9, amplitude: 0.5, fanIn: 3)))),
      .init("full", .plastic(.projection(Projection(post: 5, pre: 7, seed: 10, amplitude: 0.5)))),
      .init("x", .output(shape: [13])), .init("y", .output(shape: [5])),
    ]
    around.edges += [
      ("code", "trace"), ("trace", "winners"), ("winners", "x"), ("in", "plain trace"),
      ("plain trace", "few"), ("few", "y"), ("cells", "full"), ("full", "y"),
    ].map { .init($0.0, $0.1) }
    addFile("around", around)
    for setting in [Setting(batch: 2), Setting(steps: 4), Setting(batch: 2, isFast: true)] {
      add("around", around, setting) { try Cases.lesson($0, &$1) }
    }
  }

  /// What a host does besides running: snapshots, forgetting, models of what was learned.
  mutating func addLessons() {
    var dice = Dice(34)
    for (name, rule) in Cases.rules(&dice) where ["stdp", "reward", "frame scaled"].contains(name) {
      let setting = Setting(batch: 2, steps: 3)
      add("rule \(name)", Cases.learner(rule), setting, play: "by hand") { session, sum in
        let first = try Library.another(session)
        try Cases.lesson(first, &sum)
        try Library.restore(session, Library.save(first))
        for (name, _) in Library.signals(session) { try Library.withdraw(session, name) }
        try Cases.lesson(session, &sum)
        Library.setLearning(session, true)
        for seed in 0..<4 as Range<UInt64> {
          sum.add(
            try Library.step(
              session, Cases.input(session, frames: 1, seed: seed, spikes: true, densities: [0.4])))
        }
        Library.endFrame(session)
        let copy = try Library.clone(session)
        Library.forget(session)
        sum.add(Library.learned(session))
        try Cases.lesson(copy, &sum)
        let learned = try Library.learnedModel(copy)
        for model in [learned, Library.frozen(learned)] {
          let other = try Library.session(model, setting)
          try Cases.play(other, &sum, seed: 35, spikes: true, chunks: [4])
          sum.add(Library.save(other))
        }
        try Cases.play(session, &sum, seed: 36, spikes: true, chunks: [4])
      }
    }
  }
}

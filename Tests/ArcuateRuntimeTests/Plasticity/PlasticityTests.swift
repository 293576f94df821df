import Arcuate
import ArcuateTestSupport
import ArcuateKernels
import Testing

@testable import ArcuateRuntime

/// Rules that change weights while a session runs.
struct PlasticityTests {
  static let dt = 1e-3

  struct Dice {
    let random: CounterRandom
    var at: UInt64 = 0
    init(_ seed: UInt64) { random = CounterRandom(seed: seed) }
    mutating func next() -> Float {
      at += 1
      return random.uniform(stream: 0, step: at, index: 0)
    }
    mutating func values(_ n: Int, _ low: Float, _ high: Float) -> [Float] {
      (0..<n).map { _ in low + (high - low) * next() }
    }
    mutating func spikes(_ n: Int, _ density: Float) -> [Float] {
      (0..<n).map { _ in next() < density ? 1 : 0 }
    }
  }

  static let quick = Trace(tau_s: 0.02, arrival: .set)
  static let slow = Trace(tau_s: 0.04, arrival: .add, gain: 0.3)
  static let double = Trace(
    tau_s: 0.01, gain: 0.5, second_s: 0.03, secondGain: 0.2, lags: true)

  static func rules() -> [PlasticRule] {
    var stdp = PlasticRule(
      post: "cells",
      [
        .init(.pre, pre: .value, post: .trace(quick, before: true), rate: -0.01),
        .init(
          .post, pre: .trace(quick, before: false), post: .trace(slow, before: true), rate: 0.1),
      ])
    (stdp.low, stdp.high) = (0, 1)
    var pair = stdp
    pair.terms[1] = .init(.post, pre: .trace(slow, before: true), post: .value, rate: 0.05)
    var hebb = PlasticRule(
      post: "cells", [.init(.step, pre: .trace(double, before: false), post: .value, rate: 0.2)])
    hebb.learnsBias = true
    var rewarded = PlasticRule(
      post: "cells",
      [
        .init(
          .step, pre: .trace(slow, before: false), post: .trace(slow, before: false), rate: 0.05),
        .init(.step, pre: .previous, post: .previous, rate: -0.02),
      ])
    rewarded.modulator = .init(.signal("reward"), .all)
    rewarded.low = -1
    rewarded.high = 1
    var mixed = stdp
    mixed.terms.append(.init(.step, pre: .value, post: .one, rate: 1e-4))
    return [stdp, pair, hebb, rewarded, mixed]
  }

  static func cell(post: Int, seed: UInt64) -> Cell {
    var cell = Cell(size: post)
    cell.tauMembrane_s = 0.02
    cell.threshold = Tensor(scalar: 0.8)
    cell.refractory_s = 0.002
    cell.adaptation = 0.05
    if seed % 2 == 0 {
      cell.winners = 2
      cell.silences = true
    }
    return cell
  }

  static func network(_ rule: PlasticRule, pre: Int, post: Int, seed: UInt64) throws -> Model {
    var dice = Dice(seed)
    let linear = PlasticLinear(
      weight: try Tensor(dice.values(post * pre, 0, 0.6), shape: Shape([post, pre])),
      bias: rule.learnsBias ? Tensor(vector: dice.values(post, 0, 0.01)) : nil, rule: rule)
    var model = Model.chain([
      ("in", .input(shape: try Shape([pre]))), ("w", .plastic(.linear(linear))),
      ("cells", .program(cell(post: post, seed: seed).neuron)),
      ("out", .output(shape: try Shape([post]))),
    ])
    model.dt_s = dt
    return model
  }

  static func session(
    _ model: Model, batch: Int = 1, threads: Int = 1, steps: Int = 1
  ) throws -> Session {
    var options = CompileOptions()
    options.batch = batch
    options.threads = threads
    options.stepsPerFrame = steps
    options.frameOutput = .every
    let session = try model.compile(options).makeSession()
    session.adapts = true
    return session
  }

  @Test(arguments: 0..<5, [1, 3])
  func equalsTheSlowTwinToTheBit(rule: Int, batch: Int) throws {
    for seed in 1...4 {
      let (pre, post, steps) = (19, 7, 120)
      let model = try Self.network(Self.rules()[rule], pre: pre, post: post, seed: UInt64(seed))
      let session = try Self.session(model, batch: batch)
      guard case .plastic(.linear(let linear)) = model.nodes[1].op else {
        Issue.record("node 1 has no rule")
        return
      }
      var twin = SlowLearner(
        linear, Self.cell(post: post, seed: UInt64(seed)), dt: Self.dt, batch: batch)
      var dice = Dice(UInt64(100 + seed))
      var spikes = 0
      for t in 0..<steps {
        if linear.rule.modulator != nil, t % 10 == 0 {
          let reward = dice.values(batch, -1, 1)
          try session.setSignal("reward", reward)
          twin.signal = reward.map { [$0] }
        }
        let x = (0..<batch).map { _ in dice.spikes(pre, 0.15) }
        let y = try session.step([x.flatMap { $0 }])[0]
        let wanted = twin.step(x, learns: true).flatMap { $0 }
        #expect(y == wanted, "seed \(seed) step \(t)")
        if y != wanted { return }
        spikes += y.filter { $0 != 0 }.count
      }
      let learned = try session.adapted("w")
      let slow = (0..<post).flatMap { i in (0..<pre).map { twin.weight[$0][i] } }
      #expect(spikes > 20, "seed \(seed): the network is all but silent")
      #expect(learned == slow, "seed \(seed)")
      #expect(learned != linear.weight.floats)
      #expect(try session.adapted("cells") == twin.theta)
    }
  }

  @Test(arguments: 0..<5)
  func threadsAndChunksChangeNoBit(rule: Int) throws {
    // Large enough that the rows are shared out.
    let (pre, post, batch, frames, steps) = (130, 70, 16, 3, 5)
    let model = try Self.network(Self.rules()[rule], pre: pre, post: post, seed: 3)
    var dice = Dice(9)
    let x = dice.spikes(frames * batch * pre, 0.1)
    var results: [[Float]] = []
    for (threads, atOnce) in [(1, 3), (2, 3), (3, 1), (4, 2)] {
      let session = try Self.session(model, batch: batch, threads: threads, steps: steps)
      if !session.plan.signals.isEmpty {
        try session.setSignal("reward", (0..<batch).map { Float($0) / 8 - 1 })
      }
      var out: [Float] = []
      var frame = 0
      while frame < frames {
        let count = min(atOnce, frames - frame)
        let part = Array(x[frame * batch * pre..<(frame + count) * batch * pre])
        out += try session.run(frames: count, [part])[0]
        frame += count
      }
      results.append(out + (try session.adapted("w")) + (try session.adapted("cells")))
    }
    for result in results.dropFirst() { #expect(result == results[0]) }
  }

  @Test func stateIsSavedRestoredAndCloned() throws {
    for rule in Self.rules() {
      let model = try Self.network(rule, pre: 12, post: 6, seed: 5)
      let session = try Self.session(model)
      var dice = Dice(7)
      if !session.plan.signals.isEmpty { try session.setSignal("reward", [0.5]) }
      func run(_ session: Session, _ x: [[Float]]) throws -> [Float] {
        try x.flatMap { try session.step([$0])[0] } + session.adapted("w")
          + session.adapted("cells")
      }
      let before = (0..<50).map { _ in dice.spikes(12, 0.2) }
      let after = (0..<50).map { _ in dice.spikes(12, 0.2) }
      _ = try run(session, before)
      let bytes = session.save()
      let copy = try session.clone()
      let wanted = try run(session, after)
      #expect(try run(copy, after) == wanted)
      let other = try Self.session(model)
      try other.restore(Bytes(bytes))
      #expect(try run(other, after) == wanted)
    }
  }

  @Test func restKeepsWhatWasLearnedAndForgettingDoesNot() throws {
    let model = try Self.network(Self.rules()[0], pre: 12, post: 6, seed: 5)
    let session = try Self.session(model)
    var dice = Dice(8)
    let fresh = try session.adapted("w")
    for _ in 0..<50 { _ = try session.step([dice.spikes(12, 0.3)]) }
    let learned = try session.adapted("w")
    #expect(learned != fresh)
    session.reset()
    #expect(try session.adapted("w") == learned)
    session.adapts = false
    for _ in 0..<50 { _ = try session.step([dice.spikes(12, 0.3)]) }
    #expect(try session.adapted("w") == learned)
    let taken = try session.adaptedModel()
    let again = try taken.compile().makeSession()
    #expect(try again.adapted("w") == learned)
    #expect(try again.adapted("cells") == session.adapted("cells"))
    let frozen = try #require(taken.frozen()["w"])
    guard case .linear(let linear) = frozen.op else {
      Issue.record("a frozen node is an ordinary one")
      return
    }
    #expect(linear.weight.floats == learned)
    session.restoreWeights()
    #expect(try session.adapted("w") == fresh)
    #expect(try session.adapted("cells") == [Float](repeating: 0, count: 6))
  }

  @Test func columnsAreNormalisedBeforeEachFrame() throws {
    var rule = Self.rules()[0]
    rule.columnSum = 3
    let model = try Self.network(rule, pre: 12, post: 6, seed: 5)
    let session = try Self.session(model, steps: 4)
    // Frames of silence: nothing but the normalisation changes weights.
    _ = try session.run(frames: 2, [[Float](repeating: 0, count: 24)])
    let learned = try session.adapted("w")
    for i in 0..<6 {
      let sum = learned[i * 12..<(i + 1) * 12].reduce(0, +)
      #expect(abs(sum - 3) < 1e-5)
    }
  }

  @Test func filesKeepEveryPart() throws {
    var models = try Self.rules().map { try Self.network($0, pre: 5, post: 4, seed: 2) }
    var rule = PlasticRule(
      post: "cells",
      [
        .init(
          .step, pre: .value, post: .surrogate(.fastSigmoid(slope: 10)), rate: 0.25)
      ])
    rule.modulator = .init(
      .error(node: "cells", teacher: "label"),
      .matrix(try Tensor((0..<16).map(Float.init), shape: Shape([4, 4]))))
    rule.modulator?.deadZone = 0.125
    rule.modulator?.limit = 2
    rule.scaling = .maximum(decay: 0.95, rate: 0.001)
    rule.decay = .weight(0.001)
    rule.firstStep = 3
    models.append(try Self.network(rule, pre: 5, post: 4, seed: 2))
    rule.modulator?.map = .compartments([0, 1, 0, 3])
    rule.scaling = .square(decay: 0.5, rate: 0.1)
    rule.decay = .oja(0.1)
    models.append(try Self.network(rule, pre: 5, post: 4, seed: 2))
    rule.modulator?.map = .random(seed: 7, amplitude: 0.5)
    rule.decay = .none
    rule.application = .frame
    rule.terms = [.init(.post, pre: .sinceReset(Self.double), post: .one, rate: 1)]
    models.append(try Self.network(rule, pre: 5, post: 4, seed: 2))
    for var model in models {
      model.nodes.append(.init("trace", .plastic(.trace(Self.double))))
      model.nodes.append(.init("winners", .plastic(.winners(count: 3))))
      model.nodes.append(
        .init(
          "drawn",
          .plastic(.projection(Projection(post: 5, pre: 4, seed: 9, amplitude: 0.5, fanIn: 2)))))
      model.edges += [
        .init("in", "trace"), .init("trace", "winners"), .init("cells", "drawn"),
      ]
      let bytes = try SafetensorsFile.encode(model)
      let read = try SafetensorsFile.parse(Bytes(bytes)).model
      #expect(read == model)
      _ = try read.compile()
      #expect(throws: ArcuateError.self) { try NIRFile.encode(model) }
    }
  }

  @Test func hostileStatesAreNoTrap() throws {
    var rule = PlasticRule(
      post: "cells", [.init(.post, pre: .sinceReset(Self.double), post: .one, rate: 1)])
    rule.application = .frame
    var model = try Self.network(rule, pre: 6, post: 5, seed: 3)
    model.nodes.insert(.init("code", .encoder(.bernoulli(gain: 0.5, seed: 3))), at: 1)
    model.edges = [
      .init("in", "code"), .init("code", "w"), .init("w", "cells"), .init("cells", "out"),
    ]
    let session = try Self.session(model, steps: 4)
    for value: Float in [.nan, .infinity, -.infinity, 1e30, -1] {
      for i in 0..<session.arena.state.count { session.arena.state[i] = value }
      _ = try session.run(frames: 2, [[Float](repeating: 1, count: 12)])
      session.reset()
      _ = try session.run(frames: 2, [[Float](repeating: 1, count: 12)])
    }
  }

  @Test func bernoulliRowsAreWhatTheCounterSays() throws {
    let random = CounterRandom(seed: 0x1234_5678_9ABC_DEF0)
    for count in [1, 7, 8, 9, 40] {
      var dice = Dice(UInt64(count))
      let values = (0..<count).map { _ in dice.next() < 0.6 ? dice.next() * 2 - 0.7 : 0 }
      let x = try View.packed(values + [Float](repeating: 0, count: 16))
      let y = try View.packed([Float](repeating: 9, count: count + 16))
      let list = try AlignedBuffer(byteCount: 4 * (count + 16)).view(
        UInt32.self, start: 0, count: count + 16)
      let found = findNonzero(x.row, count: count, list: list.row)
      for step: UInt64 in [0, 5, 1 << 40] {
        for signed in [false, true] {
          Elementwise.bernoulli(
            x.row, list: list.row, listCount: Int(found.count), gain: 0.8, isSigned: signed,
            random: random, stream: 3, step: step, into: y.row)
          for i in 0..<count {
            let draw = random.uniform(stream: 3, step: step, index: UInt32(i))
            let chance = 0.8 * values[i]
            #expect(y[i] == (draw < chance ? 1 : signed && draw < -chance ? -1 : 0))
          }
        }
      }
      withExtendedLifetime((x, y, list)) {}
    }
  }

  @Test func winnersAreTheLargest() throws {
    for seed in 1...20 {
      var dice = Dice(UInt64(seed))
      // Few different values, so that many are equal.
      let values = (0..<50).map { _ in ((dice.next() * 2 - 0.8) * 6).rounded() / 6 }
      for most in [1, 2, 7, 49, 60] {
        let x = try View.packed(values + [Float](repeating: 0, count: 14))
        let y = try View.packed([Float](repeating: 9, count: 64))
        let scratch = try View.packed([Float](repeating: 0, count: 64))
        Elementwise.winners(x.row, most: most, into: y.row, count: 50, scratch: scratch.row)
        let order = values.indices.filter { values[$0] > 0 }.sorted {
          values[$0] != values[$1] ? values[$0] > values[$1] : $0 < $1
        }
        var wanted = [Float](repeating: 0, count: 50)
        for i in order.prefix(most) { wanted[i] = values[i] }
        #expect(Array(y.array[..<50]) == wanted, "seed \(seed), \(most) winners")
        withExtendedLifetime((x, y, scratch)) {}
      }
    }
  }

  // MARK: What is refused

  @Test func refusalsLeaveTheStateAsItWas() throws {
    var rule = Self.rules()[3]
    rule.modulator = .init(.error(node: "cells", teacher: "label"), .each)
    let model = try Self.network(rule, pre: 5, post: 4, seed: 2)
    let session = try Self.session(model, batch: 2)
    try session.setSignal("label", label: 1, stream: 1)
    let before = session.save()
    let refused: [(ArcuateError.Code, String, () throws -> Void)] = [
      (
        .invalidArgument, "label 4 is not within 0 ..< 4",
        { try session.setSignal("label", label: 4) }
      ),
      (.invalidArgument, "label -1", { try session.setSignal("label", label: -1) }),
      (.invalidArgument, "stream 2", { try session.setSignal("label", label: 0, stream: 2) }),
      (.bufferSize, "not 8", { try session.setSignal("label", [1, 2, 3]) }),
      (
        .invalidArgument, "number 3 is not finite",
        {
          try session.setSignal("label", [0, 0, 0, .nan, 0, 0, 0, 0])
        }
      ),
      (
        .notFound, "there is no signal \"reward\": rules ask for label",
        {
          try session.setSignal("reward", [1])
        }
      ),
      (
        .invalidArgument, "not finite",
        { _ = try session.step([[Float](repeating: .nan, count: 10)]) }
      ),
    ]
    for (code, words, body) in refused {
      do {
        try body()
        Issue.record("\(words): was taken")
      } catch let error as ArcuateError {
        #expect(error.code == code)
        #expect(error.description.contains(words), "\(error.description)")
      }
    }
    #expect(session.save() == before)
  }

  @Test func rulesThatDoNotFitAreErrorsOfTheModel() throws {
    let good = Self.rules()[0]
    func refused(_ words: String, _ change: (inout PlasticRule) -> Void) throws {
      var rule = good
      change(&rule)
      let model = try Self.network(rule, pre: 5, post: 4, seed: 2)
      let error = #expect(throws: ArcuateError.self) { _ = try model.compile() }
      #expect(error?.description.contains(words) == true, "\(words): \(error?.description ?? "")")
      #expect(error?.location == "node \"w\"")
    }
    try refused("which does not exist") { $0.post = "nobody" }
    try refused("but its rule reads node \"in\" with 5") { $0.post = "in" }
    try refused("outside the bounds") { $0.low = 0.5 }
    try refused("hold nothing") { $0.low = 2 }
    try refused("no terms") { $0.terms = [] }
    try refused("3 compartment numbers for 4 outputs") {
      $0.modulator = .init(.signal("x"), .compartments([0, 1, 2]))
    }
    try refused("5 numbers where 4 are needed") {
      $0.modulator = .init(.error(node: "in", teacher: "x"), .each)
    }
    try refused("must be positive") {
      $0.terms[0].post = .trace(Trace(tau_s: 0), before: false)
    }
    // A rule on what has no weights of its own.
    let model = try Self.network(good, pre: 5, post: 4, seed: 2)
    let error = #expect(throws: ArcuateError.self) { try model.plastic("cells", good) }
    #expect(error?.description.contains("is frozen") == true)
    #expect(throws: ArcuateError.self) { try model.plastic("nobody", good) }
  }
}

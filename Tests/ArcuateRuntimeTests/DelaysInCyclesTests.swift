import Arcuate
import ArcuateTestSupport
import Foundation
import Testing

/// Delays that break cycles, and count once.
@Suite struct DelaysInCyclesTests {
  static func tensor(_ shape: [Int], _ stream: UInt32) throws -> Tensor {
    let random = CounterRandom(seed: 6)
    let shape = try Shape(shape)
    return try Tensor(
      (0..<shape.count).map { 2 * random.uniform(stream: stream, step: 0, index: UInt32($0)) - 1 },
      shape: shape)
  }

  /// An impulse in a loop without weights comes back after the delay, not one step later.
  @Test(arguments: [1, 2, 5]) func aDelayInALoopCountsOnce(_ steps: Int) throws {
    var model = Model.chain([
      ("in", .input(shape: [1])), ("s", .scale(Tensor(scalar: 1))), ("out", .output(shape: [1])),
    ])
    model.nodes.append(.init("d", .delay(Tensor(scalar: Float(steps) * 1e-3))))
    model.edges += [.init("s", "d"), .init("d", "s")]
    model.dt_s = 1e-3
    let frames = 12
    let impulse = (0..<frames).map { Float($0 == 0 ? 1 : 0) }
    let found = try model.compile().makeSession().run(frames: frames, [impulse])[0]
    #expect(found == (0..<frames).map { Float($0 % steps == 0 ? 1 : 0) })
    var options = TrainingOptions()
    (options.gradient.steps, options.gradient.input) = (frames, .every)
    options.losses = [(0, Loss(.meanSquare))]
    #expect(try Trainer(model, options).predict([impulse], samples: 1)[0] == found)
  }

  static let (units, inputs, steps) = (4, 3, 6)

  /// A long short-term memory of nodes. With `isStated`, delays of one step carry what is remembered.
  static func memory(isStated: Bool) throws -> Model {
    var model = Model(nodes: [
      .init("in", .input(shape: [3])), .init("out", .output(shape: [4])),
      .init("ig", .multiplication), .init("fc", .multiplication), .init("h", .multiplication),
      .init("c", .scale(Tensor(scalar: 1))), .init("tc", .activation(.tanh)),
    ])
    let edges = [
      ("ai", "ig"), ("ag", "ig"), ("af", "fc"), ("ig", "c"), ("fc", "c"), ("c", "tc"), ("tc", "h"),
      ("ao", "h"), ("h", "out"), ("c", isStated ? "lc" : "fc"),
    ]
    model.edges = edges.map { .init($0.0, $0.1) }
    for (k, gate) in ["i", "f", "g", "o"].enumerated() {
      let stream = UInt32(k * 3)
      model.nodes += [
        .init(
          "w\(gate)",
          .linear(
            Linear(
              weight: try tensor([units, inputs], stream), bias: try tensor([units], stream + 1))
          )),
        .init("u\(gate)", .linear(Linear(weight: try tensor([units, units], stream + 2)))),
        .init("a\(gate)", .activation(gate == "g" ? .tanh : .sigmoid)),
      ]
      model.edges += [
        .init("in", "w\(gate)"), .init("w\(gate)", "a\(gate)"), .init("u\(gate)", "a\(gate)"),
        .init(isStated ? "lh" : "h", "u\(gate)"),
      ]
    }
    if isStated {
      for (name, source) in [("lh", "h"), ("lc", "c")] {
        model.nodes.append(.init(name, .delay(Tensor(scalar: 1e-3))))
        model.edges.append(.init(source, name))
      }
      model.edges.append(.init("lc", "fc"))
    }
    model.dt_s = 1e-3
    return model
  }

  /// The same by its equations, in double precision.
  static func reference(_ x: [Float]) throws -> [Double] {
    func sigmoid(_ x: Double) -> Double { 1 / (1 + exp(-x)) }
    var (h, c) = ([Double](repeating: 0, count: units), [Double](repeating: 0, count: units))
    var all: [Double] = []
    for t in 0..<steps {
      let z = try (0..<4).map { k in
        let stream = UInt32(k * 3)
        let w = try tensor([units, inputs], stream).floats
        let b = try tensor([units], stream + 1).floats
        let u = try tensor([units, units], stream + 2).floats
        return (0..<units).map { j in
          let fed = (0..<inputs).reduce(Double(b[j])) {
            $0 + Double(w[j * inputs + $1]) * Double(x[t * inputs + $1])
          }
          return (0..<units).reduce(fed) { $0 + Double(u[j * units + $1]) * h[$1] }
        }
      }
      for j in 0..<units { c[j] = sigmoid(z[0][j]) * tanh(z[2][j]) + sigmoid(z[1][j]) * c[j] }
      h = (0..<units).map { sigmoid(z[3][$0]) * tanh(c[$0]) }
      all += h
    }
    return all
  }

  @Test func aGatedCellOfNodesIsExactInEveryOrder() throws {
    let x = try Self.tensor([Self.steps * Self.inputs], 50).floats
    let wanted = try Self.reference(x)
    let stated = try Self.memory(isStated: true)
    func shuffled<T>(_ all: [T], _ seed: UInt64) -> [T] {
      Trainer.order(count: all.count, epoch: 0, seed: seed).map { all[$0] }
    }
    var options = TrainingOptions()
    (options.gradient.steps, options.gradient.input) = (Self.steps, .every)
    for seed in 0..<40 as Range<UInt64> {
      var model = stated
      model.nodes = shuffled(stated.nodes, seed)
      model.edges = shuffled(stated.edges, seed + 100)
      let found = try model.compile().makeSession().run(frames: Self.steps, [x])[0]
      let trained = try Trainer(model, options).predict([x], samples: 1)[0]
      for (i, value) in wanted.enumerated() {
        #expect(abs(Double(found[i]) - value) < 1e-5 && abs(Double(trained[i]) - value) < 1e-5)
      }
    }
  }

  /// The same cell as one node, for every number of streams and threads, and in training.
  @Test func aNodeOfLongShortTermMemoryAgreesWithItsEquations() throws {
    var parts: [(input: Tensor, bias: Tensor, hidden: Tensor)] = []
    for k in 0..<4 as Range<UInt32> {
      parts.append(
        (
          try Self.tensor([Self.units, Self.inputs], 3 * k),
          try Self.tensor([Self.units], 3 * k + 1),
          try Self.tensor([Self.units, Self.units], 3 * k + 2)
        ))
    }
    func joined(_ tensors: [Tensor], _ extents: [Int]) throws -> Tensor {
      try Tensor(tensors.flatMap(\.floats), shape: Shape(extents))
    }
    let lstm = LSTM(
      inputWeight: try joined(parts.map(\.input), [4 * Self.units, Self.inputs]),
      hiddenWeight: try joined(parts.map(\.hidden), [4 * Self.units, Self.units]),
      inputBias: try joined(parts.map(\.bias), [4 * Self.units]))
    let model = Model.chain([
      ("in", .input(shape: [3])), ("lstm", .lstm(lstm)), ("out", .output(shape: [4])),
    ])
    let x = try Self.tensor([Self.steps * Self.inputs], 50).floats
    let wanted = try Self.reference(x)
    var training = TrainingOptions()
    (training.gradient.steps, training.gradient.input) = (Self.steps, .every)
    var all: [[Float]] = [try Trainer(model, training).predict([x], samples: 1)[0]]
    for (batch, threads, isFast) in [(1, 1, false), (3, 2, false), (1, 1, true)] {
      var options = CompileOptions()
      (options.batch, options.threads) = (batch, threads)
      options.numerics = isFast ? .fast : .exact
      var frames: [Float] = []
      for t in 0..<Self.steps {
        for _ in 0..<batch { frames += x[t * Self.inputs..<(t + 1) * Self.inputs] }
      }
      let found = try model.compile(options).makeSession().run(frames: Self.steps, [frames])[0]
      for b in 0..<batch {
        var own: [Float] = []
        for t in 0..<Self.steps {
          let first = (t * batch + b) * Self.units
          own += found[first..<first + Self.units]
        }
        all.append(own)
      }
    }
    for found in all {
      for (value, wanted) in zip(found, wanted) { #expect(abs(Double(value) - wanted) < 1e-5) }
    }
    #expect(all[1] == all[2] && all[2] == all[4])
    let path = TemporaryFolder()
    try ModelFile.write(model, to: path.path + "/lstm.safetensors")
    #expect(try ModelFile.read(path.path + "/lstm.safetensors").model.nodes == model.nodes)
  }

  /// Where nothing says which edges remember, it would depend on the order of the nodes.
  @Test func aGatedCellThatDoesNotSayWhatIsLateIsRefused() throws {
    let model = try Self.memory(isStated: false)
    let failure = #expect(throws: ArcuateError.self) { try model.compile() }
    #expect(failure?.code == .invalidModel)
    #expect(failure?.description.contains("put a Delay of one step") == true)
  }

  /// Sessions go on from a snapshot, and in every batch and chunk, with the same bits.
  @Test func delaysThatBreakCyclesKeepTheirStateInSnapshots() throws {
    let model = try Self.memory(isStated: true)
    let x = try Self.tensor([Self.steps * Self.inputs], 51).floats
    let plan = try model.compile()
    let whole = try plan.makeSession().run(frames: Self.steps, [x])[0]
    let session = try plan.makeSession()
    let first = try session.run(frames: 2, [Array(x.prefix(2 * Self.inputs))])[0]
    let other = try plan.makeSession()
    try other.restore(Bytes(session.save()))
    let rest = try other.run(frames: Self.steps - 2, [Array(x.dropFirst(2 * Self.inputs))])[0]
    #expect(first + rest == whole)
  }
}

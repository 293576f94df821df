import Arcuate

/// Numbers drawn from a seed that the tests print.
package struct Dice {
  package let random: CounterRandom
  package var drawn: UInt64 = 0

  package init(_ seed: UInt64) { random = CounterRandom(seed: seed) }

  package mutating func uniform(_ low: Float = 0, _ high: Float = 1) -> Float {
    drawn += 1
    return low + (high - low) * random.uniform(stream: 0, step: drawn, index: 0)
  }
  package mutating func integer(_ range: ClosedRange<Int>) -> Int {
    range.lowerBound + min(range.count - 1, Int(uniform() * Float(range.count)))
  }
  /// Connections of a fraction `density` of all pairs, some of them twice; delays in whole
  /// milliseconds, one for all or each its own.
  package mutating func sparse(
    _ pre: Int, _ post: Int, density: Float = 0.3, scale: Float = 1, delay_ms: ClosedRange<Int>,
    each: Bool = false
  ) -> SparseLinear {
    var (starts, posts, weights, delays): ([Int64], [UInt32], [Float], [Float]) = ([0], [], [], [])
    for _ in 0..<pre {
      // Gaps of equal chance up to twice the mean, so that large networks are drawn quickly.
      var next = integer(0...Int(1 / density))
      while next < post {
        for _ in 0..<(uniform() < 0.1 ? 2 : 1) {
          posts.append(UInt32(next))
          weights.append(uniform(-scale, scale))
          delays.append(Float(integer(delay_ms)) / 1000)
        }
        next += integer(1...max(1, Int(2 / density) - 1))
      }
      starts.append(Int64(posts.count))
    }
    return SparseLinear(
      post: post, pre: pre, rowStarts: IndexArray(starts), postIndices: IndexArray(posts),
      weight: Tensor(vector: weights),
      delay_s: each
        ? Tensor(vector: delays) : Tensor(scalar: Float(integer(delay_ms)) / 1000))
  }
  package mutating func tensor(_ shape: Shape, _ low: Float, _ high: Float) -> Tensor {
    try! Tensor((0..<shape.count).map { _ in uniform(low, high) }, shape: shape)
  }
  /// Values of which a fraction `density` are not zero; spikes are all 1.
  package mutating func signal(_ count: Int, density: Float, spikes: Bool) -> [Float] {
    (0..<count).map { _ in
      let keep = uniform() < density
      let value = spikes ? 1 : uniform(-2, 2)
      return keep ? value : 0
    }
  }
}

/// The kinds of network that the tests draw.
package enum Family: String, CaseIterable, Sendable {
  case dense, convolution, recurrent, ports, nested, delays, coders, hybrid, sparse, population,
    skips, counting

  /// A network of this family; runs with dt 1 ms.
  package func draw(_ seed: UInt64) -> Model {
    var dice = Dice(seed)
    func linear(_ input: Int, _ output: Int, _ scale: Float = 1) -> Operator {
      .linear(
        Linear(
          weight: dice.tensor([output, input], -scale, scale),
          bias: dice.tensor([output], -0.2, 0.3)))
    }
    func neuron(_ kind: Neuron.Kind, _ shape: Shape) -> Operator {
      .neuron(dice.neuron(kind, shape))
    }
    func image(_ channels: Int, _ out: Int, _ kernel: Int, groups: Int = 1) -> Operator {
      .convolution(
        Convolution(
          weight: dice.tensor([out, channels / groups, kernel, kernel - 1], -1, 1),
          bias: dice.tensor([out], -0.1, 0.2), stride: [1, 2], padding: .explicit([1, 0]),
          dilation: [1, 1], groups: groups))
    }
    let n = dice.integer(3...40)
    let k = dice.integer(3...40)
    switch self {
    case .dense:
      return .chain([
        ("in", .input(shape: [n])), ("w1", linear(n, k)), ("lif", neuron(.lif, [k])),
        ("w2", linear(k, n)), ("if", neuron(.integrateAndFire, [n])), ("w3", linear(n, 5)),
        ("li", neuron(.li, [5])), ("out", .output(shape: [5])),
      ])
    case .convolution:
      // [2, 7, 8] -> [4, 7, 4] -> pooled [4, 3, 2] -> [6, 4, 1]
      return .chain([
        ("in", .input(shape: [2, 7, 8])), ("c1", image(2, 4, 3)),
        ("if", neuron(.integrateAndFire, [4, 7, 4])),
        ("pool", .pooling(Pooling(kind: .sum, kernel: [2, 2], stride: [2, 2]))),
        ("scale", .scale(dice.tensor([4, 3, 2], 0.5, 1.5))), ("c2", image(4, 6, 2, groups: 2)),
        ("lif", .neuron(dice.neuron(.lif, []))), ("flat", .flatten(Flatten(start: 0, end: 2))),
        ("out", .output(shape: [24])),
      ])
    case .recurrent:
      var model = Model.chain([
        ("in", .input(shape: [n])), ("w1", linear(n, k)), ("cuba", neuron(.cubaLIF, [k])),
        ("w2", linear(k, 4)), ("lif", neuron(.lif, [4])), ("out", .output(shape: [4])),
      ])
      model.nodes.append(.init("back", linear(k, k, 0.5)))
      model.edges += [.init("cuba", "back"), .init("back", "cuba")]
      return model
    case .ports:
      return Model(
        nodes: [
          .init("a", .input(shape: [n])), .init("b", .input(shape: [k])), .init("wa", linear(n, 6)),
          .init("wb", linear(k, 6)), .init("wc", linear(n, 6)), .init("lif", neuron(.lif, [6])),
          .init("li", neuron(.cubaLI, [6])), .init("x", .output(shape: [6])),
          .init("y", .output(shape: [6])),
        ],
        edges: [
          .init("a", "wa"), .init("b", "wb"), .init("a", "wc"), .init("wa", "lif"),
          .init("wb", "lif"), .init("wc", "lif"), .init("lif", "li"), .init("wb", "li"),
          .init("lif", "x"), .init("li", "y"),
        ])
    case .nested:
      var inner = Model.chain([
        ("in", .input(shape: [k])), ("lif", neuron(.lif, [k])), ("out", .output(shape: [k])),
      ])
      inner.nodes.append(.init("back", linear(k, k, 0.5)))
      inner.edges += [.init("lif", "back"), .init("back", "lif")]
      return .chain([
        ("in", .input(shape: [n])), ("w", linear(n, k)), ("g", .graph(inner)),
        ("w2", linear(k, 3)), ("out", .output(shape: [3])),
      ])
    case .delays:
      return .chain([
        ("in", .input(shape: [n])), ("d1", .delay(dice.tensor([n], 0, 0.009))),
        ("w1", linear(n, k)), ("lif", neuron(.lif, [k])), ("d2", .delay(Tensor(scalar: 0.003))),
        ("i", neuron(.i, [k])), ("out", .output(shape: [k])),
      ])
    case .coders:
      return .chain([
        ("in", .input(shape: [n])), ("code", .encoder(.rate(gain: 0.4))), ("w1", linear(n, k)),
        ("lif", neuron(.lif, [k])), ("count", .decoder(.count)), ("tanh", .activation(.tanh)),
        ("again", .encoder(.rate(gain: 0.9))), ("rate", .decoder(.rate)),
        ("out", .output(shape: [k])),
      ])
    case .sparse:
      // Values and spikes, delays of zero and more, a cycle of layers that cannot go in windows.
      var model = Model.chain([
        ("in", .input(shape: [n])), ("s0", .sparse(dice.sparse(n, k, delay_ms: 0...0))),
        ("lif", neuron(.lif, [k])),
        ("s1", .sparse(dice.sparse(k, n, delay_ms: 0...5, each: true))), ("li", neuron(.li, [n])),
        ("s2", .sparse(dice.sparse(n, 5, density: 0.8, scale: 4, delay_ms: 1...7))),
        ("cuba", neuron(.cubaLIF, [5])),
        ("out", .output(shape: [5])),
      ])
      model.nodes.append(.init("back", .sparse(dice.sparse(5, k, delay_ms: 2...4, each: true))))
      model.nodes.append(.init("again", .sparse(dice.sparse(n, k, delay_ms: 1...1))))
      model.edges += [
        .init("cuba", "back"), .init("back", "lif"), .init("li", "again"), .init("again", "lif"),
      ]
      return model
    case .population:
      // Two groups of neurons with delays of both kinds within and among them.
      let many = 30 + k
      let strong: Float = 0.5
      var model = Model.chain([
        ("in", .input(shape: [n])), ("w", linear(n, k)), ("some", neuron(.cubaLIF, [k])),
        ("x", .output(shape: [k])),
      ])
      model.nodes += [
        .init("v", .sparse(dice.sparse(n, many, delay_ms: 0...0))),
        .init("many", .neuron(dice.neuron(.lif, [many]))), .init("y", .output(shape: [many])),
        .init("ss", .sparse(dice.sparse(k, k, delay_ms: 2...2))),
        .init("sm", .sparse(dice.sparse(k, many, delay_ms: 3...9, each: true))),
        .init(
          "ms", .sparse(dice.sparse(many, k, density: 0.2, scale: strong, delay_ms: 4...4))),
        .init(
          "mm",
          .sparse(
            dice.sparse(many, many, density: 0.1, scale: strong, delay_ms: 2...20, each: true))),
        .init("mn", .sparse(dice.sparse(many, many, density: 0.05, delay_ms: 3...3))),
      ]
      model.edges += [
        ("in", "v"), ("v", "many"), ("many", "y"), ("some", "ss"), ("ss", "some"), ("some", "sm"),
        ("sm", "many"), ("many", "ms"), ("ms", "some"), ("many", "mm"), ("mm", "many"),
        ("many", "mn"), ("mn", "many"),
      ].map { .init($0.0, $0.1) }
      return model
    case .skips:
      // Images side by side, spikes side by side, values multiplied, an edge back into a joint.
      func same(_ channels: Int, _ out: Int) -> Operator {
        .convolution(
          Convolution(
            weight: dice.tensor([out, channels, 3, 3], -1, 1), bias: dice.tensor([out], -0.1, 0.2),
            stride: [1, 1], padding: .same, dilation: [1, 1]))
      }
      var inner = Model.chain([
        ("in", .input(shape: [4])), ("w", linear(4, 3)), ("cat", .concatenation),
        ("out", .output(shape: [7])),
      ])
      inner.edges.insert(.init("in", "cat"), at: 1)
      var model = Model.chain([
        ("in", .input(shape: [2, 5, 4])), ("c1", same(2, 3)), ("cat", .concatenation),
        ("if", .neuron(dice.neuron(.lif, [5, 5, 4]))),
        ("pool", .pooling(Pooling(kind: .sum, kernel: [2, 2], stride: [2, 2]))),
        ("flat", .flatten(Flatten(start: 0, end: 2))), ("w1", linear(20, k)),
        ("some", neuron(.lif, [k])), ("both", .concatenation), ("w2", linear(k + 100, 4)),
        ("relu", .activation(.relu)), ("times", .multiplication),
        ("norm", .normalization(Normalization(target: 1.5, appendsLog: true))),
        ("w3", linear(5, 4)), ("g", .graph(inner)), ("joint", .concatenation),
        ("last", linear(11, 4)), ("li", neuron(.li, [4])), ("x", .output(shape: [4])),
      ])
      model.nodes += [
        .init("rows", .flatten(Flatten(start: 0, end: 2))), .init("w4", linear(40, 4)),
        .init("sigmoid", .activation(.sigmoid)), .init("square", .multiplication),
        .init("y", .output(shape: [2, 5, 4])), .init("z", .output(shape: [k + 100])),
        .init("c2", same(2, 2)),
      ]
      model.edges += [
        ("in", "cat"), ("if", "all"), ("all", "both"), ("in", "rows"), ("rows", "w4"),
        ("w4", "sigmoid"), ("sigmoid", "times"), ("in", "square"), ("c2", "square"), ("in", "c2"),
        ("square", "y"), ("both", "z"), ("li", "joint"),
      ].map { .init($0.0, $0.1) }
      model.nodes.append(.init("all", .flatten(Flatten(start: 0, end: 2))))
      return model
    case .counting:
      // What conversion makes, but for draws, in which streams differ: single inputs, membranes that start anywhere, counted
      // maxima, means.
      func starting(_ kind: Neuron.Kind, _ shape: Shape) -> Operator {
        var neuron = dice.neuron(kind, shape)
        neuron.initial = dice.tensor(shape, -0.3, 0.6)
        return .neuron(neuron)
      }
      var model = Model.chain([
        ("in", .input(shape: [2, 7, 8])),
        ("c1", image(2, 4, 3)),
        ("if", starting(.integrateAndFire, [4, 7, 4])),
        (
          "max",
          .pooling(Pooling(kind: .spikeMaximum, kernel: [3, 2], stride: [2, 2], padding: [1, 0]))
        ),
        ("flat", .flatten(Flatten(start: 0, end: 2))), ("w", linear(32, k)),
        ("lif", starting(.lif, [k])), ("w2", linear(k, 3)), ("mean", .decoder(.mean)),
        ("out", .output(shape: [3])),
      ])
      model.nodes += [
        .init("once", .encoder(.singleShot(gain: 3))), .init("c2", image(2, 4, 3)),
      ]
      model.edges += [.init("in", "once"), .init("once", "c2"), .init("c2", "if")]
      return model
    case .hybrid:
      let norm = BatchNorm(
        mean: dice.tensor([4], -0.2, 0.2), variance: dice.tensor([4], 0.5, 2),
        gamma: dice.tensor([4], 0.5, 1.5), beta: dice.tensor([4], -0.1, 0.3))
      return .chain([
        ("in", .input(shape: [2, 7, 8])), ("c1", image(2, 4, 3)), ("norm", .batchNorm(norm)),
        ("relu", .activation(.relu)),
        (
          "max",
          .pooling(Pooling(kind: .maximum, kernel: [3, 2], stride: [2, 2], padding: [1, 0]))
        ),
        (
          "mean",
          .pooling(Pooling(kind: .average, kernel: [2, 1], stride: [1, 1], padding: [1, 0]))
        ),
        ("flat", .flatten(Flatten(start: 0, end: 2))), ("w", linear(40, k)),
        ("sigmoid", .activation(.sigmoid)), ("if", neuron(.integrateAndFire, [k])),
        ("count", .decoder(.count)), ("w2", linear(k, 5)), ("soft", .activation(.softmax)),
        ("out", .output(shape: [5])),
      ])
    }
  }

  /// Whether spikes rather than values are fed in.
  package var takesSpikes: Bool { self == .dense || self == .recurrent || self == .convolution }
}

extension Dice {
  /// A neuron that spikes now and then; dt is 1 ms.
  package mutating func neuron(_ kind: Neuron.Kind, _ shape: Shape) -> Neuron {
    let needsDt: Float = kind == .integrateAndFire || kind == .i ? 1000 : 1
    var neuron = Neuron(kind, resistance: tensor(shape, 0.8 * needsDt, 1.5 * needsDt))
    if kind.leaks {
      neuron.tauMembrane = tensor(shape, 0.003, 0.02)
      neuron.leak = tensor(shape, -0.1, 0.1)
    }
    if kind.hasSynapse {
      neuron.tauSynapse = tensor(shape, 0.002, 0.01)
      neuron.inputWeight = tensor(shape, 1, 4)
    }
    if kind.spikes {
      neuron.threshold = tensor(shape, 0.1, 0.5)
      neuron.resetValue = tensor(shape, -0.05, 0.05)
    }
    return neuron
  }
}

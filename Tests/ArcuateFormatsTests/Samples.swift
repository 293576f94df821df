import ArcuateCore
import ArcuateModel

/// Networks that use everything a format can hold.
enum Samples {
  /// Numbers that differ from element to element, with no short decimal form.
  static func tensor(_ extents: Int..., from start: Float = 0.1) -> Tensor {
    let shape = try! Shape(extents)
    return try! Tensor((0..<shape.count).map { start + Float($0) / 7 }, shape: shape)
  }

  static let notes: [String: Metadata] = [
    "text": .string("ä \"quoted\"\n\u{1F9E0}"), "number": .number(0.1), "large": .number(-1e300),
    "flag": .bool(true), "array": .array(tensor(2, 3)),
    "group": .group(["inner": .group(["deep": .number(-0.0)]), "empty": .string("")]),
  ]

  static func neuron(_ kind: Neuron.Kind, _ extents: Int...) -> Neuron {
    let shape = try! Shape(extents)
    func some(_ start: Float) -> Tensor {
      try! Tensor((0..<shape.count).map { start + Float($0) / 1000 }, shape: shape)
    }
    var neuron = Neuron(kind, resistance: some(1))
    if kind.leaks {
      neuron.tauMembrane = some(0.01)
      neuron.leak = some(0.2)
    }
    if kind.spikes {
      neuron.threshold = some(0.9)
      neuron.resetValue = some(-0.1)
    }
    if kind.hasSynapse {
      neuron.tauSynapse = some(0.005)
      neuron.inputWeight = some(1.5)
    }
    return neuron
  }

  /// The least a network can be.
  static var wire: Model { .chain([("in", .input(shape: [2])), ("out", .output(shape: [2]))]) }

  /// One of each kind of part: weights, a neuron, a nested graph, notes.
  static var small: Model {
    var model = Model.chain([
      ("in", .input(shape: [2])), ("fc", .linear(Linear(weight: tensor(3, 2), bias: tensor(3)))),
      ("lif", .neuron(neuron(.lif, 3))),
      (
        "sub",
        .graph(
          .chain([
            ("in", .input(shape: [3])), ("scale", .scale(tensor(3))), ("out", .output(shape: [3])),
          ]))
      ), ("out", .output(shape: [3])),
    ])
    model.metadata = ["note": .string("small")]
    return model
  }

  /// All of NIR's nodes, names with dots and digits, a nested graph, a cycle, all paddings.
  static var nir: Model {
    let inner = Model(
      nodes: [
        .init("in", .input(shape: [3])),
        .init("lif.1", .neuron(neuron(.cubaLIF, 3)), metadata: ["note": .string("inside")]),
        .init("w_rec", .linear(Linear(weight: tensor(3, 3), bias: tensor(3)))),
        .init("out", .output(shape: [3])),
      ],
      edges: [
        .init("in", "lif.1"), .init("lif.1", "w_rec"), .init("w_rec", "lif.1"),
        .init("lif.1", "out"),
      ], metadata: ["kept": .number(7)])
    let steps: [(String, Operator)] = [
      ("input", .input(shape: [2, 9, 8])),
      (
        "0",
        .convolution(
          Convolution(
            inputShape: [9, 8], weight: tensor(4, 1, 3, 5), bias: tensor(4), stride: [2, 1],
            padding: .explicit([1, 2]), dilation: [1, 1], groups: 2))
      ),
      ("1.if", .neuron(neuron(.integrateAndFire, 4, 5, 8))),
      ("sum", .pooling(Pooling(kind: .sum, kernel: [2, 2], stride: [1, 2], padding: [0, 0]))),
      (
        "same",
        .convolution(
          Convolution(
            inputShape: [4, 4], weight: tensor(2, 4, 3, 3), bias: tensor(2), stride: [1, 1],
            padding: .same, dilation: [1, 1]))
      ),
      (
        "valid",
        .convolution(
          Convolution(
            inputShape: [4, 4], weight: tensor(2, 2, 1, 1), bias: tensor(2), stride: [1, 1],
            padding: .valid, dilation: [1, 1]))
      ),
      (
        "avg", .pooling(Pooling(kind: .average, kernel: [2, 2], stride: [2, 2], padding: [1, 1]))
      ),
      ("2.lif", .neuron(neuron(.lif, 2, 3, 3))),
      ("merge", .flatten(Flatten(inputShape: [2, 3, 3], start: 1, end: -1))),
      (
        "conv1",
        .convolution(
          Convolution(
            inputShape: [9], weight: tensor(2, 2, 3), bias: tensor(2), stride: [2],
            padding: .explicit([1]), dilation: [1]))
      ),
      ("flat", .flatten(Flatten(inputShape: [2, 5], start: 0, end: -1))),
      ("fc", .linear(Linear(weight: tensor(3, 10)))),
      ("sub", .graph(inner)),
      ("scale", .scale(tensor(3))),
      ("delay", .delay(tensor(3))),
      ("li", .neuron(neuron(.li, 3))),
      ("cubali", .neuron(neuron(.cubaLI, 3))),
      ("i", .neuron(neuron(.i, 3))),
      ("threshold", .threshold(tensor(3))),
      ("output", .output(shape: [3])),
    ]
    var model = Model.chain(steps)
    model.metadata = notes
    model.nodes[1].metadata = ["layer": .number(1)]
    model.dt_s = 1e-4
    model.semantics = NeuronSemantics(.snntorch)
    return model
  }

  /// What NIR has no word for, and tensors of every element type.
  /// Two inputs, three outputs, four connections.
  static var sparse: SparseLinear {
    SparseLinear(
      post: 3, pre: 2, rowStarts: IndexArray([0, 3, 4] as [Int64]),
      postIndices: IndexArray([0, 1, 1, 2] as [UInt32]), weight: tensor(4), delay_s: tensor(4))
  }

  static var extended: Model {
    let listed = try! SparseLinear(
      post: 2, pre: 3,
      rowStarts: IndexArray(
        element: .int32,
        bytes: Bytes([0, 0, 0, 1, 1, 2].flatMap { [UInt8($0), 0, 0, 0] }).slice(8, 16)),
      postIndices: IndexArray([1, 0] as [Int64]),
      weight: Tensor(shape: [2], element: .int8, bytes: Bytes([3, 253]), scales: [0.5]))
    var own = neuron(.lif, 4)
    own.semantics = NeuronSemantics(.sinabs)
    let narrow = try! Tensor(
      shape: [4, 2], element: .bfloat16, bytes: Bytes((0..<16).map { UInt8($0) }))
    let scaled = try! Tensor(
      shape: [4, 4], element: .int8, bytes: Bytes((0..<16).map { UInt8($0 * 16) }),
      scales: [0.5, 0.25, 0.125, 3])
    let plain = try! Tensor(shape: [2], element: .int8, bytes: Bytes([1, 255]))
    let one = try! Tensor(
      shape: [2, 2], element: .int8, bytes: Bytes([1, 2, 3, 4]), scales: [0.1])
    let norm = BatchNorm(
      mean: tensor(4), variance: tensor(4, from: 1), gamma: tensor(4), beta: tensor(4),
      epsilon: 1.234e-5)
    var starting = neuron(.integrateAndFire, 2)
    starting.initial = tensor(2)
    var nested = nir
    nested.semantics = NeuronSemantics(.norse)
    var model = Model.chain([
      ("in", .input(shape: [2])),
      ("narrow", .linear(Linear(weight: narrow, bias: nil))),
      ("norm", .batchNorm(norm)), ("relu", .activation(.relu)),
      ("scaled", .linear(Linear(weight: scaled, bias: tensor(4)))),
      ("sigmoid", .activation(.sigmoid)), ("tanh", .activation(.tanh)),
      ("bernoulli", .encoder(.bernoulli(gain: 0.3, seed: .max))),
      ("own", .neuron(own)), ("count", .decoder(.count)), ("rate", .encoder(.rate(gain: 1 / 3))),
      ("signed", .encoder(.signedBernoulli(gain: 0.2, seed: 1 << 63))), ("so far", .decoder(.mean)),
      ("once", .encoder(.singleShot(gain: 7))), ("starting", .neuron(starting)),
      ("mean", .decoder(.rate)), ("softmax", .activation(.softmax)),
      ("log", .activation(.logSoftmax)), ("out", .output(shape: [4])),
      ("max", .pooling(Pooling(kind: .maximum, kernel: [3, 2], stride: [2, 1]))),
      ("counted", .pooling(Pooling(kind: .spikeMaximum, kernel: [1, 2], stride: [2, 1]))),
      ("old", .flatten(Flatten())),
      (
        "open",
        .convolution(
          Convolution(
            weight: tensor(2, 1, 3), stride: [1], padding: .valid, dilation: [2], groups: 1))
      ),
      ("nested", .graph(nested)),
      // Names that would give the same tensor names.
      ("nested/fc", .linear(Linear(weight: tensor(2, 2)))),
      ("scaled.weight", .scale(plain)), ("scaled.weight.scale", .scale(one)),
      ("empty", .scale(try! Tensor([], shape: [0, 3]))), ("scalar", .scale(Tensor(scalar: 2))),
      ("sparse", .sparse(sparse)), ("listed", .sparse(listed)), ("both", .concatenation),
      ("times", .multiplication),
      ("norm 2", .normalization(Normalization(target: 0.3, floor: 0x1p-66, appendsLog: true))),
    ])
    // The order of the edges into a concatenation is its meaning.
    model.edges.insert(.init("old", "both"), at: 0)
    model.edges.append(.init("in", "both"))
    model.metadata = notes
    model.metadata["odd"] = .number(.infinity)
    model.metadata["nested"] = .graphLike
    return model
  }
}

extension Metadata {
  fileprivate static var graphLike: Metadata {
    .group(["tensor": .string("a"), "group": .number(1), "number": .bool(false)])
  }
}

import ArcuateCore
import ArcuateModel

/// Makes a model of a Kaldi network that was read.
///
/// A component becomes the node of its name, with others beside it: `name:input` for what is put
/// together, `name@3` for what is three frames late, `name[0:6]` for some elements of it, and
/// `name:defined` for what is zero before it can be computed.
struct Nnet3Builder {
  /// Elements of the row that a node of the model gives.
  struct Piece: Hashable {
    var node: String
    var from: Int
    var count: Int
    /// Elements of the whole row.
    var width: Int
  }

  let places: [Nnet3Place]
  let timing: Nnet3Timing
  private let frame_s: Double
  private(set) var findings: [Finding]
  private(set) var model = Model()
  /// What each place gives; empty where it is not made yet.
  private var given: [[Piece]]
  private var made = Set<String>()
  /// Delays within cycles whose sources are not made yet.
  private var waiting: [(node: String, take: Nnet3Place.Take)] = []
  private var spent = 0

  /// Elements of connections and constants that are made up at most.
  private static let mostElements = 1 << 25

  init(
    _ config: Nnet3Config, _ components: [String: Nnet3Component], frame_s: Double
  ) throws {
    let all = try Nnet3Places(config, components)
    places = all.places
    findings = all.findings
    timing = try Nnet3Timing(places)
    self.frame_s = frame_s
    given = [[Piece]](repeating: [], count: places.count)
  }

  mutating func build() throws -> Model {
    model.dt_s = frame_s
    model.metadata["latency"] = .number(Double(timing.outputLatency))
    model.metadata["left_context"] = .number(Double(max(0, timing.leftContext)))
    model.metadata["right_context"] = .number(Double(max(0, timing.rightContext)))
    for i in timing.order {
      try within(Nnet3Places.place(places[i].name)) { try make(i) }
    }
    for (node, take) in waiting {
      try within(Nnet3Places.place(places[take.place].name)) {
        let source = try source(of: take)
        model.edges.append(.init(source, node))
      }
    }
    waiting = []
    // Ports in the order of the file.
    for place in places.reversed() {
      if case .input = place.kind { moveToFront(place.name) }
    }
    for (i, place) in places.enumerated() {
      for take in place.takes where take.isOptional && take.offset > 0 {
        findings.append(
          Finding(
            .note, Nnet3Places.place(places[i].name),
            "takes \"\(places[take.place].name)\" \(take.offset) frames later if that is defined: "
              + "at the end of an utterance it sees the last frame again where Kaldi gives zero"))
        break
      }
    }
    return model
  }

  private mutating func moveToFront(_ name: String) {
    guard let at = model.nodes.firstIndex(where: { $0.name == name }) else { return }
    model.nodes.insert(model.nodes.remove(at: at), at: 0)
  }

  // MARK: Nodes

  /// Adds a node of that name, or of one like it, fed by others; returns its name.
  mutating func add(_ wanted: String, _ op: Operator, _ sources: [String]) -> String {
    var name = wanted
    var count = 1
    while !made.insert(name).inserted {
      count += 1
      name = "\(wanted)#\(count)"
    }
    model.nodes.append(.init(name, op))
    var fed = Set<String>()
    for source in sources {
      // An edge is there once: what is wanted twice goes another way the second time.
      let from = fed.insert(source).inserted ? source : add("\(source):again", .unchanged, [source])
      model.edges.append(.init(from, name))
    }
    return name
  }

  mutating func spend(_ elements: Int) throws {
    spent += elements
    guard spent <= Nnet3Builder.mostElements else {
      throw ArcuateError(
        .limitExceeded,
        "the network needs more than \(Nnet3Builder.mostElements) connections for its plumbing")
    }
  }

  private func whole(_ node: String, _ width: Int) -> [Piece] {
    [Piece(node: node, from: 0, count: width, width: width)]
  }

  private mutating func make(_ i: Int) throws {
    let place = places[i]
    switch place.kind {
    case .input(let dim):
      guard given[i].isEmpty else { return }
      given[i] = whole(add(place.name, .input(shape: try Shape([dim])), []), dim)
    case .output:
      let width = place.outputDim
      let source = try join(try pieces(place.terms, for: i), place.name)
      _ = add(place.name, .output(shape: try Shape([width])), [source])
    case .component(let component):
      let pieces = try pieces(place.terms, for: i)
      given[i] = try give(component, place.name, pieces)
    }
  }

  private mutating func give(
    _ component: Nnet3Component, _ name: String, _ input: [Piece]
  ) throws -> [Piece] {
    func shape(_ count: Int) throws -> Shape { try Shape([count]) }
    switch component {
    case .identity: return input
    case .lstm(let peepholes): return try cells(peepholes, name, input)
    case .product(let parts, let dim):
      let sources = try (0..<parts).map { try join(cut(input, $0 * dim, dim), "\(name):\($0)") }
      return whole(add(name, .multiplication, sources), dim)
    case .permute(let places):
      let source = try join(input, name)
      try spend(places.count)
      return whole(
        add(name, .sparse(selection(places, of: places.count, 0)), [source]), places.count)
    default: break
    }
    let op: Operator
    switch component {
    case .affine(let weight, let bias, _):
      op = .linear(
        Linear(
          weight: try Tensor(weight.values, shape: Shape([weight.rows, weight.columns])),
          bias: bias.map { Tensor(vector: $0) }))
    case .activation(let activation, _):
      switch activation {
      case .relu: op = .activation(.relu)
      case .sigmoid: op = .activation(.sigmoid)
      case .tanh: op = .activation(.tanh)
      case .softmax: op = .activation(.softmax)
      case .logSoftmax: op = .activation(.logSoftmax)
      }
    case .normalize(_, let target, let appendsLog):
      op = .normalization(Normalization(target: target, appendsLog: appendsLog))
    case .scaleAndShift(let factor, let shift):
      let count = factor.count
      if shift.allSatisfy({ $0 == 0 }) {
        op = .scale(Tensor(vector: factor))
      } else {
        op = .batchNorm(
          BatchNorm(
            mean: .filled(0, shape: try shape(count)),
            variance: .filled(1, shape: try shape(count)),
            gamma: Tensor(vector: factor), beta: Tensor(vector: shift), epsilon: 0))
      }
    case .batchNorm(let mean, let variance, let epsilon, let target):
      let count = mean.count
      op = .batchNorm(
        BatchNorm(
          mean: Tensor(vector: mean), variance: Tensor(vector: variance),
          gamma: .filled(target, shape: try shape(count)),
          beta: .filled(0, shape: try shape(count)),
          epsilon: epsilon))
    case .identity, .lstm, .product, .permute: preconditionFailure("made above")
    }
    return whole(add(name, op, [try join(input, name)]), component.outputDim)
  }

  // MARK: Pieces

  /// Elements `from` ..< `from` + `count` of what pieces give one after another.
  func cut(_ pieces: [Piece], _ from: Int, _ count: Int) -> [Piece] {
    var result: [Piece] = []
    let end = from + count
    var at = 0
    for piece in pieces {
      let (low, high) = (max(from, at), min(end, at + piece.count))
      if low < high {
        let part = Piece(
          node: piece.node, from: piece.from + low - at, count: high - low, width: piece.width)
        // What was cut may fit together again.
        if let last = result.last, last.node == part.node, last.from + last.count == part.from {
          result[result.count - 1].count += part.count
        } else {
          result.append(part)
        }
      }
      at += piece.count
      if at >= end { break }
    }
    return result
  }

  /// The node that gives the pieces one after another, and nothing else.
  mutating func join(_ pieces: [Piece], _ name: String) throws -> String {
    let pieces = cut(pieces, 0, pieces.reduce(0) { $0 + $1.count })
    let sources = try pieces.map { piece -> String in
      if piece.count == piece.width { return piece.node }
      let name = "\(piece.node)[\(piece.from):\(piece.from + piece.count)]"
      if made.contains(name) { return name }
      try spend(piece.width + piece.count)
      let op = Operator.sparse(
        selection(Array(piece.from..<piece.from + piece.count), of: piece.width, 0))
      return add(name, op, [piece.node])
    }
    return sources.count == 1 ? sources[0] : add("\(name):input", .concatenation, sources)
  }

  private mutating func pieces(_ terms: [Nnet3Place.Term], for i: Int) throws -> [Piece] {
    try terms.flatMap { term -> [Piece] in
      switch term {
      case .take(let take): return try pieces(take, for: i)
      case .sum(let all, let width):
        let sources = try all.map { try join(try pieces($0, for: i), places[i].name) }
        return whole(add("\(places[i].name):sum", .unchanged, sources), width)
      case .scale(let factor, let terms, let width):
        let source = try join(try pieces(terms, for: i), places[i].name)
        return whole(
          add("\(places[i].name):scaled", .scale(Tensor(scalar: factor)), [source]), width)
      case .const(let value, let width):
        try spend(width)
        return whole(
          try constant("\(places[i].name):constant", [Float](repeating: value, count: width)), width
        )
      }
    }
  }

  private mutating func pieces(_ take: Nnet3Place.Take, for i: Int) throws -> [Piece] {
    let delay = timing.delay(take, for: i)
    let isRecurrent = !take.isTimeless && timing.isRecurrent(take, for: i)
    let begins = take.isOptional ? timing.start(take.place) : 0
    if delay == 0 && begins <= 0 { return cut(given[take.place], take.from, take.count) }
    let place = places[take.place]
    let isAll = take.count == place.outputDim
    let name =
      place.name + (isAll ? "" : "[\(take.from):\(take.from + take.count)]")
      + (begins > 0 ? ":defined" : "")
      + (delay > 0 ? "@\(delay)" : "") + (isRecurrent ? ":back" : "")
    if made.contains(name) { return whole(name, take.count) }
    guard isRecurrent else {
      let source = try source(of: take)
      if delay == 0 { return whole(source, take.count) }
      return whole(
        add(name, .delay(Tensor(scalar: Float(Double(delay) * frame_s))), [source]), take.count)
    }
    // Listed connections close a cycle by themselves.
    try spend(2 * take.count)
    let op = Operator.sparse(selection(Array(0..<take.count), of: take.count, delay))
    waiting.append((add(name, op, []), take))
    return whole(name, take.count)
  }

  /// What is taken of a place at its own time, zero before it can be computed.
  private mutating func source(of take: Nnet3Place.Take) throws -> String {
    let place = places[take.place]
    let source = try join(cut(given[take.place], take.from, take.count), place.name)
    let begins = timing.start(take.place)
    guard take.isOptional, begins > 0 else { return source }
    let isAll = take.count == place.outputDim
    let name =
      place.name + (isAll ? "" : "[\(take.from):\(take.from + take.count)]") + ":defined"
    if made.contains(name) { return name }
    // One from the step on at which the first frame that can be computed comes.
    let gate = ":from step \(begins)[\(take.count)]"
    if !made.contains(gate) {
      try spend(2 * take.count)
      let one = try made.contains(":one") ? ":one" : constant(":one", [1])
      let op = SparseLinear(
        post: take.count, pre: 1, rowStarts: IndexArray([0, Int64(take.count)]),
        postIndices: IndexArray((0..<take.count).map { UInt32($0) }),
        weight: .filled(1, shape: try Shape([take.count])),
        delay_s: Tensor(scalar: Float(Double(begins) * frame_s)))
      _ = add(gate, .sparse(op), [one])
    }
    return add(name, .multiplication, [source, gate])
  }

  /// A node that gives the same numbers at every step.
  private mutating func constant(_ name: String, _ values: [Float]) throws -> String {
    let inputs = places.indices.filter { if case .input = places[$0].kind { true } else { false } }
    let input = inputs.first { !given[$0].isEmpty } ?? inputs[0]
    // Inputs are made in any case; this one perhaps a little earlier than its turn.
    if given[input].isEmpty { try make(input) }
    let dim = places[input].outputDim
    try spend(dim * values.count)
    let weight = Tensor.filled(0, shape: try Shape([values.count, dim]))
    return add(
      name, .linear(Linear(weight: weight, bias: Tensor(vector: values))), [places[input].name])
  }

  /// Connections of weight 1: output element i is input element places[i], so many frames late.
  private func selection(_ places: [Int], of width: Int, _ delay: Int) -> SparseLinear {
    var targets = [(from: Int, to: Int)](places.enumerated().map { ($1, $0) })
    targets.sort { $0.from < $1.from }
    var starts = [Int64](repeating: 0, count: width + 1)
    for target in targets { starts[target.from + 1] += 1 }
    for i in 0..<width { starts[i + 1] += starts[i] }
    return SparseLinear(
      post: places.count, pre: width, rowStarts: IndexArray(starts),
      postIndices: IndexArray(targets.map { UInt32($0.to) }),
      weight: Tensor(vector: [Float](repeating: 1, count: places.count)),
      delay_s: Tensor(scalar: Float(Double(delay) * frame_s)))
  }
}

extension Operator {
  /// Hands on the sum of what it gets.
  fileprivate static var unchanged: Operator { .scale(Tensor(scalar: 1)) }
}

// MARK: Cells

extension Nnet3Builder {
  /// Cells with a memory, from input, forget, cell and output parts and the memory before.
  ///
  ///     i = sigmoid(x_i + w_i c'), f = sigmoid(x_f + w_f c'), c = f c' + i tanh(x_c)
  ///     o = sigmoid(x_o + w_o c), m = o tanh(c)
  ///
  /// Gives c, then m. Source. Kaldi's CpuComputeLstmNonlinearity.
  fileprivate mutating func cells(
    _ peepholes: KaldiMatrix, _ name: String, _ input: [Piece]
  ) throws -> [Piece] {
    let n = peepholes.columns
    let parts = try (0..<5).map { part in
      try join(cut(input, part * n, n), "\(name):part \(part)")
    }
    func peephole(_ row: Int) -> Operator {
      .scale(Tensor(vector: Array(peepholes.values[row * n..<(row + 1) * n])))
    }
    let before = parts[4]
    let toInput = add("\(name):peephole i", peephole(0), [before])
    let toForget = add("\(name):peephole f", peephole(1), [before])
    let i = add("\(name):i", .activation(.sigmoid), [parts[0], toInput])
    let f = add("\(name):f", .activation(.sigmoid), [parts[1], toForget])
    let new = add("\(name):new", .activation(.tanh), [parts[2]])
    let taken = add("\(name):i new", .multiplication, [i, new])
    let kept = add("\(name):f c", .multiplication, [f, before])
    let c = add("\(name):c", .unchanged, [taken, kept])
    let toOutput = add("\(name):peephole o", peephole(2), [c])
    let o = add("\(name):o", .activation(.sigmoid), [parts[3], toOutput])
    let shown = add("\(name):tanh c", .activation(.tanh), [c])
    let m = add("\(name):m", .multiplication, [o, shown])
    return [c, m].map { Piece(node: $0, from: 0, count: n, width: n) }
  }
}

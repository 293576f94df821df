import ArcuateCore
import ArcuateModel

/// Builds a model from a parsed Kaldi network.
///
/// A component becomes the node of its name, with helpers: `name:input` joins its inputs, `name@3`
/// is three frames late, `name[0:6]` selects elements, and `name:defined` is zero before the
/// component is defined.
struct Nnet3Builder {
  /// Some elements of the output of a node of the model.
  struct Piece: Hashable {
    var node: String
    var from: Int
    var count: Int
    /// Elements of the whole output.
    var width: Int
  }

  let nodes: [Nnet3Node]
  let timing: Nnet3Timing
  private let frame_s: Double
  private(set) var findings: [Finding]
  private(set) var model = Model()
  /// Outputs of the nodes; empty for nodes that are not built yet.
  private var given: [[Piece]]
  private var made = Set<String>()
  /// Delays within cycles whose sources are not built yet.
  private var waiting: [(node: String, source: Nnet3Node.Source)] = []
  private var spent = 0

  /// Limit on the elements of added connections and constants.
  private static let mostElements = 1 << 25

  init(
    _ config: Nnet3Config, _ components: [String: Nnet3Component], frame_s: Double
  ) throws(ArcuateError) {
    let all = try Nnet3Graph(config, components)
    nodes = all.nodes
    findings = all.findings
    timing = try Nnet3Timing(nodes)
    self.frame_s = frame_s
    given = [[Piece]](repeating: [], count: nodes.count)
  }

  mutating func build() throws(ArcuateError) -> Model {
    model.dt_s = frame_s
    model.metadata["latency"] = .number(Double(timing.outputLatency))
    model.metadata["left_context"] = .number(Double(max(0, timing.leftContext)))
    model.metadata["right_context"] = .number(Double(max(0, timing.rightContext)))
    for i in timing.order {
      try within(Nnet3Graph.location(nodes[i].name)) { () throws(ArcuateError) in try make(i) }
    }
    for (node, source) in waiting {
      try within(Nnet3Graph.location(nodes[source.node].name)) { () throws(ArcuateError) in
        let feed = try feed(of: source)
        model.edges.append(.init(feed, node))
      }
    }
    waiting = []
    // Ports in the order of the file.
    for node in nodes.reversed() {
      if case .input = node.kind { moveToFront(node.name) }
    }
    for (i, node) in nodes.enumerated() {
      for source in node.sources where source.isOptional && source.offset > 0 {
        findings.append(
          Finding(
            .note, Nnet3Graph.location(nodes[i].name),
            "reads \"\(nodes[source.node].name)\" \(source.offset) frames ahead if defined: "
              + "at the end of an utterance it repeats the last frame where Kaldi uses zero"))
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

  /// Adds a node of that name, or with a number appended, fed by others; returns its name.
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
      // Edges are unique: a source that is used twice goes through a copy.
      let from = fed.insert(source).inserted ? source : add("\(source):again", .unchanged, [source])
      model.edges.append(.init(from, name))
    }
    return name
  }

  mutating func spend(_ elements: Int) throws(ArcuateError) {
    spent += elements
    guard spent <= Nnet3Builder.mostElements else {
      throw ArcuateError(
        .limitExceeded,
        "the network needs more than \(Nnet3Builder.mostElements) connections to route its signals")
    }
  }

  private func whole(_ node: String, _ width: Int) -> [Piece] {
    [Piece(node: node, from: 0, count: width, width: width)]
  }

  private mutating func make(_ i: Int) throws(ArcuateError) {
    let node = nodes[i]
    switch node.kind {
    case .input(let dim):
      guard given[i].isEmpty else { return }
      given[i] = whole(add(node.name, .input(shape: try Shape([dim])), []), dim)
    case .output:
      let width = node.outputDim
      let source = try join(try pieces(node.terms, for: i), node.name)
      _ = add(node.name, .output(shape: try Shape([width])), [source])
    case .component(let component):
      let pieces = try pieces(node.terms, for: i)
      given[i] = try give(component, node.name, pieces)
    }
  }

  private mutating func give(
    _ component: Nnet3Component, _ name: String, _ input: [Piece]
  ) throws(ArcuateError) -> [Piece] {
    func shape(_ count: Int) throws(ArcuateError) -> Shape { try Shape([count]) }
    switch component {
    case .identity: return input
    case .lstm(let peepholes): return try cells(peepholes, name, input)
    case .product(let parts, let dim):
      let sources = try (0..<parts).map { i throws(ArcuateError) in
        try join(cut(input, i * dim, dim), "\(name):\(i)")
      }
      return whole(add(name, .multiplication, sources), dim)
    case .permute(let columns):
      let source = try join(input, name)
      try spend(columns.count)
      return whole(
        add(name, .sparse(selection(columns, of: columns.count, 0)), [source]), columns.count)
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
    case .identity, .lstm, .product, .permute: preconditionFailure("handled above")
    }
    return whole(add(name, op, [try join(input, name)]), component.outputDim)
  }

  // MARK: Pieces

  /// Elements `from` ..< `from` + `count` of the concatenated pieces.
  func cut(_ pieces: [Piece], _ from: Int, _ count: Int) -> [Piece] {
    var result: [Piece] = []
    let end = from + count
    var at = 0
    for piece in pieces {
      let (low, high) = (max(from, at), min(end, at + piece.count))
      if low < high {
        let part = Piece(
          node: piece.node, from: piece.from + low - at, count: high - low, width: piece.width)
        // Adjacent parts join again.
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

  /// A node whose output is the concatenated pieces.
  mutating func join(_ pieces: [Piece], _ name: String) throws(ArcuateError) -> String {
    let pieces = cut(pieces, 0, pieces.reduce(0) { $0 + $1.count })
    let sources = try pieces.map { piece throws(ArcuateError) -> String in
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

  private mutating func pieces(_ terms: [Nnet3Node.Term], for i: Int) throws(ArcuateError)
    -> [Piece]
  {
    try terms.map { term throws(ArcuateError) in try pieces(term, for: i) }.flatMap { $0 }
  }

  private mutating func pieces(_ term: Nnet3Node.Term, for i: Int) throws(ArcuateError) -> [Piece] {
    switch term {
    case .source(let source): return try pieces(source, for: i)
    case .sum(let all, let width):
      let sources = try all.map { terms throws(ArcuateError) in
        try join(try pieces(terms, for: i), nodes[i].name)
      }
      return whole(add("\(nodes[i].name):sum", .unchanged, sources), width)
    case .scale(let factor, let terms, let width):
      let source = try join(try pieces(terms, for: i), nodes[i].name)
      return whole(
        add("\(nodes[i].name):scaled", .scale(Tensor(scalar: factor)), [source]), width)
    case .const(let value, let width):
      try spend(width)
      return whole(
        try constant("\(nodes[i].name):constant", [Float](repeating: value, count: width)), width)
    }
  }

  private mutating func pieces(_ source: Nnet3Node.Source, for i: Int) throws(ArcuateError)
    -> [Piece]
  {
    let delay = timing.delay(source, for: i)
    let isRecurrent = !source.isTimeless && timing.isRecurrent(source, for: i)
    let begins = source.isOptional ? timing.start(source.node) : 0
    if delay == 0 && begins <= 0 { return cut(given[source.node], source.from, source.count) }
    let node = nodes[source.node]
    let isAll = source.count == node.outputDim
    let name =
      node.name + (isAll ? "" : "[\(source.from):\(source.from + source.count)]")
      + (begins > 0 ? ":defined" : "")
      + (delay > 0 ? "@\(delay)" : "") + (isRecurrent ? ":back" : "")
    if made.contains(name) { return whole(name, source.count) }
    guard isRecurrent else {
      let feed = try feed(of: source)
      if delay == 0 { return whole(feed, source.count) }
      return whole(
        add(name, .delay(Tensor(scalar: Float(Double(delay) * frame_s))), [feed]), source.count)
    }
    // Sparse connections with a delay may close a cycle.
    try spend(2 * source.count)
    let op = Operator.sparse(selection(Array(0..<source.count), of: source.count, delay))
    waiting.append((add(name, op, []), source))
    return whole(name, source.count)
  }

  /// The source at its own time, zero before it is defined; returns the name of its node.
  private mutating func feed(of source: Nnet3Node.Source) throws(ArcuateError) -> String {
    let node = nodes[source.node]
    let joined = try join(cut(given[source.node], source.from, source.count), node.name)
    let begins = timing.start(source.node)
    guard source.isOptional, begins > 0 else { return joined }
    let isAll = source.count == node.outputDim
    let name =
      node.name + (isAll ? "" : "[\(source.from):\(source.from + source.count)]") + ":defined"
    if made.contains(name) { return name }
    // One from the step of the first defined frame on.
    let gate = ":from step \(begins)[\(source.count)]"
    if !made.contains(gate) {
      try spend(2 * source.count)
      let one = try made.contains(":one") ? ":one" : constant(":one", [1])
      let op = SparseLinear(
        post: source.count, pre: 1, rowStarts: IndexArray([0, Int64(clamping: source.count)]),
        postIndices: IndexArray((0..<source.count).map { UInt32(truncatingIfNeeded: $0) }),
        weight: .filled(1, shape: try Shape([source.count])),
        delay_s: Tensor(scalar: Float(Double(begins) * frame_s)))
      _ = add(gate, .sparse(op), [one])
    }
    return add(name, .multiplication, [joined, gate])
  }

  /// A node with the same output at every step.
  private mutating func constant(_ name: String, _ values: [Float]) throws(ArcuateError) -> String {
    let inputs = nodes.indices.filter { if case .input = nodes[$0].kind { true } else { false } }
    let input = inputs.first { !given[$0].isEmpty } ?? inputs[0]
    // Inputs are built in any case; this one perhaps before its turn.
    if given[input].isEmpty { try make(input) }
    let dim = nodes[input].outputDim
    try spend(dim * values.count)
    let weight = Tensor.filled(0, shape: try Shape([values.count, dim]))
    return add(
      name, .linear(Linear(weight: weight, bias: Tensor(vector: values))), [nodes[input].name])
  }

  /// Connections of weight 1: output element i is input element `columns[i]`, `delay` frames late.
  private func selection(_ columns: [Int], of width: Int, _ delay: Int) -> SparseLinear {
    var targets = [(from: Int, to: Int)](columns.enumerated().map { ($1, $0) })
    targets.sort { $0.from < $1.from }
    var starts = [Int64](repeating: 0, count: width + 1)
    for target in targets { starts[target.from + 1] += 1 }
    for i in 0..<width { starts[i + 1] += starts[i] }
    return SparseLinear(
      post: columns.count, pre: width, rowStarts: IndexArray(starts),
      postIndices: IndexArray(targets.map { UInt32(truncatingIfNeeded: $0.to) }),
      weight: Tensor(vector: [Float](repeating: 1, count: columns.count)),
      delay_s: Tensor(scalar: Float(Double(delay) * frame_s)))
  }
}

extension Operator {
  /// Passes on the sum of its inputs.
  fileprivate static var unchanged: Operator { .scale(Tensor(scalar: 1)) }
}

// MARK: Cells

extension Nnet3Builder {
  /// LSTM cells, from input, forget, cell and output parts and the previous cell state.
  ///
  ///     i = sigmoid(x_i + w_i c'), f = sigmoid(x_f + w_f c'), c = f c' + i tanh(x_c)
  ///     o = sigmoid(x_o + w_o c), m = o tanh(c)
  ///
  /// Gives c, then m. Source. Kaldi's CpuComputeLstmNonlinearity.
  fileprivate mutating func cells(
    _ peepholes: KaldiMatrix, _ name: String, _ input: [Piece]
  ) throws(ArcuateError) -> [Piece] {
    let n = peepholes.columns
    let parts = try (0..<5).map { part throws(ArcuateError) in
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

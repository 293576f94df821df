import ArcuateCore
import ArcuateModel

/// An artificial network prepared for conversion: flat, batch-norm folded, ReLU before max pooling,
/// and without the functions behind its last weights.
struct ConvertibleNetwork {
  let checked: CheckedModel
  /// The functions removed before each output, in order, by the output's name.
  private(set) var tails: [String: [Model.Node]] = [:]
  private(set) var notes: [String] = []
  let sources: [[Int]]
  let targets: [[Int]]

  var model: Model { checked.model }
  var order: [Int] { checked.ordering.order }
  /// The nodes that become neurons, in order of evaluation.
  var rectifiers: [Int] { order.filter { model.nodes[$0].op.isRectifier } }

  /// Throws. `invalidModel` naming every node that cannot be converted.
  init(_ original: Model, _ options: ConversionOptions) throws(ArcuateError) {
    let flat = try original.soundly().model
    let folded = try flat.foldingBatchNorm()
    var notes: [String] = []
    let gone = flat.nodes.count - folded.nodes.count
    if gone > 0 { notes.append("batch normalization folded: \(gone)") }
    var model = folded
    var seen = Set<Model.Edge>()
    model.edges = model.edges.filter { seen.insert($0).inserted }
    var tails: [String: [Model.Node]] = [:]
    for node in model.nodes {
      if case .output = node.op { tails[node.name] = model.cutTail(of: node.name) }
    }
    let swapped = model.rectifyBeforePooling()
    if swapped > 0 { notes.append("max pooling moved behind ReLU: \(swapped)") }
    try self.init(sound: model)
    (self.tails, self.notes) = (tails, notes)
    try refuse(options)
  }

  /// A network that needs no preparation.
  init(sound model: Model) throws(ArcuateError) {
    let checked = try model.soundly()
    var sources = [[Int]](repeating: [], count: checked.model.nodes.count)
    var targets = sources
    for edge in checked.edges {
      sources[edge.target].append(edge.source)
      targets[edge.source].append(edge.target)
    }
    (self.checked, self.sources, self.targets) = (checked, sources, targets)
  }

  private func refuse(_ options: ConversionOptions) throws(ArcuateError) {
    var reasons: [String] = []
    let isConstant = options.input == .constant
    for i in order {
      let node = model.nodes[i]
      switch node.op.conversionRole {
      case .input, .output, .weights, .rectifier, .passesUnit: break
      case .maximumPooling:
        if options.maximumPooling == .refuse, !(isConstant && !followsNeurons(i)) {
          reasons.append(
            "\"\(node.name)\" (\(node.op.kindName): train with average pooling, or allow it to count)"
          )
        }
      case .unsupported: reasons.append("\"\(node.name)\" (\(node.op.kindName))")
      }
    }
    guard reasons.isEmpty else {
      throw ArcuateError(
        .invalidModel,
        "these nodes cannot be converted to spikes: " + reasons.joined(separator: ", "))
    }
    guard checked.ordering.backEdges.isEmpty else {
      throw ArcuateError(.invalidModel, "has cycles: only feed-forward networks are converted")
    }
    guard !rectifiers.isEmpty else {
      throw ArcuateError(.invalidModel, "has no ReLU that could become spiking neurons")
    }
  }

  /// Whether a path leads from a ReLU to the node.
  func followsNeurons(_ node: Int) -> Bool {
    var stack = sources[node]
    var seen = Set(stack)
    while let i = stack.popLast() {
      if model.nodes[i].op.isRectifier { return true }
      for source in sources[i] where seen.insert(source).inserted { stack.append(source) }
    }
    return false
  }

  /// The nodes from which paths lead to `node`, not going beyond nodes where `ends` is true.
  func ancestors(of node: Int, ends: (Int) -> Bool = { _ in false }) -> Set<Int> {
    var stack = sources[node]
    var seen = Set(stack)
    while let i = stack.popLast() {
      if ends(i) { continue }
      for source in sources[i] where seen.insert(source).inserted { stack.append(source) }
    }
    return seen
  }

  /// The part that leads to `node`, which is replaced by an output; all inputs stay.
  func model(upTo node: Int, from kept: Set<Int>) -> Model {
    var part = model
    part.nodes = model.nodes.indices.compactMap { i in
      var copy = model.nodes[i]
      if i == node { copy.op = .output(shape: checked.shapes[i]) }
      if case .input = copy.op { return copy }
      return i == node || kept.contains(i) ? copy : nil
    }
    let names = Set(part.nodes.map(\.name))
    part.edges = model.edges.filter {
      names.contains($0.source) && names.contains($0.target)
        && $0.source != model.nodes[node].name
    }
    return part
  }
}

extension Model {
  /// Removes the functions right before an output that nothing else reads, and returns them in order.
  mutating func cutTail(of output: String) -> [Node] {
    var tail: [Node] = []
    while true {
      let feeding = edges.filter { $0.target == output }
      guard feeding.count == 1, let node = self[feeding[0].source],
        case .activation = node.op, edges.filter({ $0.source == node.name }).count == 1,
        edges.contains(where: { $0.target == node.name })
      else { return tail }
      tail.insert(node, at: 0)
      nodes.removeAll { $0.name == node.name }
      edges.removeAll { $0.source == node.name }
      edges = edges.map { $0.target == node.name ? Edge($0.source, output) : $0 }
    }
  }

  /// Moves each ReLU that alone reads a max pooling before it: the output is the same, and the pooling
  /// receives spikes. Returns how many were moved.
  mutating func rectifyBeforePooling() -> Int {
    var count = 0
    for node in nodes {
      guard case .pooling(let pooling) = node.op, pooling.kind == .maximum else { continue }
      let from = edges.filter { $0.source == node.name }
      guard from.count == 1, let rectifier = self[from[0].target], rectifier.op.isRectifier,
        edges.filter({ $0.target == rectifier.name }).count == 1
      else { continue }
      edges = edges.map { edge in
        if edge.target == node.name { return Edge(edge.source, rectifier.name) }
        if edge.source == rectifier.name { return Edge(node.name, edge.target) }
        return edge == from[0] ? Edge(rectifier.name, node.name) : edge
      }
      count += 1
    }
    return count
  }
}

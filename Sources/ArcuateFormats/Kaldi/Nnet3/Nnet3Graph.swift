import ArcuateCore
import ArcuateModel

/// The nodes that the outputs of a network depend on, with their inputs resolved.
struct Nnet3Graph {
  private(set) var nodes: [Nnet3Node] = []
  private(set) var findings: [Finding] = []
  private var index: [String: Int] = [:]
  private let config: Nnet3Config
  private var spent = 0

  /// Limit on the parts of inputs, so that a small file cannot ask for much memory.
  static let mostTerms = 1 << 20

  init(_ config: Nnet3Config, _ components: [String: Nnet3Component]) throws(ArcuateError) {
    self.config = config
    for name in config.names {
      let kind: Nnet3Node.Kind
      switch config.nodes[name]! {
      case .input(let dim): kind = .input(dim: dim)
      case .component(let component, _):
        guard let component = components[component] else {
          throw ArcuateError(
            .invalidModel, "unknown component \"\(component.prefix(200))\"",
            at: Nnet3Graph.location(name))
        }
        kind = .component(component)
      case .output: kind = .output
      case .range: continue
      }
      index[name] = nodes.count
      nodes.append(Nnet3Node(name: name, kind: kind))
    }
    let isUsed = try outputs()
    for i in nodes.indices {
      switch config.nodes[nodes[i].name]! {
      case .component(_, let input), .output(let input):
        try within(Nnet3Graph.location(nodes[i].name)) { () throws(ArcuateError) in
          try resolve(input, for: i)
        }
      default: break
      }
    }
    keep(isUsed)
    guard nodes.contains(where: { if case .input = $0.kind { true } else { false } }) else {
      throw ArcuateError(.invalidModel, "no input leads to an output", at: "network")
    }
  }

  static func location(_ name: String) -> String { "node \"\(name.prefix(200))\"" }

  /// The outputs to compute: the one named "output" if there is one, as in Kaldi's tools.
  private mutating func outputs() throws(ArcuateError) -> [Int] {
    let all = nodes.indices.filter { if case .output = nodes[$0].kind { true } else { false } }
    guard !all.isEmpty else {
      throw ArcuateError(.invalidModel, "has no output-node", at: "network")
    }
    guard all.count > 1, let main = all.first(where: { nodes[$0].name == "output" }) else {
      return all
    }
    for other in all where other != main {
      findings.append(
        Finding(
          .note, Nnet3Graph.location(nodes[other].name),
          "is left out: \"output\" is the output, others are for training"))
    }
    return [main]
  }

  private mutating func resolve(_ input: Nnet3Descriptor, for i: Int) throws(ArcuateError) {
    let terms: [Nnet3Node.Term]
    if case .component(.affine(_, _, let times)) = nodes[i].kind {
      terms = try times.map { time throws(ArcuateError) in
        try self.terms(input, offset: time)
      }.flatMap { $0 }
    } else {
      terms = try self.terms(input)
    }
    let width = terms.reduce(0) { $0 + $1.width }
    var needed = width
    if case .component(let component) = nodes[i].kind {
      needed = component.inputDim
      if case .affine(let weight, _, _) = component { needed = weight.columns }
    }
    guard width == needed else {
      throw ArcuateError(
        .shapeMismatch, "its component takes \(needed) numbers, but its input has \(width)")
    }
    guard width <= Nnet3Config.largestDim else {
      throw ArcuateError(.limitExceeded, "its input has \(width) numbers")
    }
    nodes[i].terms = terms
  }

  private mutating func terms(
    _ input: Nnet3Descriptor, offset: Int = 0, isOptional: Bool = false, isTimeless: Bool = false
  ) throws(ArcuateError) -> [Nnet3Node.Term] {
    spent += 1
    guard spent <= Nnet3Graph.mostTerms, offset.magnitude <= Nnet3Descriptor.largestOffset else {
      throw ArcuateError(.limitExceeded, "has too many parts or too large an offset")
    }
    switch input {
    case .node(let name):
      var source = Nnet3Node.Source(
        node: 0, from: 0, count: 0, offset: offset, isOptional: isOptional,
        isTimeless: isTimeless)
      var origin = name
      if case .range(let of, let from, let dim) = config.nodes[name] {
        (origin, source.from, source.count) = (of, from, dim)
      }
      guard let node = index[origin] else {
        throw ArcuateError(.invalidModel, "refers to unknown node \"\(origin.prefix(200))\"")
      }
      if case .output = nodes[node].kind {
        throw ArcuateError(.invalidModel, "reads from output \"\(origin.prefix(200))\"")
      }
      source.node = node
      let dim = nodes[node].outputDim
      if origin == name { source.count = dim }
      guard source.from + source.count <= dim else {
        throw ArcuateError(
          .invalidModel,
          "\"\(name.prefix(200))\" takes \(source.count) of \(dim) numbers from \(source.from) on")
      }
      return [.source(source)]
    case .append(let parts):
      var all: [Nnet3Node.Term] = []
      for part in parts {
        all += try terms(
          part, offset: offset, isOptional: isOptional, isTimeless: isTimeless)
      }
      return all
    case .offset(let inner, let more):
      return try terms(
        inner, offset: offset + more, isOptional: isOptional, isTimeless: isTimeless)
    case .ifDefined(let inner):
      switch inner {
      case .node, .offset(.node, _): break
      default:
        throw ArcuateError(
          .unsupportedFormat, "an IfDefined of anything but a node or its Offset is not supported")
      }
      return try terms(inner, offset: offset, isOptional: true, isTimeless: isTimeless)
    case .atOneTime(let inner):
      guard case .node(let name) = inner, case .input = config.nodes[name] else {
        throw ArcuateError(
          .unsupportedFormat, "a ReplaceIndex of anything but an input is not supported")
      }
      return try terms(inner, isTimeless: true)
    case .sum(let parts):
      var all: [[Nnet3Node.Term]] = []
      for part in parts {
        all.append(
          try terms(part, offset: offset, isOptional: isOptional, isTimeless: isTimeless))
      }
      let widths = all.map { $0.reduce(0) { $0 + $1.width } }
      guard widths.allSatisfy({ $0 == widths[0] }) else {
        throw ArcuateError(.shapeMismatch, "sums parts of \(widths.prefix(20)) numbers")
      }
      return [.sum(all, width: widths[0])]
    case .scale(let factor, let inner):
      let parts = try terms(
        inner, offset: offset, isOptional: isOptional, isTimeless: isTimeless)
      return [.scale(factor, parts, width: parts.reduce(0) { $0 + $1.width })]
    case .const(let value, let width):
      guard (1...Nnet3Config.largestDim).contains(width) else {
        throw ArcuateError(.invalidModel, "a Const has \(width) numbers")
      }
      return [.const(value, width: width)]
    }
  }

  /// Removes the nodes that no output depends on.
  private mutating func keep(_ outputs: [Int]) {
    var isKept = [Bool](repeating: false, count: nodes.count)
    var waiting = outputs
    for i in outputs { isKept[i] = true }
    while let i = waiting.popLast() {
      for source in nodes[i].sources where !isKept[source.node] {
        isKept[source.node] = true
        waiting.append(source.node)
      }
    }
    var new = [Int](repeating: -1, count: nodes.count)
    var kept: [Nnet3Node] = []
    for i in nodes.indices {
      if isKept[i] {
        new[i] = kept.count
        kept.append(nodes[i])
      } else if !outputs.contains(i), !isOutput(i) {
        findings.append(
          Finding(.note, Nnet3Graph.location(nodes[i].name), "leads to no output: left out"))
      }
    }
    for i in kept.indices { kept[i].terms = kept[i].terms.map { $0.renumbered(new) } }
    nodes = kept
  }

  private func isOutput(_ i: Int) -> Bool {
    if case .output = nodes[i].kind { true } else { false }
  }
}

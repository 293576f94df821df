import ArcuateCore
import ArcuateModel

/// A node that computes something, or a port, and what it takes from others.
struct Nnet3Place {
  /// What is taken of another place: a range of its elements, so many frames later.
  struct Take {
    var place: Int
    var from: Int
    var count: Int
    var offset: Int
    /// Zero where the other cannot be computed.
    var isOptional: Bool
    /// The same at every frame.
    var isTimeless: Bool
  }

  /// What the parts of an input are made of.
  indirect enum Term {
    case take(Take)
    case sum([[Term]], width: Int)
    case scale(Float, [Term], width: Int)
    case const(Float, width: Int)

    var width: Int {
      switch self {
      case .take(let take): take.count
      case .sum(_, let width), .scale(_, _, let width), .const(_, let width): width
      }
    }

    func visit(_ body: (Take) -> Void) {
      switch self {
      case .take(let take): body(take)
      case .sum(let all, _): for terms in all { for term in terms { term.visit(body) } }
      case .scale(_, let terms, _): for term in terms { term.visit(body) }
      case .const: break
      }
    }
  }

  enum Kind {
    case input(dim: Int)
    case component(Nnet3Component)
    case output
  }

  let name: String
  let kind: Kind
  /// Parts of the input, one after another.
  var terms: [Term] = []

  var outputDim: Int {
    switch kind {
    case .input(let dim): dim
    case .component(let component): component.outputDim
    case .output: terms.reduce(0) { $0 + $1.width }
    }
  }

  var takes: [Take] {
    var takes: [Take] = []
    for term in terms { term.visit { takes.append($0) } }
    return takes
  }
}

/// The places of a network that its outputs depend on, with their inputs spelt out.
struct Nnet3Places {
  private(set) var places: [Nnet3Place] = []
  private(set) var findings: [Finding] = []
  private var index: [String: Int] = [:]
  private let config: Nnet3Config
  private var spent = 0

  /// Parts of inputs at most, so that what a small file asks for stays small.
  static let mostTerms = 1 << 20

  init(_ config: Nnet3Config, _ components: [String: Nnet3Component]) throws {
    self.config = config
    for name in config.names {
      let kind: Nnet3Place.Kind
      switch config.nodes[name]! {
      case .input(let dim): kind = .input(dim: dim)
      case .component(let component, _):
        guard let component = components[component] else {
          throw ArcuateError(
            .invalidModel, "there is no component \"\(component.prefix(200))\"",
            at: Nnet3Places.place(name))
        }
        kind = .component(component)
      case .output: kind = .output
      case .range: continue
      }
      index[name] = places.count
      places.append(Nnet3Place(name: name, kind: kind))
    }
    let isUsed = try outputs()
    for i in places.indices {
      switch config.nodes[places[i].name]! {
      case .component(_, let input), .output(let input):
        try within(Nnet3Places.place(places[i].name)) { try spell(input, for: i) }
      default: break
      }
    }
    keep(isUsed)
    guard places.contains(where: { if case .input = $0.kind { true } else { false } }) else {
      throw ArcuateError(.invalidModel, "no input leads to an output", at: "network")
    }
  }

  static func place(_ name: String) -> String { "node \"\(name.prefix(200))\"" }

  /// Which outputs are wanted: the one that is called so, if there is, as Kaldi's tools take it.
  private mutating func outputs() throws -> [Int] {
    let all = places.indices.filter { if case .output = places[$0].kind { true } else { false } }
    guard !all.isEmpty else {
      throw ArcuateError(.invalidModel, "there is no output-node", at: "network")
    }
    guard all.count > 1, let main = all.first(where: { places[$0].name == "output" }) else {
      return all
    }
    for other in all where other != main {
      findings.append(
        Finding(
          .note, Nnet3Places.place(places[other].name),
          "is left out: \"output\" is the output, others serve training"))
    }
    return [main]
  }

  private mutating func spell(_ input: Nnet3Descriptor, for i: Int) throws {
    let terms: [Nnet3Place.Term]
    if case .component(.affine(_, _, let times)) = places[i].kind {
      terms = try times.flatMap { try self.terms(input, offset: $0) }
    } else {
      terms = try self.terms(input)
    }
    let width = terms.reduce(0) { $0 + $1.width }
    var needed = width
    if case .component(let component) = places[i].kind {
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
    places[i].terms = terms
  }

  private mutating func terms(
    _ input: Nnet3Descriptor, offset: Int = 0, isOptional: Bool = false, isTimeless: Bool = false
  ) throws -> [Nnet3Place.Term] {
    spent += 1
    guard spent <= Nnet3Places.mostTerms, abs(offset) <= Nnet3Descriptor.largestOffset else {
      throw ArcuateError(.limitExceeded, "asks for too many parts, or for frames too far away")
    }
    switch input {
    case .node(let name):
      var take = Nnet3Place.Take(
        place: 0, from: 0, count: 0, offset: offset, isOptional: isOptional,
        isTimeless: isTimeless)
      var source = name
      if case .range(let of, let from, let dim) = config.nodes[name] {
        (source, take.from, take.count) = (of, from, dim)
      }
      guard let place = index[source] else {
        throw ArcuateError(.invalidModel, "names \"\(source.prefix(200))\", which is no such node")
      }
      if case .output = places[place].kind {
        throw ArcuateError(.invalidModel, "takes the output \"\(source.prefix(200))\"")
      }
      take.place = place
      let dim = places[place].outputDim
      if source == name { take.count = dim }
      guard take.from + take.count <= dim else {
        throw ArcuateError(
          .invalidModel,
          "\"\(name.prefix(200))\" is \(take.count) of \(dim) numbers from \(take.from) on")
      }
      return [.take(take)]
    case .append(let parts):
      var all: [Nnet3Place.Term] = []
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
      var all: [[Nnet3Place.Term]] = []
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

  /// Keeps what leads to the wanted outputs.
  private mutating func keep(_ outputs: [Int]) {
    var isKept = [Bool](repeating: false, count: places.count)
    var waiting = outputs
    for i in outputs { isKept[i] = true }
    while let i = waiting.popLast() {
      for take in places[i].takes where !isKept[take.place] {
        isKept[take.place] = true
        waiting.append(take.place)
      }
    }
    var new = [Int](repeating: -1, count: places.count)
    var kept: [Nnet3Place] = []
    for i in places.indices {
      if isKept[i] {
        new[i] = kept.count
        kept.append(places[i])
      } else if !outputs.contains(i), !isOutput(i) {
        findings.append(
          Finding(.note, Nnet3Places.place(places[i].name), "leads to no output: left out"))
      }
    }
    for i in kept.indices { kept[i].terms = kept[i].terms.map { $0.renumbered(new) } }
    places = kept
  }

  private func isOutput(_ i: Int) -> Bool {
    if case .output = places[i].kind { true } else { false }
  }
}

extension Nnet3Place.Term {
  fileprivate func renumbered(_ new: [Int]) -> Self {
    switch self {
    case .take(var take):
      take.place = new[take.place]
      return .take(take)
    case .sum(let all, let width):
      return .sum(all.map { $0.map { $0.renumbered(new) } }, width: width)
    case .scale(let factor, let terms, let width):
      return .scale(factor, terms.map { $0.renumbered(new) }, width: width)
    case .const: return self
    }
  }
}

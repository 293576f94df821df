/// A component of the network or a port, and its inputs from other nodes.
struct Nnet3Node {
  /// A range of the elements of another node, some frames later.
  struct Source {
    var node: Int
    var from: Int
    var count: Int
    var offset: Int
    /// Zero where the other node is not defined.
    var isOptional: Bool
    /// The same at every frame.
    var isTimeless: Bool
  }

  /// A part of an input.
  indirect enum Term {
    case source(Source)
    case sum([[Term]], width: Int)
    case scale(Float, [Term], width: Int)
    case const(Float, width: Int)

    var width: Int {
      switch self {
      case .source(let source): source.count
      case .sum(_, let width), .scale(_, _, let width), .const(_, let width): width
      }
    }

    func visit(_ body: (Source) -> Void) {
      switch self {
      case .source(let source): body(source)
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

  var sources: [Source] {
    var sources: [Source] = []
    for term in terms { term.visit { sources.append($0) } }
    return sources
  }
}

extension Nnet3Node.Term {
  func renumbered(_ new: [Int]) -> Self {
    switch self {
    case .source(var source):
      source.node = new[source.node]
      return .source(source)
    case .sum(let all, let width):
      return .sum(all.map { $0.map { $0.renumbered(new) } }, width: width)
    case .scale(let factor, let terms, let width):
      return .scale(factor, terms.map { $0.renumbered(new) }, width: width)
    case .const: return self
    }
  }
}

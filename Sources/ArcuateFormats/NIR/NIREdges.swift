import ArcuateCore
import ArcuateModel

/// Removes duplicate edges, and gives edges to names that are not there the meaning they can have.
///
/// A dangling end may be a node renamed after the edges were written, a node inside a nested graph
/// that stands for the graph, or a name with one prefix too many or too few.
/// Cost. Linear in nodes and edges.
struct NIREdges {
  private let names: Set<String>
  /// `graph/port` and `graph.port`, which an edge may name.
  private var ports = Set<String>()
  /// The graph that a node inside it stands for.
  private var graphs: [String: String] = [:]
  /// The only node whose name ends in a dot and this; nil if several do.
  private var longer: [String: String?] = [:]
  private let renamed: (from: String, to: String)?

  private init(_ model: Model) {
    names = Set(model.nodes.map(\.name))
    for node in model.nodes.sorted(by: { $0.name < $1.name }) {
      // Names come from the file: an endless one made of dots must not cost its square.
      if node.name.utf8.count <= 256 {
        for dot in node.name.indices where node.name[dot] == "." {
          let suffix = String(node.name[node.name.index(after: dot)...])
          longer.updateValue(longer[suffix] == nil ? node.name : nil, forKey: suffix)
        }
      }
      guard case .graph(let inner) = node.op else { continue }
      for part in inner.nodes {
        if part.op.isPort {
          ports.insert("\(node.name)/\(part.name)")
          ports.insert("\(node.name).\(part.name)")
        }
        for name in [part.name, "\(node.name).\(part.name)"] where graphs[name] == nil {
          graphs[name] = node.name
        }
      }
    }
    // One name too many in the edges and one node too few: the node was renamed.
    let ends = Set(model.edges.flatMap { [$0.source, $0.target] })
    let missing = ends.subtracting(names)
    let unused = names.subtracting(ends)
    renamed =
      missing.count == 1 && unused.count == 1 ? (missing.first!, unused.first!) : nil
  }

  /// Repairs the edges of `model` and reports the repairs.
  static func repair(_ model: inout Model) -> [Finding] {
    let known = NIREdges(model)
    var findings: [Finding] = []
    var seen = Set<Model.Edge>()
    var kept: [Model.Edge] = []
    for edge in model.edges {
      let location = "edge \"\(edge.source)\" -> \"\(edge.target)\""
      func meant(_ end: String) -> String? {
        let meaning = known.meaning(of: end)
        if meaning == nil {
          findings.append(
            Finding(.repair, location, "names \"\(end)\", which is not a node: left out"))
        }
        return meaning
      }
      guard let source = meant(edge.source), let target = meant(edge.target) else { continue }
      let repaired = Model.Edge(source, target)
      if repaired != edge {
        findings.append(Finding(.repair, location, "is taken as \"\(source)\" -> \"\(target)\""))
      }
      guard seen.insert(repaired).inserted else {
        findings.append(Finding(.repair, location, "given twice, used once"))
        continue
      }
      kept.append(repaired)
    }
    model.edges = kept
    return findings
  }

  /// What an end of an edge stands for; nil for nothing.
  private func meaning(of end: String) -> String? {
    if names.contains(end) { return end }
    if let renamed, renamed.from == end { return renamed.to }
    if ports.contains(end) { return end }
    if let graph = graphs[end] { return graph }
    // "sub.input" inside a graph whose port is plainly called "input", and the reverse.
    if let dot = end.lastIndex(of: ".") {
      let short = String(end[end.index(after: dot)...])
      if names.contains(short) { return short }
    }
    return longer[end] ?? nil
  }
}

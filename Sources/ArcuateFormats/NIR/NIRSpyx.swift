import ArcuateModel

/// Recurrent layers as Spyx writes them.
///
/// Its graphs lead the input through the recurrent weights: input -> w_rec -> neuron -> w_rec. The
/// library itself adds it to the neuron: input -> neuron.
enum NIRSpyx {
  static func rewire(_ model: inout Model) -> [Finding] {
    var findings: [Finding] = []
    for i in model.nodes.indices {
      guard case .graph(var inner) = model.nodes[i].op else { continue }
      findings += rewire(&inner)
      if let edge = wrongEdge(inner) {
        inner.edges[edge.index].target = edge.neuron
        findings.append(
          Finding(
            .repair, "graph \"\(model.nodes[i].name)\"",
            "leads its input through the recurrent weights, where Spyx adds it to the neurons: led to "
              + "\"\(edge.neuron)\""))
      }
      model.nodes[i].op = .graph(inner)
    }
    return findings
  }

  /// The edge from the input to recurrent weights that only a neuron feeds, and that neuron.
  /// Cost. Linear in nodes and edges.
  private static func wrongEdge(_ model: Model) -> (index: Int, neuron: String)? {
    let operations = Dictionary(model.nodes.map { ($0.name, $0.op) }) { first, _ in first }
    let targets = Dictionary(grouping: model.edges, by: \.source).mapValues { $0.map(\.target) }
    for (index, edge) in model.edges.enumerated() {
      guard case .input = operations[edge.source], case .linear = operations[edge.target],
        targets[edge.source]?.count == 1, let after = targets[edge.target], after.count == 1,
        case .neuron = operations[after[0]], targets[after[0]]?.contains(edge.target) == true
      else { continue }
      return (index, after[0])
    }
    return nil
  }
}

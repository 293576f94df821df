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
  private static func wrongEdge(_ model: Model) -> (index: Int, neuron: String)? {
    func operation(_ name: String) -> Operator? { model.nodes.first { $0.name == name }?.op }
    for (index, edge) in model.edges.enumerated() {
      guard case .input = operation(edge.source), case .linear = operation(edge.target),
        model.edges.filter({ $0.source == edge.source }).count == 1
      else { continue }
      let after = model.edges.filter { $0.source == edge.target }.map(\.target)
      guard after.count == 1, case .neuron = operation(after[0]),
        model.edges.contains(where: { $0.source == after[0] && $0.target == edge.target })
      else { continue }
      return (index, after[0])
    }
    return nil
  }
}

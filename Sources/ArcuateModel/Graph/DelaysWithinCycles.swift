import ArcuateCore

extension Model {
  /// Connections of which some, but not all, have delays below a step, in cycles that they would
  /// have to close: an edge that waits for a step would add to the delays that are stated.
  func delaysWithinCycles(
    _ edges: [(source: Int, target: Int)], _ ordering: Ordering, _ early: [Bool]
  ) -> [Finding] {
    let waiting = Set(ordering.backEdges.map { ordering.group[edges[$0].source] })
    return nodes.indices.compactMap { i in
      guard case .sparse(let sparse) = nodes[i].op, !early[i],
        waiting.contains(ordering.group[i]), sparse.delaySteps(dt_s).largest > 0
      else { return nil }
      return Finding(
        .error, "node \"\(nodes[i].name)\"",
        "lies on a cycle with delays of \(sparse.delay_s.extremes?.least ?? 0) s and more: all must "
          + "be at least one step, or all zero")
    }
  }
}

import ArcuateCore
import ArcuateModel

/// When each node of a network can be computed, in frames.
///
/// Node n gives frame t at step t + latency[n], counted from the step of frame 0. It must wait for
/// all of its sources: latency[n] >= latency[m] + offset for each source m; the smallest such
/// latencies are computed. With inputs from frame -leftContext on, frames from first[n] on are
/// defined, where optional sources that are not count as zero.
struct Nnet3Timing {
  private(set) var latency: [Int]
  private(set) var first: [Int]
  /// Frames before the first one, and after that of an output, that outputs depend on; negative if
  /// they depend on later, or earlier, frames alone.
  private(set) var leftContext = 0
  private(set) var rightContext = 0
  /// Of all outputs.
  private(set) var outputLatency = 0
  /// Number of the cycle that each node lies on.
  let cycle: [Int]
  /// Evaluation order: sources come first, except those from earlier steps of a cycle.
  private(set) var order: [Int] = []

  static let mostFrames = 1_000_000
  static let mostRounds = 200

  init(_ nodes: [Nnet3Node]) throws(ArcuateError) {
    (latency, first) = ([], [])
    let sources = nodes.map { $0.sources.filter { !$0.isTimeless } }
    var edges: [(source: Int, target: Int)] = []
    for (i, sources) in sources.enumerated() {
      for source in sources { edges.append((source.node, i)) }
    }
    var inputs: [Int] = []
    var outputs: [Int] = []
    for (i, node) in nodes.enumerated() {
      switch node.kind {
      case .input: inputs.append(i)
      case .output: outputs.append(i)
      case .component: break
      }
    }
    let ordering = Ordering(
      nodeCount: nodes.count, edges: edges, roots: inputs,
      early: [Bool](repeating: false, count: nodes.count))
    cycle = ordering.group

    func settle(
      _ start: [Int?], _ order: [Int], _ message: String,
      _ next: (Int, [Int?]) -> Int?
    ) throws(ArcuateError) -> [Int?] {
      var values = start
      var growing = 0
      // Without a growing cycle, no value changes after as many rounds as there are nodes; in the
      // order of the edges a few are enough.
      for _ in 0...min(nodes.count + 1, Nnet3Timing.mostRounds) {
        var isSettled = true
        for i in order {
          let value = next(i, values)
          guard value != values[i] else { continue }
          values[i] = value
          isSettled = false
          growing = i
          if let value, value.magnitude > Nnet3Timing.mostFrames {
            throw ArcuateError(.invalidModel, message, at: Nnet3Graph.location(nodes[i].name))
          }
        }
        if isSettled { return values }
      }
      throw ArcuateError(.invalidModel, message, at: Nnet3Graph.location(nodes[growing].name))
    }
    let none = [Int?](repeating: nil, count: nodes.count)
    var start = none
    for i in inputs { start[i] = 0 }

    // As late as the latest source.
    let latest = try settle(
      start, ordering.order, "depends on its own later frames, or on frames too far away"
    ) { i, values in
      sources[i].compactMap { source in values[source.node].map { $0 + source.offset } }.max()
        ?? values[i] ?? 0
    }
    latency = latest.map { $0 ?? 0 }
    outputLatency = max(0, outputs.map { latency[$0] }.max() ?? 0)
    for i in outputs { latency[i] = outputLatency }

    // From the outputs back, the first and the last frame that is needed for frame 0.
    var after = [[(target: Int, offset: Int)]](repeating: [], count: nodes.count)
    for (i, sources) in sources.enumerated() {
      for source in sources where !source.isOptional {
        after[source.node].append((i, source.offset))
      }
    }
    for isFirst in [true, false] {
      var start = none
      for i in outputs { start[i] = 0 }
      let needed = try settle(
        start, ordering.order.reversed(), "depends on itself without IfDefined"
      ) { i, values in
        let all =
          after[i].compactMap { next in values[next.target].map { $0 + next.offset } }
          + (start[i].map { [$0] } ?? [])
        return isFirst ? all.min() : all.max()
      }
      let ends = inputs.compactMap { needed[$0] }
      if isFirst { leftContext = -(ends.min() ?? 0) } else { rightContext = ends.max() ?? 0 }
    }

    start = none
    for i in inputs { start[i] = -leftContext }
    let from = try settle(
      start, ordering.order, "depends on itself without IfDefined, or on frames too far away"
    ) { i, values in
      sources[i].filter { !$0.isOptional }.compactMap { source in
        values[source.node].map { $0 - source.offset }
      }.max() ?? values[i]
    }
    let least = -max(0, leftContext)
    first = from.map { $0 ?? least }
    order = try sorted(nodes, sources)
  }

  /// Steps by which node `target` delays this source.
  func delay(_ source: Nnet3Node.Source, for target: Int) -> Int {
    source.isTimeless ? 0 : latency[target] - latency[source.node] - source.offset
  }

  /// Whether the source comes from an earlier step of the same cycle.
  func isRecurrent(_ source: Nnet3Node.Source, for target: Int) -> Bool {
    cycle[source.node] == cycle[target] && delay(source, for: target) >= 1
  }

  /// The step, from the start of the run, at which a node gives its first defined frame.
  func start(_ node: Int) -> Int { first[node] + latency[node] + max(0, leftContext) }

  private func sorted(
    _ nodes: [Nnet3Node], _ sources: [[Nnet3Node.Source]]
  ) throws(ArcuateError) -> [Int] {
    var missing = [Int](repeating: 0, count: nodes.count)
    var after = [[Int]](repeating: [], count: nodes.count)
    for (i, node) in nodes.enumerated() {
      for source in node.sources where source.isTimeless || !isRecurrent(source, for: i) {
        missing[i] += 1
        after[source.node].append(i)
      }
    }
    var ready = nodes.indices.filter { missing[$0] == 0 }
    var order: [Int] = []
    var at = 0
    while at < ready.count {
      order.append(ready[at])
      for next in after[ready[at]] {
        missing[next] -= 1
        if missing[next] == 0 { ready.append(next) }
      }
      at += 1
    }
    if let stuck = nodes.indices.first(where: { missing[$0] > 0 }) {
      throw ArcuateError(
        .invalidModel, "depends on itself at the same frame",
        at: Nnet3Graph.location(nodes[stuck].name))
    }
    return order
  }
}

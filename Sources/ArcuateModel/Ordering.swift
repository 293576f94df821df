/// The order in which the nodes of a flat graph run within one step.
///
/// A back edge, which carries the value of the step before, is one that meets a node still being
/// visited when the graph is walked depth first from its inputs; what remains has no cycle.
public struct Ordering: Sendable {
  /// Node indices such that every edge but the back edges points forward.
  public let order: [Int]
  /// The edges, as indices into the edge list, that carry the value of the step before.
  public let backEdges: Set<Int>
  /// For each node the number of its group: nodes of one cycle share a group, groups are
  /// contiguous in `order`.
  public let group: [Int]

  /// `edges` are pairs of node indices. Cost: linear.
  public init(nodeCount: Int, edges: [(source: Int, target: Int)], roots: [Int]) {
    var out = [[(edge: Int, target: Int)]](repeating: [], count: nodeCount)
    for (i, edge) in edges.enumerated() { out[edge.source].append((i, edge.target)) }

    // Depth first without recursion: hostile graphs may be deep.
    enum Mark { case new, open, done }
    var mark = [Mark](repeating: .new, count: nodeCount)
    var back = Set<Int>()
    var finished: [Int] = []
    for root in roots + Array(0..<nodeCount) where mark[root] == .new {
      var stack: [(node: Int, next: Int)] = [(root, 0)]
      mark[root] = .open
      while let (node, next) = stack.last {
        guard next < out[node].count else {
          mark[node] = .done
          finished.append(node)
          stack.removeLast()
          continue
        }
        stack[stack.count - 1].next += 1
        let (edge, target) = out[node][next]
        switch mark[target] {
        case .new:
          mark[target] = .open
          stack.append((target, 0))
        case .open: back.insert(edge)
        case .done: break
        }
      }
    }
    backEdges = back

    // Strongly connected components (Kosaraju): the reverse of the finishing order over the
    // transposed graph. They come out in topological order.
    var into = [[Int]](repeating: [], count: nodeCount)
    for edge in edges { into[edge.target].append(edge.source) }
    var component = [Int](repeating: -1, count: nodeCount)
    var components = 0
    for root in finished.reversed() where component[root] < 0 {
      var stack = [root]
      component[root] = components
      while let node = stack.popLast() {
        for source in into[node] where component[source] < 0 {
          component[source] = components
          stack.append(source)
        }
      }
      components += 1
    }
    group = component
    var place = [Int](repeating: 0, count: nodeCount)
    for (i, node) in finished.reversed().enumerated() { place[node] = i }
    order = (0..<nodeCount).sorted { (component[$0], place[$0]) < (component[$1], place[$1]) }
  }
}

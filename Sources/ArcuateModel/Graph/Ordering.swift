/// The order in which the nodes of a flat graph run within one step.
///
/// A back edge carries the value of the previous step. It is an edge that meets a node still being
/// visited when the graph is walked depth first from its inputs; without back edges the graph has
/// no cycle. A node that emits the result of the previous step needs no such edge: it breaks its
/// cycles itself.
public struct Ordering: Sendable {
  /// Node indices such that every edge points forward, except back edges and edges that leave an
  /// early node within its cycle.
  public let order: [Int]
  /// The edges, as indices into the edge list, that carry the value of the previous step.
  public let backEdges: Set<Int>
  /// For each node the number of its group: nodes of one cycle share a group, groups are
  /// contiguous in `order`.
  public let group: [Int]
  /// Groups whose nodes must go step by step.
  public let cyclicGroups: Set<Int>
  /// A node of a cycle that is entered there and elsewhere, and the node where the walk entered it;
  /// nil if the edges that close cycles are the same in whatever order nodes and edges are given.
  public let ambiguity: (node: Int, entry: Int)?

  /// `edges` are pairs of node indices, `early` says which nodes emit before they integrate.
  /// Cost: linear, and a sort.
  public init(
    nodeCount: Int, edges: [(source: Int, target: Int)], roots: [Int], early: [Bool]
  ) {
    // Strongly connected components (Kosaraju): the reverse of the finishing order over the
    // transposed graph. They come out in topological order.
    let all = Ordering.walk(nodeCount, edges, roots) { _ in true }
    var into = [[Int]](repeating: [], count: nodeCount)
    for edge in edges { into[edge.target].append(edge.source) }
    var component = [Int](repeating: -1, count: nodeCount)
    var components = 0
    for root in all.finished.reversed() where component[root] < 0 {
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

    func isEarly(_ edge: Int) -> Bool {
      early[edges[edge].source] && component[edges[edge].source] == component[edges[edge].target]
    }
    let (back, finished, others) = Ordering.walk(nodeCount, edges, roots) { !isEarly($0) }
    backEdges = back
    ambiguity =
      back.isEmpty
      ? nil
      : Reducibility(
        nodeCount, edges.enumerated().filter { !isEarly($0.offset) }.map(\.element),
        inputs: roots, others: others
      ).failure
    group = component
    cyclicGroups = Set(
      edges.indices.filter { back.contains($0) || isEarly($0) }.map { component[edges[$0].source] })
    var position = [Int](repeating: 0, count: nodeCount)
    for (i, node) in finished.reversed().enumerated() { position[node] = i }
    order = (0..<nodeCount).sorted { (component[$0], position[$0]) < (component[$1], position[$1]) }
  }

  /// Depth first without recursion, since hostile graphs may be deep: the edges that lead back
  /// into the path, the nodes in the order in which they were finished, and the nodes beside
  /// `roots` where the walk began.
  private static func walk(
    _ nodeCount: Int, _ edges: [(source: Int, target: Int)], _ roots: [Int],
    _ includes: (Int) -> Bool
  ) -> (back: Set<Int>, finished: [Int], others: [Int]) {
    var out = [[(edge: Int, target: Int)]](repeating: [], count: nodeCount)
    for (i, edge) in edges.enumerated() where includes(i) {
      out[edge.source].append((i, edge.target))
    }
    enum Mark { case new, open, done }
    var mark = [Mark](repeating: .new, count: nodeCount)
    var back = Set<Int>()
    var finished: [Int] = []
    var others: [Int] = []
    for (i, root) in (roots + Array(0..<nodeCount)).enumerated() where mark[root] == .new {
      if i >= roots.count { others.append(root) }
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
    return (back, finished, others)
  }
}

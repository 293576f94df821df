/// Whether every cycle of a graph can be entered at one node only.
///
/// Then the edges into that node close it, whatever the order in which the graph is walked. A cycle
/// that can be entered at several nodes has several such sets of edges, of which a walk finds one.
/// Cost. Nearly linear. Source. Tarjan, Testing flow graph reducibility, 1974; Havlak 1997.
struct Reducibility {
  /// A node where a cycle is entered beside the node where the walk entered it.
  private(set) var failure: (node: Int, entry: Int)?
  /// For each node, the representative of the cycles that contain it.
  private var stands: [Int]

  /// `inputs` are walked from first, then `others`: what only these lead to does not decide where the
  /// walk enters a cycle that an input leads to.
  init(
    _ nodeCount: Int, _ edges: [(source: Int, target: Int)], inputs: [Int], others: [Int]
  ) {
    stands = Array(0..<nodeCount)
    // A walk from all roots: the number of each node, and the last number among its descendants.
    var out = [[Int]](repeating: [], count: nodeCount)
    var into = out
    for edge in edges {
      out[edge.source].append(edge.target)
      into[edge.target].append(edge.source)
    }
    var number = [Int](repeating: -1, count: nodeCount)
    var last = number
    var order: [Int] = []
    // Nodes with numbers below it are reached from inputs.
    var fed = Int.max
    for (i, root) in (inputs + others).enumerated() where number[root] < 0 {
      if i >= inputs.count { fed = min(fed, order.count) }
      var stack: [(node: Int, next: Int)] = [(root, 0)]
      number[root] = order.count
      order.append(root)
      while let (node, next) = stack.last {
        guard next < out[node].count else {
          last[node] = order.count - 1
          stack.removeLast()
          continue
        }
        stack[stack.count - 1].next += 1
        let target = out[node][next]
        guard number[target] < 0 else { continue }
        number[target] = order.count
        order.append(target)
        stack.append((target, 0))
      }
    }
    func isAbove(_ node: Int, _ other: Int) -> Bool {
      number[node] <= number[other] && number[other] <= last[node]
    }
    // Inner cycles first: each is merged into the node where it is entered.
    for entry in order.reversed() {
      var body: Set<Int> = []
      var pending: [Int] = []
      for source in into[entry] where source != entry && isAbove(entry, source) {
        let other = found(source)
        if other != entry, body.insert(other).inserted { pending.append(other) }
      }
      while let node = pending.popLast() {
        for source in into[node] where !isAbove(node, source) {
          if number[node] < fed, number[source] >= fed { continue }
          let other = found(source)
          guard isAbove(entry, other) else {
            failure = (node, entry)
            return
          }
          if other != entry, body.insert(other).inserted { pending.append(other) }
        }
      }
      for node in body { stands[node] = entry }
    }
  }

  /// The node that stands for a node, with paths shortened on the way.
  private mutating func found(_ node: Int) -> Int {
    var root = node
    while stands[root] != root { root = stands[root] }
    var next = node
    while stands[next] != root {
      (next, stands[next]) = (stands[next], root)
    }
    return root
  }
}

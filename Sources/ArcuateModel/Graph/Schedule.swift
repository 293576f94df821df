/// When each node of a checked model is evaluated: in which order, step by step or block by block,
/// and how often.
///
/// One value for every engine that evaluates a model: inference and training read it alike.
public struct Schedule: Sendable {
  /// Consecutive nodes of `order` that are evaluated together.
  public struct Group: Sendable, Equatable {
    /// Positions in `order`.
    public let nodes: Range<Int>
    /// Whether the nodes form a cycle, which advances step by step.
    public let isCyclic: Bool
  }

  /// Indices of all nodes, in the order of evaluation.
  public let order: [Int]
  /// The groups, which together cover `order`.
  public let groups: [Group]
  /// For each node the index of its group.
  public let group: [Int]
  /// Edges, as indices into `CheckedModel.edges`, that carry the value of the previous step.
  public let backEdges: Set<Int>
  /// For each node whether it emits the same row at every step of a frame.
  public let isConstant: [Bool]
  /// For each node the number of steps between two evaluations.
  public let period: [Int]

  /// Whether a node lies on a cycle.
  public func isCyclic(_ node: Int) -> Bool { groups[group[node]].isCyclic }
}

extension CheckedModel {
  /// The schedule of this model.
  ///
  /// - Parameters:
  ///   - isInputHeld: Whether ports keep their values for all steps of a frame.
  ///   - dt_s: The step length, if it is known.
  ///   - unfedIsConstant: Whether nodes without an input count as constant. Inference evaluates them
  ///     once per frame; training gives them a row per step.
  ///   - rulesJoinCycles: Whether a plastic linear node and the node its rule reads form a cycle.
  ///     Training requires this, since its fast weights change within a step; in inference
  ///     rules run after all nodes of a step.
  public func schedule(
    isInputHeld: Bool, dt_s: Double?, unfedIsConstant: Bool = true, rulesJoinCycles: Bool = false
  ) -> Schedule {
    let (order, component, cyclic) = components(rulesJoinCycles: rulesJoinCycles)
    var groups: [Schedule.Group] = []
    var group = [Int](repeating: 0, count: order.count)
    var start = 0
    while start < order.count {
      let own = component[order[start]]
      let end = order[start...].firstIndex { component[$0] != own } ?? order.count
      for i in order[start..<end] { group[i] = groups.count }
      groups.append(.init(nodes: start..<end, isCyclic: cyclic.contains(own)))
      start = end
    }
    return Schedule(
      order: order, groups: groups, group: group, backEdges: ordering.backEdges,
      isConstant: constantNodes(
        isInputHeld: isInputHeld, dt_s: dt_s, unfedIsConstant: unfedIsConstant),
      period: [Int](repeating: 1, count: order.count))
  }

  private func constantNodes(
    isInputHeld: Bool, dt_s: Double?, unfedIsConstant: Bool
  ) -> [Bool] {
    var constant = [Bool](repeating: false, count: model.nodes.count)
    guard isInputHeld else { return constant }
    var into = [[Int]](repeating: [], count: model.nodes.count)
    for (e, edge) in edges.enumerated() { into[edge.target].append(e) }
    for i in ordering.order {
      switch model.nodes[i].op.kind.constancy(dt_s: dt_s) {
      case .heldInput: constant[i] = true
      case .never: break
      case .followsInputs:
        constant[i] =
          into[i].isEmpty
          ? unfedIsConstant
          : into[i].allSatisfy { constant[edges[$0].source] && !ordering.backEdges.contains($0) }
      }
    }
    return constant
  }

  /// Order, component of each node, and the components that are cycles.
  private func components(rulesJoinCycles: Bool) -> ([Int], [Int], Set<Int>) {
    let nodes = model.nodes
    let rules =
      rulesJoinCycles
      ? nodes.indices.compactMap { i -> (source: Int, target: Int)? in
        guard case .plastic(.linear(let linear)) = nodes[i].op,
          let post = nodes.firstIndex(where: { $0.name == linear.rule.post })
        else { return nil }
        return (post, i)
      } : []
    guard !rules.isEmpty else { return (ordering.order, ordering.group, ordering.cyclicGroups) }
    let joined = Ordering(
      nodeCount: nodes.count, edges: edges + rules, roots: inputs,
      early: [Bool](repeating: false, count: nodes.count)
    ).group
    var position = [Int](repeating: 0, count: nodes.count)
    for (p, i) in ordering.order.enumerated() { position[i] = p }
    let cyclic = nodes.indices.filter { ordering.cyclicGroups.contains(ordering.group[$0]) }
    return (
      nodes.indices.sorted { (joined[$0], position[$0]) < (joined[$1], position[$1]) }, joined,
      Set((cyclic + rules.map(\.target)).map { joined[$0] })
    )
  }
}

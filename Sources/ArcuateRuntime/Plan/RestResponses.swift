import ArcuateCore
import ArcuateKernels
import ArcuateModel

/// The rows that nodes emit in silence, which back edges may carry before the first step.
enum RestResponses {
  /// For each slot that a back edge reads, what it carries first, where the semantics ask for the
  /// response to silence; an empty row stands for zeros.
  static func feedback(
    _ checked: CheckedModel, _ schedule: Schedule, steps: [NodeStep], slots: [Slot]
  ) throws(ArcuateError) -> [Int: [Float]] {
    var rest: [Int: [Float]] = [:]
    var known: [[Float]]?
    for (e, edge) in checked.edges.enumerated() where schedule.backEdges.contains(e) {
      var start = checked.model.semantics.feedbackStart
      if case .neuron(let neuron) = checked.model.nodes[edge.target].op, let own = neuron.semantics
      {
        start = own.feedbackStart
      }
      guard start == .response else { continue }
      let all: [[Float]]
      if let known {
        all = known
      } else {
        all = try rows(steps, slots, nodes: checked.model.nodes.count)
        known = all
      }
      rest[edge.source] = all[edge.source]
    }
    return rest
  }

  /// The row that each node emits in silence; empty for inputs and nodes with a memory, which are
  /// silent.
  private static func rows(
    _ steps: [NodeStep], _ slots: [Slot], nodes: Int
  ) throws(ArcuateError) -> [[Float]] {
    // One row for each slot, and one more for the sum of a node's inputs.
    let widest = (slots.map(\.stride).max() ?? 0) + 16
    let sum = slots.count
    var slots = slots + [Slot(count: widest)]
    slots[sum].listed = true
    var size = ArenaSize()
    size.nodes = steps.count
    size.widest = widest
    for i in slots.indices {
      slots[i].constant = true
      slots[i].history = nil
      (slots[i].values, slots[i].lists, slots[i].counts) = (size.values, size.lists, size.rows)
      size.values += slots[i].stride
      size.lists += slots[i].listed ? slots[i].stride : 0
      size.rows += 1
    }
    let arena = try Arena(size, slots: slots)
    let window = Window(0..<1, 0..<1, worker: 0)

    var rows = [[Float]](repeating: [], count: nodes)
    for step in steps where step.node.isStateless {
      var wiring = step.wiring
      if step.node.inputUse == .separate {
        for n in wiring.sources.indices { wiring.sources[n].isDelayed = false }
      } else {
        let input = arena.row(slots[sum], 0, 0)
        input.fill(0)
        for source in step.sources where !rows[source.slot].isEmpty {
          for n in 0..<step.inputCount {
            input[n] += rows[source.slot][source.permutation.map { Int($0.positions[n]) } ?? n]
          }
        }
        arena.listRow(slots[sum], 0, 0)
        wiring.sources = [NodeStep.Source(slot: sum, isDelayed: false, permutation: nil)]
        wiring.gather = nil
      }
      let alone = NodeStep(
        index: step.index, identity: step.identity, wiring: wiring, node: alone(step.node),
        kernels: [], reason: "")
      alone.node.run(alone, window, arena)
      rows[step.output] = arena.row(slots[step.output], 0, 0).array
    }
    return rows
  }

  /// The node in the form in which it runs alone: with a row of its own, and by events.
  private static func alone(_ node: any NodeRun) -> any NodeRun {
    if node is AliasNode { return CopyNode() }
    if let linear = node as? LinearNode {
      return PositionwiseLinearNode([linear.weights], parts: 1)
    }
    return node
  }
}

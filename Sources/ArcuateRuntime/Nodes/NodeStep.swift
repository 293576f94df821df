import ArcuateCore
import ArcuateKernels

/// One node of a plan: what it is, where its rows are, and how it runs.
///
/// A class, so that running it copies nothing.
final class NodeStep: Sendable {
  /// A signal that is read.
  struct Source: Sendable {
    var slot: Int
    /// Whether it carries the value of the step before.
    var isDelayed: Bool
    /// Takes the elements in another order: channel-last to channel-first or back.
    var permutation: Permutation?
  }
  /// What it is in the model.
  struct Identity: Sendable {
    /// Its index in the model.
    var node: Int
    var name: String
    var kind: String
    var shape: Shape
  }
  /// Where its rows are.
  struct Wiring: Sendable {
    var sources: [Source]
    /// The slot where several sources are summed or one is put in order; nil when the only source
    /// is read in place.
    var gather: Int?
    var output: Int
    var inputCount: Int
    var outputCount: Int
    /// Whether the output row is in another order than the model's.
    var isChannelLast: Bool
    /// Whether the node adds its two sources as it reads them.
    var addsPair: Bool
  }

  /// Its index in the plan, by which it is counted.
  let index: Int
  let identity: Identity
  let node: any NodeRun
  let kernels: [Kernel]
  let reason: String

  let sources: [Source]
  let gather: Int?
  let output: Int
  let inputCount: Int
  let outputCount: Int
  let isChannelLast: Bool
  let addsPair: Bool
  /// Whether sources are summed or put in order before the node runs.
  let gathers: Bool
  /// The slot that the node reads, and the step it reads: 0, or -1 for the one before.
  let inputSlot: Int
  let inputShift: Int
  /// Whether the first two sources are rows in the node's own order.
  let sumsTwoRows: Bool

  // What running asks of the node, without asking it.
  let fanOut: FanOut
  let weightBytes: UInt64
  let emission: Emission
  let zeroSignsCount: Bool

  init(
    index: Int, identity: Identity, wiring: Wiring, node: any NodeRun, kernels: [Kernel],
    reason: String
  ) {
    self.index = index
    self.identity = identity
    self.node = node
    self.kernels = kernels
    self.reason = reason
    sources = wiring.sources
    gather = wiring.gather
    output = wiring.output
    inputCount = wiring.inputCount
    outputCount = wiring.outputCount
    isChannelLast = wiring.isChannelLast
    addsPair = wiring.addsPair
    gathers = wiring.gather != nil && !wiring.addsPair
    let first = wiring.sources.first
    inputSlot = gathers ? wiring.gather! : first?.slot ?? wiring.output
    inputShift = !gathers && first?.isDelayed == true ? -1 : 0
    sumsTwoRows = sources.count > 1 && sources[..<2].allSatisfy { $0.permutation == nil }
    fanOut = node.fanOut
    weightBytes = UInt64(node.weightByteCount)
    emission = node.emission
    zeroSignsCount = !node.listUse.contains(.anyZeroSign)
  }

  var name: String { identity.name }
  var kind: String { identity.kind }
  var shape: Shape { identity.shape }
  var wiring: Wiring {
    Wiring(
      sources: sources, gather: gather, output: output, inputCount: inputCount,
      outputCount: outputCount, isChannelLast: isChannelLast, addsPair: addsPair)
  }

  /// The same step with another node in it.
  func replacing(_ node: any NodeRun) -> NodeStep {
    NodeStep(
      index: index, identity: identity, wiring: wiring, node: node, kernels: kernels,
      reason: reason)
  }

  /// Whether its rows are those of the node before it.
  var isAlias: Bool { node is AliasNode }

  /// Whether a row of ones may be stored as its list alone for this step.
  var readsLists: Bool {
    guard let first = sources.first else { return false }
    if gather != nil { return first.permutation != nil && !zeroSignsCount }
    return node.listUse.contains(.sufficient)
  }

  /// The row that source `n` has for the node.
  @inline(__always)
  func source(_ n: Int, _ t: Int, _ b: Int, _ arena: Arena) -> Row<Float> {
    arena.row(arena.slots[sources[n].slot], t + (sources[n].isDelayed ? -1 : 0), b)
  }
}

/// Steps that run together: once over a whole block, or, in a cycle, step by step.
final class NodeGroup: Sendable {
  /// Their indices in the plan.
  let range: Range<Int>
  let steps: [NodeStep]
  let isCyclic: Bool
  /// Steps of a cycle that emit before any of it runs.
  let earlySteps: [NodeStep]
  /// How a cycle of spiking neurons and delayed connections runs in windows; nil for others.
  let population: Population?
  /// A cycle of weights and neurons alone; nil for others.
  let recurrence: Recurrence?

  init(
    range: Range<Int>, steps: [NodeStep], isCyclic: Bool, population: Population?,
    recurrence: Recurrence?
  ) {
    self.range = range
    self.steps = steps
    self.isCyclic = isCyclic
    earlySteps = isCyclic ? steps.filter(\.emission.isEarly) : []
    self.population = population
    self.recurrence = recurrence
  }
}

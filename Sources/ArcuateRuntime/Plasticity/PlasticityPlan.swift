import ArcuateCore
import ArcuateKernels
import ArcuateModel

/// What of a plan changes weights: the edges and their rules, neurons whose parameters adapt, and the
/// signals that the host sets.
final class PlasticityPlan: Sendable {
  let edges: [PlasticEdge]
  /// Nodes whose parameters adapt, and nodes whose values can be restored.
  let neurons: [(step: NodeStep, node: ProgramNode)]
  let nodes: [any AdaptiveNode]
  let signals: [PlasticSignal]
  /// What rules keep of each stream, which a reset clears.
  let streamRows: [StateRows]
  /// Offset in the state of how often each stream was reset, as bits.
  let resets: Int
  /// Floats of factors, and terms of a rule at most.
  let factorCount: Int
  /// The frame ends of edges that change then.
  let consolidations: [PlasticConsolidation]

  init(
    edges: [PlasticEdge], neurons: [(step: NodeStep, node: ProgramNode)],
    nodes: [any AdaptiveNode],
    signals: [PlasticSignal], streamRows: [StateRows], resets: Int, factorCount: Int
  ) {
    self.edges = edges
    self.neurons = neurons
    self.nodes = nodes
    self.signals = signals
    self.streamRows = streamRows
    self.resets = resets
    self.factorCount = factorCount
    consolidations = edges.filter { $0.application == .frame }.map(PlasticConsolidation.init)
  }

  /// Whether anything changes at every step.
  var changesEverySteps: Bool { !edges.isEmpty || !neurons.isEmpty }

  /// The sizes of a session's scratch.
  var size: ArenaSize.PlasticSize {
    ArenaSize.PlasticSize(
      isUsed: true, factors: factorCount, terms: edges.map(\.terms.count).max() ?? 0,
      windows: nodes.reduce(0) { max($0, $1.adaptiveWeights?.windowCount ?? 0) }, resets: resets)
  }

  /// Brings what rules keep of a stream to rest, and counts the reset.
  func reset(_ stream: Int, _ arena: Arena) {
    for rows in streamRows { arena.clear(rows.offset, rows.stride, stream) }
    let count = arena.state[resets + stream].bitPattern
    // Below what would be a NaN, which need not keep its bits.
    arena.state[resets + stream] = Float(bitPattern: (count &+ 1) & 0x3FFF_FFFF)
  }

  /// Brings weights and thresholds back to those of the model, and starts random numbers again.
  func restore(_ arena: Arena) {
    for node in nodes { node.restore(arena) }
    for edge in edges {
      guard let scales = edge.offsets.scales else { continue }
      arena.state.row.part(scales, edge.weights.rows * edge.weights.stride).fill(0)
    }
    for b in 0..<arena.batch { arena.state[resets + b] = 0 }
  }

  /// Applies every rule to the one step of the block that has just run.
  ///
  /// In this order: traces, modulators and factors of every stream and term; then the rows of weights,
  /// shared out between the threads. Each weight sees streams and terms in the same order however the
  /// work is shared.
  func adapt(_ arena: Arena) {
    for edge in edges { edge.adapt(arena) }
    for (step, node) in neurons { node.adapt(step, arena) }
  }
}

/// Numbers that the host sets by name, held until it sets others.
struct PlasticSignal: Sendable {
  /// Where they are in the state.
  struct Rows: BitwiseCopyable, Sendable {
    let stride: Int
    /// [batch][stride], then [batch] that are 1 where a stream's are set.
    let state: Int
    let given: Int
  }
  let name: String
  let width: Int
  let rows: Rows
}

/// One edge with a rule. Offsets are in floats of the state, or of the factors where it says so.
final class PlasticEdge: Sendable {
  struct TraceRows: BitwiseCopyable, Sendable {
    let numbers: TraceNumbers
    /// [batch][2][stride]
    let state: Int
    /// Factors, [batch][stride]: as it was before this step; nil where no term reads it.
    let before: Int?
  }
  /// The rows on one side of the edge.
  struct SideRows: Sendable {
    let slot: Int
    let isDelayed: Bool
    let count: Int
    let stride: Int
    let traces: [TraceRows]
    /// The row of the step before, [batch][stride]; nil where no term reads it.
    let previous: Int?
  }
  /// The numbers of one side of a term.
  enum Side: Sendable {
    case one
    case value
    case previous
    case trace(Int)
    case before(Int)
    case surrogate(Surrogate, of: StateRows)
    /// Rows of the neurons on the post side.
    case state(StateRows)
    case sinceReset(Int)
    case slot(Int)
  }
  struct Term: Sendable {
    let event: PlasticRule.Event
    let pre: Side
    let post: Side
    let rate: Float
    /// Factors, [batch][stride]: rate * m * post.
    let factors: Int
    /// Factors, [batch]: whether any of them is not 0.
    let active: Int
  }
  enum Source: BitwiseCopyable, Sendable {
    case signal(PlasticSignal.Rows)
    case slot(Int)
    case error(slot: Int, teacher: PlasticSignal.Rows)
  }
  enum Map: Sendable {
    case all
    case each
    case compartments([Int32])
    /// [width][stride]
    case matrix(View<Float>)
    /// The rows of weights that change, each of `width`.
    case transpose(PlasticWeights)
  }
  struct Modulator: Sendable {
    let source: Source
    let map: Map
    let width: Int
    let scale: Float
    let deadZone: Float
    let limit: Float
    /// Factors, [batch][stride] and [batch][padded width].
    let factors: Int
    let numbers: Int
    let numbersStride: Int
  }
  /// What the rule keeps.
  struct Offsets: Sendable {
    /// [inputs + 1][stride]; nil without scaling.
    let scales: Int?
    /// [batch][outputs][eligibleStride], a number for the bias behind the inputs; nil unless the
    /// rule is applied when a frame ends.
    let eligible: Int?
    let eligibleStride: Int
    /// Of terms that count from a cell's reset; nil without.
    let resets: ResetRows?
    /// Factors, [threads][stride] twice.
    let gradient: Int
    /// Factors, [inputs + 1][stride]: what a step asks of the kernels of a convolution; nil for a
    /// matrix.
    let kernels: Int?
  }
  struct ResetRows: BitwiseCopyable, Sendable {
    /// [batch][outputs][inputStride]: the traces at the last reset.
    let snapshots: Int
    /// [batch][stride]: the steps until a cell's reset ends, plus one.
    let countdown: Int
    /// [batch][stride]: steps since the last reset of a cell; 0 if there was none.
    let passed: Int
    /// Where the post neurons count the steps until a reset ends; nil where it ends at once.
    let silence: StateRows?
  }

  let weights: PlasticWeights
  let pre: SideRows
  let post: SideRows
  let terms: [Term]
  let modulator: Modulator?
  let offsets: Offsets
  let decay: PlasticRule.Decay
  let low: Float
  let high: Float
  let columnSum: Float?
  let scaling: PlasticRule.Scaling
  let application: PlasticRule.Application
  let firstStep: Int
  let adaptsBias: Bool
  /// Whether every row is gone through at every step.
  let isDense: Bool

  init(
    weights: PlasticWeights, pre: SideRows, post: SideRows, terms: [Term],
    modulator: Modulator?, rule: PlasticRule, offsets: Offsets
  ) {
    self.weights = weights
    self.pre = pre
    self.post = post
    self.terms = terms
    self.modulator = modulator
    self.offsets = offsets
    decay = rule.decay
    low = rule.low
    high = rule.high
    columnSum = rule.columnSum
    scaling = rule.scaling
    application = rule.application
    firstStep = rule.firstStep
    adaptsBias = rule.learnsBias
    isDense =
      rule.scaling != .none || rule.decay != .none
      || rule.terms.allSatisfy { $0.event == .step }
  }
}

import ArcuateCore
import ArcuateKernels
import ArcuateModel

/// What of a plan changes weights: which rows meet, by which rule, and where it keeps its traces.
final class Learning: Sendable {
  let edges: [LearningEdge]
  let cells: [(index: Int, cell: PackedCell)]
  let signals: [LearningSignal]
  /// Floats of each stream that rest brings to zero.
  let fast: [FastRows]
  /// A count of rests for each stream, as bits.
  let rests: Int
  /// Floats of scratch of a session.
  let scratchCount: Int

  init(
    edges: [LearningEdge], cells: [(index: Int, cell: PackedCell)], signals: [LearningSignal],
    fast: [FastRows], rests: Int, scratchCount: Int
  ) {
    self.edges = edges
    self.cells = cells
    self.signals = signals
    self.fast = fast
    self.rests = rests
    self.scratchCount = scratchCount
  }
}

/// Numbers that the host gives by name, held until it gives others.
struct LearningSignal: Sendable {
  let name: String
  let width: Int
  let stride: Int
  /// [batch][stride], then [batch] that are 1 where a stream's are given.
  let state: Int
  let given: Int
}

/// `count` floats for each stream from `offset` on.
struct FastRows: BitwiseCopyable, Sendable {
  let offset: Int
  let count: Int
}

/// One edge that learns. Offsets are in floats of the state, or of the scratch where it says so.
final class LearningEdge: Sendable {
  struct TraceRows: BitwiseCopyable, Sendable {
    let numbers: TraceNumbers
    /// [batch][2][stride]
    let state: Int
    /// Scratch, [batch][stride]: as it was before this step; -1 if nobody asks.
    let before: Int
  }
  /// Where the numbers of one side of a term are.
  enum Side: Sendable {
    case one
    case value
    case previous
    case trace(Int)
    case before(Int)
    case surrogate(Surrogate)
    case sinceReset(Int)
    case slot(Int)
  }
  struct Term: Sendable {
    let event: PlasticRule.Event
    let pre: Side
    let post: Side
    let rate: Float
    /// Scratch, [batch][stride]: rate * m * post.
    let factors: Int
    /// Scratch, [batch]: whether any of them is not 0.
    let active: Int
  }
  enum Source: BitwiseCopyable, Sendable {
    case signal(Int)
    case slot(Int)
    case error(slot: Int, teacher: Int)
  }
  enum Map: Sendable {
    case all
    case each
    case compartments([Int32])
    /// [width][stride]
    case matrix(View<Float>)
    /// The rows of weights that change, each of `width`.
    case transpose(PackedPlasticLinear)
  }
  struct Modulator: Sendable {
    let source: Source
    let map: Map
    let width: Int
    let scale: Float
    let deadZone: Float
    let limit: Float
    /// Scratch, [batch][stride] and [batch][padded width].
    let factors: Int
    let numbers: Int
    let numbersStride: Int
  }

  let index: Int
  let linear: PackedPlasticLinear
  let input: Int
  let inputIsDelayed: Bool
  let inputCount: Int
  let inputStride: Int
  let post: Int
  let postCount: Int
  let postStride: Int
  /// The cells on the post side, where they are such.
  let cell: PackedCell?
  let terms: [Term]
  let modulator: Modulator?
  let preTraces: [TraceRows]
  let postTraces: [TraceRows]
  let previousPre: Int
  let previousPost: Int
  let decay: PlasticRule.Decay
  let low: Float
  let high: Float
  let columnSum: Float?
  let scaling: PlasticRule.Scaling
  /// [inputs + 1][stride]; -1 without scaling.
  let scales: Int
  let application: PlasticRule.Application
  /// [batch][outputs][eligibleStride], a number for the bias behind the inputs; -1 without.
  let eligible: Int
  let eligibleStride: Int
  /// [batch][outputs][inputStride], and the steps until a cell's reset ends, plus one.
  let snapshots: Int
  let countdown: Int
  /// Steps between the last two resets of a cell, [batch][stride].
  let resetSteps: Int
  let firstStep: Int
  let learnsBias: Bool
  /// Whether every row is gone through at every step.
  let isDense: Bool
  /// Scratch, [threads][stride] twice.
  let gradient: Int
  /// Scratch, [inputs + 1][stride]: what a step asks of the kernels of a convolution.
  let kernels: Int

  init(
    index: Int, linear: PackedPlasticLinear, input: Int, inputIsDelayed: Bool, inputCount: Int,
    inputStride: Int, post: Int, postCount: Int, postStride: Int, cell: PackedCell?, terms: [Term], modulator: Modulator?, preTraces: [TraceRows],
    postTraces: [TraceRows], previousPre: Int, previousPost: Int, rule: PlasticRule, scales: Int,
    eligible: Int, eligibleStride: Int, snapshots: Int, countdown: Int, resetSteps: Int,
    gradient: Int, kernels: Int
  ) {
    self.index = index
    self.linear = linear
    self.input = input
    self.inputIsDelayed = inputIsDelayed
    self.inputCount = inputCount
    self.inputStride = inputStride
    self.post = post
    self.postCount = postCount
    self.postStride = postStride
    self.cell = cell
    self.terms = terms
    self.modulator = modulator
    self.preTraces = preTraces
    self.postTraces = postTraces
    self.previousPre = previousPre
    self.previousPost = previousPost
    decay = rule.decay
    low = rule.low
    high = rule.high
    columnSum = rule.columnSum
    scaling = rule.scaling
    self.scales = scales
    application = rule.application
    self.eligible = eligible
    self.eligibleStride = eligibleStride
    self.snapshots = snapshots
    self.countdown = countdown
    self.resetSteps = resetSteps
    firstStep = rule.firstStep
    learnsBias = rule.learnsBias
    isDense =
      rule.scaling != .none || rule.decay != .none
      || rule.terms.allSatisfy { $0.event == .step }
    self.gradient = gradient
    self.kernels = kernels
  }
}

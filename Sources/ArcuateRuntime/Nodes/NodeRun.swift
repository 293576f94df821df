import ArcuateCore
import ArcuateKernels

/// A node packed for running: its parameters, what it keeps in a session, and its step.
///
/// Everything a plan or a session has to know of a kind of node is asked for here, and nothing has a
/// default: what a new kind does not say does not compile. Classes, so that running one copies nothing.
protocol NodeRun: AnyObject, Sendable {
  /// Floats of a session's state that the node takes, of all streams.
  var stateCount: Int { get }
  /// Floats of scratch that the node takes of each thread.
  var scratchCount: Int { get }
  /// Bytes of packed parameters.
  var byteCount: Int { get }
  /// Bytes of one packed weight; 0 where there are none.
  var weightByteCount: Int { get }
  /// Non-zero weights behind each input.
  var fanOut: FanOut { get }
  /// Inputs that the parameters ask for; nil if there are as many as outputs, or as edges bring.
  var inputCount: Int? { get }
  /// The kernels that may run, and why.
  var kernels: [Kernel] { get }
  var reason: String { get }

  /// Whether the output of a step depends on that step's input alone.
  var isStateless: Bool { get }
  var inputUse: InputUse { get }
  var listUse: ListUse { get }
  var emission: Emission { get }
  /// Cycles of one step, about, for `inputs` and `outputs` elements.
  func cost(inputs: Int, outputs: Int) -> Double

  /// Brings the state of one stream to rest.
  func reset(_ stream: Int, _ arena: Arena)
  /// Runs the node over a window whose input rows are ready.
  func run(_ step: NodeStep, _ window: Window, _ arena: Arena)
  /// Writes what the node decided in the step before, in a cycle, before any node of it runs.
  func emitEarly(_ step: NodeStep, _ window: Window, _ arena: Arena)
  /// Where the rows of a quantity are that a probe may record; nil where the node has no such quantity.
  func recordable(_ quantity: NodeQuantity) -> StateRows?
}

/// A state that probes can record.
enum NodeQuantity: Sendable {
  case membrane, current
}

/// Rows of the state: the offset of stream 0, and floats from one stream to the next.
struct StateRows: Sendable {
  var offset: Int
  var stride: Int

  /// The row of a stream.
  func row(_ stream: Int, _ count: Int, _ arena: Arena) -> Row<Float> {
    arena.state.row.part(offset + stream * stride, count)
  }
}

/// How a node takes several inputs.
enum InputUse: Sendable {
  /// It has none.
  case none
  /// Their sum.
  case sum
  /// Their sum; two rows in its own order it adds itself.
  case sumOrPair
  /// Each by itself.
  case separate
}

/// What a node does with the list of its non-zero inputs.
struct ListUse: OptionSet, Sendable {
  let rawValue: Int
  /// The list must be kept.
  static let needed = ListUse(rawValue: 1)
  /// A row of ones may be stored as its list alone: the list is enough, or the node fills the row.
  static let sufficient = ListUse(rawValue: 2)
  /// Each output is a sum of products that begins at a bias, so that the sign of a zero among the
  /// inputs changes nothing.
  static let anyZeroSign = ListUse(rawValue: 4)
}

/// What a node's rows are, and what it does about them itself.
struct Emission: Sendable {
  /// Whether its non-zero outputs are spikes.
  var isSpikes: Bool
  /// Whether rows are zeros and ones, so that their lists may be enough.
  var isOnes: Bool
  /// Whether the node writes the list beside its rows while it runs.
  var isListed: Bool
  /// Whether rows are counted.
  var isCounted: Bool
  /// Whether `emitEarly` writes rows.
  var isEarly: Bool

  /// Rows of values, which are listed afterwards if somebody asks for it.
  static let values = Emission(
    isSpikes: false, isOnes: false, isListed: false, isCounted: true, isEarly: false)
  /// Spikes that are listed afterwards.
  static let spikes = Emission(
    isSpikes: true, isOnes: false, isListed: false, isCounted: true, isEarly: false)
}

/// The non-zero weights that inputs meet, for counting synaptic operations.
struct FanOut: Sendable {
  /// For each input element; empty for nodes without weights.
  let perInput: [UInt32]
  /// The same number for every input element, if they agree.
  let uniform: UInt64?
  /// Products of a pass with every input and weight non-zero.
  let dense: UInt64
  /// Whether there are weights.
  let isCounted: Bool

  static let none = FanOut(([], 0))

  init(_ counts: (perInput: [UInt32], dense: UInt64)) {
    perInput = counts.perInput
    dense = counts.dense
    isCounted = !perInput.isEmpty
    let all = perInput
    uniform = all.first.flatMap { first in
      all.allSatisfy { $0 == first } ? UInt64(first) : nil
    }
  }
}

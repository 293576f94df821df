import ArcuateCore

/// What a node did since the counters were last cleared, summed over streams and steps.
///
/// Source. NeuroBench's definitions (Yik et al. 2025): a synaptic operation is a product of a
/// non-zero input and a non-zero weight; the operations of one row are accumulates if every input
/// of the row is -1, 0 or 1, multiply-accumulates otherwise; a membrane update is a membrane that
/// changed, and every neuron at the first step after a reset. A connection that sees the same
/// input at every step of a frame is evaluated, and counted, once per frame.
public struct Counters: Sendable, Hashable {
  /// Non-zero outputs of a spiking node.
  public var spikes: UInt64 = 0
  public var macs: UInt64 = 0
  public var acs: UInt64 = 0
  /// Synaptic operations if no input and no weight were zero.
  public var denseOperations: UInt64 = 0
  /// Membranes that changed; with fast numerics all of a node whose inputs are added in place.
  public var neuronUpdates: UInt64 = 0
  /// Rows (one stream, one step) the node went through.
  public var rows: UInt64 = 0
  /// Rows of a linear node that took the dense kernel.
  public var denseRows: UInt64 = 0
  /// Bytes of the weights of all synaptic operations, even where one read serves several rows.
  public var weightBytes: UInt64 = 0
  /// Rows of a linear node that shared the reading of weights with others.
  public var sharedRows: UInt64 = 0
  /// Rows of a linear node that took the weights block by block with many others, or of a
  /// convolution that were summed by windows.
  public var manyRows: UInt64 = 0
  /// Rows of a linear node that were multiplied as tiles with many others.
  public var tiledRows: UInt64 = 0

  public init() {}

  init(_ fields: Row<UInt64>) {
    func value(_ field: CounterField) -> UInt64 { fields[field.rawValue] }
    spikes = value(.spikes)
    macs = value(.macs)
    acs = value(.acs)
    denseOperations = value(.denseOperations)
    neuronUpdates = value(.neuronUpdates)
    rows = value(.rows)
    denseRows = value(.denseRows)
    weightBytes = value(.weightBytes)
    sharedRows = value(.sharedRows)
    manyRows = value(.manyRows) &+ value(.windowRows)
    tiledRows = value(.tiledRows)
  }

  public static func + (a: Counters, b: Counters) -> Counters {
    var sum = a
    sum.spikes += b.spikes
    sum.macs += b.macs
    sum.acs += b.acs
    sum.denseOperations += b.denseOperations
    sum.neuronUpdates += b.neuronUpdates
    sum.rows += b.rows
    sum.denseRows += b.denseRows
    sum.weightBytes += b.weightBytes
    sum.sharedRows += b.sharedRows
    sum.manyRows += b.manyRows
    sum.tiledRows += b.tiledRows
    return sum
  }
}

/// The counters of a node and a stream in memory, by their position.
enum CounterField: Int {
  case spikes, macs, acs, denseOperations, neuronUpdates, rows, denseRows, weightBytes, sharedRows
  case manyRows, tiledRows
  /// Rows of a convolution that were summed by windows; public with `manyRows`.
  case windowRows

  /// Fields of a node and a stream: whole cache lines.
  static let stride = 16
}

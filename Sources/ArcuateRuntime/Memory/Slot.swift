import ArcuateCore

/// The location of one signal's rows in a session's memory.
///
/// A row is the signal of one stream at one step. Rows of a block are in the order of steps, then
/// streams; a signal that a back edge reads has the rows of the step before the block first; a signal
/// that is constant over a frame has one row per stream.
struct Slot: BitwiseCopyable, Sendable {
  /// Elements of a row, and floats from one row to the next.
  var count: Int
  var stride: Int { (count + 15) & ~15 }
  var constant = false
  /// Whether the ascending indices of the non-zero elements are kept beside each row.
  var listed = false
  /// The offset, in the state, of the rows of the previous step, from which a back edge reads the
  /// signal.
  var history: Int?
  /// Whether a row of zeros and ones may be stored as its list alone, because its readers need no
  /// more; `Arena.fillRow` writes the numbers for readers that do.
  var isListOnly = false
  /// Whether sums are computed in the membranes of the neurons that read them, not in the rows.
  var isInPlace = false
  /// The port whose numbers the rows are; nil if they are computed.
  var port: Int?
  /// Whether no row is read after the tile of rows it belongs to: rows are then stored in a buffer of
  /// one tile per worker, which stays in a cache, instead of one row for each step of a block.
  var isPassing = false

  /// Offsets of row 0: in floats, in indices, in counts.
  var values = 0
  var lists = 0
  var counts = 0

  init(count: Int, constant: Bool = false) {
    self.count = count
    self.constant = constant
  }

  /// Rows of the slot, where all workers' tiles have `tileRows`.
  func rows(block: Int, batch: Int, tileRows: Int) -> Int {
    let all = constant ? batch : (block + (history != nil ? 1 : 0)) * batch
    guard isPassing else { return all }
    // An input may be given as events, which are put into the rows of a whole block.
    return port != nil ? max(all, tileRows) : tileRows
  }

  /// The row of a step in the block, where all are stored; step -1 is the one before the block.
  @inline(__always)
  func row(step: Int, stream: Int, batch: Int) -> Int {
    constant ? stream : (step + (history != nil ? 1 : 0)) * batch + stream
  }
}

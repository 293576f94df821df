import ArcuateCore

/// Where the rows of one signal stand in a session's memory.
///
/// A row is the signal of one stream at one step. Rows of a block stand in the order of steps,
/// then streams; a signal that a back edge reads has the rows of the step before the block first;
/// a signal that is constant over a frame has one row per stream.
struct Slot: BitwiseCopyable, Sendable {
  /// Elements of a row, and floats from one row to the next.
  var count: Int
  var stride: Int { (count + 15) & ~15 }
  var constant = false
  /// Whether the ascending indices of the non-zero elements are kept beside each row.
  var listed = false
  /// Whether a back edge reads the signal: offset in the state of the rows that wait; -1 if not.
  var history = -1
  /// Whether a row of zeros and ones may be there as its list alone, since those who read it need no
  /// more; `fillRow` writes the numbers where somebody does.
  var isBare = false
  /// Whether sums are made in the membranes of the neurons that read them, instead of in the rows.
  var isInPlace = false
  /// The port whose numbers the rows are; -1 if they are computed.
  var port = -1
  /// Whether nobody reads a row after the tile of rows that it belongs to: rows then stand in a room
  /// of a tile for each worker, which stays in a cache, instead of one for each step of a block.
  var isPassing = false

  /// Offsets of row 0: in floats, in indices, in counts.
  var values = 0
  var lists = 0
  var counts = 0

  /// `tileRows` are those of all workers' tiles.
  func rows(block: Int, batch: Int, tileRows: Int) -> Int {
    let all = constant ? batch : (block + (history >= 0 ? 1 : 0)) * batch
    guard isPassing else { return all }
    // An input may be given as events, which are put into the rows of a whole block.
    return port >= 0 ? max(all, tileRows) : tileRows
  }

  /// The row of a step in the block, where all stand; step -1 is the one before the block.
  @inline(__always)
  func row(step: Int, stream: Int, batch: Int) -> Int {
    constant ? stream : (step + (history >= 0 ? 1 : 0)) * batch + stream
  }
}

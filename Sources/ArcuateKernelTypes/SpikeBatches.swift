/// Many rows of spikes that go through the same weights.
///
/// Row r is 1 at the inputs `lists[listStarts[r]...]`, ascending. They are taken in blocks of
/// `block` inputs: `splits[r * splitStride + b]` is the position in the row's list where block b
/// begins, and one more entry ends the last block. The result goes to y + offsets[r].
public struct ManySpikeRows {
  public var lists: UnsafePointer<UInt32>
  public var listStarts: UnsafePointer<Int>
  public var splits: UnsafePointer<UInt32>
  public var splitStride: Int
  public var offsets: UnsafePointer<Int>
  public var rows: Int
  public var inputs: Int
  public var block: Int

  @inlinable
  public init(
    lists: UnsafePointer<UInt32>, listStarts: UnsafePointer<Int>, splits: UnsafePointer<UInt32>,
    splitStride: Int, offsets: UnsafePointer<Int>, rows: Int, inputs: Int, block: Int
  ) {
    self.lists = lists
    self.listStarts = listStarts
    self.splits = splits
    self.splitStride = splitStride
    self.offsets = offsets
    self.rows = rows
    self.inputs = inputs
    self.block = block
  }
}

/// Bytes of scratch for one worker: a block of weights, then the sums of a panel for all rows.
@inlinable
public func manyScratchBytes(rows: Int, block: Int) -> Int { block * 256 + rows * 256 }
/// The same for int8 weights: the sums are narrow ones, then wide ones, then a count for each row.
@inlinable
public func manyBytesScratchBytes(rows: Int, block: Int, panel: Int) -> Int {
  block * panel + rows * (6 * panel + 4)
}
/// Outputs of a panel of int8 weights.
@inlinable
public func manyBytesPanel(isWide: Bool) -> Int { isWide ? 256 : 128 }
/// Inputs of a block of int8 weights at most: as many as narrow sums hold.
@inlinable
public var mostManyBytes: Int { 257 }

/// Rows of spikes by the lists of their ones: row r is 1 at the `counts[r]` inputs
/// `lists[listStarts[r]...]`. The result goes to y + offsets[r].
public struct ListedSpikeRows {
  public var lists: UnsafePointer<UInt32>
  public var listStarts: UnsafePointer<Int>
  public var counts: UnsafePointer<Int32>
  public var offsets: UnsafePointer<Int>
  public var rows: Int
  public var inputs: Int

  @inlinable
  public init(
    lists: UnsafePointer<UInt32>, listStarts: UnsafePointer<Int>, counts: UnsafePointer<Int32>,
    offsets: UnsafePointer<Int>, rows: Int, inputs: Int
  ) {
    self.lists = lists
    self.listStarts = listStarts
    self.counts = counts
    self.offsets = offsets
    self.rows = rows
    self.inputs = inputs
  }
}

/// How weights of a kind go through tiles of 1 kB.
public struct TileShape {
  /// Inputs that a tile is deep.
  public let inputs: Int
  /// Numbers that a weight is the sum of.
  public let parts: Int
  /// Tiles of a row whose weights are packed at once, so that these stay in the nearest cache.
  public let block: Int

  @inlinable
  public init(_ kind: WeightKind) {
    inputs = kind == .int8 ? 64 : 32
    parts = kind == .float32 ? 3 : 1
    block = kind == .float32 ? 6 : 16
  }

  /// Bytes of the spikes of 32 rows.
  @inlinable
  public func spikes(inputs: Int) -> Int { tiles(inputs: inputs) * 2048 }
  /// Bytes of packed weights, 64 columns.
  @inlinable
  public var weights: Int { block * parts * 4096 }
  @inlinable
  public func tiles(inputs: Int) -> Int { (inputs + self.inputs - 1) / self.inputs }
  /// Bytes of scratch for one worker: spikes, packed weights, the sums of 64 columns.
  @inlinable
  public func scratch(rows: Int, inputs: Int) -> Int {
    (rows + 31) / 32 * (spikes(inputs: inputs) + 8192) + weights
  }
  /// Whether products of tiles take less time than additions of the rows' ones, which is so where
  /// more than a sixteenth of the inputs are 1, or an eighth where a weight has three parts: measured
  /// on a processor of 2023 (Emerald Rapids).
  @inlinable
  public func pays(rows: Int, spikes: Int, inputs: Int) -> Bool {
    spikes * (parts == 1 ? 16 : 8) > rows * inputs
  }
}

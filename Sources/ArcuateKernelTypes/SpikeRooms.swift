/// Many rows of spikes that go through the same weights.
///
/// Row r is 1 at the inputs `lists[listStarts[r]...]`, ascending. They are taken in blocks of
/// `block` inputs: `splits[r * splitStride + b]` is the place in the row's list where block b
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

/// Bytes of the room for one worker: a block of weights, then the sums of a panel for all rows.
@inlinable
public func manyRoom(rows: Int, block: Int) -> Int { block * 256 + rows * 256 }
/// The same for int8 weights: the sums are narrow ones, then wide ones, then a count for each row.
@inlinable
public func manyBytesRoom(rows: Int, block: Int, panel: Int) -> Int {
  block * panel + rows * (6 * panel + 4)
}
/// Outputs of a panel of int8 weights.
@inlinable
public func manyBytesPanel(isWide: Bool) -> Int { isWide ? 256 : 128 }
/// Inputs of a block of int8 weights at most: as many as narrow sums hold.
@inlinable
public var mostManyBytes: Int { 257 }

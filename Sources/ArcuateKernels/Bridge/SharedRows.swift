import ArcuateCore
import ArcuateMicrokernels

/// Up to 32 rows of zeros and ones that go through the same weights together, so that each weight
/// row is read once for all of them.
///
/// Its memory belongs to whoever made it: for each input a mask of the rows in which it is 1, all
/// zero between uses.
public struct SharedRows: BitwiseCopyable, Sendable {
  public static let most = 32

  /// Bytes for weights of up to `inputs` inputs, a multiple of 64.
  public static func byteCount(inputs: Int) -> Int { 3 * padded(inputs) * 4 + most * 8 }

  private static func padded(_ inputs: Int) -> Int { (inputs + 15) & ~15 }

  private let masks: Row<UInt32>
  /// The inputs that are 1 in some row, ascending, and their masks.
  private let list: Row<UInt32>
  private let listMasks: Row<UInt32>
  private let offsets: Row<Int>
  private var listCount = 0
  public private(set) var rows = 0

  /// `memory` has `byteCount(inputs:)` zero bytes from `start` on and outlives this.
  public init(memory: AlignedBuffer, start: Int, inputs: Int) {
    let count = SharedRows.padded(inputs)
    masks = memory.view(UInt32.self, start: start / 4, count: count).row
    list = memory.view(UInt32.self, start: start / 4 + count, count: count).row
    listMasks = memory.view(UInt32.self, start: start / 4 + 2 * count, count: count).row
    offsets = memory.view(Int.self, start: (start + 12 * count) / 8, count: SharedRows.most).row
  }

  public var isFull: Bool { rows == SharedRows.most }

  /// Adds a row by the list of what is 1 in it; its result goes to element `offset` of the output.
  @inline(__always)
  public mutating func add(_ spikes: Row<UInt32>, count: Int, offset: Int) {
    precondition(!isFull && spikes.count >= count, "room for another row")
    let bit: UInt32 = 1 << UInt32(rows)
    for e in 0..<count { masks[Int(spikes[e])] |= bit }
    offsets[rows] = offset
    rows += 1
  }

  /// Lists what is 1 anywhere among `inputs` inputs, and clears the masks for the next use.
  public mutating func gather(inputs: Int) {
    precondition(inputs <= masks.count, "as many inputs as there is memory for")
    // SAFETY: the masks are padded to 16 and the lists are as long.
    listCount = gatherMasks(
      masks.pointer, count: inputs, list: list.pointer, listMasks: listMasks.pointer)
  }

  /// Forgets the rows.
  public mutating func clear() {
    rows = 0
    listCount = 0
  }

  /// output[offset of row r] = bias + W row r over the outputs first ..< first + count.
  /// Needs. `gather` after the last `add`.
  public func apply(_ weights: LinearWeights, output: Row<Float>, first: Int, count: Int) {
    precondition(
      first >= 0 && first & 15 == 0 && count & 15 == 0 && first + count <= weights.stride,
      "a tile of outputs inside the row")
    for r in 0..<rows {
      precondition(
        offsets[r] >= 0 && offsets[r] & 15 == 0 && offsets[r] + weights.stride <= output.count,
        "rows inside the output")
    }
    precondition(listCount == 0 || Int(list[listCount - 1]) < weights.inputs, "inputs with weights")
    // SAFETY: every row of the output and every weight row that is listed was checked above.
    linearShared(
      masks: listMasks.pointer, list: list.pointer, listCount: listCount,
      weights: weights.values.pointer, stride: weights.stride, bias: weights.bias.pointer,
      output: output.pointer, offsets: offsets.pointer, rows: rows, first: first, count: count)
  }
}

import ArcuateCore
import ArcuateKernelTypes
import CShims

/// Rows of zeros and ones, of several steps or streams, that go through the same weights together.
///
/// A few rows share each weight row that is read; many rows use the weights block by block, or are
/// multiplied as tiles where the processor has them. The memory belongs to the creator.
public struct SpikeRows: BitwiseCopyable, Sendable {
  /// The largest number of rows.
  public static let most = 512
  /// The largest number of rows that share reading a weight row, with a bit each.
  public static let mostShared = 32
  /// The number of rows from which on weights are used block by block.
  static let many = 96

  private static func padded(_ inputs: Int) -> Int { (inputs + 15) & ~15 }
  private static func splitCount(_ inputs: Int, _ most: Int) -> Int {
    most < many ? 0 : (most * ((inputs + block - 1) / block + 1) + 15) & ~15
  }

  /// Inputs whose weights for a panel of 64 outputs stay near: in the first-level cache where half
  /// of a vector of the second-level cache comes at a time, in the second-level one where all does,
  /// since a row's sums are then fetched seldom.
  private static var block: Int { cshims_uses_avx512() ? 256 : 96 }

  /// What rows have to be ready for.
  public struct Demands: BitwiseCopyable, Sendable {
    /// Inputs of weights at most.
    let inputs: Int
    /// Rows at most, a multiple of 16.
    let most: Int
    /// Whether there are int8 weights.
    let hasBytes: Bool
    /// Whether sums of floats may be made in any order.
    let anyOrder: Bool

    public init(inputs: Int, most: Int, hasBytes: Bool, anyOrder: Bool) {
      precondition(most > 0 && most & 15 == 0, "rows in sixteens")
      self.inputs = inputs
      self.most = most
      self.hasBytes = hasBytes
      self.anyOrder = anyOrder
    }

    /// Bytes of the rows and of where their sums are made; a multiple of 64.
    public var byteCount: Int {
      (3 * padded(inputs) + splitCount(inputs, most)) * 4 + most * 24 + scratchByteCount
    }

    fileprivate var scratchByteCount: Int {
      guard most >= many else { return 0 }
      var bytes = manyScratchBytes(rows: most, block: block)
      if hasBytes {
        let panel = manyBytesPanel(isWide: cshims_uses_avx512())
        bytes = max(
          bytes, manyBytesScratchBytes(rows: most, block: mostManyBytes - 1, panel: panel))
      }
      for kind in WeightKind.allCases
      where takesTiles(kind, anyOrder: anyOrder) && (hasBytes || kind != .int8) {
        bytes = max(bytes, TileShape(kind).scratch(rows: most, inputs: inputs))
      }
      return (bytes + 63) & ~63
    }
  }

  /// Whether weights of a kind may be multiplied as tiles, where sums of floats may be made in any
  /// order or not; that of integers is the same in any.
  public static func takesTiles(_ kind: WeightKind, anyOrder: Bool) -> Bool {
    cshims_uses_tiles() && (anyOrder || kind == .int8)
  }

  private let demands: Demands
  private let scratch: Row<UInt64>
  private let starts: Row<Int>
  private let offsets: Row<Int>
  private let counts: Row<Int32>
  private let owners: Row<Int32>
  /// For each input a mask of the rows in which it is 1, all zero between uses.
  private let masks: Row<UInt32>
  /// The inputs that are 1 in some row, ascending, and their masks.
  private let list: Row<UInt32>
  private let listMasks: Row<UInt32>
  private let splits: Row<UInt32>
  /// The block when the memory was laid out.
  private let block: Int
  public private(set) var rows = 0
  /// Ones in all rows.
  public private(set) var spikes = 0

  /// `memory` has the bytes of the demands, all zero, from `start` on and outlives this.
  public init(_ demands: Demands, memory: AlignedBuffer, start: Int) {
    self.demands = demands
    let most = demands.most
    let count = SpikeRows.padded(demands.inputs)
    var at = start
    func take<T: BitwiseCopyable>(_: T.Type, _ count: Int) -> Row<T> {
      defer { at += count * MemoryLayout<T>.stride }
      return memory.view(T.self, start: at / MemoryLayout<T>.stride, count: count).row
    }
    scratch = take(UInt64.self, demands.scratchByteCount / 8)
    starts = take(Int.self, most)
    offsets = take(Int.self, most)
    counts = take(Int32.self, most)
    owners = take(Int32.self, most)
    masks = take(UInt32.self, count)
    list = take(UInt32.self, count)
    listMasks = take(UInt32.self, count)
    splits = take(UInt32.self, SpikeRows.splitCount(demands.inputs, most))
    block = SpikeRows.block
  }

  public var isFull: Bool { rows == demands.most }

  /// Adds a row, given the start of the list of its ones in the lists; its result is written to
  /// element `offset` of the output. `owner` is stored for the caller.
  @inline(__always)
  public mutating func add(listStart: Int, count: Int, offset: Int, owner: Int) {
    precondition(!isFull, "no space for another row")
    owners[rows] = Int32(truncatingIfNeeded: owner)
    starts[rows] = listStart
    counts[rows] = Int32(truncatingIfNeeded: count)
    offsets[rows] = offset
    rows += 1
    spikes += count
  }

  /// The owner of the added row `r`.
  @inline(__always)
  public func owner(_ r: Int) -> Int { Int(owners[r]) }

  /// How the rows will go through weights.
  public func strategy(_ weights: LinearWeights) -> Kernel.LinearStrategy {
    guard rows >= SpikeRows.many else { return .shared }
    if SpikeRows.takesTiles(weights.kind, anyOrder: demands.anyOrder)
      && TileShape(weights.kind).pays(rows: rows, spikes: spikes, inputs: weights.inputs)
    {
      return .tiles
    }
    // Enough ones in a block for its sums to be worth fetching.
    return spikes * block(weights) >= 4 * rows * weights.inputs ? .many : .shared
  }

  /// Inputs of a block: twice as many where a panel has half as many bytes of each.
  fileprivate func block(_ weights: LinearWeights) -> Int {
    weights.kind == .int8 ? min(2 * block, mostManyBytes - 1) : block
  }

  fileprivate func splitStride(_ weights: LinearWeights) -> Int {
    (weights.inputs + block(weights) - 1) / block(weights) + 1
  }

  /// Forgets the rows.
  public mutating func clear() {
    rows = 0
    spikes = 0
  }

  /// Some of the rows, ready to be multiplied.
  public struct Batch: BitwiseCopyable {
    let all: SpikeRows
    let first: Int
    let count: Int
    let strategy: Kernel.LinearStrategy
    /// Inputs that are 1 in some row, where rows share the reading of floats.
    let listCount: Int
    let lists: Row<UInt32>
    public let spikes: Int
  }

  /// Calls `body` with the rows in one batch or several.
  ///
  /// Needs. Every list ascending and below the weights' inputs.
  @inline(__always)
  public func batches(_ weights: LinearWeights, lists: Row<UInt32>, _ body: (Batch) -> Void) {
    for r in 0..<rows {
      precondition(
        starts[r] >= 0 && counts[r] >= 0 && starts[r] + Int(counts[r]) <= lists.count
          && (counts[r] == 0 || Int(lists[starts[r] + Int(counts[r]) - 1]) < weights.inputs),
        "lists of inputs with weights")
    }
    precondition(SpikeRows.padded(weights.inputs) <= masks.count, "memory for the inputs")
    let strategy = strategy(weights)
    if strategy == .many {
      // SAFETY: the lists were checked; there is a split for every block of every row.
      splitLists(
        lists: lists.pointer, listStarts: starts.pointer, counts: counts.pointer, rows: rows,
        inputs: weights.inputs, block: block(weights), splits: splits.pointer,
        splitStride: splitStride(weights))
    }
    if strategy != .shared || weights.kind == .int8 {
      return body(
        Batch(
          all: self, first: 0, count: rows, strategy: strategy, listCount: 0, lists: lists,
          spikes: spikes))
    }
    var first = 0
    while first < rows {
      let count = min(SpikeRows.mostShared, rows - first)
      var sum = 0
      for r in 0..<count {
        let bit: UInt32 = 1 << UInt32(r)
        let start = starts[first + r]
        let spikes = Int(counts[first + r])
        for e in 0..<spikes { masks[Int(lists[start + e])] |= bit }
        sum += spikes
      }
      // SAFETY: the masks are padded to 16 and the lists are as long.
      let found = gatherMasks(
        masks.pointer, count: weights.inputs, list: list.pointer, listMasks: listMasks.pointer)
      body(
        Batch(
          all: self, first: first, count: count, strategy: strategy, listCount: found, lists: lists,
          spikes: sum))
      first += count
    }
  }
}

extension SpikeRows.Batch {
  /// output[offset of row r] = bias + W row r over the outputs first ..< first + count.
  ///
  /// `scratch` is where this worker's sums may be made: its own spike rows.
  public func apply(
    _ weights: LinearWeights, output: Row<Float>, first firstOutput: Int, count outputs: Int,
    scratch: SpikeRows
  ) {
    weights.checkOutputs(firstOutput, outputs)
    for r in first..<first + count {
      precondition(
        all.offsets[r] >= 0 && all.offsets[r] & 15 == 0
          && all.offsets[r] + weights.stride <= output.count, "rows inside the output")
    }
    precondition(
      strategy == .shared || scratch.scratch.count * 8 >= all.demands.scratchByteCount,
      "buffer too small for the sums")
    // SAFETY: every row of the output was checked here, every list by `batches`, the scratch above.
    let sums = UnsafeMutableRawPointer(scratch.scratch.pointer)
    switch (strategy, weights.kind) {
    case (.tiles, _):
      let spikes = ListedSpikeRows(
        lists: lists.pointer, listStarts: all.starts.pointer, counts: all.counts.pointer,
        offsets: all.offsets.pointer, rows: count, inputs: weights.inputs)
      linearTiles(
        spikes, weights: weights.matrix, output: output.pointer, first: firstOutput, count: outputs,
        scratch: sums)
    case (.many, let kind):
      let spikes = ManySpikeRows(
        lists: lists.pointer, listStarts: all.starts.pointer, splits: all.splits.pointer,
        splitStride: all.splitStride(weights), offsets: all.offsets.pointer, rows: count,
        inputs: weights.inputs, block: all.block(weights))
      let many = kind == .int8 ? linearManyBytes : linearMany
      many(spikes, weights.matrix, output.pointer, firstOutput, outputs, sums)
    case (_, .int8):
      linearSharedBytes(
        lists: lists.pointer, listStarts: all.starts.pointer, counts: all.counts.pointer,
        weights: weights.matrix, output: output.pointer, offsets: all.offsets.pointer, rows: count,
        first: firstOutput, count: outputs)
    default:
      linearShared(
        masks: all.listMasks.pointer, list: all.list.pointer, listCount: listCount,
        weights: weights.matrix, output: output.pointer, offsets: all.offsets.pointer + first,
        rows: count, first: firstOutput, count: outputs)
    }
  }
}

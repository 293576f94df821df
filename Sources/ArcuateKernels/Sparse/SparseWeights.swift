import ArcuateCore
import ArcuateKernelTypes

extension SparseElement {
  fileprivate var byteCount: Int {
    switch self {
    case .float32: 4
    case .bfloat16: 2
    case .int8: 1
    }
  }
}

/// Connections ready for the kernels, cut into tiles of outputs.
///
/// The lists are used where they stand, in a mapped file perhaps, if they allow it.
public final class SparseWeights: Sendable {
  /// The logarithm of the most elements of a tile: what a worker sums in its nearest cache.
  public static func tileBits(_ elements: Int) -> Int { elements > 8192 ? 13 : 11 }
  /// Elements of a tile, but the last: tiles are an even number of equal ones, so that two workers have
  /// as much to do. A multiple of 16.
  public static func tile(_ elements: Int) -> Int {
    let most = 1 << tileBits(elements)
    let least = (elements + most - 1) / most
    guard least > 1 else { return most }
    let tiles = least + least & 1
    return min(most, ((elements + tiles - 1) / tiles + 15) & ~15)
  }
  public static func tiles(_ elements: Int) -> Int {
    (elements + tile(elements) - 1) / tile(elements)
  }

  /// What keeps a list alive.
  public enum List: Sendable {
    case mapped(Bytes)
    case packed(AlignedBuffer)

    // SAFETY: valid while this value lives, which keeps the memory.
    fileprivate var pointer: UnsafeRawPointer {
      switch self {
      case .mapped(let bytes): UnsafeRawPointer(bytes.base)
      case .packed(let buffer): UnsafeRawPointer(buffer.base)
      }
    }
    fileprivate var byteCount: Int {
      switch self {
      case .mapped(let bytes): bytes.count
      case .packed(let buffer): buffer.byteCount
      }
    }
    public var isPacked: Bool { if case .packed = self { true } else { false } }
  }

  public let inputs: Int
  public let outputs: Int
  public let targets: List
  public let weights: List
  private let positions: View<UInt32>
  /// The delays of a ring, rounded up to a power of two; 0 for connections that go by rows.
  public let ring: Int
  private let table: SparseTable

  /// `positions` is [inputs][tiles + 1]. With `ring` the targets hold delay << tileBits | position in the tile,
  /// delays below `ring`, otherwise outputs.
  /// Needs. Every position within the lists and ascending, every target within its tile; not checked.
  public init(
    inputs: Int, outputs: Int, positions: View<UInt32>, targets: List, weights: List,
    element: SparseElement, scale: Float, ring: Int
  ) {
    let tiles = SparseWeights.tiles(outputs)
    precondition(positions.count >= inputs * (tiles + 1), "positions for every input and tile")
    precondition(ring & (ring - 1) == 0 || ring == 0, "a power of two")
    self.inputs = inputs
    self.outputs = outputs
    self.positions = positions
    self.targets = targets
    self.weights = weights
    self.ring = ring
    // SAFETY: this object holds what the pointers lead to.
    table = SparseTable(
      positions: positions.pointer, tiles: tiles, targets: targets.pointer,
      weights: weights.pointer,
      element: element, scale: scale,
      // Some five hundred connections, which take as long as the memory does.
      ahead: max(1, min(16, 512 * inputs * tiles / max(1, weights.byteCount / element.byteCount))))
  }

  /// Bytes of the lists, in place or not.
  public var byteCount: Int { targets.byteCount + weights.byteCount + positions.count * 4 }

  /// For the kernels' dispatch, while somebody holds this object.
  public var kernel: SparseKernel {
    SparseKernel(self, table)
  }
}

/// The kernels of a `SparseWeights` that somebody else keeps alive.
public struct SparseKernel: BitwiseCopyable, Sendable {
  fileprivate let table: SparseTable
  public let inputs: Int
  public let outputs: Int
  public let ring: Int
  /// Outputs of a tile, but the last.
  public let tile: Int
  private let bits: Int
  /// Elements from one row of a ring to the next.
  public var ringStride: Int { 1 << bits }

  fileprivate init(_ weights: SparseWeights, _ table: SparseTable) {
    self.table = table
    inputs = weights.inputs
    outputs = weights.outputs
    ring = weights.ring
    tile = SparseWeights.tile(outputs)
    bits = SparseWeights.tileBits(outputs)
  }

  /// sum[i] += what the listed inputs send to output i of the tile.
  ///
  /// The inputs are first + list[..], each with its value in `values`, or 1 if that is empty.
  @inline(__always)
  public func addRows(
    _ list: Row<UInt32>, count: Int, known: Int, first: Int, values: Row<Float>, tile: Int,
    sum: Row<Float>
  ) {
    precondition(
      ring == 0 && tile >= 0 && tile < table.tiles && list.count >= count && known >= count
        && list.count >= known && first >= 0
        && (values.count == 0 || values.count >= inputs)
        && sum.count >= min(self.tile, outputs - tile * self.tile),
      "buffer too small for the tile")
    // SAFETY: checked above; lists hold inputs only, and targets lie within their tile.
    sparseRows(
      list: list.pointer, count: count, known: known, first: first,
      values: values.count == 0 ? nil : UnsafePointer(values.pointer), table: table, tile: tile,
      base: tile * self.tile, sum: sum.pointer)
  }

  /// The same for connections with delays: adds to the tile's ring [ring][ringStride] for step `step`.
  @inline(__always)
  public func addToRing(
    _ list: Row<UInt32>, count: Int, known: Int, first: Int, values: Row<Float>, tile: Int,
    step: UInt64,
    sums: Row<Float>
  ) {
    precondition(
      ring > 0 && tile >= 0 && tile < table.tiles && list.count >= count && known >= count
        && list.count >= known && first >= 0
        && (values.count == 0 || values.count >= inputs)
        && sums.count >= ring << bits, "buffer too small for the ring")
    // SAFETY: checked above; the mask keeps every target inside the ring.
    sparseRing(
      list: list.pointer, count: count, known: known, first: first,
      values: values.count == 0 ? nil : UnsafePointer(values.pointer), table: table, tile: tile,
      shift: UInt32(truncatingIfNeeded: step) << UInt32(bits),
      mask: UInt32(truncatingIfNeeded: ring << bits - 1), ring: sums.pointer)
  }
}

import ArcuateCore
import ArcuateMicrokernels

public typealias SparseElement = ArcuateMicrokernels.SparseElement

/// Connections ready for the kernels, cut into tiles of outputs.
///
/// The lists are used where they stand, in a mapped file perhaps, if they allow it.
public final class SparseWeights: Sendable {
  /// Outputs of a tile: what a worker sums in its nearest cache.
  public static let tile = 1 << tileBits
  public static let tileBits = 12

  public static func tiles(_ elements: Int) -> Int { (elements + tile - 1) >> tileBits }

  /// What keeps a list alive.
  public enum List: Sendable {
    case mapped(Bytes)
    case packed(AlignedBuffer)

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
  private let places: View<UInt32>
  /// The delays of a ring, rounded up to a power of two; 0 for connections that go by rows.
  public let ring: Int
  private let table: SparseTable

  /// `places` is [inputs][tiles + 1]. With `ring` the targets hold delay << tileBits | place in the tile,
  /// delays below `ring`, otherwise outputs.
  /// Needs. Every place within the lists and ascending, every target within its tile; not checked.
  public init(
    inputs: Int, outputs: Int, places: View<UInt32>, targets: List, weights: List,
    element: SparseElement, scale: Float, ring: Int
  ) {
    let tiles = SparseWeights.tiles(outputs)
    precondition(places.count >= inputs * (tiles + 1), "places for every input and tile")
    precondition(ring & (ring - 1) == 0 || ring == 0, "a power of two")
    self.inputs = inputs
    self.outputs = outputs
    self.places = places
    self.targets = targets
    self.weights = weights
    self.ring = ring
    // SAFETY: this object holds what the pointers lead to.
    table = SparseTable(
      places: places.pointer, tiles: tiles, targets: targets.pointer, weights: weights.pointer,
      element: element, scale: scale)
  }

  /// Bytes of the lists, in place or not.
  public var byteCount: Int { targets.byteCount + weights.byteCount + places.count * 4 }

  /// For the doors of the kernels, while somebody holds this object.
  public var kernel: SparseKernel {
    SparseKernel(table: table, inputs: inputs, outputs: outputs, ring: ring)
  }
}

/// The kernels of a `SparseWeights` that somebody else keeps alive.
public struct SparseKernel: BitwiseCopyable, Sendable {
  fileprivate let table: SparseTable
  public let inputs: Int
  public let outputs: Int
  public let ring: Int

  /// sum[i] += what the listed inputs send to output i of the tile.
  ///
  /// The inputs are first + list[..], each with its value in `values`, or 1 if that is empty.
  @inline(__always)
  public func addRows(
    _ list: Row<UInt32>, count: Int, first: Int, values: Row<Float>, tile: Int, sum: Row<Float>
  ) {
    precondition(
      ring == 0 && tile >= 0 && tile < table.tiles && list.count >= count && first >= 0
        && (values.count == 0 || values.count >= inputs)
        && sum.count >= min(SparseWeights.tile, outputs - tile << SparseWeights.tileBits),
      "room for the tile")
    // SAFETY: checked above; lists hold inputs only, and targets lie within their tile.
    sparseRows(
      list: list.pointer, count: count, first: first,
      values: values.count == 0 ? nil : UnsafePointer(values.pointer), table: table, tile: tile,
      base: tile << SparseWeights.tileBits, sum: sum.pointer)
  }

  /// Asks the memory for the connections of these inputs to a tile.
  @inline(__always)
  public func prefetch(_ list: Row<UInt32>, count: Int, first: Int, tile: Int) {
    precondition(tile >= 0 && tile < table.tiles && list.count >= count && first >= 0, "a tile")
    // SAFETY: lists hold inputs only; nothing is read but their places.
    sparsePrefetch(list: list.pointer, count: count, first: first, table: table, tile: tile)
  }

  /// The same for connections with delays: adds to the tile's ring [ring][4096] for step `step`.
  @inline(__always)
  public func addToRing(
    _ list: Row<UInt32>, count: Int, first: Int, values: Row<Float>, tile: Int, step: UInt64,
    sums: Row<Float>
  ) {
    precondition(
      ring > 0 && tile >= 0 && tile < table.tiles && list.count >= count && first >= 0
        && (values.count == 0 || values.count >= inputs)
        && sums.count >= ring << SparseWeights.tileBits, "room for the ring")
    // SAFETY: checked above; the mask keeps every target inside the ring.
    sparseRing(
      list: list.pointer, count: count, first: first,
      values: values.count == 0 ? nil : UnsafePointer(values.pointer), table: table, tile: tile,
      shift: UInt32(truncatingIfNeeded: step) << UInt32(SparseWeights.tileBits),
      mask: UInt32(truncatingIfNeeded: ring << SparseWeights.tileBits - 1), ring: sums.pointer)
  }
}

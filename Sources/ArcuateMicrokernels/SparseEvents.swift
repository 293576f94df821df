import CShims

/// How the weights of connections are stored.
public enum SparseElement: BitwiseCopyable, Sendable {
  case float32, bfloat16, int8
}

/// The connections of one node: for each input and each tile of outputs the places of the
/// connections between them, then for each connection where it leads and its weight.
///
/// Neither list needs to be aligned.
public struct SparseTable: BitwiseCopyable, @unchecked Sendable {
  // SAFETY: the memory is not written while it is used.
  /// [inputs][tiles + 1]
  public var places: UnsafePointer<UInt32>
  public var tiles: Int
  /// Outputs, or what `sparseRing` says, as u32.
  public var targets: UnsafeRawPointer
  public var weights: UnsafeRawPointer
  public var element: SparseElement
  /// The factor of int8 weights.
  public var scale: Float

  public init(
    places: UnsafePointer<UInt32>, tiles: Int, targets: UnsafeRawPointer,
    weights: UnsafeRawPointer, element: SparseElement, scale: Float
  ) {
    self.places = places
    self.tiles = tiles
    self.targets = targets
    self.weights = weights
    self.element = element
    self.scale = scale
  }
}

/// Adds to one tile of outputs what listed inputs send it: sum[target - base] += weight * x, input
/// after input and connection after connection.
///
/// The inputs are first + list[..]; without `values` each is 1. Two targets of one input may be
/// the same. Cost: every connection of these inputs to the tile is read once.
/// Needs. base <= target < base + what `sum` holds, for all connections in the tile.
@inline(never)
public func sparseRows(
  list: UnsafePointer<UInt32>, count: Int, first: Int, values: UnsafePointer<Float>?,
  table: SparseTable, tile: Int, base: Int, sum: UnsafeMutablePointer<Float>
) {
  let targets = table.targets
  // SAFETY: only dereferenced at base or above.
  let origin = sum - base
  forEachConnection(list, count, first, values, table, tile) { k, product in
    let target = Int(targets.loadUnaligned(fromByteOffset: 4 &* k, as: UInt32.self))
    origin[target] += product
  }
}

/// Adds to a tile's ring of sums what listed inputs send it at one step: the sum at
/// (target + shift) & mask grows by weight * x, in the order of `sparseRows`.
///
/// A target holds the delay above the place within the tile, `shift` the step above as many bits,
/// so that one mask takes the sum of both round the ring.
/// Needs. `ring` holds mask + 1 sums.
@inline(never)
public func sparseRing(
  list: UnsafePointer<UInt32>, count: Int, first: Int, values: UnsafePointer<Float>?,
  table: SparseTable, tile: Int, shift: UInt32, mask: UInt32, ring: UnsafeMutablePointer<Float>
) {
  let targets = table.targets
  forEachConnection(list, count, first, values, table, tile) { k, product in
    let target = targets.loadUnaligned(fromByteOffset: 4 &* k, as: UInt32.self)
    ring[Int((target &+ shift) & mask)] += product
  }
}

/// Asks the memory for the connections of listed inputs to a tile, which will be needed soon.
@inline(never)
public func sparsePrefetch(
  list: UnsafePointer<UInt32>, count: Int, first: Int, table: SparseTable, tile: Int
) {
  let size =
    switch table.element {
    case .float32: 4
    case .bfloat16: 2
    case .int8: 1
    }
  for e in 0..<count {
    let input = Int(list[e]) &+ first
    let ends = table.places + (input &* (table.tiles &+ 1) &+ tile)
    let (start, end) = (Int(ends[0]), Int(ends[1]))
    ask(table.targets + start &* 4, table.targets + end &* 4)
    ask(table.weights + start &* size, table.weights + end &* size)
  }
}

@inline(__always)
private func ask(_ start: UnsafeRawPointer, _ end: UnsafeRawPointer) {
  var line = start
  while line < end {
    cshims_prefetch(line)
    line += 64
  }
}

/// Calls `add` with the place of each connection and its weight times the input.
@inline(__always)
private func forEachConnection(
  _ list: UnsafePointer<UInt32>, _ count: Int, _ first: Int, _ values: UnsafePointer<Float>?,
  _ table: SparseTable, _ tile: Int, _ add: (_ place: Int, _ product: Float) -> Void
) {
  let weights = table.weights
  let scale = table.scale
  @inline(__always) func run(_ weight: (Int) -> Float) {
    for e in 0..<count {
      let input = Int(list[e]) &+ first
      let ends = table.places + (input &* (table.tiles &+ 1) &+ tile)
      var k = Int(ends[0])
      let end = Int(ends[1])
      if let x = values?[input] {
        while k < end {
          add(k, weight(k) * x)
          k &+= 1
        }
      } else {
        while k &+ 4 <= end {
          add(k, weight(k))
          add(k &+ 1, weight(k &+ 1))
          add(k &+ 2, weight(k &+ 2))
          add(k &+ 3, weight(k &+ 3))
          k &+= 4
        }
        while k < end {
          add(k, weight(k))
          k &+= 1
        }
      }
    }
  }
  switch table.element {
  case .float32: run { weights.loadUnaligned(fromByteOffset: 4 &* $0, as: Float.self) }
  case .bfloat16:
    run {
      Float(
        bitPattern: UInt32(weights.loadUnaligned(fromByteOffset: 2 &* $0, as: UInt16.self)) << 16)
    }
  case .int8: run { Float(weights.load(fromByteOffset: $0, as: Int8.self)) * scale }
  }
}

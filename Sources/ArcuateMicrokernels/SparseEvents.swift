import ArcuateKernelTypes
import CShims

/// Adds to one tile of outputs what listed inputs send it: sum[target - base] += weight * x, input
/// after input and connection after connection.
///
/// The inputs are first + list[..]; without `values` each is 1. Those of the list beyond `count` and
/// up to `known` will follow soon. Two targets of one input may be
/// the same. Cost: every connection of these inputs to the tile is read once.
/// Needs. base <= target < base + what `sum` holds, for all connections in the tile.
@inline(never)
public func sparseRows(
  list: UnsafePointer<UInt32>, count: Int, known: Int, first: Int, values: UnsafePointer<Float>?,
  table: SparseTable, tile: Int, base: Int, sum: UnsafeMutablePointer<Float>
) {
  let targets = table.targets
  // SAFETY: only dereferenced at base or above.
  let origin = sum - base
  forEachConnection(list, count, known, first, values, table, tile) { k, product in
    let target = Int(targets.loadUnaligned(fromByteOffset: 4 &* k, as: UInt32.self))
    origin[target] += product
  }
}

/// Adds to a tile's ring of sums what listed inputs send it at one step: the sum at
/// (target + shift) & mask grows by weight * x, in the order of `sparseRows`.
///
/// A target holds the delay above the position within the tile, `shift` the step above as many bits,
/// so that one mask takes the sum of both round the ring.
/// Needs. `ring` holds mask + 1 sums.
@inline(never)
public func sparseRing(
  list: UnsafePointer<UInt32>, count: Int, known: Int, first: Int, values: UnsafePointer<Float>?,
  table: SparseTable, tile: Int, shift: UInt32, mask: UInt32, ring: UnsafeMutablePointer<Float>
) {
  let targets = table.targets
  forEachConnection(list, count, known, first, values, table, tile) { k, product in
    let target = targets.loadUnaligned(fromByteOffset: 4 &* k, as: UInt32.self)
    ring[Int((target &+ shift) & mask)] += product
  }
}

/// Calls `add` with the position of each connection and its weight times the input.
@inline(__always)
private func forEachConnection(
  _ list: UnsafePointer<UInt32>, _ count: Int, _ known: Int, _ first: Int,
  _ values: UnsafePointer<Float>?, _ table: SparseTable, _ tile: Int,
  _ add: (_ position: Int, _ product: Float) -> Void
) {
  let (targets, weights) = (table.targets, table.weights)
  let scale = table.scale
  @inline(__always) func ends(_ e: Int) -> UnsafePointer<UInt32> {
    table.positions + ((Int(list[e]) &+ first) &* (table.tiles &+ 1) &+ tile)
  }
  @inline(__always) func run(_ size: Int, _ weight: (Int) -> Float) {
    for e in 0..<count {
      let part = ends(e)
      var k = Int(part[0])
      let end = Int(part[1])
      // A line of indices and one of weights of a later input for every sixteen connections.
      var later = k
      if e &+ table.ahead < known {
        later = Int(ends(e &+ table.ahead)[0])
        let last = e &+ 2 &* table.ahead
        cshims_prefetch(ends(last < known ? last : known &- 1))
      }
      let input = Int(list[e]) &+ first
      if let x = values?[input] {
        while k < end {
          add(k, weight(k) * x)
          k &+= 1
        }
      } else {
        while k &+ 16 <= end {
          cshims_prefetch(targets + 4 &* later)
          cshims_prefetch(weights + size &* later)
          later &+= 16
          for n in 0..<16 { add(k &+ n, weight(k &+ n)) }
          k &+= 16
        }
        cshims_prefetch(targets + 4 &* later)
        cshims_prefetch(weights + size &* later)
        while k < end {
          add(k, weight(k))
          k &+= 1
        }
      }
    }
  }
  switch table.element {
  case .float32: run(4) { weights.loadUnaligned(fromByteOffset: 4 &* $0, as: Float.self) }
  case .bfloat16:
    run(2) {
      Float(
        bitPattern: UInt32(weights.loadUnaligned(fromByteOffset: 2 &* $0, as: UInt16.self)) << 16)
    }
  case .int8: run(1) { Float(weights.load(fromByteOffset: $0, as: Int8.self)) * scale }
  }
}

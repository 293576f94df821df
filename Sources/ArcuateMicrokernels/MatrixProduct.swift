/// Rows and columns of the block of a product that stays in registers: two vectors of each row.
#if ARCUATE_WIDE
  @inlinable public var productRows: Int { 12 }
  @inlinable public var productColumns: Int { 32 }
#else
  @inlinable public var productRows: Int { 6 }
  @inlinable public var productColumns: Int { 16 }
#endif

/// Copies rows `first ..< first + count` of a into panels of `productRows`, each
/// [depth][productRows], the last one filled up with zeros. Element (i, k) of a is at
/// a + i * rowStride + k * columnStride.
@inline(never)
public func packProductRows(
  _ a: UnsafePointer<Float>, rowStride: Int, columnStride: Int, first: Int, count: Int, depth: Int,
  into packed: UnsafeMutablePointer<Float>
) {
  var out = packed
  var i = 0
  while i < count {
    let here = min(productRows, count &- i)
    let base = a + (first &+ i) &* rowStride
    if here == productRows {
      for k in 0..<depth {
        let p = base + k &* columnStride
        for r in 0..<productRows { out[r] = p[r &* rowStride] }
        out += productRows
      }
    } else {
      for k in 0..<depth {
        let p = base + k &* columnStride
        for r in 0..<productRows { out[r] = r < here ? p[r &* rowStride] : 0 }
        out += productRows
      }
    }
    i &+= productRows
  }
}

/// Copies columns `first ..< first + count` of b into panels of `productColumns`, each
/// [depth][productColumns], the last one filled up with zeros. Element (k, j) of b is at
/// b + k * rowStride + j * columnStride.
@inline(never)
public func packProductColumns(
  _ b: UnsafePointer<Float>, rowStride: Int, columnStride: Int, first: Int, count: Int, depth: Int,
  into packed: UnsafeMutablePointer<Float>
) {
  var out = packed
  var j = 0
  while j < count {
    let here = min(productColumns, count &- j)
    let base = b + (first &+ j) &* columnStride
    if here == productColumns && columnStride == 1 {
      for k in 0..<depth {
        let p = UnsafeRawPointer(base + k &* rowStride)
        store(p.loadUnaligned(as: Lanes.self), out)
        store(p.loadUnaligned(fromByteOffset: 4 &* laneCount, as: Lanes.self), out + laneCount)
        out += productColumns
      }
    } else if here == productColumns {
      // Down the columns, whose elements lie side by side.
      for c in 0..<productColumns {
        let p = base + c &* columnStride
        for k in 0..<depth { out[k &* productColumns &+ c] = p[k &* rowStride] }
      }
      out += productColumns &* depth
    } else {
      for k in 0..<depth {
        let p = base + k &* rowStride
        for c in 0..<productColumns { out[c] = c < here ? p[c &* columnStride] : 0 }
        out += productColumns
      }
    }
    j &+= productColumns
  }
}

/// The sums of one row of a block.
private struct RowSums {
  var low = Lanes(repeating: 0)
  var high = Lanes(repeating: 0)

  @inline(__always)
  mutating func add(_ a: Float, _ b0: Lanes, _ b1: Lanes) {
    let a = Lanes(repeating: a)
    low = low.addingProduct(a, b0)
    high = high.addingProduct(a, b1)
  }

  /// Writes the first `columns` of them, added to what is there if it `adds`.
  @inline(__always)
  func put(_ c: UnsafeMutablePointer<Float>, _ columns: Int, _ adds: Bool) {
    if columns == productColumns {
      let at = UnsafeMutableRawPointer(c)
      let next = at + 4 &* laneCount
      if adds {
        at.storeBytes(of: at.loadUnaligned(as: Lanes.self) + low, as: Lanes.self)
        next.storeBytes(of: next.loadUnaligned(as: Lanes.self) + high, as: Lanes.self)
      } else {
        at.storeBytes(of: low, as: Lanes.self)
        next.storeBytes(of: high, as: Lanes.self)
      }
    } else {
      for j in 0..<columns {
        let sum = j < laneCount ? low[j] : high[j &- laneCount]
        c[j] = adds ? c[j] + sum : sum
      }
    }
  }
}

/// c (+)= a b for one panel of rows and one of columns, each sum over ascending k.
///
/// Needs. c has `rows` (1 ... productRows) rows of `columns` (1 ... productColumns) elements,
/// `cStride` apart; panels as they were packed.
@inline(never)
public func productTile(
  _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, depth: Int,
  c: UnsafeMutablePointer<Float>, cStride: Int, rows: Int, columns: Int, adds: Bool
) {
  var (r0, r1, r2) = (RowSums(), RowSums(), RowSums())
  var (r3, r4, r5) = (RowSums(), RowSums(), RowSums())
  #if ARCUATE_WIDE
    var (r6, r7, r8) = (RowSums(), RowSums(), RowSums())
    var (r9, rA, rB) = (RowSums(), RowSums(), RowSums())
  #endif
  var p = a
  var q = b
  for _ in 0..<depth {
    let (b0, b1) = (load(q), load(q + laneCount))
    r0.add(p[0], b0, b1)
    r1.add(p[1], b0, b1)
    r2.add(p[2], b0, b1)
    r3.add(p[3], b0, b1)
    r4.add(p[4], b0, b1)
    r5.add(p[5], b0, b1)
    #if ARCUATE_WIDE
      r6.add(p[6], b0, b1)
      r7.add(p[7], b0, b1)
      r8.add(p[8], b0, b1)
      r9.add(p[9], b0, b1)
      rA.add(p[10], b0, b1)
      rB.add(p[11], b0, b1)
    #endif
    p += productRows
    q += productColumns
  }
  @inline(__always) func put(_ r: Int, _ sums: RowSums) {
    if r < rows { sums.put(c + r &* cStride, columns, adds) }
  }
  put(0, r0)
  put(1, r1)
  put(2, r2)
  put(3, r3)
  put(4, r4)
  put(5, r5)
  #if ARCUATE_WIDE
    put(6, r6)
    put(7, r7)
    put(8, r8)
    put(9, r9)
    put(10, rA)
    put(11, rB)
  #endif
}

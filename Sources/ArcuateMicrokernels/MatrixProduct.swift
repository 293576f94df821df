import CShims

/// Rows and columns of the block of a product that stays in registers.
public let productRows = 6
public let productColumns = 16

/// Copies rows `first ..< first + count` of a into panels of six, each [depth][6], the last one
/// filled up with zeros. Element (i, k) of a is at a + i * rowStride + k * columnStride.
@inline(never)
public func packProductRows(
  _ a: UnsafePointer<Float>, rowStride: Int, columnStride: Int, first: Int, count: Int, depth: Int,
  into packed: UnsafeMutablePointer<Float>
) {
  var out = packed
  var i = 0
  while i < count {
    let here = min(6, count &- i)
    let base = a + (first &+ i) &* rowStride
    if here == 6 {
      for k in 0..<depth {
        let p = base + k &* columnStride
        out[0] = p[0]
        out[1] = p[rowStride]
        out[2] = p[2 &* rowStride]
        out[3] = p[3 &* rowStride]
        out[4] = p[4 &* rowStride]
        out[5] = p[5 &* rowStride]
        out += 6
      }
    } else {
      for k in 0..<depth {
        let p = base + k &* columnStride
        for r in 0..<6 { out[r] = r < here ? p[r &* rowStride] : 0 }
        out += 6
      }
    }
    i &+= 6
  }
}

/// Copies columns `first ..< first + count` of b into panels of sixteen, each [depth][16], the last
/// one filled up with zeros. Element (k, j) of b is at b + k * rowStride + j * columnStride.
@inline(never)
public func packProductColumns(
  _ b: UnsafePointer<Float>, rowStride: Int, columnStride: Int, first: Int, count: Int, depth: Int,
  into packed: UnsafeMutablePointer<Float>
) {
  var out = packed
  var j = 0
  while j < count {
    let here = min(16, count &- j)
    let base = b + (first &+ j) &* columnStride
    if here == 16 && columnStride == 1 {
      for k in 0..<depth {
        let p = UnsafeRawPointer(base + k &* rowStride)
        store8(p.loadUnaligned(as: SIMD8<Float>.self), out)
        store8((p + 32).loadUnaligned(as: SIMD8<Float>.self), out + 8)
        out += 16
      }
    } else if here == 16 {
      // Down the columns, whose elements lie side by side.
      for c in 0..<16 {
        let p = base + c &* columnStride
        for k in 0..<depth { out[k &* 16 &+ c] = p[k &* rowStride] }
      }
      out += 16 &* depth
    } else {
      for k in 0..<depth {
        let p = base + k &* rowStride
        for c in 0..<16 { out[c] = c < here ? p[c &* columnStride] : 0 }
        out += 16
      }
    }
    j &+= 16
  }
}

/// c (+)= a b for one panel of rows and one of columns: six by sixteen sums, each over ascending k.
///
/// Needs. c has `rows` (1 ... 6) rows of `columns` (1 ... 16) elements, `cStride` apart; panels as
/// they were packed.
@inline(never)
public func productTile(
  _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, depth: Int,
  c: UnsafeMutablePointer<Float>, cStride: Int, rows: Int, columns: Int, adds: Bool
) {
  typealias V = SIMD8<Float>
  let zero = V(repeating: 0)
  var (c00, c01, c10, c11, c20, c21) = (zero, zero, zero, zero, zero, zero)
  var (c30, c31, c40, c41, c50, c51) = (zero, zero, zero, zero, zero, zero)
  var p = a
  var q = b
  for _ in 0..<depth {
    let (b0, b1) = (load8(q), load8(q + 8))
    let a0 = V(repeating: p[0])
    c00 = c00.addingProduct(a0, b0)
    c01 = c01.addingProduct(a0, b1)
    let a1 = V(repeating: p[1])
    c10 = c10.addingProduct(a1, b0)
    c11 = c11.addingProduct(a1, b1)
    let a2 = V(repeating: p[2])
    c20 = c20.addingProduct(a2, b0)
    c21 = c21.addingProduct(a2, b1)
    let a3 = V(repeating: p[3])
    c30 = c30.addingProduct(a3, b0)
    c31 = c31.addingProduct(a3, b1)
    let a4 = V(repeating: p[4])
    c40 = c40.addingProduct(a4, b0)
    c41 = c41.addingProduct(a4, b1)
    let a5 = V(repeating: p[5])
    c50 = c50.addingProduct(a5, b0)
    c51 = c51.addingProduct(a5, b1)
    p += 6
    q += 16
  }
  @inline(__always) func put(_ r: Int, _ low: V, _ high: V) {
    guard r < rows else { return }
    let row = c + r &* cStride
    if columns == 16 {
      let at = UnsafeMutableRawPointer(row)
      if adds {
        at.storeBytes(of: at.loadUnaligned(as: V.self) + low, as: V.self)
        (at + 32).storeBytes(of: (at + 32).loadUnaligned(as: V.self) + high, as: V.self)
      } else {
        at.storeBytes(of: low, as: V.self)
        (at + 32).storeBytes(of: high, as: V.self)
      }
    } else {
      for j in 0..<columns {
        let sum = j < 8 ? low[j] : high[j &- 8]
        row[j] = adds ? row[j] + sum : sum
      }
    }
  }
  put(0, c00, c01)
  put(1, c10, c11)
  put(2, c20, c21)
  put(3, c30, c31)
  put(4, c40, c41)
  put(5, c50, c51)
}

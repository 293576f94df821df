/// y = bias + W x over every input, zero or not, for up to four rows that share the weights.
///
/// Ascending inputs, one accumulator per output; unless `fused`, a multiply followed by an add, so
/// that the bits are those of `linearEvents`.
///
/// Needs. As `linearEvents`; `rows` is 1 ... 4 and row r starts at x + r * xStride, y + r * yStride.
@inline(never)
public func linearDense(
  input x: UnsafePointer<Float>, xStride: Int, inputs: Int, rows: Int,
  weights: UnsafePointer<Float>, stride: Int, bias: UnsafePointer<Float>,
  output y: UnsafeMutablePointer<Float>, yStride: Int, first: Int, count: Int, fused: Bool
) {
  var o = first
  while o < first + count {
    let b = load(bias + o)
    var a0 = b
    var a1 = b
    var a2 = b
    var a3 = b
    var row = weights + o
    // Rows beyond `rows` repeat the first: the loop has one shape and they are not stored.
    let x0 = x
    let x1 = rows > 1 ? x + xStride : x
    let x2 = rows > 2 ? x + 2 &* xStride : x
    let x3 = rows > 3 ? x + 3 &* xStride : x
    if rows == 1 {
      for j in 0..<inputs {
        let w = load(row)
        a0 = fused ? a0.addingProduct(w, splat(x0[j])) : a0 + w * splat(x0[j])
        row += stride
      }
    } else {
      for j in 0..<inputs {
        let w = load(row)
        if fused {
          a0.addProduct(w, splat(x0[j]))
          a1.addProduct(w, splat(x1[j]))
          a2.addProduct(w, splat(x2[j]))
          a3.addProduct(w, splat(x3[j]))
        } else {
          a0 += w * splat(x0[j])
          a1 += w * splat(x1[j])
          a2 += w * splat(x2[j])
          a3 += w * splat(x3[j])
        }
        row += stride
      }
    }
    store(a0, y + o)
    if rows > 1 { store(a1, y + yStride + o) }
    if rows > 2 { store(a2, y + 2 &* yStride + o) }
    if rows > 3 { store(a3, y + 3 &* yStride + o) }
    o += 16
  }
}

@inline(__always)
func splat(_ value: Float) -> SIMD16<Float> { SIMD16(repeating: value) }

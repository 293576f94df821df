import ArcuateKernelTypes

/// y = bias + W x over every input, zero or not, for up to four rows that share the weights.
///
/// Ascending inputs, one accumulator per output; unless `fused`, a multiply followed by an add, so
/// that the bits are those of `linearEvents`.
///
/// Needs. As `linearEvents`; `rows` is 1 ... 4 and row r starts at x + r * xStride, y + r * yStride.
@inline(never)
public func linearDense(
  input x: UnsafePointer<Float>, xStride: Int, inputs: Int, rows: Int, weights: WeightMatrix,
  output y: UnsafeMutablePointer<Float>, yStride: Int, first: Int, count: Int, fused: Bool
) {
  @inline(__always) func run<E: WeightElement>(_: E.Type) {
    switch (rows == 1, fused) {
    case (true, true): single(E.self, x, inputs, weights, y, first, count, true)
    case (true, false): single(E.self, x, inputs, weights, y, first, count, false)
    case (false, true):
      several(E.self, x, xStride, inputs, rows, weights, y, yStride, first, count, true)
    case (false, false):
      several(E.self, x, xStride, inputs, rows, weights, y, yStride, first, count, false)
    }
  }
  switch weights.kind {
  case .float32: run(Float32Weight.self)
  case .bfloat16: run(BFloat16Weight.self)
  case .int8: run(Int8Weight.self)
  }
}

@inline(__always)
private func added(
  _ sum: SIMD16<Float>, _ weight: SIMD16<Float>, _ value: SIMD16<Float>, _ fused: Bool
) -> SIMD16<Float> {
  fused ? sum.addingProduct(weight, value) : sum + weight * value
}

/// One row: weights are read once, from wherever they are, so that whole lines are asked for early.
@inline(__always)
private func single<E: WeightElement>(
  _: E.Type, _ x: UnsafePointer<Float>, _ inputs: Int, _ weights: WeightMatrix,
  _ y: UnsafeMutablePointer<Float>, _ first: Int, _ count: Int, _ fused: Bool
) {
  let size = E.byteCount
  let ahead = weights.isFar ? 8 : 0
  var o = first
  while o < first &+ count {
    let width = min(64, first &+ count &- o)
    let column = weights.rows + o &* size
    if width == 64 {
      var a0 = weights.start16(E.self, o)
      var a1 = weights.start16(E.self, o &+ 16)
      var a2 = weights.start16(E.self, o &+ 32)
      var a3 = weights.start16(E.self, o &+ 48)
      var row = column
      for j in 0..<inputs {
        if ahead != 0 {
          prefetch(
            column + min(j &+ ahead, inputs &- 1) &* weights.rowBytes, byteCount: 64 &* size)
        }
        let value = SIMD16(repeating: x[j])
        a0 = added(a0, E.load16(row), value, fused)
        a1 = added(a1, E.load16(row + 16 &* size), value, fused)
        a2 = added(a2, E.load16(row + 32 &* size), value, fused)
        a3 = added(a3, E.load16(row + 48 &* size), value, fused)
        row += weights.rowBytes
      }
      store16(weights.finish16(E.self, a0, o), y + o)
      store16(weights.finish16(E.self, a1, o &+ 16), y + (o &+ 16))
      store16(weights.finish16(E.self, a2, o &+ 32), y + (o &+ 32))
      store16(weights.finish16(E.self, a3, o &+ 48), y + (o &+ 48))
    } else {
      var k = 0
      while k < width {
        var a = weights.start16(E.self, o &+ k)
        var row = column + k &* size
        for j in 0..<inputs {
          a = added(a, E.load16(row), SIMD16(repeating: x[j]), fused)
          row += weights.rowBytes
        }
        store16(weights.finish16(E.self, a, o &+ k), y + (o &+ k))
        k &+= 16
      }
    }
    o &+= width
  }
}

/// Two to four rows: sixteen outputs of each, or with wide registers sixty-four while there are as
/// many, whose weights are loaded once for all.
@inline(__always)
private func several<E: WeightElement>(
  _: E.Type, _ x: UnsafePointer<Float>, _ xStride: Int, _ inputs: Int, _ rows: Int,
  _ weights: WeightMatrix, _ y: UnsafeMutablePointer<Float>, _ yStride: Int, _ first: Int,
  _ count: Int, _ fused: Bool
) {
  let size = E.byteCount
  // Rows beyond `rows` repeat the first: the loop has one shape and they are not stored.
  let x0 = x
  let x1 = rows > 1 ? x + xStride : x
  let x2 = rows > 2 ? x + 2 &* xStride : x
  let x3 = rows > 3 ? x + 3 &* xStride : x
  var o = first
  @inline(__always) func put(_ a: SIMD16<Float>, _ r: Int, _ o: Int) {
    if r < rows { store16(weights.finish16(E.self, a, o), y + (r &* yStride &+ o)) }
  }
  #if ARCUATE_WIDE
    while o &+ 64 <= first &+ count {
      let (s0, s1) = (weights.start16(E.self, o), weights.start16(E.self, o &+ 16))
      let (s2, s3) = (weights.start16(E.self, o &+ 32), weights.start16(E.self, o &+ 48))
      var (a0, a1, a2, a3) = (s0, s1, s2, s3)
      var (b0, b1, b2, b3) = (s0, s1, s2, s3)
      var (c0, c1, c2, c3) = (s0, s1, s2, s3)
      var (d0, d1, d2, d3) = (s0, s1, s2, s3)
      var row = weights.rows + o &* size
      for j in 0..<inputs {
        let (w0, w1) = (E.load16(row), E.load16(row + 16 &* size))
        let (w2, w3) = (E.load16(row + 32 &* size), E.load16(row + 48 &* size))
        let a = SIMD16(repeating: x0[j])
        a0 = added(a0, w0, a, fused)
        a1 = added(a1, w1, a, fused)
        a2 = added(a2, w2, a, fused)
        a3 = added(a3, w3, a, fused)
        let b = SIMD16(repeating: x1[j])
        b0 = added(b0, w0, b, fused)
        b1 = added(b1, w1, b, fused)
        b2 = added(b2, w2, b, fused)
        b3 = added(b3, w3, b, fused)
        let c = SIMD16(repeating: x2[j])
        c0 = added(c0, w0, c, fused)
        c1 = added(c1, w1, c, fused)
        c2 = added(c2, w2, c, fused)
        c3 = added(c3, w3, c, fused)
        let d = SIMD16(repeating: x3[j])
        d0 = added(d0, w0, d, fused)
        d1 = added(d1, w1, d, fused)
        d2 = added(d2, w2, d, fused)
        d3 = added(d3, w3, d, fused)
        row += weights.rowBytes
      }
      @inline(__always) func put4(
        _ a0: SIMD16<Float>, _ a1: SIMD16<Float>, _ a2: SIMD16<Float>, _ a3: SIMD16<Float>,
        _ r: Int
      ) {
        put(a0, r, o)
        put(a1, r, o &+ 16)
        put(a2, r, o &+ 32)
        put(a3, r, o &+ 48)
      }
      put4(a0, a1, a2, a3, 0)
      put4(b0, b1, b2, b3, 1)
      put4(c0, c1, c2, c3, 2)
      put4(d0, d1, d2, d3, 3)
      o &+= 64
    }
  #endif
  while o < first &+ count {
    let start = weights.start16(E.self, o)
    var (a, b, c, d) = (start, start, start, start)
    var row = weights.rows + o &* size
    for j in 0..<inputs {
      let w = E.load16(row)
      a = added(a, w, SIMD16(repeating: x0[j]), fused)
      b = added(b, w, SIMD16(repeating: x1[j]), fused)
      c = added(c, w, SIMD16(repeating: x2[j]), fused)
      d = added(d, w, SIMD16(repeating: x3[j]), fused)
      row += weights.rowBytes
    }
    put(a, 0, o)
    put(b, 1, o)
    put(c, 2, o)
    put(d, 3, o)
    o &+= 16
  }
}

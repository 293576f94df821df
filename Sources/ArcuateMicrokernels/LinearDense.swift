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
  _ sum: SIMD8<Float>, _ weight: SIMD8<Float>, _ value: SIMD8<Float>, _ fused: Bool
) -> SIMD8<Float> {
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
      var a0 = weights.start(E.self, o)
      var a1 = weights.start(E.self, o &+ 8)
      var a2 = weights.start(E.self, o &+ 16)
      var a3 = weights.start(E.self, o &+ 24)
      var a4 = weights.start(E.self, o &+ 32)
      var a5 = weights.start(E.self, o &+ 40)
      var a6 = weights.start(E.self, o &+ 48)
      var a7 = weights.start(E.self, o &+ 56)
      var row = column
      for j in 0..<inputs {
        if ahead != 0 {
          prefetch(
            column + min(j &+ ahead, inputs &- 1) &* weights.rowBytes, byteCount: 64 &* size)
        }
        let value = SIMD8(repeating: x[j])
        a0 = added(a0, E.load(row), value, fused)
        a1 = added(a1, E.load(row + 8 &* size), value, fused)
        a2 = added(a2, E.load(row + 16 &* size), value, fused)
        a3 = added(a3, E.load(row + 24 &* size), value, fused)
        a4 = added(a4, E.load(row + 32 &* size), value, fused)
        a5 = added(a5, E.load(row + 40 &* size), value, fused)
        a6 = added(a6, E.load(row + 48 &* size), value, fused)
        a7 = added(a7, E.load(row + 56 &* size), value, fused)
        row += weights.rowBytes
      }
      store8(weights.finish(E.self, a0, o), y + o)
      store8(weights.finish(E.self, a1, o &+ 8), y + (o &+ 8))
      store8(weights.finish(E.self, a2, o &+ 16), y + (o &+ 16))
      store8(weights.finish(E.self, a3, o &+ 24), y + (o &+ 24))
      store8(weights.finish(E.self, a4, o &+ 32), y + (o &+ 32))
      store8(weights.finish(E.self, a5, o &+ 40), y + (o &+ 40))
      store8(weights.finish(E.self, a6, o &+ 48), y + (o &+ 48))
      store8(weights.finish(E.self, a7, o &+ 56), y + (o &+ 56))
    } else {
      var k = 0
      while k < width {
        var a = weights.start(E.self, o &+ k)
        var row = column + k &* size
        for j in 0..<inputs {
          a = added(a, E.load(row), SIMD8(repeating: x[j]), fused)
          row += weights.rowBytes
        }
        store8(weights.finish(E.self, a, o &+ k), y + (o &+ k))
        k &+= 8
      }
    }
    o &+= width
  }
}

/// Two to four rows: two vectors of outputs for each, whose weights are loaded once for all.
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
  while o < first &+ count {
    let start = (weights.start(E.self, o), weights.start(E.self, o &+ 8))
    var (a0, b0) = start
    var (a1, b1) = start
    var (a2, b2) = start
    var (a3, b3) = start
    var row = weights.rows + o &* size
    for j in 0..<inputs {
      let v = E.load(row)
      let w = E.load(row + 8 &* size)
      let (s0, s1) = (SIMD8(repeating: x0[j]), SIMD8(repeating: x1[j]))
      let (s2, s3) = (SIMD8(repeating: x2[j]), SIMD8(repeating: x3[j]))
      a0 = added(a0, v, s0, fused)
      b0 = added(b0, w, s0, fused)
      a1 = added(a1, v, s1, fused)
      b1 = added(b1, w, s1, fused)
      a2 = added(a2, v, s2, fused)
      b2 = added(b2, w, s2, fused)
      a3 = added(a3, v, s3, fused)
      b3 = added(b3, w, s3, fused)
      row += weights.rowBytes
    }
    @inline(__always) func put(_ r: Int, _ a: SIMD8<Float>, _ b: SIMD8<Float>) {
      store8(weights.finish(E.self, a, o), y + (r &* yStride &+ o))
      store8(weights.finish(E.self, b, o &+ 8), y + (r &* yStride &+ o &+ 8))
    }
    put(0, a0, b0)
    if rows > 1 { put(1, a1, b1) }
    if rows > 2 { put(2, a2, b2) }
    if rows > 3 { put(3, a3, b3) }
    o &+= 16
  }
}

import ArcuateKernelTypes

/// y = bias + the sum of the weight rows of the inputs that are not zero, in ascending order.
///
/// One accumulator per output and a multiply followed by an add, never fused, so that the result
/// has the same bits as `linearDense` and as any split of the outputs between threads.
///
/// Needs. `first` and `count` multiples of 16; all pointers aligned to 64 bytes; `list` ascending
/// and within the matrix. x is not read with `unit`.
@inline(never)
public func linearEvents(
  input x: UnsafePointer<Float>, list: UnsafePointer<UInt32>, listCount: Int, unit: Bool,
  weights: WeightMatrix, output y: UnsafeMutablePointer<Float>, first: Int, count: Int
) {
  @inline(__always) func run<E: WeightElement>(_: E.Type) {
    // The questions are answered outside the loops.
    switch (unit, weights.isFar) {
    case (true, true): events(E.self, x, list, listCount, true, true, weights, y, first, count)
    case (true, false): events(E.self, x, list, listCount, true, false, weights, y, first, count)
    case (false, true): events(E.self, x, list, listCount, false, true, weights, y, first, count)
    case (false, false): events(E.self, x, list, listCount, false, false, weights, y, first, count)
    }
  }
  switch weights.kind {
  case .float32: run(Float32Weight.self)
  case .bfloat16: run(BFloat16Weight.self)
  case .int8: run(Int8Weight.self)
  }
}

@inline(__always)
private func events<E: WeightElement>(
  _: E.Type, _ x: UnsafePointer<Float>, _ list: UnsafePointer<UInt32>, _ listCount: Int,
  _ unit: Bool, _ isFar: Bool, _ weights: WeightMatrix, _ y: UnsafeMutablePointer<Float>,
  _ first: Int, _ count: Int
) {
  let size = E.byteCount
  let end = first &+ count
  var o = first
  /// The weights of the input that follows `n` positions later, for the outputs from `o` on.
  @inline(__always) func later(_ e: Int, _ n: Int) -> UnsafeRawPointer {
    weights.rows + (o &* size &+ Int(list[min(e &+ n, listCount &- 1)]) &* weights.rowBytes)
  }
  #if ARCUATE_WIDE
    // Sixteen registers of sums: the list is gone through once for 256 outputs.
    while o &+ 256 <= end {
      @inline(__always) func start(_ k: Int) -> SIMD16<Float> {
        weights.start16(E.self, o &+ 16 &* k)
      }
      var (a0, a1, a2, a3) = (start(0), start(1), start(2), start(3))
      var (a4, a5, a6, a7) = (start(4), start(5), start(6), start(7))
      var (a8, a9, aA, aB) = (start(8), start(9), start(10), start(11))
      var (aC, aD, aE, aF) = (start(12), start(13), start(14), start(15))
      let column = weights.rows + o &* size
      for e in 0..<listCount {
        let j = Int(list[e])
        let row = column + j &* weights.rowBytes
        if isFar {
          prefetch(later(e, 4), byteCount: 256 &* size)
          prefetchFar(later(e, 16), byteCount: 256 &* size)
        }
        let value = SIMD16(repeating: unit ? 1 : x[j])
        @inline(__always) func add(_ sum: inout SIMD16<Float>, _ k: Int) {
          let weight = E.load16(row + 16 &* k &* size)
          sum += unit ? weight : weight * value
        }
        add(&a0, 0)
        add(&a1, 1)
        add(&a2, 2)
        add(&a3, 3)
        add(&a4, 4)
        add(&a5, 5)
        add(&a6, 6)
        add(&a7, 7)
        add(&a8, 8)
        add(&a9, 9)
        add(&aA, 10)
        add(&aB, 11)
        add(&aC, 12)
        add(&aD, 13)
        add(&aE, 14)
        add(&aF, 15)
      }
      @inline(__always) func put(_ sum: SIMD16<Float>, _ k: Int) {
        store16(weights.finish16(E.self, sum, o &+ 16 &* k), y + (o &+ 16 &* k))
      }
      put(a0, 0)
      put(a1, 1)
      put(a2, 2)
      put(a3, 3)
      put(a4, 4)
      put(a5, 5)
      put(a6, 6)
      put(a7, 7)
      put(a8, 8)
      put(a9, 9)
      put(aA, 10)
      put(aB, 11)
      put(aC, 12)
      put(aD, 13)
      put(aE, 14)
      put(aF, 15)
      o &+= 256
    }
  #endif
  while o &+ 64 <= end {
    var a0 = weights.start16(E.self, o)
    var a1 = weights.start16(E.self, o &+ 16)
    var a2 = weights.start16(E.self, o &+ 32)
    var a3 = weights.start16(E.self, o &+ 48)
    let column = weights.rows + o &* size
    for e in 0..<listCount {
      let j = Int(list[e])
      let row = column + j &* weights.rowBytes
      if isFar { prefetch(later(e, 8), byteCount: 64 &* size) }
      if unit {
        a0 += E.load16(row)
        a1 += E.load16(row + 16 &* size)
        a2 += E.load16(row + 32 &* size)
        a3 += E.load16(row + 48 &* size)
      } else {
        let value = SIMD16(repeating: x[j])
        a0 += E.load16(row) * value
        a1 += E.load16(row + 16 &* size) * value
        a2 += E.load16(row + 32 &* size) * value
        a3 += E.load16(row + 48 &* size) * value
      }
    }
    store16(weights.finish16(E.self, a0, o), y + o)
    store16(weights.finish16(E.self, a1, o &+ 16), y + (o &+ 16))
    store16(weights.finish16(E.self, a2, o &+ 32), y + (o &+ 32))
    store16(weights.finish16(E.self, a3, o &+ 48), y + (o &+ 48))
    o &+= 64
  }
  while o < end {
    var a = weights.start16(E.self, o)
    let column = weights.rows + o &* size
    for e in 0..<listCount {
      let j = Int(list[e])
      let weight = E.load16(column + j &* weights.rowBytes)
      a += unit ? weight : weight * SIMD16(repeating: x[j])
    }
    store16(weights.finish16(E.self, a, o), y + o)
    o &+= 16
  }
}

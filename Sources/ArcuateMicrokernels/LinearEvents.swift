import ArcuateKernelTypes

/// y = bias + the sum of the weight rows of the inputs that are not zero, in ascending order.
///
/// One accumulator per output and a multiply followed by an add, never fused, so that the result
/// has the same bits as `linearDense` and as any split of the outputs between threads.
///
/// Needs. `first` and `count` multiples of 16; all pointers aligned to 64 bytes; `list` ascending
/// and within the matrix.
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
  while o &+ 64 <= end {
    var a0 = weights.start(E.self, o)
    var a1 = weights.start(E.self, o &+ 8)
    var a2 = weights.start(E.self, o &+ 16)
    var a3 = weights.start(E.self, o &+ 24)
    var a4 = weights.start(E.self, o &+ 32)
    var a5 = weights.start(E.self, o &+ 40)
    var a6 = weights.start(E.self, o &+ 48)
    var a7 = weights.start(E.self, o &+ 56)
    let column = weights.rows + o &* size
    for e in 0..<listCount {
      let j = Int(list[e])
      let row = column + j &* weights.rowBytes
      if isFar {
        let ahead = Int(list[min(e &+ 8, listCount &- 1)])
        prefetch(column + ahead &* weights.rowBytes, byteCount: 64 &* size)
      }
      if unit {
        a0 += E.load(row)
        a1 += E.load(row + 8 &* size)
        a2 += E.load(row + 16 &* size)
        a3 += E.load(row + 24 &* size)
        a4 += E.load(row + 32 &* size)
        a5 += E.load(row + 40 &* size)
        a6 += E.load(row + 48 &* size)
        a7 += E.load(row + 56 &* size)
      } else {
        let value = SIMD8(repeating: x[j])
        a0 += E.load(row) * value
        a1 += E.load(row + 8 &* size) * value
        a2 += E.load(row + 16 &* size) * value
        a3 += E.load(row + 24 &* size) * value
        a4 += E.load(row + 32 &* size) * value
        a5 += E.load(row + 40 &* size) * value
        a6 += E.load(row + 48 &* size) * value
        a7 += E.load(row + 56 &* size) * value
      }
    }
    store8(weights.finish(E.self, a0, o), y + o)
    store8(weights.finish(E.self, a1, o &+ 8), y + (o &+ 8))
    store8(weights.finish(E.self, a2, o &+ 16), y + (o &+ 16))
    store8(weights.finish(E.self, a3, o &+ 24), y + (o &+ 24))
    store8(weights.finish(E.self, a4, o &+ 32), y + (o &+ 32))
    store8(weights.finish(E.self, a5, o &+ 40), y + (o &+ 40))
    store8(weights.finish(E.self, a6, o &+ 48), y + (o &+ 48))
    store8(weights.finish(E.self, a7, o &+ 56), y + (o &+ 56))
    o &+= 64
  }
  while o < end {
    var a0 = weights.start(E.self, o)
    var a1 = weights.start(E.self, o &+ 8)
    let column = weights.rows + o &* size
    for e in 0..<listCount {
      let j = Int(list[e])
      let row = column + j &* weights.rowBytes
      let value = SIMD8(repeating: x[j])
      a0 += E.load(row) * value
      a1 += E.load(row + 8 &* size) * value
    }
    store8(weights.finish(E.self, a0, o), y + o)
    store8(weights.finish(E.self, a1, o &+ 8), y + (o &+ 8))
    o &+= 16
  }
}

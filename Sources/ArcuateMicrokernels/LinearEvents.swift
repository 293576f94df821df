/// y = bias + the sum of the weight rows of the inputs that are not zero, in ascending order.
///
/// One accumulator per output and a multiply followed by an add, never fused, so that the result
/// has the same bits as `linearDense` and as any split of the outputs between threads.
///
/// Needs. `weights` [pre][stride] with stride a multiple of 16; `first` and `count` multiples of
/// 16; all pointers aligned to 64 bytes; `list` ascending and below pre.
@inline(never)
public func linearEvents(
  input x: UnsafePointer<Float>, list: UnsafePointer<UInt32>, listCount: Int, unit: Bool,
  weights: UnsafePointer<Float>, stride: Int, bias: UnsafePointer<Float>,
  output y: UnsafeMutablePointer<Float>, first: Int, count: Int
) {
  typealias V = SIMD16<Float>
  let end = first + count
  var o = first
  while o + 64 <= end {
    var a0 = load(bias + o)
    var a1 = load(bias + o + 16)
    var a2 = load(bias + o + 32)
    var a3 = load(bias + o + 48)
    let column = weights + o
    if unit {
      for e in 0..<listCount {
        let row = column + Int(list[e]) &* stride
        a0 += load(row)
        a1 += load(row + 16)
        a2 += load(row + 32)
        a3 += load(row + 48)
      }
    } else {
      for e in 0..<listCount {
        let j = Int(list[e])
        let row = column + j &* stride
        let value = V(repeating: x[j])
        a0 += load(row) * value
        a1 += load(row + 16) * value
        a2 += load(row + 32) * value
        a3 += load(row + 48) * value
      }
    }
    store(a0, y + o)
    store(a1, y + o + 16)
    store(a2, y + o + 32)
    store(a3, y + o + 48)
    o += 64
  }
  while o < end {
    var a = load(bias + o)
    let column = weights + o
    for e in 0..<listCount {
      let j = Int(list[e])
      a += load(column + j &* stride) * V(repeating: x[j])
    }
    store(a, y + o)
    o += 16
  }
}

@inline(__always)
func load(_ p: UnsafePointer<Float>) -> SIMD16<Float> {
  UnsafeRawPointer(p).load(as: SIMD16<Float>.self)
}

@inline(__always)
func store(_ v: SIMD16<Float>, _ p: UnsafeMutablePointer<Float>) {
  UnsafeMutableRawPointer(p).storeBytes(of: v, as: SIMD16<Float>.self)
}

import ArcuateKernelTypes
import CShims

/// Adds to y, for every input of `list` in order, its value times the kernel it is seen through.
///
/// Needs. x [height][width][channels], y holding the biases, weights as the runs say; indices
/// within x. With `unit` every listed value is 1.
@inline(never)
public func convolutionEvents(
  input x: UnsafePointer<Float>, list: UnsafePointer<UInt32>, listCount: Int, unit: Bool,
  weights: UnsafePointer<Float>, runs: ConvolutionRuns, output y: UnsafeMutablePointer<Float>
) {
  if unit {
    events(Ones.self, x, list, listCount, weights, runs, y)
  } else {
    events(Numbers.self, x, list, listCount, weights, runs, y)
  }
}

/// What loops are compiled for. Types, since a function of a number is not specialised.
private protocol ListedValues {
  static var areOnes: Bool { get }
}
private enum Ones: ListedValues {
  @inline(__always) static var areOnes: Bool { true }
}
private enum Numbers: ListedValues {
  @inline(__always) static var areOnes: Bool { false }
}
private protocol InputCount {
  static var number: Int { get }
}
private enum One: InputCount {
  @inline(__always) static var number: Int { 1 }
}
private enum Two: InputCount {
  @inline(__always) static var number: Int { 2 }
}
private enum Three: InputCount {
  @inline(__always) static var number: Int { 3 }
}
private enum Four: InputCount {
  @inline(__always) static var number: Int { 4 }
}

@inline(__always)
private func events<V: ListedValues>(
  _: V.Type, _ x: UnsafePointer<Float>, _ list: UnsafePointer<UInt32>, _ listCount: Int,
  _ weights: UnsafePointer<Float>, _ runs: ConvolutionRuns, _ y: UnsafeMutablePointer<Float>
) {
  var e = 0
  while e < listCount {
    let (pixel, channel) = runs.inChannels.divide(Int(list[e]))
    let (py, px) = runs.inWidth.divide(pixel)
    let group = runs.inChannelsPerGroup.divide(channel).quotient
    let first = pixel &* runs.inChannels.divisor
    // The inputs of one pixel and group are seen by the same outputs, whose sums are loaded and
    // stored once for up to four of them.
    let end = first &+ (group &+ 1) &* runs.inChannelsPerGroup.divisor
    var some = 1
    while some < 4 && e &+ some < listCount && Int(list[e &+ some]) < end { some &+= 1 }
    let output = y + group &* runs.outputsPerGroup
    let weights = weights - first &* runs.channelStride
    switch some {
    case 1: add(One.self, V.self, x, list + e, weights, runs, py, px, output)
    case 2: add(Two.self, V.self, x, list + e, weights, runs, py, px, output)
    case 3: add(Three.self, V.self, x, list + e, weights, runs, py, px, output)
    default: add(Four.self, V.self, x, list + e, weights, runs, py, px, output)
    }
    e &+= some
  }
}

/// Adds the kernels of the first inputs of `list`, all of one pixel, times their values, to all that
/// see them. `weights` are those of the input with index 0, were it in this pixel.
@inline(__always)
private func add<N: InputCount, V: ListedValues>(
  _: N.Type, _: V.Type, _ x: UnsafePointer<Float>, _ list: UnsafePointer<UInt32>,
  _ weights: UnsafePointer<Float>, _ runs: ConvolutionRuns, _ py: Int, _ px: Int,
  _ output: UnsafeMutablePointer<Float>
) {
  @inline(__always) func kernel(_ k: Int) -> (UnsafePointer<Float>, Float) {
    let index = Int(list[min(k, N.number &- 1)])
    return (weights + index &* runs.channelStride, V.areOnes ? 1 : x[index])
  }
  let (a, b, c, d) = (kernel(0), kernel(1), kernel(2), kernel(3))
  for column in Int(runs.columnStarts[px])..<Int(runs.columnStarts[px &+ 1]) {
    let column = runs.columns[column]
    let count = Int(column.count)
    for row in Int(runs.rowStarts[py])..<Int(runs.rowStarts[py &+ 1]) {
      let row = runs.rows[row]
      let at = Int(row.weights &+ column.weights)
      addScaled(
        N.self, V.self, (a.0 + at, a.1), (b.0 + at, b.1), (c.0 + at, c.1), (d.0 + at, d.1),
        output + Int(row.output &+ column.output), count)
    }
  }
}

/// y += a, then b, c and d, as many as N says, over `count` elements: weights, each times a value;
/// multiplied, then added.
@inline(__always)
private func addScaled<N: InputCount, V: ListedValues>(
  _: N.Type, _: V.Type, _ a: (UnsafePointer<Float>, Float), _ b: (UnsafePointer<Float>, Float),
  _ c: (UnsafePointer<Float>, Float), _ d: (UnsafePointer<Float>, Float),
  _ y: UnsafeMutablePointer<Float>, _ count: Int
) {
  let sums = UnsafeMutableRawPointer(y)
  @inline(__always) func scaled<L: SIMD>(
    _ from: (UnsafePointer<Float>, Float), _ i: Int, _: L.Type
  ) -> L where L.Scalar == Float, L: BitwiseCopyable {
    let weight = UnsafeRawPointer(from.0 + i).loadUnaligned(as: L.self)
    return V.areOnes ? weight : weight * L(repeating: from.1)
  }
  @inline(__always) func add<L: SIMD>(_ i: Int, _: L.Type)
  where L.Scalar == Float, L: BitwiseCopyable {
    var sum = sums.loadUnaligned(fromByteOffset: 4 &* i, as: L.self) + scaled(a, i, L.self)
    if N.number > 1 { sum += scaled(b, i, L.self) }
    if N.number > 2 { sum += scaled(c, i, L.self) }
    if N.number > 3 { sum += scaled(d, i, L.self) }
    sums.storeBytes(of: sum, toByteOffset: 4 &* i, as: L.self)
  }
  var i = 0
  // Two at once, since the loop costs as much as an addition.
  while i &+ 2 &* laneCount <= count {
    add(i, Lanes.self)
    add(i &+ laneCount, Lanes.self)
    i &+= 2 &* laneCount
  }
  if i &+ laneCount <= count {
    add(i, Lanes.self)
    i &+= laneCount
  }
  #if ARCUATE_WIDE
    if i < count {
      let inside = lanes(from: i, of: count)
      @inline(__always) func rest(_ from: (UnsafePointer<Float>, Float)) -> Lanes {
        let weight = cshims_load_lanes(from.0 + i, inside)
        return V.areOnes ? weight : weight * Lanes(repeating: from.1)
      }
      var sum = cshims_load_lanes(y + i, inside) + rest(a)
      if N.number > 1 { sum += rest(b) }
      if N.number > 2 { sum += rest(c) }
      if N.number > 3 { sum += rest(d) }
      cshims_store_lanes(sum, y + i, inside)
    }
  #else
    if i &+ 4 <= count {
      add(i, SIMD4<Float>.self)
      i &+= 4
    }
    while i < count {
      @inline(__always) func rest(_ from: (UnsafePointer<Float>, Float)) -> Float {
        V.areOnes ? from.0[i] : from.0[i] * from.1
      }
      var sum = y[i] + rest(a)
      if N.number > 1 { sum += rest(b) }
      if N.number > 2 { sum += rest(c) }
      if N.number > 3 { sum += rest(d) }
      y[i] = sum
      i &+= 1
    }
  #endif
}

import ArcuateKernelTypes
import CShims

/// Adds to y, for every input of `list` in order, its value times the kernel it is seen through.
///
/// Needs. x [height][width][channels], y holding the biases, weights as the runs say; indices
/// within x. With `unit` every listed value is 1, and x is not read.
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

/// Variants that loops are compiled for, as types, since a function of a number is not specialized.
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
private enum Five: InputCount {
  @inline(__always) static var number: Int { 5 }
}
private enum Six: InputCount {
  @inline(__always) static var number: Int { 6 }
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
    // stored once for up to six of them.
    let end = first &+ (group &+ 1) &* runs.inChannelsPerGroup.divisor
    var some = 1
    while some < 6 && e &+ some < listCount && Int(list[e &+ some]) < end { some &+= 1 }
    let output = y + group &* runs.outputsPerGroup
    let weights = weights - first &* runs.channelStride
    switch some {
    case 1: add(One.self, V.self, x, list + e, weights, runs, py, px, output)
    case 2: add(Two.self, V.self, x, list + e, weights, runs, py, px, output)
    case 3: add(Three.self, V.self, x, list + e, weights, runs, py, px, output)
    case 4: add(Four.self, V.self, x, list + e, weights, runs, py, px, output)
    case 5: add(Five.self, V.self, x, list + e, weights, runs, py, px, output)
    default: add(Six.self, V.self, x, list + e, weights, runs, py, px, output)
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
  let (a, b, c) = (kernel(0), kernel(1), kernel(2))
  let (d, e, f) = (kernel(3), kernel(4), kernel(5))
  let rows = Int(runs.rowStarts[py &+ 1] &- runs.rowStarts[py])
  if rows == 0 { return }
  // Kernel rows that an input is seen through are equally far apart, and so are the outputs' rows.
  let row = runs.rows + Int(runs.rowStarts[py])
  let next = rows > 1 ? row[1] : row[0]
  let weightStep = Int(next.weights &- row[0].weights)
  let outputStep = Int(next.output &- row[0].output)
  for column in Int(runs.columnStarts[px])..<Int(runs.columnStarts[px &+ 1]) {
    let column = runs.columns[column]
    let at = Int(row[0].weights &+ column.weights)
    addScaled(
      N.self, V.self, (a.0 + at, a.1), (b.0 + at, b.1), (c.0 + at, c.1), (d.0 + at, d.1),
      (e.0 + at, e.1), (f.0 + at, f.1), weightStep, output + Int(row[0].output &+ column.output),
      outputStep, rows,
      Int(column.count))
  }
}

/// y += a, then b and so on, as many as N says, over `count` elements of `rows` rows: weights, each
/// times a value; multiplied, then added. The rows of weights and those of y are steps apart.
@inline(__always)
private func addScaled<N: InputCount, V: ListedValues>(
  _: N.Type, _: V.Type, _ a: (UnsafePointer<Float>, Float), _ b: (UnsafePointer<Float>, Float),
  _ c: (UnsafePointer<Float>, Float), _ d: (UnsafePointer<Float>, Float),
  _ e: (UnsafePointer<Float>, Float), _ f: (UnsafePointer<Float>, Float), _ weightStep: Int,
  _ y: UnsafeMutablePointer<Float>, _ outputStep: Int, _ rows: Int, _ count: Int
) {
  @inline(__always) func scaled<L: SIMD>(
    _ from: (UnsafePointer<Float>, Float), _ i: Int, _: L.Type
  ) -> L where L.Scalar == Float, L: BitwiseCopyable {
    let weight = UnsafeRawPointer(from.0 + i).loadUnaligned(as: L.self)
    return V.areOnes ? weight : weight * L(repeating: from.1)
  }
  /// Adds the weights at i to what is at `to`.
  @inline(__always) func add<L: SIMD>(_ i: Int, _ to: UnsafeMutablePointer<Float>, _: L.Type)
  where L.Scalar == Float, L: BitwiseCopyable {
    let sums = UnsafeMutableRawPointer(to)
    var sum = sums.loadUnaligned(as: L.self) + scaled(a, i, L.self)
    if N.number > 1 { sum += scaled(b, i, L.self) }
    if N.number > 2 { sum += scaled(c, i, L.self) }
    if N.number > 3 { sum += scaled(d, i, L.self) }
    if N.number > 4 { sum += scaled(e, i, L.self) }
    if N.number > 5 { sum += scaled(f, i, L.self) }
    sums.storeBytes(of: sum, as: L.self)
  }
  /// Calls `body` with the position of element i in each row of weights and of y. The rows inside: how
  /// many there are changes seldom, so that the end of this loop is foreseen.
  @inline(__always) func eachRow(
    _ i: Int, _ body: (_ at: Int, _ to: UnsafeMutablePointer<Float>) -> Void
  ) {
    var (at, to, left) = (i, y + i, rows)
    repeat {
      body(at, to)
      at &+= weightStep
      to += outputStep
      left &-= 1
    } while left > 0
  }
  var i = 0
  while i &+ 2 &* laneCount <= count {
    eachRow(i) { at, to in
      add(at, to, Lanes.self)
      add(at &+ laneCount, to + laneCount, Lanes.self)
    }
    i &+= 2 &* laneCount
  }
  #if ARCUATE_WIDE
    if i == count { return }
    // Less than two vectors: a whole one if there is, and a part of one.
    let isWhole = count &- i >= laneCount
    let from = isWhole ? laneCount : 0
    let inside = lanes(from: i &+ from, of: count)
    @inline(__always) func rest(_ from: (UnsafePointer<Float>, Float), _ i: Int) -> Lanes {
      let weight = cshims_load_lanes(from.0 + i, inside)
      return V.areOnes ? weight : weight * Lanes(repeating: from.1)
    }
    eachRow(i) { at, to in
      if isWhole { add(at, to, Lanes.self) }
      if inside == 0 { return }
      let (at, to) = (at &+ from, to + from)
      var sum = cshims_load_lanes(to, inside) + rest(a, at)
      if N.number > 1 { sum += rest(b, at) }
      if N.number > 2 { sum += rest(c, at) }
      if N.number > 3 { sum += rest(d, at) }
      if N.number > 4 { sum += rest(e, at) }
      if N.number > 5 { sum += rest(f, at) }
      cshims_store_lanes(sum, to, inside)
    }
  #else
    if i &+ laneCount <= count {
      eachRow(i) { at, to in add(at, to, Lanes.self) }
      i &+= laneCount
    }
    if i &+ 4 <= count {
      eachRow(i) { at, to in add(at, to, SIMD4<Float>.self) }
      i &+= 4
    }
    while i < count {
      @inline(__always) func rest(_ from: (UnsafePointer<Float>, Float), _ i: Int) -> Float {
        V.areOnes ? from.0[i] : from.0[i] * from.1
      }
      eachRow(i) { at, to in
        var sum = to.pointee + rest(a, at)
        if N.number > 1 { sum += rest(b, at) }
        if N.number > 2 { sum += rest(c, at) }
        if N.number > 3 { sum += rest(d, at) }
        if N.number > 4 { sum += rest(e, at) }
        if N.number > 5 { sum += rest(f, at) }
        to.pointee = sum
      }
      i &+= 1
    }
  #endif
}

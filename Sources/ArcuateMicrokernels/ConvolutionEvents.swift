/// A division by a number that does not change, as a multiplication.
public struct Divisor: BitwiseCopyable, Sendable {
  @usableFromInline let value: UInt64
  @usableFromInline let magic: UInt64

  /// `value` is at least 1.
  public init(_ value: Int) {
    self.value = UInt64(value)
    // Rounded up, which is exact for numerators below 2^32; for 1 there is no such number.
    magic = value == 1 ? 0 : UInt64.max / UInt64(value) &+ 1
  }

  /// `n` below 2^32.
  @inline(__always)
  public func divide(_ n: Int) -> (quotient: Int, remainder: Int) {
    let n = UInt64(truncatingIfNeeded: n)
    let quotient = magic == 0 ? n : n.multipliedFullWidth(by: magic).high
    return (Int(quotient), Int(n &- quotient &* value))
  }
}

/// A stretch of outputs that a stretch of weights is added to, in floats from their beginnings.
public struct ConvolutionRun: BitwiseCopyable, Sendable {
  public var weights: Int32
  public var output: Int32
  public var count: Int32

  public init(weights: Int32, output: Int32, count: Int32) {
    self.weights = weights
    self.output = output
    self.count = count
  }
}

/// Where a kernel meets the outputs, for every place of an input.
///
/// An input in row y and column x is seen by the outputs of each run of its row together with each
/// run of its column. Outputs side by side see it through kernel columns that stand side by side as
/// well, last first, so that one run covers them with all their channels.
public struct ConvolutionRuns {
  /// Runs of row y: rows[rowStarts[y] ..< rowStarts[y + 1]]; their `count` is not used.
  public var rows, columns: UnsafePointer<ConvolutionRun>
  public var rowStarts, columnStarts: UnsafePointer<Int32>
  public var inWidth, inChannels, inChannelsPerGroup: Divisor
  /// Floats of an input channel's weights, and from one group's outputs to the next.
  public var channelStride, outputsPerGroup: Int

  public init(
    rows: UnsafePointer<ConvolutionRun>, columns: UnsafePointer<ConvolutionRun>,
    rowStarts: UnsafePointer<Int32>, columnStarts: UnsafePointer<Int32>, inWidth: Divisor,
    inChannels: Divisor, inChannelsPerGroup: Divisor, channelStride: Int, outputsPerGroup: Int
  ) {
    self.rows = rows
    self.columns = columns
    self.rowStarts = rowStarts
    self.columnStarts = columnStarts
    self.inWidth = inWidth
    self.inChannels = inChannels
    self.inChannelsPerGroup = inChannelsPerGroup
    self.channelStride = channelStride
    self.outputsPerGroup = outputsPerGroup
  }
}

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
    events(x, list, listCount, true, weights, runs, y)
  } else {
    events(x, list, listCount, false, weights, runs, y)
  }
}

@inline(__always)
private func events(
  _ x: UnsafePointer<Float>, _ list: UnsafePointer<UInt32>, _ listCount: Int, _ unit: Bool,
  _ weights: UnsafePointer<Float>, _ runs: ConvolutionRuns, _ y: UnsafeMutablePointer<Float>
) {
  for e in 0..<listCount {
    let index = Int(list[e])
    let (pixel, channel) = runs.inChannels.divide(index)
    let (py, px) = runs.inWidth.divide(pixel)
    let group = runs.inChannelsPerGroup.divide(channel).quotient
    let kernel = weights + channel &* runs.channelStride
    let output = y + group &* runs.outputsPerGroup
    let value = x[index]
    for c in Int(runs.columnStarts[px])..<Int(runs.columnStarts[px &+ 1]) {
      let column = runs.columns[c]
      let count = Int(column.count)
      for r in Int(runs.rowStarts[py])..<Int(runs.rowStarts[py &+ 1]) {
        let row = runs.rows[r]
        addScaled(
          kernel + Int(row.weights &+ column.weights), value, unit,
          output + Int(row.output &+ column.output), count)
      }
    }
  }
}

/// y += w * value over `count` elements: multiply, then add.
@inline(__always)
func addScaled(
  _ w: UnsafePointer<Float>, _ value: Float, _ unit: Bool, _ y: UnsafeMutablePointer<Float>,
  _ count: Int
) {
  let sums = UnsafeMutableRawPointer(y)
  let weights = UnsafeRawPointer(w)
  let values = SIMD8<Float>(repeating: value)
  var i = 0
  while i &+ 8 <= count {
    var weight = weights.loadUnaligned(fromByteOffset: 4 &* i, as: SIMD8<Float>.self)
    if !unit { weight *= values }
    let sum = sums.loadUnaligned(fromByteOffset: 4 &* i, as: SIMD8<Float>.self) + weight
    sums.storeBytes(of: sum, toByteOffset: 4 &* i, as: SIMD8<Float>.self)
    i &+= 8
  }
  if i &+ 4 <= count {
    var weight = weights.loadUnaligned(fromByteOffset: 4 &* i, as: SIMD4<Float>.self)
    if !unit { weight *= values.lowHalf }
    let sum = sums.loadUnaligned(fromByteOffset: 4 &* i, as: SIMD4<Float>.self) + weight
    sums.storeBytes(of: sum, toByteOffset: 4 &* i, as: SIMD4<Float>.self)
    i &+= 4
  }
  while i < count {
    y[i] += unit ? w[i] : w[i] * value
    i &+= 1
  }
}

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
  let values = Lanes(repeating: value)
  var i = 0
  while i &+ laneCount <= count {
    var weight = weights.loadUnaligned(fromByteOffset: 4 &* i, as: Lanes.self)
    if !unit { weight *= values }
    let sum = sums.loadUnaligned(fromByteOffset: 4 &* i, as: Lanes.self) + weight
    sums.storeBytes(of: sum, toByteOffset: 4 &* i, as: Lanes.self)
    i &+= laneCount
  }
  #if ARCUATE_WIDE
    if i < count {
      let inside = lanes(from: i, of: count)
      var weight = cshims_load_lanes(w + i, inside)
      if !unit { weight *= values }
      cshims_store_lanes(cshims_load_lanes(y + i, inside) + weight, y + i, inside)
    }
  #else
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
  #endif
}

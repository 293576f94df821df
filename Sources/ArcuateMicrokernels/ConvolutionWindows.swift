import ArcuateKernelTypes
import CShims

/// y = bias + the sum over each output's window, in ascending order of the inputs.
///
/// The bits of `convolutionEvents`, with sums in registers: better where windows have many inputs
/// that are not zero. Two outputs side by side go through the inputs of both windows together; an
/// input that only one of them sees meets weights of zero for the other, which change nothing.
///
/// Returns false, and has written nothing, if an input is not finite: times zero it would.
///
/// Needs. `weights` have a column of zeros before the first and one after the last; `bias` is padded
/// to 16 as they are; `starts` has a number for each input pixel and one more; y has space for
/// every output.
@inline(never)
public func convolutionWindows(
  input x: UnsafePointer<Float>, list: UnsafePointer<UInt32>, listCount: Int, unit: Bool,
  weights: UnsafePointer<Float>, bias: UnsafePointer<Float>, windows w: ConvolutionWindows,
  starts: UnsafeMutablePointer<UInt32>, output y: UnsafeMutablePointer<Float>
) -> Bool {
  let g = w.geometry
  // Where the list comes to each pixel.
  let pixels = g.inHeight &* g.inWidth
  var next = 0
  var finite: Float = 0
  for e in 0..<listCount {
    let index = Int(list[e])
    finite += x[index] * 0
    let pixel = w.pixel.divide(index).quotient
    while next <= pixel {
      starts[next] = UInt32(truncatingIfNeeded: e)
      next &+= 1
    }
  }
  guard finite == 0 else { return false }
  while next <= pixels {
    starts[next] = UInt32(truncatingIfNeeded: listCount)
    next &+= 1
  }
  var channel = 0
  while channel < g.outChannels {
    let vectors = min(4, (g.outChannels &- channel &+ laneCount &- 1) / laneCount)
    @inline(__always) func sums(_ vectors: Int) {
      if unit {
        windowSums(x, list, true, weights, bias, w, starts, y, channel, vectors)
      } else {
        windowSums(x, list, false, weights, bias, w, starts, y, channel, vectors)
      }
    }
    switch vectors {
    case 1: sums(1)
    case 2: sums(2)
    case 3: sums(3)
    default: sums(4)
    }
    channel &+= 4 &* laneCount
  }
  return true
}

/// The sums of up to four vectors of channels from `channel` on. `vectors` is known where this is inlined.
@inline(__always)
private func windowSums(
  _ x: UnsafePointer<Float>, _ list: UnsafePointer<UInt32>, _ unit: Bool,
  _ weights: UnsafePointer<Float>, _ bias: UnsafePointer<Float>, _ w: ConvolutionWindows,
  _ starts: UnsafePointer<UInt32>, _ y: UnsafeMutablePointer<Float>, _ channel: Int, _ vectors: Int
) {
  let g = w.geometry
  let left = g.outChannels &- channel
  // From the weights that one output meets an input with to those of the next output's.
  let shift = g.inChannels &* w.channelStride
  let b0 = load(bias + channel)
  let b1 = vectors > 1 ? load(bias + (channel &+ laneCount)) : b0
  let b2 = vectors > 2 ? load(bias + (channel &+ 2 &* laneCount)) : b0
  let b3 = vectors > 3 ? load(bias + (channel &+ 3 &* laneCount)) : b0
  for oy in 0..<g.outHeight {
    var ox = 0
    while ox < g.outWidth {
      let firstColumn = ox &- g.padLeft
      let from = min(max(firstColumn, 0), g.inWidth)
      let to = max(from, min(firstColumn &+ g.kernelWidth &+ 1, g.inWidth))
      var (p0, p1, p2, p3) = (b0, b1, b2, b3)
      var (q0, q1, q2, q3) = (b0, b1, b2, b3)
      for ky in 0..<g.kernelHeight {
        let row = oy &* g.strideY &- g.padTop &+ ky &* g.dilationY
        if row < 0 || row >= g.inHeight { continue }
        var e = Int(starts[row &* g.inWidth &+ from])
        let last = Int(starts[row &* g.inWidth &+ to])
        if e == last { continue }
        // Weights of the input with index 0, were it in this row's window, for the first output.
        let origin =
          (ky &* (g.kernelWidth &+ 2) &+ 1) &* g.inChannels
          &- (row &* g.inWidth &+ firstColumn) &* g.inChannels
        let base = weights + (origin &* w.channelStride &+ channel)
        repeat {
          let index = Int(list[e])
          let p = base + index &* w.channelStride
          let q = p - shift
          if unit {
            p0 += load(p)
            q0 += load(q)
            if vectors > 1 {
              p1 += load(p + laneCount)
              q1 += load(q + laneCount)
            }
            if vectors > 2 {
              p2 += load(p + 2 &* laneCount)
              q2 += load(q + 2 &* laneCount)
            }
            if vectors > 3 {
              p3 += load(p + 3 &* laneCount)
              q3 += load(q + 3 &* laneCount)
            }
          } else {
            let value = Lanes(repeating: x[index])
            p0 += load(p) * value
            q0 += load(q) * value
            if vectors > 1 {
              p1 += load(p + laneCount) * value
              q1 += load(q + laneCount) * value
            }
            if vectors > 2 {
              p2 += load(p + 2 &* laneCount) * value
              q2 += load(q + 2 &* laneCount) * value
            }
            if vectors > 3 {
              p3 += load(p + 3 &* laneCount) * value
              q3 += load(q + 3 &* laneCount) * value
            }
          }
          e &+= 1
        } while e != last
      }
      let output = y + ((oy &* g.outWidth &+ ox) &* g.outChannels &+ channel)
      put(p0, output, left)
      if vectors > 1 { put(p1, output + laneCount, left &- laneCount) }
      if vectors > 2 { put(p2, output + 2 &* laneCount, left &- 2 &* laneCount) }
      if vectors > 3 { put(p3, output + 3 &* laneCount, left &- 3 &* laneCount) }
      if ox &+ 1 < g.outWidth {
        let output = output + g.outChannels
        put(q0, output, left)
        if vectors > 1 { put(q1, output + laneCount, left &- laneCount) }
        if vectors > 2 { put(q2, output + 2 &* laneCount, left &- 2 &* laneCount) }
        if vectors > 3 { put(q3, output + 3 &* laneCount, left &- 3 &* laneCount) }
      }
      ox &+= 2
    }
  }
}

/// Stores the sums of `left` channels, or as many as there are lanes.
@inline(__always)
private func put(_ v: Lanes, _ p: UnsafeMutablePointer<Float>, _ left: Int) {
  if left >= laneCount { return UnsafeMutableRawPointer(p).storeBytes(of: v, as: Lanes.self) }
  #if ARCUATE_WIDE
    cshims_store_lanes(v, p, lanes(from: 0, of: left))
  #else
    if left >= 4 {
      UnsafeMutableRawPointer(p).storeBytes(of: v.lowHalf, as: SIMD4<Float>.self)
    }
    for i in (left & 4)..<left { p[i] = v[i] }
  #endif
}

import ArcuateKernelTypes

/// y = bias + the sum over each output's window, in ascending order of the inputs.
///
/// The bits of `convolutionEvents`, with sums in registers: better where windows have many inputs
/// that are not zero.
///
/// Needs. `bias` padded to 8 as the weights are; `starts` has room for a number for each input
/// pixel and one more; y has room for every output.
@inline(never)
public func convolutionWindows(
  input x: UnsafePointer<Float>, list: UnsafePointer<UInt32>, listCount: Int, unit: Bool,
  weights: UnsafePointer<Float>, bias: UnsafePointer<Float>, windows w: ConvolutionWindows,
  starts: UnsafeMutablePointer<UInt32>, output y: UnsafeMutablePointer<Float>
) {
  // Where the list comes to each pixel.
  let pixels = w.inHeight &* w.inWidth
  var next = 0
  for e in 0..<listCount {
    let pixel = w.pixel.divide(Int(list[e])).quotient
    while next <= pixel {
      starts[next] = UInt32(truncatingIfNeeded: e)
      next &+= 1
    }
  }
  while next <= pixels {
    starts[next] = UInt32(truncatingIfNeeded: listCount)
    next &+= 1
  }
  if unit {
    windowSums(x, list, true, weights, bias, w, starts, y)
  } else {
    windowSums(x, list, false, weights, bias, w, starts, y)
  }
}

@inline(__always)
private func windowSums(
  _ x: UnsafePointer<Float>, _ list: UnsafePointer<UInt32>, _ unit: Bool,
  _ weights: UnsafePointer<Float>, _ bias: UnsafePointer<Float>, _ w: ConvolutionWindows,
  _ starts: UnsafePointer<UInt32>, _ y: UnsafeMutablePointer<Float>
) {
  let end = y + w.outHeight &* w.outWidth &* w.outChannels
  var pixel = 0
  for oy in 0..<w.outHeight {
    for ox in 0..<w.outWidth {
      let firstColumn = ox &* w.strideX &- w.padLeft
      let from = min(max(firstColumn, 0), w.inWidth)
      let to = max(from, min(firstColumn &+ w.kernelWidth, w.inWidth))
      let output = y + pixel &* w.outChannels
      var channel = 0
      while channel < w.outChannels {
        let vectors = min(4, (w.outChannels &- channel &+ 7) / 8)
        var a0 = load8(bias + channel)
        var a1 = vectors > 1 ? load8(bias + (channel &+ 8)) : a0
        var a2 = vectors > 2 ? load8(bias + (channel &+ 16)) : a0
        var a3 = vectors > 3 ? load8(bias + (channel &+ 24)) : a0
        for ky in 0..<w.kernelHeight {
          let row = oy &* w.strideY &- w.padTop &+ ky &* w.dilationY
          if row < 0 || row >= w.inHeight { continue }
          var e = Int(starts[row &* w.inWidth &+ from])
          let last = Int(starts[row &* w.inWidth &+ to])
          if e == last { continue }
          // Weights of the input with index 0, were it in this row's window.
          let origin =
            ky &* w.kernelWidth &* w.inChannels
            &- (row &* w.inWidth &+ firstColumn) &* w.inChannels
          let base = weights + (origin &* w.channelStride &+ channel)
          switch vectors {
          case 4:
            repeat {
              let index = Int(list[e])
              let p = base + index &* w.channelStride
              if unit {
                a0 += load8(p)
                a1 += load8(p + 8)
                a2 += load8(p + 16)
                a3 += load8(p + 24)
              } else {
                let value = SIMD8(repeating: x[index])
                a0 += load8(p) * value
                a1 += load8(p + 8) * value
                a2 += load8(p + 16) * value
                a3 += load8(p + 24) * value
              }
              e &+= 1
            } while e != last
          case 2:
            repeat {
              let index = Int(list[e])
              let p = base + index &* w.channelStride
              let value = SIMD8(repeating: x[index])
              a0 += load8(p) * value
              a1 += load8(p + 8) * value
              e &+= 1
            } while e != last
          default:
            repeat {
              let index = Int(list[e])
              let p = base + index &* w.channelStride
              let value = SIMD8(repeating: x[index])
              a0 += load8(p) * value
              if vectors > 2 {
                a1 += load8(p + 8) * value
                a2 += load8(p + 16) * value
              }
              e &+= 1
            } while e != last
          }
        }
        put(a0, output + channel, w.outChannels &- channel, end)
        if vectors > 1 {
          put(a1, output + (channel &+ 8), w.outChannels &- channel &- 8, end)
        }
        if vectors > 2 {
          put(a2, output + (channel &+ 16), w.outChannels &- channel &- 16, end)
        }
        if vectors > 3 {
          put(a3, output + (channel &+ 24), w.outChannels &- channel &- 24, end)
        }
        channel &+= 32
      }
      pixel &+= 1
    }
  }
}

/// Stores eight sums of which `left` are meant; what goes beyond is the next pixels', which are
/// written later, unless it would lie beyond `end`.
@inline(__always)
private func put(
  _ v: SIMD8<Float>, _ p: UnsafeMutablePointer<Float>, _ left: Int,
  _ end: UnsafeMutablePointer<Float>
) {
  if p + 8 <= end {
    UnsafeMutableRawPointer(p).storeBytes(of: v, as: SIMD8<Float>.self)
  } else {
    for i in 0..<min(left, 8) { p[i] = v[i] }
  }
}

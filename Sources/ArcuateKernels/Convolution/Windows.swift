import ArcuateCore
import ArcuateKernelTypes

/// The windows that a convolution looks through, laid side by side, so that it becomes a product of
/// matrices; channel-first rows.
public enum Windows {
  /// columns [inputs per group * kernel][outputs of a channel], rows `stride` apart, of group
  /// `group` of one input [channels][height][width]; zero where a window reaches over the edge.
  public static func spread(
    _ x: Row<Float>, _ g: ConvolutionGeometry, group: Int, into columns: Row<Float>, stride: Int
  ) {
    check(x, g, group, columns, stride)
    each(g, group, stride) { from, to, count, step in
      let q = columns.pointer + to
      guard let from else {
        for i in 0..<count { q[i] = 0 }
        return
      }
      let p = x.pointer + from
      if step == 1 {
        copy(p, q, count)
      } else {
        for i in 0..<count { q[i] = p[i * step] }
      }
    }
  }

  /// The backward pass: adds each column's elements to the inputs that they were copied from.
  public static func gather(
    _ columns: Row<Float>, stride: Int, _ g: ConvolutionGeometry, group: Int, into x: Row<Float>
  ) {
    check(x, g, group, columns, stride)
    each(g, group, stride) { from, to, count, step in
      guard let from else { return }
      let p = x.pointer + from
      let q = columns.pointer + to
      if step == 1 {
        for i in 0..<count { p[i] += q[i] }
      } else {
        for i in 0..<count { p[i * step] += q[i] }
      }
    }
  }

  /// Adds the kernels of the listed inputs to the outputs that see them: of one group, for kernels
  /// [inputs of a window][stride] with a float for each output channel.
  public static func addEvents(
    _ x: Row<Float>, _ list: Row<UInt32>, _ g: ConvolutionGeometry, kernels: Row<Float>,
    stride: Int, into y: Row<Float>
  ) {
    let (pixels, positions) = (g.inHeight * g.inWidth, g.outHeight * g.outWidth)
    precondition(
      g.groups == 1 && x.count >= g.inputCount && y.count >= g.outputCount
        && stride >= g.outChannels
        && kernels.count >= g.inChannels * g.kernelHeight * g.kernelWidth * stride,
      "buffer too small for the kernels")
    for e in 0..<list.count {
      let j = Int(list[e])
      let (channel, iy, ix) = (j / pixels, j % pixels / g.inWidth, j % g.inWidth)
      for ky in 0..<g.kernelHeight {
        let ty = iy + g.padTop - ky * g.dilationY
        guard ty >= 0, ty % g.strideY == 0, ty / g.strideY < g.outHeight else { continue }
        for kx in 0..<g.kernelWidth {
          let tx = ix + g.padLeft - kx * g.dilationX
          guard tx >= 0, tx % g.strideX == 0, tx / g.strideX < g.outWidth else { continue }
          let kernel = ((channel * g.kernelHeight + ky) * g.kernelWidth + kx) * stride
          let at = ty / g.strideY * g.outWidth + tx / g.strideX
          for o in 0..<g.outChannels {
            y[o * positions + at] = y[o * positions + at].addingProduct(x[j], kernels[kernel + o])
          }
        }
      }
    }
  }

  /// Stretches are short, so that a call of the library for each would cost more than the copy.
  @inline(__always)
  private static func copy(_ p: UnsafePointer<Float>, _ q: UnsafeMutablePointer<Float>, _ n: Int) {
    typealias V = SIMD8<Float>
    // SAFETY: both have `n` floats, as the callers checked; whole vectors end within them.
    let (from, to) = (UnsafeRawPointer(p), UnsafeMutableRawPointer(q))
    guard n >= 8 else {
      for i in 0..<n { q[i] = p[i] }
      return
    }
    @inline(__always) func eight(_ at: Int) {
      to.storeBytes(
        of: from.loadUnaligned(fromByteOffset: 4 * at, as: V.self), toByteOffset: 4 * at,
        as: V.self)
    }
    for i in stride(from: 0, through: n - 8, by: 8) { eight(i) }
    // The last eight once more, some of them for the second time.
    eight(n - 8)
  }

  private static func check(
    _ x: Row<Float>, _ g: ConvolutionGeometry, _ group: Int, _ columns: Row<Float>, _ stride: Int
  ) {
    let positions = g.outHeight * g.outWidth
    precondition(
      x.count >= g.inputCount && group >= 0 && group < g.groups && stride >= positions
        && columns.count >= (g.inPerGroup * g.kernelHeight * g.kernelWidth - 1) * stride
          + positions,
      "buffer too small for the windows")
  }

  /// Every stretch of columns beside a stretch of inputs that lie `step` apart, or beside none.
  @inline(__always)
  private static func each(
    _ g: ConvolutionGeometry, _ group: Int, _ stride: Int,
    _ body: (_ from: Int?, _ to: Int, _ count: Int, _ step: Int) -> Void
  ) {
    var to = 0
    for channel in group * g.inPerGroup..<(group + 1) * g.inPerGroup {
      for ky in 0..<g.kernelHeight {
        for kx in 0..<g.kernelWidth {
          // Outputs first ..< last see an input in this column.
          let shift = kx * g.dilationX - g.padLeft
          let first = min(g.outWidth, shift >= 0 ? 0 : (-shift + g.strideX - 1) / g.strideX)
          let scratch = g.inWidth - 1 - shift
          let last = scratch < 0 ? first : max(first, min(g.outWidth, scratch / g.strideX + 1))
          for oy in 0..<g.outHeight {
            let iy = oy * g.strideY - g.padTop + ky * g.dilationY
            let at = to + oy * g.outWidth
            if iy < 0 || iy >= g.inHeight {
              body(nil, at, g.outWidth, 1)
              continue
            }
            body(nil, at, first, 1)
            if last > first {
              body(
                (channel * g.inHeight + iy) * g.inWidth + first * g.strideX + shift, at + first,
                last - first, g.strideX)
            }
            body(nil, at + last, g.outWidth - last, 1)
          }
          to += stride
        }
      }
    }
  }
}

import ArcuateCore
import ArcuateKernels
import ArcuateModel

/// Sums, averages or maxima of windows.
final class PoolingNode: NodeTraining {
  let ports: NodePorts
  var outputIsTransient: Bool { false }
  var overwritesInput: Bool { false }
  var makesSpikes: Bool { false }
  var parameters: [Parameter] { [] }
  private let pooling: Pooling
  /// The index of each window's largest element, for the maximum.
  private let largest: View<Int32>?
  private let shape: Shape

  static func make(from pooling: Pooling, at site: NodeSite) throws(ArcuateError) -> PoolingNode {
    let input = try site.input()
    guard pooling.kind != .spikeMaximum else { throw site.unsupported("a maximum of spikes") }
    return try PoolingNode(site.name, input, try site.output(), pooling: pooling)
  }

  private init(_ name: String, _ input: Signal, _ output: Signal, pooling: Pooling)
    throws(ArcuateError)
  {
    self.pooling = pooling
    shape = input.shape
    largest =
      pooling.kind == .maximum
      ? try AlignedBuffer(byteCount: output.rows * output.stride * 4)
        .view(start: 0, count: output.rows * output.stride) : nil
    ports = NodePorts(name, [input], output)
  }

  /// Every window of one row: the output's index, and the rows and columns of input that it covers.
  @inline(__always)
  private func windows(
    _ body: (_ out: Int, _ plane: Int, _ ys: Range<Int>, _ xs: Range<Int>) -> Void
  ) {
    let (height, width) = (shape[1], shape[2])
    let (outHeight, outWidth) = (output.shape[1], output.shape[2])
    for c in 0..<shape[0] {
      for oy in 0..<outHeight {
        let y = oy * pooling.stride[0] - pooling.padding[0]
        let ys = max(0, y)..<max(max(0, y), min(height, y + pooling.kernel[0]))
        for ox in 0..<outWidth {
          let x = ox * pooling.stride[1] - pooling.padding[1]
          let xs = max(0, x)..<max(max(0, x), min(width, x + pooling.kernel[1]))
          body((c * outHeight + oy) * outWidth + ox, c * height * width, ys, xs)
        }
      }
    }
  }

  /// Whether all windows lie inside and none is a maximum: whole lines are then summed at once.
  private lazy var isPlain =
    pooling.kind != .maximum && pooling.padding == [0, 0] && pooling.stride[1] > 0
    && (0..<2).allSatisfy {
      (output.shape[$0 + 1] - 1) * pooling.stride[$0] + pooling.kernel[$0] <= shape[$0 + 1]
    }

  /// Every line of windows of one row at one position of the kernel, in the order in which windows add
  /// up: where its outputs begin, and its inputs.
  private func lines(_ body: (_ out: Int, _ from: Int) -> Void) {
    let (outHeight, outWidth) = (output.shape[1], output.shape[2])
    for plane in 0..<shape[0] {
      for oy in 0..<outHeight {
        for ky in 0..<pooling.kernel[0] {
          let y = plane * shape[1] + oy * pooling.stride[0] + ky
          for kx in 0..<pooling.kernel[1] {
            body((plane * outHeight + oy) * outWidth, y * shape[2] + kx)
          }
        }
      }
    }
  }

  /// The number of inputs from the first to the last of a line.
  private var reach: Int { (output.shape[2] - 1) * pooling.stride[1] + 1 }

  private var factor: Float {
    pooling.kind == .average ? 1 / Float(pooling.kernel[0] * pooling.kernel[1]) : 1
  }

  func forward(_ steps: Range<Int>, _ pass: Pass) throws(ArcuateError) {
    let width = shape[2]
    let (isPlain, factor, step, reach) = (isPlain, factor, pooling.stride[1], reach)
    try pass.pool.split(rows(steps)) { part, _ in
      for r in part {
        let (from, to) = (input.row(beside(r, input)), output.row(r))
        if isPlain {
          to.fill(0)
          lines { out, at in
            LearningLoops.addEvery(
              step, of: from.part(at, reach), to: to.part(out, output.shape[2]))
          }
          if factor != 1 { LearningLoops.scale(to, by: factor) }
          continue
        }
        windows { out, plane, ys, xs in
          if let largest {
            // A window entirely in the padding has only zeros.
            var best = ys.isEmpty || xs.isEmpty ? 0 : -Float.infinity
            var at = -1
            for y in ys {
              for x in xs where from[plane + y * width + x] > best {
                best = from[plane + y * width + x]
                at = plane + y * width + x
              }
            }
            to[out] = best
            largest[r * output.stride + out] = Int32(truncatingIfNeeded: at)
          } else {
            var sum: Float = 0
            for y in ys { for x in xs { sum += from[plane + y * width + x] } }
            to[out] = sum * factor
          }
        }
      }
    }
  }

  func backward(_ steps: Range<Int>, _ pass: Pass) throws(ArcuateError) {
    try output.settle(steps)
    guard input.needsGradient else { return }
    try input.settle(steps)
    let (from, to) = (try output.gradient.row, try input.gradient.row)
    let width = shape[2]
    let (isPlain, factor, step, reach) = (isPlain, factor, pooling.stride[1], reach)
    try pass.pool.split(rows(steps)) { part, _ in
      for r in part {
        let gradient = from.part(r * output.stride, output.stride)
        let into = to.part(beside(r, input) * input.stride, input.stride)
        if isPlain {
          lines { out, at in
            LearningLoops.add(
              gradient.part(out, output.shape[2]), times: factor, toEvery: step,
              of: into.part(at, reach))
          }
          continue
        }
        windows { out, plane, ys, xs in
          if let largest {
            let at = Int(largest[r * output.stride + out])
            if at >= 0 { into[at] += gradient[out] }
          } else {
            let share = gradient[out] * factor
            for y in ys { for x in xs { into[plane + y * width + x] += share } }
          }
        }
      }
    }
  }

  func trained() -> Operator? { .pooling(pooling) }

  func begin(_ pass: Pass) {}
  func accumulate(_ pass: Pass) {}
  func operations(_ samples: Int, _ pass: Pass) -> Int { 0 }
}

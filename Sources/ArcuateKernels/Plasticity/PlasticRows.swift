import ArcuateCore
import ArcuateKernelTypes

/// What changes weights row by row, and what goes through weights that change.
///
/// Plain loops, which the compiler turns into vectors; they are their own reference. Sums are made
/// in the order of the rows, never fused.
public enum PlasticRows {
  /// output = bias + the sum of the rows of the inputs that are not zero: the rows stand one after
  /// the other in a session's memory, the bias behind the last of them.
  /// Needs. `weights` holds inputs + 1 rows of `stride`, a multiple of 16, aligned to 64 bytes;
  /// `list` as `findNonzero` gives it for a row of `inputs`.
  @inline(__always)
  public static func applyEvents(
    input: Row<Float>, list: Row<UInt32>, nonzero: NonzeroCount, weights: Row<Float>, inputs: Int,
    stride: Int, output: Row<Float>
  ) {
    check(weights, inputs, stride, output)
    precondition(
      input.count >= inputs && list.count >= nonzero.count, "buffer too small for the input")
    // SAFETY: checked above and by whoever made the list.
    linearEvents(
      input: input.pointer, list: list.pointer, listCount: Int(nonzero.count),
      unit: nonzero.unit != 0, weights: matrix(weights, inputs, stride), output: output.pointer,
      first: 0, count: stride)
  }

  /// The same over every input, for up to four rows.
  @inline(__always)
  public static func applyDense(
    input: Row<Float>, inputStride: Int, rows: Int, weights: Row<Float>, inputs: Int, stride: Int,
    output: Row<Float>
  ) {
    check(weights, inputs, stride, output)
    precondition(
      rows >= 1 && rows <= 4 && input.count >= (rows - 1) * inputStride + inputs
        && output.count >= rows * stride, "buffer too small for the rows")
    // SAFETY: checked above.
    linearDense(
      input: input.pointer, xStride: inputStride, inputs: inputs, rows: rows,
      weights: matrix(weights, inputs, stride), output: output.pointer, yStride: stride, first: 0,
      count: stride, fused: false)
  }

  private static func check(
    _ weights: Row<Float>, _ inputs: Int, _ stride: Int, _ output: Row<Float>
  ) {
    precondition(
      inputs >= 0 && stride & 15 == 0 && weights.count >= (inputs + 1) * stride
        && output.count >= stride, "buffer too small for the weights")
  }

  private static func matrix(_ weights: Row<Float>, _ inputs: Int, _ stride: Int) -> WeightMatrix {
    // SAFETY: the row has `inputs` rows of weights and one of biases; checked by the callers.
    let bias = UnsafePointer(weights.pointer + inputs * stride)
    return WeightMatrix(
      kind: .float32, rows: UnsafeRawPointer(weights.pointer), rowBytes: stride * 4, bias: bias,
      scale: bias, isFar: inputs * stride * 4 > LinearWeights.nearByteCount)
  }

  /// y += x * a * h, element by element.
  public static func addProduct(
    _ a: Row<Float>, _ h: Row<Float>, times x: Float, to y: Row<Float>
  ) {
    precondition(a.count >= y.count && h.count >= y.count, "buffer too small for the row")
    for i in 0..<y.count { y.pointer[i] += x * a.pointer[i] * h.pointer[i] }
  }

  /// w = w + x p within low ... high.
  public static func add(
    _ p: Row<Float>, times x: Float, to w: Row<Float>, low: Float, high: Float
  ) {
    precondition(p.count >= w.count, "buffer too small for the row")
    for i in 0..<w.count {
      let sum = w.pointer[i] + x * p.pointer[i]
      let above = sum < low ? low : sum
      w.pointer[i] = above > high ? high : above
    }
  }

  /// w = w + x p.
  public static func add(_ p: Row<Float>, times x: Float, to w: Row<Float>) {
    precondition(p.count >= w.count, "buffer too small for the row")
    for i in 0..<w.count { w.pointer[i] += x * p.pointer[i] }
  }

  /// y = y + x[0] p[0] + x[1] p[1] + .. for element `j` of the pre sides of products, in their
  /// order; those whose pre side is 0, or that act on inputs only where there are none, are left
  /// out.
  @inline(__always)
  public static func addProducts(_ products: Row<PlasticProduct>, _ j: Int, to y: Row<Float>) {
    var e = 0
    let count = products.count
    while e < count {
      // Up to four at once, so that sums stay in registers for longer.
      var (x0, x1, x2, x3): (Float, Float, Float, Float) = (0, 0, 0, 0)
      var p = (y, y, y, y)
      var found = 0
      while e < count && found < 4 {
        let product = products.pointer[e]
        e += 1
        let x = product.factor(j)
        if x == 0 { continue }
        precondition(product.post.count >= y.count, "buffer too small for the row")
        switch found {
        case 0: (x0, p.0) = (x, product.post)
        case 1: (x1, p.1) = (x, product.post)
        case 2: (x2, p.2) = (x, product.post)
        default: (x3, p.3) = (x, product.post)
        }
        found += 1
      }
      let (p0, p1, p2, p3) = (p.0.pointer, p.1.pointer, p.2.pointer, p.3.pointer)
      switch found {
      case 0: break
      case 4:
        for i in 0..<y.count {
          y.pointer[i] =
            y.pointer[i] + x0 * p0[i] + x1 * p1[i] + x2 * p2[i] + x3 * p3[i]
        }
      default:
        add(p.0, times: x0, to: y)
        if found > 1 { add(p.1, times: x1, to: y) }
        if found > 2 { add(p.2, times: x2, to: y) }
      }
    }
  }

  /// w[j][column] = that + p x[j] within low ... high, for the rows first ..< first + count whose x
  /// is not 0.
  public static func addColumn(
    _ x: Row<Float>, times p: Float, to w: Row<Float>, column: Int, stride: Int, first: Int,
    count: Int, low: Float, high: Float
  ) {
    guard count > 0 else { return }
    precondition(
      first >= 0 && first + count <= x.count && column >= 0 && column < stride
        && (first + count) * stride <= w.count, "buffer too small for the column")
    for j in first..<first + count {
      let pre = x.pointer[j]
      if pre == 0 { continue }
      let sum = w.pointer[j * stride + column] + pre * p
      let above = sum < low ? low : sum
      w.pointer[j * stride + column] = above > high ? high : above
    }
  }

  /// w = w - q w, then within low ... high; `delta` comes on top.
  public static func decay(
    _ w: Row<Float>, by q: Row<Float>, adding delta: Row<Float>, low: Float, high: Float
  ) {
    precondition(q.count >= w.count && delta.count >= w.count, "buffer too small for the row")
    for i in 0..<w.count {
      let sum = w.pointer[i] + (delta.pointer[i] - q.pointer[i] * w.pointer[i])
      let above = sum < low ? low : sum
      w.pointer[i] = above > high ? high : above
    }
  }

  /// s = max(decay s, |g|); w = w + rate g / s within low ... high.
  public static func scaleByMaximum(
    _ w: Row<Float>, _ s: Row<Float>, _ g: Row<Float>, decay: Float, rate: Float, low: Float,
    high: Float
  ) {
    precondition(s.count >= w.count && g.count >= w.count, "buffer too small for the row")
    for i in 0..<w.count {
      let step = g.pointer[i]
      let size = step < 0 ? -step : step
      let kept = decay * s.pointer[i]
      let largest = kept < size ? size : kept
      s.pointer[i] = largest
      let sum = w.pointer[i] + rate * step / (largest + 1e-8)
      let above = sum < low ? low : sum
      w.pointer[i] = above > high ? high : above
    }
  }

  /// s = decay s + (1 - decay) g^2; w = w + rate g / (sqrt s + 1e-8) within low ... high.
  public static func scaleBySquare(
    _ w: Row<Float>, _ s: Row<Float>, _ g: Row<Float>, decay: Float, rate: Float, low: Float,
    high: Float
  ) {
    precondition(s.count >= w.count && g.count >= w.count, "buffer too small for the row")
    for i in 0..<w.count {
      let step = g.pointer[i]
      let mean = decay * s.pointer[i] + (1 - decay) * (step * step)
      s.pointer[i] = mean
      let sum = w.pointer[i] + rate * step / (mean.squareRoot() + 1e-8)
      let above = sum < low ? low : sum
      w.pointer[i] = above > high ? high : above
    }
  }

  /// output = a * b, element by element, times `rate`.
  public static func product(_ a: Row<Float>, _ b: Row<Float>, _ rate: Float, _ y: Row<Float>) {
    precondition(a.count >= y.count && b.count >= y.count, "buffer too small for the row")
    for i in 0..<y.count { y.pointer[i] = rate * a.pointer[i] * b.pointer[i] }
  }

  /// y = rate a.
  public static func scale(_ a: Row<Float>, _ rate: Float, _ y: Row<Float>) {
    precondition(a.count >= y.count, "buffer too small for the row")
    for i in 0..<y.count { y.pointer[i] = rate * a.pointer[i] }
  }

  /// y = 0 where x is 0.
  public static func mask(_ y: Row<Float>, where x: Row<Float>) {
    precondition(x.count >= y.count, "buffer too small for the row")
    for i in 0..<y.count { y.pointer[i] = x.pointer[i] == 0 ? 0 : y.pointer[i] }
  }

  /// Whether any element is not 0.
  public static func isActive(_ x: Row<Float>) -> Bool {
    var bits: UInt32 = 0
    for i in 0..<x.count { bits |= x.pointer[i].bitPattern & 0x7FFF_FFFF }
    return bits != 0
  }
}

/// What one term of one stream has at its two sides in one step.
public struct PlasticProduct: BitwiseCopyable {
  /// A number for each input.
  public var pre: Row<Float>
  /// The input itself, where the term acts only where that is not 0; else the same as `pre`.
  public var gate: Row<Float>
  /// Whether every input's number is 1.
  public var isOne: Bool
  public var post: Row<Float>
  public init(pre: Row<Float>, gate: Row<Float>, isOne: Bool, post: Row<Float>) {
    self.pre = pre
    self.gate = gate
    self.isOne = isOne
    self.post = post
  }

  /// The number of input `j`; 1 for the bias, which stands behind the inputs as -1.
  @inline(__always)
  public func factor(_ j: Int) -> Float {
    if j < 0 { return 1 }
    if gate[j] == 0 { return 0 }
    return isOne ? 1 : pre[j]
  }
}

/// One step of traces: the coefficients of a row of them.
public struct TraceNumbers: BitwiseCopyable, Sendable {
  public var decay: Float
  public var gain: Float
  /// 0 and 0 where there is no second exponential.
  public var secondDecay: Float
  public var secondGain: Float
  public var sets: Bool
  public var isDouble: Bool
  public var lags: Bool

  public init(
    decay: Float, gain: Float, secondDecay: Float, secondGain: Float, sets: Bool, isDouble: Bool,
    lags: Bool
  ) {
    self.decay = decay
    self.gain = gain
    self.secondDecay = secondDecay
    self.secondGain = secondGain
    self.sets = sets
    self.isDouble = isDouble
    self.lags = lags
  }

  /// Below this a trace counts as gone, so that no time is spent on numbers too small to matter.
  @usableFromInline static let least: Float = 1e-20

  /// Advances the traces of the inputs `x`; `second` is used where there is a second exponential.
  public func step(_ x: Row<Float>, first: Row<Float>, second: Row<Float>, count: Int) {
    precondition(
      x.count >= count && first.count >= count && (!isDouble || second.count >= count),
      "buffer too small for the traces")
    if isDouble && lags { advanceSecond(first, second, count) }
    let (decay, gain, least) = (decay, gain, TraceNumbers.least)
    if sets {
      for i in 0..<count {
        let kept = decay * first.pointer[i]
        let value = x.pointer[i] == 0 ? kept : x.pointer[i]
        first.pointer[i] = abs(value) < least ? 0 : value
      }
    } else {
      for i in 0..<count {
        let value = decay * first.pointer[i] + gain * x.pointer[i]
        first.pointer[i] = abs(value) < least ? 0 : value
      }
    }
    if isDouble && !lags { advanceSecond(first, second, count) }
  }

  private func advanceSecond(_ first: Row<Float>, _ second: Row<Float>, _ count: Int) {
    let (decay, gain, least) = (secondDecay, secondGain, TraceNumbers.least)
    for i in 0..<count {
      let value = decay * second.pointer[i] + gain * first.pointer[i]
      second.pointer[i] = abs(value) < least ? 0 : value
    }
  }
}

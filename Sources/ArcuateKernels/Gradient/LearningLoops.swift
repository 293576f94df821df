import ArcuateCore

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// The loops over rows that training needs besides products. They are plain loops for the compiler
/// to vectorize, and serve as their own reference.
public enum LearningLoops {
  // SAFETY: every loop stays below the smallest count of its rows.

  /// y += a x.
  public static func add(_ x: Row<Float>, times a: Float = 1, to y: Row<Float>) {
    let count = min(x.count, y.count)
    let (p, q) = (x.pointer, y.pointer)
    if a == 1 {
      for i in 0..<count { q[i] += p[i] }
    } else {
      for i in 0..<count { q[i] += a * p[i] }
    }
  }

  public static func scale(_ y: Row<Float>, by a: Float) {
    for i in 0..<y.count { y.pointer[i] *= a }
  }

  /// y = x or y += x, times a factor for each element.
  public static func multiply(
    _ x: Row<Float>, by factor: Row<Float>, into y: Row<Float>, adds: Bool
  ) {
    let count = min(x.count, factor.count, y.count)
    let (p, f, q) = (x.pointer, factor.pointer, y.pointer)
    if adds {
      for i in 0..<count { q[i] += p[i] * f[i] }
    } else {
      for i in 0..<count { q[i] = p[i] * f[i] }
    }
  }

  /// y = x or y += x.
  public static func put(_ x: Row<Float>, into y: Row<Float>, adds: Bool) {
    let count = min(x.count, y.count)
    if adds {
      for i in 0..<count { y.pointer[i] += x.pointer[i] }
    } else {
      y.part(0, count).copy(from: x.part(0, count))
    }
  }

  /// y = x + a.
  public static func put(_ x: Row<Float>, plus a: Float, into y: Row<Float>) {
    let count = min(x.count, y.count)
    let (p, q) = (x.pointer, y.pointer)
    for i in 0..<count { q[i] = p[i] + a }
  }

  /// y[i] += x[i step]: what a line of windows sees at one of their positions.
  public static func addEvery(_ step: Int, of x: Row<Float>, to y: Row<Float>) {
    let count = min(y.count, (x.count + step - 1) / max(step, 1))
    let (p, q) = (x.pointer, y.pointer)
    // The common step as a constant, for the compiler to make vectors of.
    if step == 2 {
      for i in 0..<count { q[i] += p[2 * i] }
    } else {
      for i in 0..<count { q[i] += p[step * i] }
    }
  }

  /// y[i step] += a x[i]: the backward pass.
  public static func add(_ x: Row<Float>, times a: Float, toEvery step: Int, of y: Row<Float>) {
    let count = min(x.count, (y.count + step - 1) / max(step, 1))
    let (p, q) = (x.pointer, y.pointer)
    if step == 2 {
      for i in 0..<count { q[2 * i] += a * p[i] }
    } else {
      for i in 0..<count { q[step * i] += a * p[i] }
    }
  }

  /// The sum of a row, of eight strands added at the end.
  public static func sum(_ x: Row<Float>) -> Float {
    var sums = SIMD8<Float>.zero
    let whole = x.count & ~7
    for i in stride(from: 0, to: whole, by: 8) {
      // SAFETY: eight floats from i on, below `whole`, lie in the row.
      sums += UnsafeRawPointer(x.pointer + i).loadUnaligned(as: SIMD8<Float>.self)
    }
    var sum = sums.sum()
    for i in whole..<x.count { sum += x.pointer[i] }
    return sum
  }

  /// The gradient of max(x, 0) where it was positive: `output` is what came out.
  public static func reluGradient(
    _ gradient: Row<Float>, output: Row<Float>, into input: Row<Float>, adds: Bool
  ) {
    let count = min(gradient.count, output.count, input.count)
    let (g, y, d) = (gradient.pointer, output.pointer, input.pointer)
    // Both numbers are read before one is selected, so that no branch is needed.
    for i in 0..<count {
      let slope = g[i]
      let value = y[i] > 0 ? slope : 0
      d[i] = adds ? d[i] + value : value
    }
  }

  /// The gradient of the logistic function.
  public static func sigmoidGradient(
    _ gradient: Row<Float>, output: Row<Float>, into input: Row<Float>, adds: Bool
  ) {
    let count = min(gradient.count, output.count, input.count)
    let (g, y, d) = (gradient.pointer, output.pointer, input.pointer)
    for i in 0..<count {
      let value = g[i] * y[i] * (1 - y[i])
      d[i] = adds ? d[i] + value : value
    }
  }

  public static func tanhGradient(
    _ gradient: Row<Float>, output: Row<Float>, into input: Row<Float>, adds: Bool
  ) {
    let count = min(gradient.count, output.count, input.count)
    let (g, y, d) = (gradient.pointer, output.pointer, input.pointer)
    for i in 0..<count {
      let value = g[i] * (1 - y[i] * y[i])
      d[i] = adds ? d[i] + value : value
    }
  }

  /// The gradient of softmax, or of its logarithm.
  public static func softmaxGradient(
    _ gradient: Row<Float>, output: Row<Float>, logarithm: Bool, into input: Row<Float>, adds: Bool
  ) {
    let count = min(gradient.count, output.count, input.count)
    let (g, y, d) = (gradient.pointer, output.pointer, input.pointer)
    var sum: Float = 0
    for i in 0..<count { sum += logarithm ? g[i] : g[i] * y[i] }
    for i in 0..<count {
      let value = logarithm ? g[i] - expf(y[i]) * sum : y[i] * (g[i] - sum)
      d[i] = adds ? d[i] + value : value
    }
  }

  /// The sum of the squares of a row, in double precision: of eight strands, added at the end.
  public static func squares(_ x: Row<Float>) -> Double {
    var sums = SIMD8<Double>.zero
    let whole = x.count & ~7
    for i in stride(from: 0, to: whole, by: 8) {
      // SAFETY: eight floats from i on, below `whole`, lie in the row.
      let lanes = SIMD8<Double>(
        UnsafeRawPointer(x.pointer + i).loadUnaligned(as: SIMD8<Float>.self))
      sums += lanes * lanes
    }
    var sum = sums.sum()
    for i in whole..<x.count { sum += Double(x.pointer[i]) * Double(x.pointer[i]) }
    return sum
  }

  /// The largest magnitude in a row; NaN if there is one. By bits: the maximum of integers vectorizes.
  public static func largestMagnitude(_ x: Row<Float>) -> Float {
    var most: UInt32 = 0
    for i in 0..<x.count { most = max(most, x.pointer[i].bitPattern & 0x7FFF_FFFF) }
    return Float(bitPattern: most)
  }

  /// Sums of the columns of rows that are `stride` apart, added to `sums`, in blocks of 64 rows so
  /// that single precision is enough.
  public static func addColumns(
    _ x: Row<Float>, rows: Int, stride: Int, columns: Range<Int>, to sums: Row<Float>
  ) {
    precondition(
      columns.lowerBound >= 0 && columns.upperBound <= min(stride, sums.count)
        && rows * stride <= x.count, "scratch for the columns")
    guard !columns.isEmpty else { return }
    var first = 0
    // SAFETY: the columns lie in every row and in the sums; checked above.
    withUnsafeTemporaryAllocation(of: Float.self, capacity: columns.count) { block in
      let total = sums.pointer + columns.lowerBound
      while first < rows {
        block.initialize(repeating: 0)
        for r in first..<min(rows, first + 64) {
          let row = x.pointer + r * stride + columns.lowerBound
          for i in 0..<columns.count { block[i] += row[i] }
        }
        for i in 0..<columns.count { total[i] += block[i] }
        first += 64
      }
    }
  }

  /// One step of stochastic gradient descent, with momentum where `velocity` has elements.
  public static func descend(
    _ w: Row<Float>, gradient: Row<Float>, velocity: Row<Float>, rate: Float, momentum: Float,
    nesterov: Bool, decay: Float
  ) {
    let count = min(w.count, gradient.count)
    let (p, g, v) = (w.pointer, gradient.pointer, velocity.pointer)
    guard velocity.count >= count, momentum != 0 else {
      for i in 0..<count { p[i] -= rate * (g[i] + decay * p[i]) }
      return
    }
    for i in 0..<count {
      let d = g[i] + decay * p[i]
      v[i] = momentum * v[i] + d
      p[i] -= rate * (nesterov ? d + momentum * v[i] : v[i])
    }
  }

  /// One step of Adam; `correction1` and `correction2` are 1 - beta^t. With `decoupled`, the decay
  /// acts on the weights beside the gradient (AdamW), else it is part of it. `largest` has elements
  /// for AMSGrad.
  /// Source. Kingma and Ba 2015; Reddi et al. 2018; Loshchilov and Hutter 2019.
  public static func adam(
    _ w: Row<Float>, gradient: Row<Float>, mean: Row<Float>, square: Row<Float>,
    largest: Row<Float>, rate: Float, beta1: Float, beta2: Float, epsilon: Float,
    correction1: Float, correction2: Float, decay: Float, decoupled: Bool
  ) {
    let count = min(w.count, gradient.count, mean.count, square.count)
    let keepsLargest = largest.count >= count && count > 0
    adamStep(
      w.pointer, gradient: gradient.pointer, mean: mean.pointer, square: square.pointer,
      largest: keepsLargest ? largest.pointer : nil, count: count, scale: rate / correction1,
      root: 1 / correction2.squareRoot(), beta1: beta1, beta2: beta2, epsilon: epsilon,
      coupled: decoupled ? 0 : decay, shrink: decoupled ? 1 - rate * decay : 1)
  }

  /// One step of Adamax. Source. Kingma and Ba 2015, section 7.1.
  public static func adamax(
    _ w: Row<Float>, gradient: Row<Float>, mean: Row<Float>, largest: Row<Float>, rate: Float,
    beta1: Float, beta2: Float, epsilon: Float, correction1: Float, decay: Float
  ) {
    let count = min(w.count, gradient.count, mean.count, largest.count)
    let (p, g, m, u) = (w.pointer, gradient.pointer, mean.pointer, largest.pointer)
    let scale = rate / correction1
    for i in 0..<count {
      let d = g[i] + decay * p[i]
      m[i] = beta1 * m[i] + (1 - beta1) * d
      u[i] = max(beta2 * u[i], d.magnitude + epsilon)
      p[i] -= scale * m[i] / u[i]
    }
  }
}

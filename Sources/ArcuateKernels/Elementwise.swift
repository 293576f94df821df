import ArcuateCore

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// Small operations on rows: their cost vanishes beside the weights', so they are plain loops with
/// checked access, and are their own reference.
public enum Elementwise {
  /// output = the sum of `a` and `b`, element by element.
  public static func add(_ a: View<Float>, _ b: View<Float>, into output: View<Float>, count: Int) {
    for i in 0..<count { output[i] = a[i] + b[i] }
  }

  /// output[i] = input[order[i]].
  public static func permute(_ input: View<Float>, by order: [Int32], into output: View<Float>) {
    for i in order.indices { output[i] = input[Int(order[i])] }
  }

  /// output = input * factor + shift.
  public static func scale(
    _ input: View<Float>, by factor: View<Float>, shift: View<Float>?, into output: View<Float>,
    count: Int
  ) {
    if let shift {
      for i in 0..<count { output[i] = input[i] * factor[i] + shift[i] }
    } else {
      for i in 0..<count { output[i] = input[i] * factor[i] }
    }
  }

  /// output = 1 where input > level, else 0.
  public static func threshold(
    _ input: View<Float>, above level: View<Float>, into output: View<Float>, count: Int
  ) {
    for i in 0..<count { output[i] = input[i] > level[i] ? 1 : 0 }
  }

  public static func relu(_ input: View<Float>, into output: View<Float>, count: Int) {
    for i in 0..<count { output[i] = max(input[i], 0) }
  }

  public static func sigmoid(_ input: View<Float>, into output: View<Float>, count: Int) {
    for i in 0..<count { output[i] = 1 / (1 + expf(-input[i])) }
  }

  public static func tanh(_ input: View<Float>, into output: View<Float>, count: Int) {
    for i in 0..<count { output[i] = tanhf(input[i]) }
  }

  /// output = exp(input) / sum exp(input), or its logarithm; stable for large inputs.
  public static func softmax(
    _ input: View<Float>, logarithm: Bool, into output: View<Float>, count: Int
  ) {
    guard count > 0 else { return }
    var top = input[0]
    for i in 1..<count { top = max(top, input[i]) }
    var sum: Float = 0
    for i in 0..<count { sum += expf(input[i] - top) }
    if logarithm {
      let shift = top + logf(sum)
      for i in 0..<count { output[i] = input[i] - shift }
    } else {
      for i in 0..<count { output[i] = expf(input[i] - top) / sum }
    }
  }
}

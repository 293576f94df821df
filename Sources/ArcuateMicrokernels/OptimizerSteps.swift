// Steps of optimizers, one weight after another: the same bits in every variant. The loops are plain
// ones for the compiler to vectorize; roots and quotients take most of their time.

/// One step of Adam on `count` weights; see `LearningLoops.adam`. `largest` is nil without AMSGrad.
@inline(never)
public func adamStep(
  _ weights: UnsafeMutablePointer<Float>, gradient: UnsafePointer<Float>,
  mean: UnsafeMutablePointer<Float>, square: UnsafeMutablePointer<Float>,
  largest: UnsafeMutablePointer<Float>?, count: Int, scale: Float, root: Float, beta1: Float,
  beta2: Float, epsilon: Float, coupled: Float, shrink: Float
) {
  var i = 0
  guard let largest else {
    while i < count {
      let d = gradient[i] + coupled * weights[i]
      let first = beta1 * mean[i] + (1 - beta1) * d
      let second = beta2 * square[i] + (1 - beta2) * d * d
      mean[i] = first
      square[i] = second
      weights[i] =
        shrink * weights[i] - scale * first / (second.squareRoot() * root + epsilon)
      i += 1
    }
    return
  }
  while i < count {
    let d = gradient[i] + coupled * weights[i]
    let first = beta1 * mean[i] + (1 - beta1) * d
    let second = beta2 * square[i] + (1 - beta2) * d * d
    mean[i] = first
    square[i] = second
    let before = largest[i]
    let size = second >= before ? second : before
    largest[i] = size
    weights[i] = shrink * weights[i] - scale * first / (size.squareRoot() * root + epsilon)
    i += 1
  }
}

import ArcuateCore
import ArcuateModel

extension TrainingOptions {
  /// Throws. `invalidArgument` naming the option and its range.
  public func check() throws(ArcuateError) {
    try gradient.check()
    try optimizer.check()
    for surrogate in [gradient.surrogate] + gradient.surrogates.values { try surrogate.check() }
    guard !losses.isEmpty else { throw ArcuateError(.invalidArgument, "there is no loss") }
    for (_, loss) in losses {
      try checkRange(loss.weight, -1e6...1e6, "the weight of a loss")
      guard (loss.window?.lowerBound ?? 0) < gradient.steps else {
        throw ArcuateError(
          .invalidArgument, "the window of a loss must begin below steps (\(gradient.steps))")
      }
    }
  }
}

extension GradientOptions {
  /// Throws. `invalidArgument` naming the option and its range.
  func check() throws(ArcuateError) {
    try checkRange(batch, 1...65_535, "batch")
    try checkRange(steps, 1...100_000, "steps")
    try checkRange(threads, 1...256, "threads")
    if let plasticSteps { try checkRange(plasticSteps, 1...steps, "plastic_steps") }
    if let dt_s { try checkRange(dt_s, Model.stepLengths, "dt_s") }
    try checkRange(normMomentum, 0...1, "norm_momentum")
    for (node, share) in dropout {
      try checkRange(share, 0...0.99, "dropout of \"\(node)\"")
    }
  }
}

extension OptimizerOptions {
  private static let steps = 1...(1 << 40)

  /// Throws. `invalidArgument` naming the option and its range.
  func check() throws(ArcuateError) {
    try checkRange(rate, 0...1e6, "rate")
    try checkRange(momentum, 0...1, "momentum")
    // At 1 an average never moves, and the correction of its start is infinite.
    try checkRange(beta1, 0...0.999_999, "beta1")
    try checkRange(beta2, 0...0.999_999, "beta2")
    try checkRange(epsilon, 0...1, "epsilon")
    try checkRange(weightDecay, 0...1e6, "weight_decay")
    if let clipNorm { try checkRange(clipNorm, 1e-30...1e30, "clip_norm") }
    if let clipValue { try checkRange(clipValue, 1e-30...1e30, "clip_value") }
    if let noise {
      try checkRange(noise.sigma, 0...1e6, "noise_sigma")
      if let fades = noise.fadesAt { try checkRange(fades, Self.steps, "noise_fades_at") }
    }
    switch schedule {
    case .constant: break
    case .decay(let factor, let steps):
      try checkRange(factor, 0...1e6, "schedule_factor")
      try checkRange(steps, Self.steps, "schedule_steps")
    case .milestones(let steps, let factor):
      try checkRange(factor, 0...1e6, "schedule_factor")
      guard steps.allSatisfy({ $0 >= 0 }), zip(steps, steps.dropFirst()).allSatisfy(<) else {
        throw ArcuateError(
          .invalidArgument, "milestones must be steps in ascending order, got \(steps)")
      }
    case .cosine(let steps), .linear(let steps):
      try checkRange(steps, Self.steps, "schedule_steps")
    }
  }
}

extension Surrogate {
  /// Throws. `invalidArgument` naming the field and its range.
  func check() throws(ArcuateError) {
    switch self {
    case .box(let width, let height), .triangle(let width, let height):
      try checkRange(width, 1e-6...1e6, "the width of a surrogate")
      try checkRange(height, 0...1e6, "the height of a surrogate")
    case .fastSigmoid(let slope), .arctan(let slope):
      try checkRange(slope, 0...1e6, "the slope of a surrogate")
    case .spikeTime(let alpha, let beta):
      try checkRange(alpha, 0...1e6, "the alpha of a surrogate")
      try checkRange(beta, 0...1e6, "the beta of a surrogate")
    }
  }
}

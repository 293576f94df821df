import ArcuateCore
import ArcuateModel

/// Throws. `invalidArgument` naming the field and its range; NaN is in none.
private func require(_ name: String, _ value: Float, _ range: ClosedRange<Float>) throws {
  guard range.contains(value) else {
    throw ArcuateError(
      .invalidArgument,
      "\(name) is \(value), not within \(range.lowerBound) ... \(range.upperBound)")
  }
}

extension TrainingOptions {
  /// Throws. `invalidArgument` naming the field and its range.
  public func check() throws {
    try gradient.check()
    try optimizer.check()
    for surrogate in [gradient.surrogate] + gradient.surrogates.values { try surrogate.check() }
    guard !losses.isEmpty else { throw ArcuateError(.invalidArgument, "there is no loss") }
    for (_, loss) in losses {
      try require("the weight of a loss", loss.weight, -1e6...1e6)
      guard (loss.window?.lowerBound ?? 0) < gradient.steps else {
        throw ArcuateError(
          .invalidArgument, "a loss's window has none of the \(gradient.steps) steps")
      }
    }
  }
}

extension OptimizerOptions {
  /// Throws. `invalidArgument` naming the field and its range.
  func check() throws {
    try require("rate", rate, 0...1e6)
    try require("momentum", momentum, 0...1)
    // At 1 an average never moves and what corrects its start is infinite.
    try require("beta1", beta1, 0...0.999_999)
    try require("beta2", beta2, 0...0.999_999)
    try require("epsilon", epsilon, 0...1)
    try require("weight_decay", weightDecay, 0...1e6)
    if let clipNorm { try require("clip_norm", clipNorm, 1e-30...1e30) }
    if let clipValue { try require("clip_value", clipValue, 1e-30...1e30) }
    if let noise {
      try require("noise_sigma", noise.sigma, 0...1e6)
      if let fades = noise.fadesAt { try requireSteps("noise_fades_at", fades) }
    }
    switch schedule {
    case .constant: break
    case .decay(let factor, let steps):
      try require("schedule_factor", factor, 0...1e6)
      try requireSteps("schedule_steps", steps)
    case .milestones(let places, let factor):
      try require("schedule_factor", factor, 0...1e6)
      guard places.allSatisfy({ $0 >= 0 }), zip(places, places.dropFirst()).allSatisfy(<) else {
        throw ArcuateError(.invalidArgument, "milestones are \(places), not steps that ascend")
      }
    case .cosine(let steps), .linear(let steps): try requireSteps("schedule_steps", steps)
    }
  }

  private func requireSteps(_ name: String, _ steps: Int) throws {
    guard (1...(1 << 40)).contains(steps) else {
      throw ArcuateError(.invalidArgument, "\(name) is \(steps), not within 1 ... \(1 << 40)")
    }
  }
}

extension Surrogate {
  /// Throws. `invalidArgument` naming the field and its range.
  func check() throws {
    switch self {
    case .box(let width, let height), .triangle(let width, let height):
      try require("a surrogate's width", width, 1e-6...1e6)
      try require("a surrogate's height", height, 0...1e6)
    case .fastSigmoid(let slope), .arctan(let slope):
      try require("a surrogate's slope", slope, 0...1e6)
    case .spikeTime(let alpha, let beta):
      try require("a surrogate's alpha", alpha, 0...1e6)
      try require("a surrogate's beta", beta, 0...1e6)
    }
  }
}

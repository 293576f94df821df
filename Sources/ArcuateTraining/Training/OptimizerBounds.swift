import ArcuateCore
import ArcuateKernels
import ArcuateRuntime

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Upper bounds of the magnitudes that an optimizer changes. As long as they are small, a step cannot
/// overflow, and nothing needs to be looked at.
struct OptimizerBounds {
  var parameter: Double
  /// Of the first moments, and of all others.
  var mean: Double
  var other: Double
  /// Of what a step computes on the way.
  private var between = 0.0

  init(parameter: Double, mean: Double, other: Double) {
    (self.parameter, self.mean, self.other) = (parameter, mean, other)
  }

  /// Whether all numbers are certainly finite, with room for rounding.
  var isSafe: Bool {
    [parameter, mean, other, between].allSatisfy { $0 < 1e37 }
  }

  /// The bounds after one step along a gradient whose elements are at most `gradient`.
  func next(_ options: OptimizerOptions, gradient: Double, rate: Double, step: Int) -> Self {
    var next = self
    let decay = Double(options.weightDecay)
    let isDecoupled = options.kind == .adamw
    let d = gradient + (isDecoupled ? 0 : decay * parameter)
    let shrink = isDecoupled ? (1 - rate * decay).magnitude : 1
    switch options.kind {
    case .sgd:
      let momentum = Double(options.momentum)
      next.mean = momentum * mean + d
      next.parameter = parameter + rate * (d + momentum * next.mean + next.mean)
    case .adam, .adamw, .adamax:
      let correction = 1 - pow(Double(options.beta1), Double(step + 1))
      next.mean = max(mean, d)
      next.other = options.kind == .adamax ? max(other, d + 1) : max(other, d * d)
      // Without an epsilon a gradient of zero is divided by zero.
      next.between = rate / correction * next.mean / Double(options.epsilon)
      next.parameter = shrink * parameter + next.between
    }
    if let noise = options.noise {
      // The largest magnitude of a normal number of 24 bits is below 6.
      switch noise.kind {
      case .additive: next.parameter += 6 * Double(noise.sigma)
      case .multiplicative:
        let most = exp(6 * Double(noise.sigma))
        next.parameter *= most
        next.between = max(next.between, most)
      }
    }
    // More than all roundings of the step.
    next.parameter *= 1 + 1e-5
    next.mean *= 1 + 1e-5
    next.other *= 1 + 1e-5
    return next
  }
}

extension Optimizer {
  /// The bounds after the next step, from the known bounds, or from the current values if the known
  /// bounds do not suffice.
  func boundsAfterStep(_ norm: Double) throws(ArcuateError) -> OptimizerBounds? {
    let writes = parameters.reduce(0) { $0 + $1.writes }
    if writes != boundWrites { bounds = nil }
    boundWrites = writes
    var gradient = norm
    if let most = options.clipNorm { gradient = min(gradient, Double(most) * (1 + 1e-5)) }
    if let most = options.clipValue { gradient = min(gradient, Double(most)) }
    func next(_ bounds: OptimizerBounds) -> OptimizerBounds {
      bounds.next(options, gradient: gradient, rate: Double(rate), step: step)
    }
    if let bounds {
      let found = next(bounds)
      if found.isSafe { return found }
    }
    return next(measuredBounds())
  }

  private func measuredBounds() -> OptimizerBounds {
    var found = OptimizerBounds(parameter: 0, mean: 0, other: 0)
    for (parameter, moments) in zip(parameters, moments) {
      let least = Double((parameter.least ?? 0).magnitude)
      found.parameter = max(found.parameter, least, Double(parameter.largest(parameter.values)))
      for (k, moment) in moments.enumerated() {
        let most = Double(parameter.largest(moment))
        if k == 0 {
          found.mean = max(found.mean, most)
        } else {
          found.other = max(found.other, most)
        }
      }
    }
    return found
  }

  /// A step that may overflow: if it did, everything is put back.
  func moveCarefully(_ pool: ThreadPool) throws(ArcuateError) {
    bounds = nil
    let before = step
    let saved = zip(parameters, moments).map { parameter, moments in
      ([parameter.values] + moments).map { $0.row.array }
    }
    move(pool)
    for (parameter, moments) in zip(parameters, moments) {
      for view in [parameter.values] + moments where !parameter.largest(view).isFinite {
        for (p, parameter) in parameters.enumerated() {
          for (k, view) in ([parameter.values] + self.moments[p]).enumerated() {
            saved[p][k].withUnsafeBufferPointer { view.row.copy(from: $0) }
          }
        }
        restore(step: before)
        throw notFinite(
          "\(parameter.field) or a moment of it after the step", step: before,
          node: parameter.node)
      }
    }
  }
}

/// The error of learning that meets a number that is not finite.
func notFinite(_ what: String, step: Int, node: Substring?) -> ArcuateError {
  ArcuateError(
    .invalidState,
    "\(what) is not finite in step \(step); nothing was changed: look at the inputs, lower the rate "
      + "or clip the gradients (clip_norm)", at: node.map { "node \"\($0)\"" })
}

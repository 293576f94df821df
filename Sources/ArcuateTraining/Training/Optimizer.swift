import ArcuateCore
import ArcuateKernels
import ArcuateRuntime

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// How parameters follow their gradients: method, rate and its schedule, clipping, noise.
public struct OptimizerOptions: Sendable, Equatable {
  public enum Kind: String, Sendable, CaseIterable {
    case sgd, adam, adamax, adamw
  }

  /// The factor of the rate at each step, counted from 0.
  public enum Schedule: Sendable, Equatable {
    case constant
    /// Multiplied by `factor` after every `steps` steps.
    case decay(factor: Float, steps: Int)
    /// Multiplied by `factor` at each of these steps.
    case milestones([Int], factor: Float)
    /// Half a cosine from 1 to 0 over `steps` steps.
    case cosine(steps: Int)
    /// Linear from 1 to 0 over `steps` steps.
    case linear(steps: Int)

    func factor(_ step: Int) -> Float {
      switch self {
      case .constant: return 1
      case .decay(let factor, let steps): return powf(factor, Float(step / max(steps, 1)))
      case .milestones(let steps, let factor):
        return powf(factor, Float(steps.count { $0 <= step }))
      case .cosine(let steps):
        return (1 + cosf(.pi * min(1, Float(step) / Float(max(steps, 1))))) / 2
      case .linear(let steps): return max(0, 1 - Float(step) / Float(max(steps, 1)))
      }
    }
  }

  /// Noise added to trained parameters after each optimizer step.
  /// Source. Fang et al. 2020, after the synaptic sampling of Kappel et al. 2015.
  public struct Noise: Sendable, Equatable {
    public enum Kind: String, Sendable, CaseIterable {
      /// w + sigma n.
      case additive
      /// w exp(sigma n): large weights change more, none changes sign.
      case multiplicative
    }
    public var kind: Kind
    public var sigma: Float
    /// The step at which it has faded linearly to zero; nil keeps it constant.
    public var fadesAt: Int?
    public init(_ kind: Kind, sigma: Float, fadesAt: Int? = nil) {
      self.kind = kind
      self.sigma = sigma
      self.fadesAt = fadesAt
    }
  }

  public var kind: Kind = .adam
  public var rate: Float = 1e-3
  public var schedule: Schedule = .constant
  public var momentum: Float = 0
  public var nesterov = false
  public var beta1: Float = 0.9
  public var beta2: Float = 0.999
  public var epsilon: Float = 1e-8
  public var amsgrad = false
  /// Weight decay: added to the gradient, or for `adamw` decoupled from it.
  public var weightDecay: Float = 0
  /// The largest norm of all gradients together; larger ones are scaled down.
  public var clipNorm: Float?
  /// The largest magnitude of a gradient element; larger ones are clipped.
  public var clipValue: Float?
  public var noise: Noise?

  public init() {}
}

/// The state of the optimizer: moments and the step.
final class Optimizer {
  var options: OptimizerOptions
  /// Number of steps performed.
  private(set) var step = 0
  /// Learning-rate multiplier.
  var rateFactor: Float = 1
  /// The moments of each trained parameter, each of the size of the parameter.
  let moments: [[View<Float>]]
  /// The trained parameters.
  let parameters: [Parameter]
  /// Bounds of what the optimizer changes; nil where they are not known.
  var bounds: OptimizerBounds?
  /// `Parameter.writes` of all parameters when the bounds were found.
  var boundWrites = 0
  private let random: CounterRandom

  init(_ options: OptimizerOptions, _ parameters: [Parameter], seed: UInt64) throws(ArcuateError) {
    self.options = options
    self.parameters = parameters.filter(\.isTrained)
    random = CounterRandom(seed: seed ^ 0x6E6F_6973_65)
    let count =
      switch options.kind {
      case .sgd: options.momentum != 0 ? 1 : 0
      case .adam, .adamw: options.amsgrad ? 3 : 2
      case .adamax: 2
      }
    moments = try self.parameters.map { parameter throws(ArcuateError) in
      try Signal.storages(count, parameter.rows, parameter.stride)
    }
  }

  func restore(step: Int) {
    self.step = step
    bounds = nil
  }

  var rate: Float { options.rate * rateFactor * options.schedule.factor(step) }

  /// The norm of all gradients together.
  /// Throws. `invalidState` naming a node whose gradient is not finite.
  func gradientNorm() throws(ArcuateError) -> Double {
    var sum = 0.0
    for parameter in parameters {
      let squares = LearningLoops.squares(parameter.gradient.row)
      guard squares.isFinite else {
        throw notFinite("the gradient of \(parameter.field)", step: step, node: parameter.node)
      }
      sum += squares
    }
    return sum.squareRoot()
  }

  /// One step along the gradients, whose norm is `norm`.
  /// Throws. `invalidState` if a number would no longer be finite; nothing but the gradients, which
  /// may be clipped, is changed then.
  func advance(_ norm: Double, _ pool: ThreadPool) throws(ArcuateError) {
    clip(norm)
    let next = try boundsAfterStep(norm)
    if let next, next.isSafe {
      move(pool)
      bounds = next
    } else {
      try moveCarefully(pool)
    }
  }

  private func clip(_ norm: Double) {
    if let most = options.clipNorm, norm > Double(most) {
      for parameter in parameters {
        LearningLoops.scale(parameter.gradient.row, by: Float(Double(most) / norm))
      }
    }
    if let most = options.clipValue {
      for parameter in parameters {
        let row = parameter.gradient.row
        for i in 0..<row.count { row[i] = min(max(row[i], -most), most) }
      }
    }
  }

  /// Changes parameters and moments.
  func move(_ pool: ThreadPool) {
    let rate = rate
    step += 1
    let correction1 = 1 - powf(options.beta1, Float(step))
    let correction2 = 1 - powf(options.beta2, Float(step))
    for (parameter, moments) in zip(parameters, moments) {
      let rows = parameter.values.count
      pool.splitOnce(0..<rows, grain: 1024) { part, _ in
        func cut(_ view: View<Float>) -> Row<Float> { view.row.part(part.lowerBound, part.count) }
        let none = parameter.values.row.part(0, 0)
        let (w, g) = (cut(parameter.values), cut(parameter.gradient))
        switch options.kind {
        case .sgd:
          LearningLoops.descend(
            w, gradient: g, velocity: moments.first.map(cut) ?? none, rate: rate,
            momentum: options.momentum, nesterov: options.nesterov, decay: options.weightDecay)
        case .adam, .adamw:
          LearningLoops.adam(
            w, gradient: g, mean: cut(moments[0]), square: cut(moments[1]),
            largest: options.amsgrad ? cut(moments[2]) : none, rate: rate, beta1: options.beta1,
            beta2: options.beta2, epsilon: options.epsilon, correction1: correction1,
            correction2: correction2, decay: options.weightDecay,
            decoupled: options.kind == .adamw)
        case .adamax:
          LearningLoops.adamax(
            w, gradient: g, mean: cut(moments[0]), largest: cut(moments[1]), rate: rate,
            beta1: options.beta1, beta2: options.beta2, epsilon: options.epsilon,
            correction1: correction1, decay: options.weightDecay)
        }
      }
      parameter.keepInRange()
    }
    addNoise(pool)
  }

  /// Adds the noise of this step, sampled by parameter, step and element.
  private func addNoise(_ pool: ThreadPool) {
    guard let noise = options.noise else { return }
    let faded = noise.fadesAt.map { max(0, 1 - Float(step) / Float(max($0, 1))) } ?? 1
    let sigma = noise.sigma * faded
    guard sigma > 0 else { return }
    for (p, parameter) in parameters.enumerated() {
      let stream = UInt32(truncatingIfNeeded: p)
      pool.splitOnce(0..<parameter.rows) { rows, _ in
        for r in rows {
          let row = parameter.values.row.part(r * parameter.stride, parameter.width)
          var i = 0
          while i < parameter.width {
            let words = random.words(
              stream: stream, step: UInt64(step),
              index: UInt32(truncatingIfNeeded: (r * parameter.stride + i) / 4))
            let normals = CounterRandom.normals(words)
            for k in 0..<min(4, parameter.width - i) {
              switch noise.kind {
              case .additive: row[i + k] += sigma * normals[k]
              case .multiplicative: row[i + k] *= expf(sigma * normals[k])
              }
            }
            i += 4
          }
        }
      }
    }
  }
}

extension CounterRandom {
  /// Four normally distributed numbers from four random words. Source. Box and Muller 1958.
  static func normals(_ words: SIMD4<UInt32>) -> SIMD4<Float> {
    func pair(_ a: UInt32, _ b: UInt32) -> (Float, Float) {
      // Never 0, which has no logarithm.
      let u = (Float(a >> 8) + 1) * 0x1p-24
      let angle = 2 * Float.pi * Float(b >> 8) * 0x1p-24
      let radius = (-2 * logf(u)).squareRoot()
      return (radius * cosf(angle), radius * sinf(angle))
    }
    let (a, b) = pair(words[0], words[1])
    let (c, d) = pair(words[2], words[3])
    return SIMD4(a, b, c, d)
  }
}

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// A substitute for the derivative of a spike with respect to the membrane.
///
/// With x = v - threshold. A spike's own derivative is zero almost everywhere, so gradients
/// need another function instead.
public enum Surrogate: Sendable, Equatable, Hashable {
  /// `height` where |x| < width, else 0. Source: Wu et al. 2018, STBP (height 1, width 0.5).
  case box(width: Float, height: Float)
  /// height max(0, 1 - |x| / width). Source: Bellec et al. 2018; Rathi et al. 2020 (0.3, 1).
  case triangle(width: Float, height: Float)
  /// 1 / (1 + slope |x|)^2. Source: Zenke and Ganguli 2018, SuperSpike.
  case fastSigmoid(slope: Float)
  /// (slope / 2) / (1 + (pi / 2 slope x)^2). Source: Fang et al. 2021.
  case arctan(slope: Float)
  /// alpha exp(-beta d), d the steps since the neuron's last spike, whatever x is.
  /// Source: Rathi et al. 2020, spike-time dependent backpropagation (0.3, 0.01).
  case spikeTime(alpha: Float, beta: Float)
}

extension Surrogate {
  /// The derivative at x = v - threshold; `since` are the steps since the neuron's last spike.
  public func derivative(_ x: Float, since: Float = 0) -> Float {
    switch self {
    case .box(let width, let height): return x.magnitude < width ? height : 0
    case .triangle(let width, let height): return height * max(0, 1 - x.magnitude / width)
    case .fastSigmoid(let slope):
      let base = 1 + slope * x.magnitude
      return 1 / (base * base)
    case .arctan(let slope):
      let scaled = Float.pi / 2 * slope * x
      return slope / 2 / (1 + scaled * scaled)
    case .spikeTime(let alpha, let beta): return alpha * exp(-beta * since)
    }
  }

  /// A smooth function whose derivative this is, for use instead of the step, so that finite
  /// differences can check a gradient; nil where there is none (it depends on more than x).
  public func antiderivative(_ x: Float) -> Float? {
    switch self {
    case .box(let width, let height): return height * min(max(x, -width), width)
    case .triangle(let width, let height):
      let inside = min(x.magnitude, width)
      let area = height * (inside - inside * inside / (2 * width))
      return x < 0 ? -area : area
    case .fastSigmoid(let slope): return x / (1 + slope * x.magnitude)
    case .arctan(let slope): return atan(Float.pi / 2 * slope * x) / Float.pi
    case .spikeTime: return nil
    }
  }
}

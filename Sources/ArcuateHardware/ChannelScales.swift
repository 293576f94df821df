import ArcuateCore

/// Chooses the scale of one output channel: w is about q s, with q in -127 ... 127.
///
///     plain        s = max |w| / 127
///     calibrated   the s, of those tried, with the least sum_j E[x_j^2] (w_j - q_j s)^2
///
/// which is the mean square of what the rounding adds to the channel's output, if the inputs x_j
/// are uncorrelated. Tried are 25 clipping fractions 1, 0.975, ... 0.4 of the plain scale, and for
/// the q of each of them the scale that fits these q best: sum m w q / sum m q^2. Weights beyond
/// 127 s are clipped.
///
/// Inputs that the frames never showed must not be rounded at will: among scales that are no worse
/// than the plain one on the frames, the least sum wins that gives every input one hundredth of
/// the channel's average strength besides its own.
///
/// Source. The diagonal of the layer-wise objective of Nagel, Amjad, van Baalen, Louizos,
/// Blankevoort, "Up or down? Adaptive rounding for post-training quantization", ICML 2020,
/// section 3, with the search over clipping of Choukroun, Kravchik, Yang, Kisilev, "Low-bit
/// quantization of neural networks for efficient inference", ICCVW 2019, section 3.2. The hundredth
/// is the dampening of Frantar, Ashkboos, Hoefler, Alistarh, "GPTQ", ICLR 2023, section 3.3.
struct ChannelScales {
  static let largest: Float = 127
  static let fractions = (0...24).map { 1 - Float($0) / 40 }
  static let dampening = 0.01

  let weights: [Float]

  /// The largest magnitude / 127; 1 for a channel of zeros. Finite, not zero, and so small that
  /// 127 s is finite.
  static func plain(_ weights: ArraySlice<Float>) -> Float {
    let most = weights.reduce(0) { max($0, $1.magnitude) }
    guard most > 0 else { return 1 }
    var scale = max(most / largest, .leastNormalMagnitude)
    while !(scale * largest).isFinite { scale = scale.nextDown }
    return scale
  }

  @inline(__always)
  static func rounded(_ weight: Float, _ scale: Float) -> Float {
    let q = (weight / scale).rounded(.toNearestOrEven)
    return q > largest ? largest : q < -largest ? -largest : q
  }

  /// The scale of the weights in `range`. `moments` has an E[x^2] for each of them.
  func calibrated(_ range: Range<Int>, _ moments: [Double]) -> Float {
    let plain = Self.plain(weights[range])
    let total = moments.reduce(0, +)
    guard total > 0 else { return plain }
    let floor = Self.dampening * total / Double(range.count)
    let limit = loss(range, moments, floor, plain).seen
    var best = plain
    var least = Double.infinity
    func attempt(_ scale: Float) {
      guard scale.isFinite, scale >= .leastNormalMagnitude, (scale * Self.largest).isFinite else {
        return
      }
      let loss = loss(range, moments, floor, scale)
      if loss.seen <= limit, loss.damped < least { (best, least) = (scale, loss.damped) }
    }
    for fraction in Self.fractions {
      let scale = plain * fraction
      attempt(scale)
      attempt(refitted(range, moments, floor, scale))
    }
    return best
  }

  /// What rounding by `scale` adds to the output's mean square: on the frames, and with the floor
  /// under every input.
  func loss(
    _ range: Range<Int>, _ moments: [Double], _ floor: Double, _ scale: Float
  ) -> (seen: Double, damped: Double) {
    var seen = 0.0
    var plain = 0.0
    for i in range {
      let weight = weights[i]
      let error = Double(weight - Self.rounded(weight, scale) * scale)
      seen += moments[i - range.lowerBound] * error * error
      plain += error * error
    }
    return (seen, seen + floor * plain)
  }

  /// The scale that fits the roundings by `scale` best, by least squares.
  private func refitted(
    _ range: Range<Int>, _ moments: [Double], _ floor: Double, _ scale: Float
  ) -> Float {
    var product = 0.0
    var square = 0.0
    for i in range {
      let weight = weights[i]
      let q = Double(Self.rounded(weight, scale))
      let moment = moments[i - range.lowerBound] + floor
      product += moment * Double(weight) * q
      square += moment * q * q
    }
    return square > 0 ? Float(product / square) : scale
  }
}

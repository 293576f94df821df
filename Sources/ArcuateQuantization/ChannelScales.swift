import ArcuateCore

/// Chooses the scale of one output channel: w is about q s, with q in -127 ... 127.
///
///     plain        s = max |w| / 127
///     calibrated   the s, of those tried, with the least sum_j E[x_j^2] (w_j - q_j s)^2
///
/// which is the mean square of what the rounding adds to the channel's output, if the inputs x_j
/// are uncorrelated. Tried are clipping fractions 1, 0.95, ... 0.4 of the plain scale, and for
/// the q of each of them the scale that fits these q best: sum m w q / sum m q^2. Weights beyond
/// 127 s are clipped.
///
/// Inputs that are zero on all frames need accurate weights, too: among scales that are no worse
/// than the plain one on the frames, the best is chosen by a sum in which every input has one
/// hundredth of the channel's average mean square added to its own.
///
/// Source. The diagonal of the layer-wise objective of Nagel, Amjad, van Baalen, Louizos,
/// Blankevoort, "Up or down? Adaptive rounding for post-training quantization", ICML 2020,
/// section 3, with the search over clipping of Choukroun, Kravchik, Yang, Kisilev, "Low-bit
/// quantization of neural networks for efficient inference", ICCVW 2019, section 3.2. The hundredth
/// is the dampening of Frantar, Ashkboos, Hoefler, Alistarh, "GPTQ", ICLR 2023, section 3.3.
struct ChannelScales {
  static let largest: Float = 127
  static let fractions = (0...12).map { 1 - Float($0) / 20 }
  static let dampening: Float = 0.01

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
    let strongest = moments.max() ?? 0
    guard strongest > 0 else { return plain }
    let channel = Channel(weights[range], plain, moments, strongest)
    var best: Float = 1
    var least = channel.trial(best)
    let limit = least.seen
    func attempt(_ ratio: Float) -> Float {
      guard ratio.isFinite, ratio > 0.1 else { return 1 }
      let trial = channel.trial(ratio)
      if trial.seen <= limit, trial.damped < least.damped { (best, least) = (ratio, trial) }
      return trial.refitted
    }
    for fraction in Self.fractions { _ = attempt(attempt(fraction)) }
    let scale = plain * best
    guard scale >= .leastNormalMagnitude, (scale * Self.largest).isFinite else { return plain }
    // The search is in float32 and in other units: the promise is checked in these.
    return loss(range, moments, scale) <= loss(range, moments, plain) ? scale : plain
  }

  /// The mean square that rounding by `scale` adds to the output.
  private func loss(_ range: Range<Int>, _ moments: [Double], _ scale: Float) -> Double {
    var sum = 0.0
    for i in range {
      let error = Double(weights[i] - Self.rounded(weights[i], scale) * scale)
      sum += moments[i - range.lowerBound] * error * error
    }
    return sum
  }
}

/// A channel in units of its plain scale, eight weights at a time.
private struct Channel {
  /// Within -127 ... 127, and mean squares within 0 ... 1; zeros fill the last eight.
  private var weights: [SIMD8<Float>] = []
  private var moments: [SIMD8<Float>] = []
  private let floor: Float

  init(_ values: ArraySlice<Float>, _ plain: Float, _ means: [Double], _ strongest: Double) {
    let blocks = (values.count + 7) / 8
    weights = [SIMD8<Float>](repeating: .zero, count: blocks)
    moments = weights
    var sum: Float = 0
    for (i, value) in values.enumerated() {
      weights[i / 8][i % 8] = value / plain
      let mean = Float(means[i] / strongest)
      moments[i / 8][i % 8] = mean
      sum += mean
    }
    floor = ChannelScales.dampening * sum / Float(max(1, values.count))
  }

  /// The result of a scale of `ratio`: the loss on the frames, the loss with the floor added to every
  /// input, and the ratio that fits these roundings best, by least squares.
  func trial(_ ratio: Float) -> (seen: Float, damped: Float, refitted: Float) {
    // Adding it rounds smaller numbers to integers.
    let magic = SIMD8<Float>(repeating: 0x1.8p23)
    let largest = SIMD8<Float>(repeating: ChannelScales.largest)
    let inverse = 1 / ratio
    var (seen, all) = (SIMD8<Float>.zero, SIMD8<Float>.zero)
    var (product, square) = (SIMD8<Float>.zero, SIMD8<Float>.zero)
    for i in weights.indices {
      let weight = weights[i]
      let moment = moments[i]
      let nearest = (weight * inverse + magic) - magic
      // Clipped without comparisons, which would not be vectorized.
      let q = 0.5 * ((nearest + largest).sizes - (nearest - largest).sizes)
      let error = weight - q * ratio
      let errors = error * error
      seen += moment * errors
      all += errors
      let counted = (moment + floor) * q
      product += counted * weight
      square += counted * q
    }
    let (found, whole) = (seen.sum(), square.sum())
    return (found, found + floor * all.sum(), whole > 0 ? product.sum() / whole : 1)
  }
}

extension SIMD8<Float> {
  /// The magnitude of each element: all bits but the sign.
  fileprivate var sizes: Self {
    // SAFETY: both are eight lanes of 32 bits, of which any pattern is a value.
    let bits = unsafeBitCast(self, to: SIMD8<UInt32>.self) & 0x7FFF_FFFF
    return unsafeBitCast(bits, to: Self.self)
  }
}

import ArcuateCore

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

extension Loss {
  /// DropMax: a gate for every class, sampled in training, its probability otherwise. Returns the loss
  /// and the predicted class.
  ///
  /// `uniform` gives the random number of an index.
  func stochmax(
    _ outputs: [[Float]], _ span: SampleSpan, label: Int, share: Float,
    gradients: inout [[Float]], uniform: (Int) -> Float, isTraining: Bool
  ) -> (loss: Double, predicted: Int) {
    let width = span.width
    let o = read(outputs[0], span).row
    let ph = read(outputs[1], span).row
    let rh = read(outputs[2], span).row
    func sigmoid(_ x: Float) -> Float { 1 / (1 + expf(-x)) }
    let tiny: Float = 1e-6
    let p = ph.map { min(max(sigmoid($0), tiny), 1 - tiny) }
    let r = rh.map { min(max(sigmoid($0), tiny), 1 - tiny) }
    // In training the posterior shares the first head's value, not its gradient.
    let q = (0..<width).map { min(max(sigmoid(ph[$0] + rh[$0]), tiny), 1 - tiny) }
    let naive = kind == .stochmaxNaive
    var z = p
    if isTraining {
      for k in 0..<width {
        let u = min(max(uniform(span.sample * width + k), tiny), 1 - tiny)
        let source = naive ? p[k] : q[k]
        z[k] = sigmoid((logf(source / (1 - source)) + logf(u / (1 - u))) / 0.1)
      }
      z[label] = 1
    }
    let top = o.max() ?? 0
    let e = (0..<width).map { (z[$0] + 1e-20) * expf(o[$0] - top) }
    let sum = e.reduce(0, +)
    let predicted = e.indices.max { e[$0] < e[$1] } ?? 0
    var loss = Double(-logf(max(e[label] / sum, 1e-30)))
    var go = [Float](repeating: 0, count: width)
    var gp = go
    var gr = go
    for k in 0..<width {
      let share = e[k] / sum
      go[k] = share - (k == label ? 1 : 0)
      if isTraining, k != label {
        // Through the gate: d(-log P)/dz, dz/dlogit = z (1 - z) / 0.1.
        let gz = expf(o[k] - top) / sum
        let through = gz * z[k] * (1 - z[k]) / 0.1
        if naive { gp[k] += through } else { gr[k] += through }
      }
      if !isTraining {
        // The gate is the first head's probability, of the label too.
        let gz = expf(o[k] - top) / sum - (k == label ? 1 / (z[k] + 1e-20) : 0)
        gp[k] += gz * p[k] * (1 - p[k])
      }
      guard !naive else { continue }
      if k == label {
        loss -= Double(logf(p[k]) + logf(r[k]))
        gp[k] -= 1 - p[k]
        gr[k] -= 1 - r[k]
      } else {
        loss += Double(
          q[k] * logf(q[k] / p[k]) + (1 - q[k]) * logf((1 - q[k]) / (1 - p[k])))
        loss -= Double(logf(1 - r[k]))
        gr[k] += r[k]
        // KL: d/dlogit q = q (1 - q) (logit q - logit p); d/dlogit p = p - q.
        let slope = q[k] * (1 - q[k]) * (logf(q[k] / (1 - q[k])) - logf(p[k] / (1 - p[k])))
        gr[k] += slope
        if !isTraining { gp[k] += slope }
        gp[k] += p[k] - q[k]
      }
      // Negative entropy of the gates.
      loss += Double(p[k] * logf(p[k]) + (1 - p[k]) * logf(1 - p[k]))
      gp[k] += p[k] * (1 - p[k]) * logf(p[k] / (1 - p[k]))
    }
    for (port, gradient) in [(0, go), (1, gp), (2, gr)] {
      spread(
        gradient.map { $0 * share }, outputs[port], span, step: 0, &gradients[port])
    }
    return (loss * Double(share), predicted)
  }
}

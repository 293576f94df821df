import ArcuateCore

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// What is to be made small, and how the steps of an output become one answer.
public struct Loss: Sendable, Equatable {
  public enum Kind: String, Sendable, CaseIterable {
    /// -log softmax(y)[label].
    case crossEntropy = "cross_entropy"
    /// The mean over elements of (y - target)^2; a label's target is 1 for its class, else 0.
    case meanSquare = "mean_square"
    /// As `meanSquare`, but |d| - 1/2 beyond a difference d of 1, and d^2 / 2 within.
    case smoothL1 = "smooth_l1"
    /// The mean over elements of -t log y - (1 - t) log(1 - y), for y within 0 ... 1.
    case binaryCrossEntropy = "binary_cross_entropy"
    /// The same of the logistic function of y.
    case binaryCrossEntropyLogits = "binary_cross_entropy_logits"
    /// As `meanSquare` of counts: targets are the wanted numbers of spikes in the window.
    case count
    /// Softmax over the classes that a learned gate lets through: outputs 0, 1 and 2 are logits and
    /// two heads for the gate. Source. Lee et al. 2018, DropMax.
    case stochmax
    /// The gate alone, the ablation: drawn from the first head, without the posterior and the terms that
    /// hold it. The label's gate is open while learning, so that nothing keeps it from closing.
    case stochmaxNaive = "stochmax_naive"
  }

  /// How the outputs of the steps become one row.
  public enum Readout: String, Sendable, CaseIterable {
    case last, sum, mean
    /// The largest over the steps, for each element.
    case maximum
    /// Every step is an answer of its own; the loss is their mean.
    case every
  }

  public var kind: Kind
  public var readout: Readout
  /// The steps that count; nil means all.
  public var window: Range<Int>?
  /// What the loss is multiplied with.
  public var weight: Float

  public init(
    _ kind: Kind = .crossEntropy, readout: Readout = .sum, window: Range<Int>? = nil,
    weight: Float = 1
  ) {
    self.kind = kind
    self.readout = readout
    self.window = window
    self.weight = weight
  }
}

/// What a batch is compared with.
public enum Target {
  /// A class for each sample.
  case labels([Int])
  /// Numbers, [batch][width], or [batch][steps][width] for a readout of every step.
  case values([Float])

  func checked(samples: Int, steps: Int, width: Int) throws {
    switch self {
    case .labels(let labels):
      guard labels.count == samples else {
        throw ArcuateError(.shapeMismatch, "\(labels.count) labels for \(samples) samples")
      }
      if let bad = labels.firstIndex(where: { $0 < 0 || $0 >= width }) {
        throw ArcuateError(
          .invalidArgument, "label \(labels[bad]) of sample \(bad) is not within 0 ... \(width - 1)"
        )
      }
    case .values(let values):
      guard values.count == samples * width || values.count == samples * steps * width else {
        throw ArcuateError(
          .shapeMismatch, "\(values.count) target numbers for \(samples) samples of \(width)")
      }
      if let bad = values.firstIndex(where: { !$0.isFinite }) {
        throw ArcuateError(.invalidArgument, "target number \(bad) is not finite")
      }
    }
  }
}

/// What a batch came to.
public struct BatchResult: Sendable, Equatable {
  /// The mean over the samples.
  public var loss: Double
  /// Samples whose largest output is that of their label.
  public var correct: Int
  public var samples: Int
}

extension Loss {
  /// Whether it reads more than one output.
  var isGated: Bool { kind == .stochmax || kind == .stochmaxNaive }

  /// Throws. `invalidArgument` for what the loss cannot be of.
  func check(_ target: Target, outputs: Int) throws {
    guard isGated else { return }
    guard outputs >= 3, case .labels = target else {
      throw ArcuateError(.invalidArgument, "stochmax needs three outputs and labels")
    }
  }

  /// The loss of `samples` samples of a batch, each [steps][width], and its gradient.
  ///
  /// The largest output of the readout is the answer; with `.every` the class that most steps name.
  func evaluate(
    _ outputs: [[Float]], samples: Int, steps: Int, width: Int, target: Target,
    gradients: inout [[Float]], draw: (Int) -> Float = { _ in 0.5 }, isTraining: Bool = true
  ) throws -> BatchResult {
    try target.checked(samples: samples, steps: steps, width: width)
    let window = (window ?? 0..<steps).clamped(to: 0..<steps)
    guard !window.isEmpty else {
      throw ArcuateError(.invalidArgument, "the loss's window has none of the \(steps) steps")
    }
    try check(target, outputs: outputs.count)
    var total = 0.0
    var correct = 0
    let scale = weight / Float(samples)
    for s in 0..<samples {
      var answers: [(at: Int, row: [Float])] = []
      if readout == .every {
        for t in window {
          let from = (s * steps + t) * width
          answers.append((t, Array(outputs[0][from..<from + width])))
        }
      } else {
        answers = [(0, reduce(outputs[0], s, steps, width, window).row)]
      }
      var votes = [Int](repeating: 0, count: width)
      for (t, row) in answers {
        var gradient = [Float](repeating: 0, count: width)
        let share = scale / Float(answers.count)
        if kind == .stochmax || kind == .stochmaxNaive {
          total += try stochmax(
            outputs, s, steps, width, window, target, share, &gradients, draw, isTraining, &votes)
          continue
        }
        let wanted = wanted(target, s, t, steps, width)
        total +=
          Double(weight) * one(row, wanted, &gradient) / Double(answers.count) / Double(samples)
        for i in 0..<width { gradient[i] *= share }
        spread(gradient, outputs[0], s, steps, width, window, step: t, &gradients[0])
        votes[row.indices.max { row[$0] < row[$1] } ?? 0] += 1
      }
      if case .labels(let labels) = target,
        votes.indices.max(by: { votes[$0] < votes[$1] }) == labels[s]
      {
        correct += 1
      }
    }
    return BatchResult(loss: total, correct: correct, samples: samples)
  }

  private func wanted(_ target: Target, _ s: Int, _ t: Int, _ steps: Int, _ width: Int) -> [Float] {
    switch target {
    case .labels(let labels):
      var row = [Float](repeating: 0, count: width)
      row[labels[s]] = 1
      return row
    case .values(let values):
      let every =
        readout == .every && values.count % (steps * width) == 0
        && values.count / (steps * width) > s
      let from = every ? (s * steps + t) * width : s * width
      return Array(values[from..<from + width])
    }
  }

  /// One row of answers from the steps of a window.
  private func reduce(
    _ y: [Float], _ s: Int, _ steps: Int, _ width: Int, _ window: Range<Int>
  ) -> (row: [Float], places: [Int]) {
    var row = [Float](repeating: readout == .maximum ? -.infinity : 0, count: width)
    var places = [Int](repeating: window.upperBound - 1, count: width)
    for t in window {
      let from = (s * steps + t) * width
      for i in 0..<width {
        switch readout {
        case .last, .every: row[i] = y[from + i]
        case .sum, .mean: row[i] += y[from + i]
        case .maximum:
          if y[from + i] > row[i] { (row[i], places[i]) = (y[from + i], t) }
        }
      }
    }
    if readout == .mean { for i in 0..<width { row[i] /= Float(window.count) } }
    return (row, places)
  }

  /// The gradient of a row of answers, back to the steps it was made of.
  private func spread(
    _ gradient: [Float], _ y: [Float], _ s: Int, _ steps: Int, _ width: Int, _ window: Range<Int>,
    step: Int, _ all: inout [Float]
  ) {
    func put(_ t: Int, _ i: Int, _ value: Float) { all[(s * steps + t) * width + i] += value }
    switch readout {
    case .every: for i in 0..<width { put(step, i, gradient[i]) }
    case .last: for i in 0..<width { put(window.upperBound - 1, i, gradient[i]) }
    case .sum: for t in window { for i in 0..<width { put(t, i, gradient[i]) } }
    case .mean:
      let share = 1 / Float(window.count)
      for t in window { for i in 0..<width { put(t, i, gradient[i] * share) } }
    case .maximum:
      let places = reduce(y, s, steps, width, window).places
      for i in 0..<width { put(places[i], i, gradient[i]) }
    }
  }

  /// The loss of one row, and its gradient.
  private func one(_ y: [Float], _ wanted: [Float], _ gradient: inout [Float]) -> Double {
    var loss = 0.0
    let count = Float(y.count)
    switch kind {
    case .crossEntropy, .stochmax, .stochmaxNaive:
      let top = y.max() ?? 0
      var sum = 0.0
      for value in y { sum += exp(Double(value - top)) }
      let weight = wanted.reduce(0, +)
      for i in y.indices {
        let logP = Double(y[i] - top) - log(sum)
        loss -= Double(wanted[i]) * logP
        gradient[i] = weight * Float(exp(logP)) - wanted[i]
      }
    case .meanSquare, .count:
      for i in y.indices {
        let d = y[i] - wanted[i]
        loss += Double(d * d / count)
        gradient[i] = 2 * d / count
      }
    case .smoothL1:
      for i in y.indices {
        let d = y[i] - wanted[i]
        loss += Double((d.magnitude < 1 ? d * d / 2 : d.magnitude - 0.5) / count)
        gradient[i] = (d.magnitude < 1 ? d : d > 0 ? 1 : -1) / count
      }
    case .binaryCrossEntropy:
      for i in y.indices {
        let p = min(max(y[i], 1e-7), 1 - 1e-7)
        let t = wanted[i]
        loss -= Double((t * logf(p) + (1 - t) * logf(1 - p)) / count)
        gradient[i] = (p - t) / (p * (1 - p)) / count
      }
    case .binaryCrossEntropyLogits:
      for i in y.indices {
        let t = wanted[i]
        loss += Double((max(y[i], 0) - y[i] * t + log1pf(expf(-y[i].magnitude))) / count)
        gradient[i] = (1 / (1 + expf(-y[i])) - t) / count
      }
    }
    return loss
  }

  /// DropMax: a gate for every class, drawn while training, its probability at other times.
  private func stochmax(
    _ outputs: [[Float]], _ s: Int, _ steps: Int, _ width: Int, _ window: Range<Int>,
    _ target: Target, _ share: Float, _ gradients: inout [[Float]], _ draw: (Int) -> Float,
    _ isTraining: Bool, _ votes: inout [Int]
  ) throws -> Double {
    guard case .labels(let labels) = target else { return 0 }
    let label = labels[s]
    let o = reduce(outputs[0], s, steps, width, window).row
    let ph = reduce(outputs[1], s, steps, width, window).row
    let rh = reduce(outputs[2], s, steps, width, window).row
    func sigmoid(_ x: Float) -> Float { 1 / (1 + expf(-x)) }
    let tiny: Float = 1e-6
    let p = ph.map { min(max(sigmoid($0), tiny), 1 - tiny) }
    let r = rh.map { min(max(sigmoid($0), tiny), 1 - tiny) }
    // The posterior shares the first head's value, not its gradient.
    let q = (0..<width).map { min(max(sigmoid(ph[$0] + rh[$0]), tiny), 1 - tiny) }
    let naive = kind == .stochmaxNaive
    var z = p
    if isTraining {
      for k in 0..<width {
        let u = min(max(draw(s * width + k), tiny), 1 - tiny)
        let source = naive ? p[k] : q[k]
        z[k] = sigmoid((logf(source / (1 - source)) + logf(u / (1 - u))) / 0.1)
      }
      z[label] = 1
    }
    let top = o.max() ?? 0
    let e = (0..<width).map { (z[$0] + 1e-20) * expf(o[$0] - top) }
    let sum = e.reduce(0, +)
    votes[e.indices.max { e[$0] < e[$1] } ?? 0] += 1
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
        gr[k] += q[k] * (1 - q[k]) * (logf(q[k] / (1 - q[k])) - logf(p[k] / (1 - p[k])))
        gp[k] += p[k] - q[k]
      }
      // Negative entropy of the gates.
      loss += Double(p[k] * logf(p[k]) + (1 - p[k]) * logf(1 - p[k]))
      gp[k] += p[k] * (1 - p[k]) * logf(p[k] / (1 - p[k]))
    }
    for (port, gradient) in [(0, go), (1, gp), (2, gr)] {
      spread(
        gradient.map { $0 * share }, outputs[port], s, steps, width, window, step: 0,
        &gradients[port])
    }
    return loss * Double(share)
  }
}

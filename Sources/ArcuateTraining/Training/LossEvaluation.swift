import ArcuateCore

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

extension Loss {
  /// The loss of the first samples of a batch, whose outputs are [sample][steps][width], and its
  /// gradient.
  ///
  /// The prediction is the largest element of the readout; with `.every` the class that most steps
  /// predict. `uniform` gives the random number of an index.
  func evaluate(
    _ outputs: [[Float]], samples: Int, steps: Int, width: Int, target: Target,
    gradients: inout [[Float]], uniform: (Int) -> Float = { _ in 0.5 }, isTraining: Bool = true
  ) throws(ArcuateError) -> BatchResult {
    try target.check(samples: samples, steps: steps, width: width)
    let window = (window ?? 0..<steps).clamped(to: 0..<steps)
    guard !window.isEmpty else {
      throw ArcuateError(.invalidArgument, "the window of a loss must begin below steps (\(steps))")
    }
    try check(target, outputs: outputs.count)
    var total = 0.0
    var correct = 0
    let scale = weight / Float(samples)
    var sampleLosses = [Double](repeating: 0, count: samples)
    for s in 0..<samples {
      try Cancellation.check()
      let span = SampleSpan(sample: s, steps: steps, width: width, window: window)
      var readouts: [(at: Int, row: [Float])] = []
      if readout == .every {
        readouts = window.map { ($0, Array(outputs[0][span.row($0)])) }
      } else {
        readouts = [(0, read(outputs[0], span).row)]
      }
      var votes = [Int](repeating: 0, count: width)
      for (t, row) in readouts {
        let share = scale / Float(readouts.count)
        if isGated, case .labels(let labels) = target {
          let (loss, predicted) = stochmax(
            outputs, span, label: labels[s], share: share, gradients: &gradients,
            uniform: uniform, isTraining: isTraining)
          total += loss
          sampleLosses[s] += loss * Double(samples)
          votes[predicted] += 1
          continue
        }
        var gradient = [Float](repeating: 0, count: width)
        let wanted = wanted(target, s, t, steps, width)
        let own = Double(weight) * one(row, wanted, &gradient) / Double(readouts.count)
        total += own / Double(samples)
        sampleLosses[s] += own
        for i in 0..<width { gradient[i] *= share }
        spread(gradient, outputs[0], span, step: t, &gradients[0])
        votes[row.indices.max { row[$0] < row[$1] } ?? 0] += 1
      }
      if let label = label(target, s, samples, width),
        votes.indices.max(by: { votes[$0] < votes[$1] }) == label
      {
        correct += 1
      }
    }
    return BatchResult(
      loss: total, correct: correct, samples: samples, sampleLosses: sampleLosses)
  }

  /// The class of a sample; of numbers for a cross-entropy, such as one-hot rows, the largest.
  private func label(_ target: Target, _ s: Int, _ samples: Int, _ width: Int) -> Int? {
    switch target {
    case .labels(let labels): return labels[s]
    case .values(let values):
      guard kind == .crossEntropy, values.count == samples * width else { return nil }
      let row = s * width..<(s + 1) * width
      return row.max { values[$0] < values[$1] }.map { $0 - s * width }
    }
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

  /// The row read off the steps of a window, and for the maximum the step that each element is of.
  func read(_ y: [Float], _ span: SampleSpan) -> (row: [Float], steps: [Int]) {
    let width = span.width
    var row = [Float](repeating: readout == .maximum ? -.infinity : 0, count: width)
    var steps = [Int](repeating: span.window.upperBound - 1, count: width)
    for t in span.window {
      let from = span.row(t).lowerBound
      for i in 0..<width {
        switch readout {
        case .last, .every: row[i] = y[from + i]
        case .sum, .mean: row[i] += y[from + i]
        case .maximum:
          if y[from + i] > row[i] { (row[i], steps[i]) = (y[from + i], t) }
        }
      }
    }
    if readout == .mean { for i in 0..<width { row[i] /= Float(span.window.count) } }
    return (row, steps)
  }

  /// Adds the gradient of a readout to that of the steps that it was read off.
  func spread(
    _ gradient: [Float], _ y: [Float], _ span: SampleSpan, step: Int, _ all: inout [Float]
  ) {
    let (width, window) = (span.width, span.window)
    func put(_ t: Int, _ i: Int, _ value: Float) { all[span.row(t).lowerBound + i] += value }
    switch readout {
    case .every: for i in 0..<width { put(step, i, gradient[i]) }
    case .last: for i in 0..<width { put(window.upperBound - 1, i, gradient[i]) }
    case .sum: for t in window { for i in 0..<width { put(t, i, gradient[i]) } }
    case .mean:
      let share = 1 / Float(window.count)
      for t in window { for i in 0..<width { put(t, i, gradient[i] * share) } }
    case .maximum:
      let steps = read(y, span).steps
      for i in 0..<width { put(steps[i], i, gradient[i]) }
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
}

/// The outputs of one sample among those of a batch, and the steps that count.
struct SampleSpan {
  let sample: Int
  let steps: Int
  let width: Int
  let window: Range<Int>

  /// The elements of step `t`.
  func row(_ t: Int) -> Range<Int> {
    let from = (sample * steps + t) * width
    return from..<from + width
  }
}

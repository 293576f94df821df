import ArcuateCore

/// A loss to minimize, and how the steps of an output are read out for it.
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
    /// Softmax over the classes that a trained gate passes: outputs 0, 1 and 2 are logits and two
    /// heads for the gate. Source. Lee et al. 2018, DropMax.
    case stochmax
    /// Its ablation, the gate alone: sampled from the first head, without the posterior and its terms.
    /// The label's gate is open in training, so that nothing keeps it from closing.
    case stochmaxNaive = "stochmax_naive"
  }

  /// How one row is read off the outputs of the steps.
  public enum Readout: String, Sendable, CaseIterable {
    case last, sum, mean
    /// The maximum over the steps, for each element.
    case maximum
    /// Every step is a prediction; the loss is the mean over the steps.
    case every
  }

  public var kind: Kind
  public var readout: Readout
  /// The steps that count; nil means all.
  public var window: Range<Int>?
  /// The factor of this loss in the sum of losses.
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

/// What the outputs of a batch are compared with.
public enum Target {
  /// A class for each sample.
  case labels([Int])
  /// Numbers, [batch][width], or [batch][steps][width] for a readout of every step.
  case values([Float])

  /// Throws. `shapeMismatch` unless there are numbers for each sample, or for each of its steps.
  static func check(
    _ count: Int, samples: Int, steps: Int, width: Int
  ) throws(ArcuateError) {
    guard count == samples * width || count == samples * steps * width else {
      let everyStep = steps > 1 ? ", or of \(steps) x \(width)" : ""
      let classes = count == samples ? ": a class for each sample is a label" : ""
      throw ArcuateError(
        .shapeMismatch,
        "\(count) target numbers for \(samples) samples of \(width)\(everyStep)\(classes)")
    }
  }

  func check(samples: Int, steps: Int, width: Int) throws(ArcuateError) {
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
      try Target.check(values.count, samples: samples, steps: steps, width: width)
      if let bad = values.firstIndex(where: { !$0.isFinite }) {
        throw ArcuateError(.invalidArgument, "target number \(bad) is not finite")
      }
    }
  }
}

/// The loss of a batch.
public struct BatchResult: Sendable, Equatable {
  /// The mean over the samples.
  public var loss: Double
  /// Samples whose largest output is that of their label; for a cross-entropy with numbers, that of the
  /// largest of these.
  public var correct: Int
  public var samples: Int
  /// The loss of each sample.
  public var sampleLosses: [Double]
}

extension Loss {
  /// Whether it reads more than one output.
  var isGated: Bool { kind == .stochmax || kind == .stochmaxNaive }

  /// Throws. `invalidArgument` for a target or outputs that the loss cannot take.
  func check(_ target: Target, outputs: Int) throws(ArcuateError) {
    guard isGated else { return }
    guard outputs >= 3, case .labels = target else {
      throw ArcuateError(.invalidArgument, "stochmax needs three outputs and labels")
    }
  }
}

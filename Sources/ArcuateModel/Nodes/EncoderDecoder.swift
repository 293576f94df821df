import ArcuateCore

/// How a value becomes spikes.
public enum Encoder: Sendable, Equatable {
  /// A spike with probability clamp(gain x, 0, 1) at each step, sampled by (seed, step, element).
  case bernoulli(gain: Float, seed: UInt64)
  /// An integrator with subtraction: on average gain x spikes a step, evenly spaced.
  case rate(gain: Float)
  /// Spikes of height 1 or -1, by the sign of x, with probability clamp(|gain x|, 0, 1), sampled
  /// as by `bernoulli`.
  case signedBernoulli(gain: Float, seed: UInt64)
  /// gain x at the first step since the last reset, and zero after it: a value, given once.
  case singleShot(gain: Float)
}

/// How spikes become a value; each runs from the last reset, which a frame may be.
public enum Decoder: String, Sendable, CaseIterable {
  /// The number of spikes so far.
  case count
  /// The number of spikes per step so far.
  case rate
  /// The mean so far, of values.
  case mean
}

extension Encoder {
  /// The factor on x.
  var gain: Float {
    get {
      switch self {
      case .bernoulli(let gain, _), .signedBernoulli(let gain, _), .rate(let gain),
        .singleShot(let gain):
        gain
      }
    }
    set {
      switch self {
      case .bernoulli(_, let seed): self = .bernoulli(gain: newValue, seed: seed)
      case .signedBernoulli(_, let seed): self = .signedBernoulli(gain: newValue, seed: seed)
      case .rate: self = .rate(gain: newValue)
      case .singleShot: self = .singleShot(gain: newValue)
      }
    }
  }

  /// The seed of the random numbers; 0 for encoders without.
  var seed: UInt64 {
    get {
      switch self {
      case .bernoulli(_, let seed), .signedBernoulli(_, let seed): seed
      case .rate, .singleShot: 0
      }
    }
    set {
      switch self {
      case .bernoulli(let gain, _): self = .bernoulli(gain: gain, seed: newValue)
      case .signedBernoulli(let gain, _): self = .signedBernoulli(gain: gain, seed: newValue)
      case .rate, .singleShot: break
      }
    }
  }
}

extension Encoder: NodeKind {
  package static var forms: [NodeForm<Self>] {
    let gain = Field<Self>.number("gain", \.gain)
    let seed = Field<Self>.seed("seed", \.seed)
    func layer(_ name: String, _ make: @escaping (Float) -> Self) -> NodeForm<Self>.Layer {
      .init(name: name) { layer throws(ArcuateError) in
        make(try layer.number("gain", or: 1))
      }
    }
    return [
      NodeForm(
        "BernoulliEncoder", nir: .none(), [gain, seed], blank: .bernoulli(gain: 1, seed: 0),
        layer: .init(name: "bernoulli") { layer throws(ArcuateError) in
          .bernoulli(gain: try layer.number("gain", or: 1), seed: try layer.seed("seed"))
        }),
      NodeForm(
        "SignedBernoulliEncoder", nir: .none(), [gain, seed],
        blank: .signedBernoulli(gain: 1, seed: 0)),
      NodeForm(
        "RateEncoder", nir: .none(), [gain], blank: .rate(gain: 1),
        layer: layer("rate") { .rate(gain: $0) }),
      NodeForm(
        "SingleShotEncoder", nir: .none(), [gain], blank: .singleShot(gain: 1),
        layer: layer("single_shot") { .singleShot(gain: $0) }),
    ]
  }

  package var asOperator: Operator { .encoder(self) }
  package var kindName: String {
    switch self {
    case .bernoulli: "BernoulliEncoder"
    case .rate: "RateEncoder"
    case .signedBernoulli: "SignedBernoulliEncoder"
    case .singleShot: "SingleShotEncoder"
    }
  }

  package func outputShape(_ inputs: [Shape?]) throws(ArcuateError) -> Shape? {
    try commonShape(inputs)
  }

  package func signal(_ inputs: [Signal]) -> Signal {
    switch self {
    case .bernoulli, .rate, .signedBernoulli: .spike
    case .singleShot: .value
    }
  }

  package func refusal(of inputs: [Signal?]) -> String? {
    inputs.contains(.spike) ? "takes values, but receives spikes" : nil
  }

  package func contradictions() -> [String] {
    !gain.isFinite || gain < 0 ? ["the gain must be finite and not negative"] : []
  }

  package var parameterCount: Int { 0 }
  package func needsTimeStep(_ semantics: NeuronSemantics) -> Bool { false }
  package func constancy(dt_s: Double?) -> Constancy { .never }
  package func isEarly(_ semantics: NeuronSemantics, dt_s: Double?) -> Bool { false }
  package func renamingReferences(_ rename: (String) -> String) -> Self { self }
}

extension Decoder: NodeKind {
  package static var forms: [NodeForm<Self>] {
    allCases.map { decoder in
      // In layer lists "rate" is the encoder.
      NodeForm(
        decoder.kindName, nir: .none(), [], blank: decoder,
        layer: decoder == .rate ? nil : .init(name: decoder.rawValue) { _ in decoder })
    }
  }

  package var asOperator: Operator { .decoder(self) }
  package var kindName: String {
    switch self {
    case .count: "CountDecoder"
    case .rate: "RateDecoder"
    case .mean: "MeanDecoder"
    }
  }

  package func outputShape(_ inputs: [Shape?]) throws(ArcuateError) -> Shape? {
    try commonShape(inputs)
  }
  package func signal(_ inputs: [Signal]) -> Signal { .value }

  package func refusal(of inputs: [Signal?]) -> String? {
    switch self {
    case .mean: nil
    case .count, .rate:
      inputs.contains(.value) ? "takes spikes, but receives values" : nil
    }
  }

  package func contradictions() -> [String] { [] }
  package var parameterCount: Int { 0 }
  package func needsTimeStep(_ semantics: NeuronSemantics) -> Bool { false }
  package func constancy(dt_s: Double?) -> Constancy { .never }
  package func isEarly(_ semantics: NeuronSemantics, dt_s: Double?) -> Bool { false }
  package func renamingReferences(_ rename: (String) -> String) -> Self { self }
}

import ArcuateCore

/// y = (x - mean) / sqrt(variance + epsilon) * gamma + beta, with mean and variance over the
/// channels and positions of a group; gamma and beta are per channel (the first axis).
///
/// | parameter | unit | default | meaning                                                |
/// |-----------|------|---------|--------------------------------------------------------|
/// | groups    | –    | –       | groups of consecutive channels, which divide channels  |
/// | gamma     | 1    | 1       | [channels]                                             |
/// | beta      | 1    | 0       | [channels]                                             |
/// | epsilon   | 1    | 1e-5    | added to the variance, which divides by the count      |
///
/// Source. Wu and He 2018; PyTorch's nn.GroupNorm.
public struct GroupNorm: Sendable, Equatable {
  public var groups: Int
  public var gamma: Tensor
  public var beta: Tensor
  public var epsilon: Float
  public init(groups: Int, gamma: Tensor, beta: Tensor, epsilon: Float = 1e-5) {
    self.groups = groups
    self.gamma = gamma
    self.beta = beta
    self.epsilon = epsilon
  }

  /// With gamma 1 and beta 0.
  public init(groups: Int, channels: Int, epsilon: Float = 1e-5) {
    self.init(
      groups: groups, gamma: Tensor(vector: [Float](repeating: 1, count: channels)),
      beta: Tensor(vector: [Float](repeating: 0, count: channels)), epsilon: epsilon)
  }
}

extension GroupNorm: NodeKind {
  package static var forms: [NodeForm<Self>] {
    [
      NodeForm(
        "GroupNorm", nir: .none(),
        [
          .integer("groups", \.groups), .tensor("gamma", \.gamma), .tensor("beta", \.beta),
          .number("epsilon", \.epsilon),
        ], blank: Self(groups: 1, channels: 0),
        layer: .init(name: "group_norm") { layer throws(ArcuateError) in
          guard let channels = layer.input.extents.first else {
            throw ArcuateError(.shapeMismatch, "takes channels, not a single number")
          }
          try layer.spend(2 * channels)
          return Self(
            groups: try layer.whole("groups", least: 1, or: nil), channels: channels,
            epsilon: try layer.number("epsilon", or: 1e-5))
        })
    ]
  }

  package var asOperator: Operator { .groupNorm(self) }
  package var kindName: String { "GroupNorm" }

  package func outputShape(_ inputs: [Shape?]) throws(ArcuateError) -> Shape? {
    guard let input = try commonShape(inputs) else { return nil }
    guard input.extents.first == gamma.count else {
      throw mismatch("\(gamma.count) channels", input)
    }
    return input
  }

  package func signal(_ inputs: [Signal]) -> Signal { .value }
  package func refusal(of inputs: [Signal?]) -> String? { nil }

  package func contradictions() -> [String] {
    var found = nonFinite([("gamma", gamma), ("beta", beta)])
    if beta.count != gamma.count {
      found.append("beta has \(beta.count) elements, gamma \(gamma.count)")
    }
    if groups < 1 || gamma.count % groups != 0 {
      found.append("\(groups) groups do not divide \(gamma.count) channels")
    }
    if !(epsilon > 0 && epsilon.isFinite) { found.append("epsilon must be positive") }
    return found
  }

  package var parameterCount: Int { gamma.count + beta.count }
  package func needsTimeStep(_ semantics: NeuronSemantics) -> Bool { false }
  package func constancy(dt_s: Double?) -> Constancy { .followsInputs }
  package func isEarly(_ semantics: NeuronSemantics, dt_s: Double?) -> Bool { false }
  package func renamingReferences(_ rename: (String) -> String) -> Self { self }
}

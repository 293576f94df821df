import ArcuateCore

/// y = (x - mean) / sqrt(variance + epsilon) * gamma + beta, per channel (the first axis).
public struct BatchNorm: Sendable, Equatable {
  /// One element per channel each.
  public var mean: Tensor
  public var variance: Tensor
  public var gamma: Tensor
  public var beta: Tensor
  public var epsilon: Float
  public init(mean: Tensor, variance: Tensor, gamma: Tensor, beta: Tensor, epsilon: Float = 1e-5) {
    self.mean = mean
    self.variance = variance
    self.gamma = gamma
    self.beta = beta
    self.epsilon = epsilon
  }
}

extension BatchNorm: NodeKind {
  package static var forms: [NodeForm<Self>] {
    let none = Tensor(scalar: 0)
    return [
      NodeForm(
        "BatchNorm", nir: .none(hint: ", or it can be folded into the weights before it"),
        [
          .tensor("mean", \.mean), .tensor("variance", \.variance), .tensor("gamma", \.gamma),
          .tensor("beta", \.beta), .number("epsilon", \.epsilon),
        ], blank: BatchNorm(mean: none, variance: none, gamma: none, beta: none),
        layer: .init(name: "batch_norm", make: BatchNorm.init(layer:)))
    ]
  }

  private init(layer: any LayerFields) throws(ArcuateError) {
    guard let channels = layer.input.extents.first else {
      throw ArcuateError(.shapeMismatch, "takes channels, not a single number")
    }
    try layer.spend(4 * channels)
    func all(_ value: Float) -> Tensor {
      Tensor(vector: [Float](repeating: value, count: channels))
    }
    self.init(
      mean: all(0), variance: all(1), gamma: all(try layer.number("gamma", or: 1)), beta: all(0),
      epsilon: try layer.number("epsilon", or: 1e-5))
  }

  package var asOperator: Operator { .batchNorm(self) }
  package var kindName: String { "BatchNorm" }

  package func outputShape(_ inputs: [Shape?]) throws(ArcuateError) -> Shape? {
    guard let input = try commonShape(inputs) else { return nil }
    let channels = input.extents.first ?? 1
    for tensor in [mean, variance, gamma, beta] where tensor.count != channels {
      throw mismatch("\(tensor.count) channels", input)
    }
    return input
  }

  package func signal(_ inputs: [Signal]) -> Signal { .value }
  package func refusal(of inputs: [Signal?]) -> String? { nil }

  package func contradictions() -> [String] {
    var found = nonFinite([
      ("the mean", mean), ("gamma", gamma), ("beta", beta), ("the variance", variance),
    ])
    if variance.floats.contains(where: { $0 + epsilon <= 0 }) {
      found.append("variance + epsilon must be positive")
    }
    return found
  }

  package var parameterCount: Int { mean.count + variance.count + gamma.count + beta.count }
  package func needsTimeStep(_ semantics: NeuronSemantics) -> Bool { false }
  package func constancy(dt_s: Double?) -> Constancy { .followsInputs }
  package func isEarly(_ semantics: NeuronSemantics, dt_s: Double?) -> Bool { false }
  package func renamingReferences(_ rename: (String) -> String) -> Self { self }
}

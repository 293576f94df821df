import ArcuateCore

/// Long short-term memory, one layer in one direction, whose output h and memory c start at zero:
///
///     i = sigmoid(W_ii x + b_ii + W_hi h + b_hi)
///     f = sigmoid(W_if x + b_if + W_hf h + b_hf)
///     g = tanh(W_ig x + b_ig + W_hg h + b_hg)
///     o = sigmoid(W_io x + b_io + W_ho h + b_ho)
///     c = f * c + i * g
///     h = o * tanh(c)
///
/// The weights and biases of the gates i, f, g, o are fused in this order, as in PyTorch's `nn.LSTM`.
///
/// Source. Hochreiter and Schmidhuber 1997; the forget gate: Gers et al. 2000.
public struct LSTM: Sendable, Equatable {
  /// [4 units, inputs].
  public var inputWeight: Tensor
  /// [4 units, units].
  public var hiddenWeight: Tensor
  /// [4 units], or absent.
  public var inputBias: Tensor?
  public var hiddenBias: Tensor?

  public init(
    inputWeight: Tensor, hiddenWeight: Tensor, inputBias: Tensor? = nil, hiddenBias: Tensor? = nil
  ) {
    self.inputWeight = inputWeight
    self.hiddenWeight = hiddenWeight
    self.inputBias = inputBias
    self.hiddenBias = hiddenBias
  }

  /// Elements of the output.
  public var units: Int { unitCount }
}

extension LSTM: GatedLayer {
  package static var gateCount: Int { 4 }
  package static var forms: [NodeForm<Self>] {
    let none = Field<Self>.NIR.none()
    return [
      NodeForm(
        "LSTM", nir: .none(),
        [
          .tensor("weight_ih", \.inputWeight, nir: none),
          .tensor("weight_hh", \.hiddenWeight, nir: none),
          .tensor("bias_ih", \.inputBias, nir: none), .tensor("bias_hh", \.hiddenBias, nir: none),
        ], blank: LSTM(inputWeight: Tensor(scalar: 0), hiddenWeight: Tensor(scalar: 0)),
        layer: .init(name: "lstm", make: Self.make))
    ]
  }

  package var asOperator: Operator { .lstm(self) }
  package var kindName: String { "LSTM" }

  package func outputShape(_ inputs: [Shape?]) throws(ArcuateError) -> Shape? {
    try gatedShape(inputs)
  }
  package func signal(_ inputs: [Signal]) -> Signal { .value }
  package func refusal(of inputs: [Signal?]) -> String? { nil }
  package func contradictions() -> [String] { gatedContradictions() }
  package var parameterCount: Int { gatedParameterCount }
  package func needsTimeStep(_ semantics: NeuronSemantics) -> Bool { false }
  package func constancy(dt_s: Double?) -> Constancy { .never }
  package func isEarly(_ semantics: NeuronSemantics, dt_s: Double?) -> Bool { false }
  package func renamingReferences(_ rename: (String) -> String) -> Self { self }
}

import ArcuateCore

/// A gated recurrent unit, one layer in one direction, whose output h starts at zero:
///
///     r = sigmoid(W_ir x + b_ir + W_hr h + b_hr)
///     z = sigmoid(W_iz x + b_iz + W_hz h + b_hz)
///     n = tanh(W_in x + b_in + r * (W_hn h + b_hn))
///     h = (1 - z) * n + z * h
///
/// The weights and biases of the gates r, z, n are fused in this order, as in PyTorch's `nn.GRU`.
///
/// Source. Cho et al. 2014; r is applied as in cuDNN and PyTorch.
public struct GRU: Sendable, Equatable {
  /// [3 units, inputs].
  public var inputWeight: Tensor
  /// [3 units, units].
  public var hiddenWeight: Tensor
  /// [3 units], or absent.
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

extension GRU: GatedLayer {
  package static var gateCount: Int { 3 }
  package static var forms: [NodeForm<Self>] {
    let none = Field<Self>.NIR.none()
    return [
      NodeForm(
        "GRU", nir: .none(),
        [
          .tensor("weight_ih", \.inputWeight, nir: none),
          .tensor("weight_hh", \.hiddenWeight, nir: none),
          .tensor("bias_ih", \.inputBias, nir: none), .tensor("bias_hh", \.hiddenBias, nir: none),
        ], blank: GRU(inputWeight: Tensor(scalar: 0), hiddenWeight: Tensor(scalar: 0)),
        layer: .init(name: "gru", make: Self.make))
    ]
  }

  package var asOperator: Operator { .gru(self) }
  package var kindName: String { "GRU" }

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

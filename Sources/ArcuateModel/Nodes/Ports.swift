import ArcuateCore

/// An input of the network.
package struct InputPort: Sendable, Equatable {
  package var shape: Shape
}

/// An output of the network.
package struct OutputPort: Sendable, Equatable {
  package var shape: Shape
}

extension InputPort: NodeKind {
  package static var forms: [NodeForm<Self>] {
    [
      NodeForm(
        "Input", nir: .native(),
        [.shape("shape", \.shape, nir: .field(names: ["shape", "input_type"]))],
        blank: Self(shape: .scalar))
    ]
  }

  package var asOperator: Operator { .input(shape: shape) }
  package var kindName: String { "Input" }
  package func outputShape(_ inputs: [Shape?]) throws(ArcuateError) -> Shape? { shape }
  package func signal(_ inputs: [Signal]) -> Signal { .value }
  package func refusal(of inputs: [Signal?]) -> String? { nil }
  package func contradictions() -> [String] { [] }
  package var parameterCount: Int { 0 }
  package func needsTimeStep(_ semantics: NeuronSemantics) -> Bool { false }
  package func constancy(dt_s: Double?) -> Constancy { .heldInput }
  package func isEarly(_ semantics: NeuronSemantics, dt_s: Double?) -> Bool { false }
  package func renamingReferences(_ rename: (String) -> String) -> Self { self }
}

extension OutputPort: NodeKind {
  package static var forms: [NodeForm<Self>] {
    [
      NodeForm(
        "Output", nir: .native(),
        [.shape("shape", \.shape, nir: .field(names: ["shape", "output_type"]))],
        blank: Self(shape: .scalar))
    ]
  }

  package var asOperator: Operator { .output(shape: shape) }
  package var kindName: String { "Output" }

  /// The stated shape may have axes of 1 more or fewer; the check reports it.
  package func outputShape(_ inputs: [Shape?]) throws(ArcuateError) -> Shape? {
    guard let input = try commonShape(inputs) else { return shape }
    // Exporters state one element where they do not know better.
    if input.count != shape.count, shape.count != 1 {
      throw mismatch("an output of shape \(shape)", input)
    }
    return input
  }

  package func signal(_ inputs: [Signal]) -> Signal { .spikeIfAll(inputs) }
  package func refusal(of inputs: [Signal?]) -> String? { nil }
  package func contradictions() -> [String] { [] }
  package var parameterCount: Int { 0 }
  package func needsTimeStep(_ semantics: NeuronSemantics) -> Bool { false }
  package func constancy(dt_s: Double?) -> Constancy { .followsInputs }
  package func isEarly(_ semantics: NeuronSemantics, dt_s: Double?) -> Bool { false }
  package func renamingReferences(_ rename: (String) -> String) -> Self { self }
}

import ArcuateCore

/// The inputs, in the order of the edges that lead here, one after another along the first axis;
/// their other axes are equal. Spikes stay spikes.
package struct Concatenation: Sendable, Equatable {}

/// The product of all inputs, element by element.
package struct Multiplication: Sendable, Equatable {}

extension Concatenation: NodeKind {
  package static var forms: [NodeForm<Self>] {
    [NodeForm("Concatenation", nir: .none(), [], blank: Self())]
  }

  package var asOperator: Operator { .concatenation }
  package var kindName: String { "Concatenation" }

  package func outputShape(_ inputs: [Shape?]) throws(ArcuateError) -> Shape? {
    let known = inputs.compactMap { $0 }
    guard let first = known.first else { return nil }
    var extent = 0
    for shape in known {
      guard shape.rank >= 1, shape.extents.dropFirst() == first.extents.dropFirst() else {
        throw ArcuateError(
          .shapeMismatch,
          "receives shapes \(first) and \(shape), which do not join along the first axis")
      }
      extent += shape[0]
    }
    guard known.count == inputs.count else { return nil }
    return try Shape([extent] + Array(first.extents.dropFirst()))
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

extension Multiplication: NodeKind {
  package static var forms: [NodeForm<Self>] {
    [NodeForm("Multiplication", nir: .none(), [], blank: Self())]
  }

  package var asOperator: Operator { .multiplication }
  package var kindName: String { "Multiplication" }
  package func outputShape(_ inputs: [Shape?]) throws(ArcuateError) -> Shape? {
    try commonShape(inputs, combined: "multiplied")
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

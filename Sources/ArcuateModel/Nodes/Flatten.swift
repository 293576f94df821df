import ArcuateCore

/// Merges axes `start` ... `end` (without batch; negative numbers count from the last axis).
public struct Flatten: Sendable, Equatable {
  /// The shape the file states for the input; nil when it states none.
  public var inputShape: Shape?
  public var start: Int
  public var end: Int
  public init(inputShape: Shape? = nil, start: Int = 0, end: Int = -1) {
    self.inputShape = inputShape
    self.start = start
    self.end = end
  }
}

extension Flatten: NodeKind {
  package static var forms: [NodeForm<Self>] {
    [
      NodeForm(
        "Flatten", nir: .native(),
        [
          Field(
            "input_shape", .extents(count: nil), isRequired: false,
            nir: .field(
              names: ["input_type"], absence: .ignored,
              value: { flatten, shapes throws(ArcuateError) in
                guard let shape = flatten.inputShape ?? shapes.input else {
                  throw ArcuateError(.notRepresentable, "its input shape is not known")
                }
                return .integers(shape.extents)
              }),
            get: { $0.inputShape.map { .integers($0.extents) } },
            set: { flatten, value throws(ArcuateError) in
              if case .integers(let extents) = value { flatten.inputShape = try Shape(extents) }
            }),
          .integer("start_dim", \.start, nir: .field(absence: .integer(0))),
          .integer("end_dim", \.end, nir: .field(absence: .integer(-1))),
        ], blank: Flatten(), layer: .init(name: "flatten") { Flatten(inputShape: $0.input) })
    ]
  }

  package var asOperator: Operator { .flatten(self) }
  package var kindName: String { "Flatten" }

  package func outputShape(_ inputs: [Shape?]) throws(ArcuateError) -> Shape? {
    guard let input = try commonShape(inputs) ?? inputShape else { return nil }
    let first = start < 0 ? start + input.rank : start
    let last = end < 0 ? end + input.rank : end
    guard first >= 0, first <= last, last < input.rank else {
      throw mismatch("axes \(start) ... \(end)", input)
    }
    let merged = input.extents[first...last].reduce(1, *)
    return try Shape(
      Array(input.extents[..<first]) + [merged] + Array(input.extents[(last + 1)...]))
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

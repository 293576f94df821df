import ArcuateCore

/// y = x / sqrt(max(mean(x x) / target^2, floor)), over all elements; the mean in float64.
///
/// Source. Kaldi's NormalizeComponent.
public struct Normalization: Sendable, Equatable {
  /// The root mean square of y.
  public var target: Float
  /// What a row of (almost) zeros is divided by, squared.
  public var floor: Float
  /// Whether log(target sqrt(max(mean(x x) / target^2, floor))), the logarithm of the root mean
  /// square of x, is put behind the elements of y, which then have one axis.
  public var appendsLog: Bool

  public init(target: Float = 1, floor: Float = 0x1p-66, appendsLog: Bool = false) {
    self.target = target
    self.floor = floor
    self.appendsLog = appendsLog
  }
}

extension Normalization: NodeKind {
  package static var forms: [NodeForm<Self>] {
    [
      NodeForm(
        "Normalization", nir: .none(),
        [
          .flag("appends_log", \.appendsLog), .number("target", \.target),
          .number("floor", \.floor),
        ], blank: Normalization())
    ]
  }

  package var asOperator: Operator { .normalization(self) }
  package var kindName: String { "Normalization" }

  package func outputShape(_ inputs: [Shape?]) throws(ArcuateError) -> Shape? {
    guard let input = try commonShape(inputs) else { return nil }
    guard appendsLog else { return input }
    guard input.rank == 1 else { throw mismatch("one axis, to which a number is added", input) }
    return try Shape([input[0] + 1])
  }

  package func signal(_ inputs: [Signal]) -> Signal { .value }
  package func refusal(of inputs: [Signal?]) -> String? { refusalOfSpikes(inputs) }

  package func contradictions() -> [String] {
    var found: [String] = []
    if !(target.isFinite && target > 0) { found.append("the target must be positive") }
    if !(floor.isFinite && floor > 0) { found.append("the floor must be positive") }
    return found
  }

  package var parameterCount: Int { 0 }
  package func needsTimeStep(_ semantics: NeuronSemantics) -> Bool { false }
  package func constancy(dt_s: Double?) -> Constancy { .followsInputs }
  package func isEarly(_ semantics: NeuronSemantics, dt_s: Double?) -> Bool { false }
  package func renamingReferences(_ rename: (String) -> String) -> Self { self }
}

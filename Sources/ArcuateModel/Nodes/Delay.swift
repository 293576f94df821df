import ArcuateCore

/// y(t) = x(t - delay), elementwise (NIR Delay).
package struct Delay: Sendable, Equatable {
  /// In seconds. One element, or one per element of the input.
  package var delay_s: Tensor
}

extension Delay {
  /// Steps of a delay at most.
  package static let mostSteps = 1_000_000

  /// A delay as a whole number of steps. Throws. `cannotCompile` above `mostSteps`.
  package static func steps(_ seconds: Float, dt_s: Double) throws(ArcuateError) -> Int {
    let steps = (Double(seconds) / dt_s).rounded()
    guard steps >= 0, steps <= Double(mostSteps) else {
      throw ArcuateError(
        .cannotCompile, "a delay of \(seconds) s is \(steps) steps, above 1,000,000")
    }
    return Int(bounding: steps, 0...mostSteps)
  }
}

extension Delay {
  /// What becomes of a delay that is no whole number of steps; nil if all are.
  func rounding(dt_s: Double?) -> String? {
    guard let dt_s else { return nil }
    for delay in delay_s.floats {
      let steps = Double(delay) / dt_s
      if (steps - steps.rounded()).magnitude > 1e-3 {
        return "a delay of \(delay) s is \(steps) steps of \(dt_s) s: rounded to \(steps.rounded())"
      }
    }
    return nil
  }
}

extension Delay: NodeKind {
  package static var forms: [NodeForm<Self>] {
    [
      NodeForm(
        "Delay", nir: .native(), [.tensor("delay", \.delay_s, unit: "s", extent: .elements)],
        blank: Self(delay_s: Tensor(scalar: 0)))
    ]
  }

  package var asOperator: Operator { .delay(delay_s) }
  package var kindName: String { "Delay" }
  package func outputShape(_ inputs: [Shape?]) throws(ArcuateError) -> Shape? {
    try elementwiseShape(delay_s.shape, try commonShape(inputs))
  }
  package func signal(_ inputs: [Signal]) -> Signal { .spikeIfAll(inputs) }
  package func refusal(of inputs: [Signal?]) -> String? { nil }
  package func contradictions() -> [String] {
    nonFinite([("the delay", delay_s)])
      + (delay_s.floats.contains { $0 < 0 } ? ["a delay is negative"] : [])
  }
  package var parameterCount: Int { delay_s.count }
  package func needsTimeStep(_ semantics: NeuronSemantics) -> Bool { true }
  package func constancy(dt_s: Double?) -> Constancy { .never }
  /// If every element is at least one step late. Without a step length every delay counts as one.
  package func isEarly(_ semantics: NeuronSemantics, dt_s: Double?) -> Bool {
    guard let dt_s else { return delay_s.floats.allSatisfy { $0 > 0 } }
    return delay_s.floats.allSatisfy { (Double($0) / dt_s).rounded() >= 1 }
  }
  package func renamingReferences(_ rename: (String) -> String) -> Self { self }
}

import ArcuateCore

/// A flattened model in which the check found no error, with the facts that the check derived.
public struct CheckedModel: Sendable {
  /// Without nested graphs; every node has a shape.
  public let model: Model
  /// The output shape of each node.
  public let shapes: [Shape]
  /// Whether each node emits spikes (counts that are mostly zero) or values.
  public let signals: [Signal]
  /// Edges as node indices, without duplicates, in the order of the model.
  public let edges: [(source: Int, target: Int)]
  public let ordering: Ordering
  /// Indices of the ports, in the order of the model.
  public let inputs: [Int]
  public let outputs: [Int]
  /// The findings of the check, none of which is an error.
  public let findings: [Finding]
  /// The findings that depend neither on semantics nor on the step length.
  let fixedFindings: [Finding]
}

extension Model {
  /// What the check derives. Throws. `invalidModel` with the first error and the number of others.
  package func soundly() throws(ArcuateError) -> CheckedModel {
    let (checked, findings) = check()
    if let checked { return checked }
    throw findings.error ?? ArcuateError(.invalidModel, "is not sound")
  }

  /// Checks the model: everything that can be said before it runs.
  ///
  /// `checked` is nil exactly if a finding is an error.
  /// Cost. One pass over all parameters. A model that is compiled several times, or with other
  /// semantics, is checked once: `CheckedModel.applying` redoes only what depends on them.
  public func check() -> (checked: CheckedModel?, findings: [Finding]) {
    let flat: Model
    do {
      flat = try flattened()
    } catch {
      return (nil, [Finding(.error, error.location ?? "model", error.message)])
    }
    var check = ModelCheck(flat)
    return check.run()
  }
}

extension CheckedModel {
  /// The same model with other semantics and another step length, where they are not nil.
  ///
  /// Throws. `invalidModel` with the first error and the number of others.
  /// Cost. Linear in nodes and edges; parameters are not read again.
  package func applying(
    semantics: NeuronSemantics?, dt_s: Double?
  ) throws(ArcuateError) -> CheckedModel {
    var changed = model
    if let semantics { changed.semantics = semantics }
    if let dt_s { changed.dt_s = dt_s }
    if changed.semantics == model.semantics, changed.dt_s == model.dt_s { return self }
    let check = ModelCheck(changed)
    let early = check.early()
    let ordering = check.order(early)
    let findings = check.timing(ordering, early) + check.dynamics() + check.stepLength()
    if let error = findings.error { throw error }
    return CheckedModel(
      model: changed, shapes: shapes, signals: check.signals(ordering), edges: edges,
      ordering: ordering, inputs: inputs, outputs: outputs, findings: fixedFindings + findings,
      fixedFindings: fixedFindings)
  }
}

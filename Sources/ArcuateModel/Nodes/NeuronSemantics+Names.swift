import ArcuateCore

extension NeuronSemantics {
  /// The fields as text, under the names that files, the C interface and the command line use.
  public static let fieldNames = [
    "integrator", "reset", "reset_timing", "comparison", "spike_timing", "feedback_start",
    "integrator_gain", "multi_spike", "clamps_below", "rule",
  ]

  /// The value of a field, as `set` takes it; nil for a name that is not one of `fieldNames`, and for
  /// a rule that there is not.
  public func value(of field: String) -> String? {
    switch field {
    case "integrator": integrator.rawValue
    case "reset": reset.rawValue
    case "reset_timing": resetTiming.rawValue
    case "comparison": comparison.rawValue
    case "spike_timing": spikeTiming.rawValue
    case "feedback_start": feedbackStart.rawValue
    case "integrator_gain": integratorGain.rawValue
    case "multi_spike": multiSpike ? "1" : "0"
    case "clamps_below": clampsBelow ? "1" : "0"
    case "rule": rule?.text
    default: nil
    }
  }

  /// Sets one field, or with "preset" all of them. With a rule, sets the option that the field is there;
  /// if it has none, the fields take the place of the rule.
  /// Throws. `invalidArgument` saying what there is to choose from.
  public mutating func set(_ field: String, to value: String) throws(ArcuateError) {
    if !["preset", "rule", "feedback_start"].contains(field), var chosen = rule {
      // An option of the rule, or else a field, which a rule does not have.
      if try chosen.set(field, to: value) { return rule = chosen }
      rule = nil
    }
    switch field {
    case "preset": self = try NeuronSemantics(preset: value)
    case "rule": rule = try NeuronSemantics(preset: value).rule
    case "integrator": integrator = try named(value, field)
    case "reset": reset = try named(value, field)
    case "reset_timing": resetTiming = try named(value, field)
    case "comparison": comparison = try named(value, field)
    case "spike_timing": spikeTiming = try named(value, field)
    case "feedback_start": feedbackStart = try named(value, field)
    case "integrator_gain": integratorGain = try named(value, field)
    case "multi_spike": multiSpike = try flag(value, field)
    case "clamps_below": clampsBelow = try flag(value, field)
    default:
      throw ArcuateError(
        .invalidArgument,
        "there is no field \"\(field)\": choose preset, "
          + NeuronSemantics.fieldNames.joined(separator: ", "))
    }
  }

  private func flag(_ value: String, _ field: String) throws(ArcuateError) -> Bool {
    guard value == "0" || value == "1" else {
      throw ArcuateError(.invalidArgument, "\(field) \"\(value)\" is neither 0 nor 1")
    }
    return value == "1"
  }
}

/// The case called `name`.
/// Throws. `invalidArgument` saying what there is to choose from.
public func named<T: RawRepresentable & CaseIterable>(
  _ name: String, _ kind: String
) throws(ArcuateError) -> T where T.RawValue == String {
  guard let value = T(rawValue: name) else {
    let known = T.allCases.map(\.rawValue).joined(separator: ", ")
    throw ArcuateError(.invalidArgument, "there is no \(kind) \"\(name)\": choose \(known)")
  }
  return value
}

import ArcuateModel

/// Metadata about running a graph.
///
/// NIR leaves the time step and the semantics of neurons to the simulator, so these are hints
/// only: `dt` in seconds, and the fields of `NeuronSemantics` by name, the comparison under
/// `threshold_comparison`, flags as booleans.
enum NIRHints {
  private static func key(_ field: String) -> String {
    field == "comparison" ? "threshold_comparison" : field
  }

  /// Moves the hints that are understood from the metadata into the model and says which.
  static func read(_ model: inout Model) -> [Finding] {
    var findings: [Finding] = []
    func note(_ message: String) { findings.append(Finding(.note, "metadata", message)) }
    if let hint = model.metadata["dt"] {
      if case .number(let dt) = hint, Model.stepLengths.contains(dt) {
        note("states a step of \(dt) s")
        model.dt_s = dt
        model.metadata["dt"] = nil
      } else {
        note("states a step that is not a number of seconds")
      }
    }
    for field in NeuronSemantics.fieldNames {
      guard let hint = model.metadata[key(field)] else { continue }
      let value: String? =
        switch hint {
        case .string("zero") where field == "reset", .string("value") where field == "reset":
          NeuronSemantics.Reset.toValue.rawValue
        case .string(let text): text
        case .bool(let flag): flag ? "1" : "0"
        default: nil
        }
      if let value, (try? model.semantics.set(field, to: value)) != nil {
        note("states \(key(field)) \"\(value)\"")
        model.metadata[key(field)] = nil
      } else {
        note("states a \(key(field)) that is not understood")
      }
    }
    let isStated = findings.contains { $0.message.hasPrefix("states reset ") }
    let spikes = model.nodes.contains {
      if case .neuron(let neuron) = $0.op { neuron.kind.spikes } else { false }
    }
    if spikes, !isStated {
      note(
        "states no reset, its timing or gain of the input: its neurons step as NIR's equations, unless "
          + "a preset names the library that wrote it")
    }
    return findings
  }

  /// The metadata of `model` with its hints.
  static func metadata(of model: Model) -> [String: Metadata] {
    var metadata = model.metadata
    if let dt = model.dt_s { metadata["dt"] = .number(dt) }
    for field in NeuronSemantics.fieldNames {
      guard let value = model.semantics.value(of: field) else { continue }
      let isFlag = field == "multi_spike" || field == "clamps_below"
      metadata[key(field)] = isFlag ? .bool(value == "1") : .string(value)
    }
    return metadata
  }
}

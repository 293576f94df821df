import Arcuate
import ArcuateConsole

/// The declarations of neuron programs, for `arcuate check`.
extension Model {
  private var programs: [(name: String, neuron: ProgramNeuron)] {
    nodes.compactMap { node in
      if case .program(let neuron) = node.op { (node.name, neuron) } else { nil }
    }
  }

  /// For each program a table of its inputs, states and parameters and of what it emits.
  var programLines: [String] {
    programs.flatMap { name, neuron in
      ["program of node \"\(name)\""]
        + textTable(["", "", ""], neuron.rows).dropFirst().map { line in
          "  " + String(line.reversed().drop { $0 == " " }.reversed())
        }
    }
  }

  var programDescriptions: JSON {
    .array(
      programs.map { name, neuron in
        let program = neuron.program
        return [
          "node": .string(name), "program": .string(program.text),
          "inputs": .array(program.inputs.map { .string($0) }),
          "states": .array(
            program.states.map {
              [
                "name": .string($0.name), "type": .string($0.type.rawValue),
                "initial": .string($0.initial.text(program.parameterNames)),
              ]
            }),
          "parameters": .array(program.parameterNames.map(neuron.description(of:))),
          "emits": .string(program.emission.name),
        ]
      })
  }
}

extension ProgramNeuron {
  /// What something is, its name, and what it holds.
  fileprivate var rows: [[String]] {
    let names = program.parameterNames
    return program.inputs.map { ["input", $0, ""] }
      + program.states.map {
        ["state", $0.name, "\($0.type.rawValue), at first \($0.initial.text(names))"]
      }
      + names.map { ["parameter", $0, content(of: $0)] }
      + [["emits", program.emission.name, ""]]
  }

  private func content(of parameter: String) -> String {
    guard let tensor = value(of: parameter) else { return "no value" }
    let floats = tensor.floats
    if tensor.count == 1 {
      return "\(floats[0])" + (parameters[parameter] == nil ? " (default)" : "")
    }
    return "\(tensor.shape), \(floats.min() ?? .nan) ... \(floats.max() ?? .nan)"
  }

  /// A parameter: one number, or the shape of several.
  fileprivate func description(of parameter: String) -> JSON {
    let tensor = value(of: parameter)
    return [
      "name": .string(parameter), "shape": tensor.map(\.shape.json) ?? .null,
      "value": tensor.flatMap { $0.count == 1 ? .number($0.floats[0]) : nil } ?? .null,
    ]
  }
}

extension NeuronProgram.Emission {
  fileprivate var name: String {
    switch self {
    case .spike: "spike"
    case .count: "count"
    case .value: "value"
    }
  }
}

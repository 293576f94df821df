import Arcuate
import ArgumentParser

/// `arcuate info`: what is in a model file.
struct Info: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Prints what is in a model: ports, nodes, shapes, parameters, neuron semantics.",
    discussion: """
      EXAMPLES:
        arcuate info digits.nir
        arcuate info --preset snntorch net.nir
        arcuate info --json net.nir
      """)

  @Argument(help: "A .nir or .safetensors file.")
  var model: String

  @OptionGroup var reading: ReadingOptions

  @Flag(help: "Print JSON.")
  var json = false

  func run() throws {
    let (model, _) = try reading.load(model)
    let (checked, findings) = model.check()
    // A model that cannot run is shown as the file has it, without shapes.
    let shown = checked?.model ?? model
    let errors = findings.filter { $0.severity == .error }.count
    if json {
      printJSON(describe(shown, checked, errors))
    } else {
      write(shown, checked, errors)
    }
  }

  private func parameterCount(_ model: Model) -> Int {
    model.nodes.reduce(0) { $0 + $1.op.parameterCount }
  }

  private func write(_ model: Model, _ checked: CheckedModel?, _ errors: Int) {
    print(
      "\(model.nodes.count) nodes, \(model.edges.count) edges, "
        + "\(parameterCount(model)) parameters")
    print("step       " + (model.dt_s.map { "\($0) s" } ?? "not stated"))
    print(
      "semantics  " + model.semantics.fields.map { "\($0.name)=\($0.value)" }.joined(separator: " ")
    )
    for (name, note) in model.metadata.sorted(by: { $0.key < $1.key }) {
      print("metadata   \(name) = \(note.words)")
    }
    // In the order of work where there is one.
    let rows = (checked?.ordering.order ?? Array(model.nodes.indices)).map { i in
      let node = model.nodes[i]
      return [
        node.name, node.op.kindName, checked.map { "\($0.shapes[i])" } ?? "?",
        checked.map { $0.signals[i].rawValue } ?? "?", "\(node.op.parameterCount)",
        model.edges.filter { $0.source == node.name }.map(\.target).joined(separator: ", "),
      ]
    }
    print()
    for line in textTable(
      ["node", "kind", "shape", "signal", "parameters", "feeds"], rightAligned: [4], rows)
    {
      print(line)
    }
    if errors > 0 {
      print(
        "\nThe model cannot run: \(errors) error\(errors == 1 ? "" : "s"); arcuate check lists them."
      )
    }
  }

  private func describe(_ model: Model, _ checked: CheckedModel?, _ errors: Int) -> JSON {
    let nodes = model.nodes.enumerated().map { i, node -> JSON in
      [
        "name": .string(node.name), "kind": .string(node.op.kindName),
        "shape": checked.map { $0.shapes[i].json } ?? .null,
        "signal": checked.map { .string($0.signals[i].rawValue) } ?? .null,
        "parameters": .number(node.op.parameterCount),
      ]
    }
    func ports(_ matches: (Operator) -> Bool) -> JSON {
      .array(model.nodes.filter { matches($0.op) }.map { .string($0.name) })
    }
    return [
      "can_run": .bool(checked != nil), "errors": .number(errors),
      "parameters": .number(parameterCount(model)),
      "dt_s": model.dt_s.map { .number($0) } ?? .null,
      "semantics": model.semantics.json,
      "metadata": .object(model.metadata.mapValues(\.json)),
      "inputs": ports { if case .input = $0 { true } else { false } },
      "outputs": ports { if case .output = $0 { true } else { false } },
      "nodes": .array(nodes),
      "edges": .array(
        model.edges.map { ["source": .string($0.source), "target": .string($0.target)] }),
    ]
  }
}

extension Metadata {
  fileprivate var words: String {
    switch self {
    case .string(let text): text
    case .number(let number): "\(number)"
    case .bool(let bool): "\(bool)"
    case .array(let tensor): "an array \(tensor.shape)"
    case .group(let group): "a group of \(group.count)"
    }
  }

  /// Arrays by their shape only.
  fileprivate var json: JSON {
    switch self {
    case .string(let text): .string(text)
    case .number(let number): .number(number)
    case .bool(let bool): .bool(bool)
    case .array(let tensor): ["shape": tensor.shape.json]
    case .group(let group): .object(group.mapValues(\.json))
    }
  }
}

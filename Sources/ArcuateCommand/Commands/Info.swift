import Arcuate
import ArcuateConsole
import ArcuateData
import ArgumentParser

/// `arcuate info`: the contents of a model file.
struct Info: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Prints the contents of a model: ports, nodes, shapes, parameters, semantics.",
    usage: "arcuate info [<options>] <model>",
    discussion: """
      EXAMPLES:
        arcuate info digits.nir
        arcuate info --preset snntorch net.nir
        arcuate info --json net.nir
      """)

  @Argument(help: "\(ModelHelp.readable)")
  var model: String

  @OptionGroup var reading: ReadingOptions

  @Flag(help: "Print JSON.")
  var json = false

  func run() throws {
    let (model, _) = try reading.load(model)
    let (checked, findings) = model.check()
    // A model with errors is shown as in the file, without shapes.
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
    show(
      "\(model.nodes.count) nodes, \(model.edges.count) edges, "
        + "\(parameterCount(model)) parameters")
    show("step       " + (model.dt_s.map { "\($0) s" } ?? "not stated"))
    show(
      "semantics  " + model.semantics.fields.map { "\($0.name)=\($0.value)" }.joined(separator: " ")
    )
    for (name, value) in model.metadata.sorted(by: { $0.key < $1.key }) {
      show("metadata   \(name) = \(value.words)")
    }
    // Numbered as in `arcuate run` and the C interface.
    let portRows = ports(model, checked).flatMap { kind, nodes in
      nodes.enumerated().map { number, node in
        [
          "\(kind) \(number)", model.nodes[node].name,
          checked.map { "\($0.shapes[node])" } ?? "?",
          checked.map { $0.signals[node].rawValue } ?? "?",
        ]
      }
    }
    show()
    for line in textTable(["port", "name", "shape", "signal"], rightAligned: [], portRows) {
      show(line)
    }
    // In execution order if there is one.
    let rows = (checked?.ordering.order ?? Array(model.nodes.indices)).map { i in
      let node = model.nodes[i]
      return [
        node.name, node.op.kindName, checked.map { "\($0.shapes[i])" } ?? "?",
        checked.map { $0.signals[i].rawValue } ?? "?", "\(node.op.parameterCount)",
        model.edges.filter { $0.source == node.name }.map(\.target).joined(separator: ", "),
      ]
    }
    show()
    for line in textTable(
      ["node", "kind", "shape", "signal", "parameters", "feeds"], rightAligned: [4], rows)
    {
      show(line)
    }
    if errors > 0 {
      show(
        "\nThe model cannot run: \(errors) error\(errors == 1 ? "" : "s"); arcuate check lists them."
      )
    }
  }

  /// The ports, by number.
  private func ports(
    _ model: Model, _ checked: CheckedModel?
  ) -> [(kind: String, nodes: [Int])] {
    func nodes(_ matches: (Operator) -> Bool) -> [Int] {
      model.nodes.indices.filter { matches(model.nodes[$0].op) }
    }
    let inputs = checked?.inputs ?? nodes { if case .input = $0 { true } else { false } }
    let outputs = checked?.outputs ?? nodes { if case .output = $0 { true } else { false } }
    return [("input", inputs), ("output", outputs)]
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
    let ports = ports(model, checked).map { port in
      JSON.array(port.nodes.map { .string(model.nodes[$0].name) })
    }
    return [
      "can_run": .bool(checked != nil), "errors": .number(errors),
      "parameters": .number(parameterCount(model)),
      "dt_s": model.dt_s.map { .number($0) } ?? .null,
      "semantics": model.semantics.json,
      "metadata": .object(model.metadata.mapValues(\.json)),
      "inputs": ports[0],
      "outputs": ports[1],
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

  /// Arrays are given by their shape.
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

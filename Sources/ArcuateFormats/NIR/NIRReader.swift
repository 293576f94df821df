import ArcuateCore
import ArcuateModel

/// Turns the groups and datasets of a file into a model, noting what had to be mended.
final class NIRReader {
  private let file: HDF5File
  private(set) var findings: [Finding] = []
  /// Objects on the way from the root: a group inside itself is refused.
  private var open = Set<Int>()

  init(_ bytes: Bytes) throws { file = try HDF5File(bytes) }

  /// A group with its members, by name.
  struct Group {
    var path: String
    var members: [(name: String, header: Int)]

    func header(_ name: String) -> Int? { members.first { $0.name == name }?.header }
  }

  func model() throws -> Model {
    let root = try group(at: file.rootHeader, "/")
    guard let header = root.header("node") else {
      throw ArcuateError(
        .unsupportedFormat, "is an HDF5 file, but has no /node: it is not a NIR graph")
    }
    if let version = root.header("version") {
      let text = try string(version, "/version")
      let major = text.split(separator: ".").first.map(String.init) ?? ""
      if !["0", "1"].contains(major) {
        findings.append(Finding(.note, "file", "is of NIR version \(text); 0 and 1 are known"))
      }
    } else {
      findings.append(Finding(.note, "file", "states no NIR version"))
    }
    let node = try group(at: header, "/node")
    let type = try self.type(of: node)
    guard type == "NIRGraph" else {
      findings.append(
        Finding(.repair, "/node", "is a bare \(type): input and output were put around it"))
      return try bare(node, type)
    }
    var model = try graph(node, name: "", depth: 0)
    addPorts(&model)
    readHints(&model)
    return model
  }

  // MARK: Graphs

  private func graph(_ group: Group, name: String, depth: Int) throws -> Model {
    guard depth <= 16 else { throw ArcuateError(.limitExceeded, "graphs are nested too deep") }
    guard let header = group.header("nodes") else {
      throw ArcuateError(.invalidModel, "a graph without nodes", at: group.path)
    }
    var model = Model()
    let nodes = try self.group(at: header, group.path + "/nodes")
    for (name, header) in nodes.members {
      let path = "\(nodes.path)/\(name)"
      try visit(header, path) {
        let node = try self.group(at: header, path)
        if let built = try self.node(node, name, depth) { model.nodes.append(built) }
      }
    }
    if let header = group.header("edges") {
      model.edges = try edges(header, group.path + "/edges")
    } else {
      findings.append(Finding(.repair, group.path, "states no edges: it has none"))
    }
    if let header = group.header("metadata") {
      model.metadata = try metadata(header, group.path + "/metadata", depth: 0)
    }
    for (name, _) in group.members
    where !["type", "nodes", "edges", "metadata", "input_type", "output_type", "version"].contains(name) {
      findings.append(Finding(.repair, group.path, "has an unknown entry \"\(name)\": passed over"))
    }
    mendEdges(&model, group.path)
    dropBatchAxis(&model)
    return model
  }

  private func node(_ group: Group, _ name: String, _ depth: Int) throws -> Model.Node? {
    let type = try self.type(of: group)
    if type == "NIRGraph" {
      return Model.Node(name, .graph(try graph(group, name: name, depth: depth + 1)))
    }
    var fields = try NodeFields(self, group, type: type)
    guard let op = try fields.operation() else {
      findings.append(
        Finding(.error, "node \"\(name)\"", "is of type \(type), which is not one of NIR's"))
      return nil
    }
    for mend in fields.mends { findings.append(Finding(.repair, "node \"\(name)\"", mend)) }
    for unknown in fields.unused() {
      findings.append(
        Finding(.repair, "node \"\(name)\"", "has an unknown field \"\(unknown)\": passed over"))
    }
    return Model.Node(name, op, metadata: fields.metadata)
  }

  private func bare(_ group: Group, _ type: String) throws -> Model {
    guard let node = try node(group, "node", 0) else {
      throw ArcuateError(.invalidModel, "is of type \(type), which is not one of NIR's", at: "/node")
    }
    guard let shape = try node.op.outputShape(for: nil) else {
      throw ArcuateError(.invalidModel, "its shape cannot be told without a graph", at: "/node")
    }
    var input = shape
    if case .linear(let linear) = node.op {
      input = try Shape(
        Array(linear.weight.shape.extents.dropLast(2)) + [linear.weight.shape.extents.last!])
    }
    if case .convolution(let convolution) = node.op, let spatial = convolution.inputShape {
      input = try Shape([convolution.weight.shape[1] * convolution.groups] + spatial)
    }
    return Model.chain([("input", .input(shape: input)), ("node", node.op), ("output", .output(shape: shape))])
  }

  // MARK: Edges

  private func edges(_ header: Int, _ path: String) throws -> [Model.Edge] {
    let data = try dataset(header, path)
    guard case .strings(let names) = data.value else {
      // An empty list is written as an empty array of numbers.
      guard data.shape.reduce(1, *) == 0 else {
        throw ArcuateError(.malformed, "edges are numbers", at: path)
      }
      return []
    }
    guard data.shape.count == 2, data.shape[1] == 2 else {
      throw ArcuateError(.malformed, "edges have shape \(data.shape), not [count, 2]", at: path)
    }
    return stride(from: 0, to: names.count, by: 2).map { Model.Edge(names[$0], names[$0 + 1]) }
  }

  /// Removes duplicates, and gives edges to names that are not there the meaning they can have.
  private func mendEdges(_ model: inout Model, _ path: String) {
    let names = Set(model.nodes.map(\.name))
    var graphs: [String: Model] = [:]
    for node in model.nodes { if case .graph(let inner) = node.op { graphs[node.name] = inner } }
    let renamed = renaming(model)
    var seen = Set<Model.Edge>()
    var kept: [Model.Edge] = []
    for edge in model.edges {
      var mended = edge
      if let renamed, edge.source == renamed.from { mended.source = renamed.to }
      if let renamed, edge.target == renamed.from { mended.target = renamed.to }
      mended.source = meant(mended.source, names, graphs) ?? mended.source
      mended.target = meant(mended.target, names, graphs) ?? mended.target
      let place = "edge \"\(edge.source)\" -> \"\(edge.target)\""
      let missing = [mended.source, mended.target].filter { !exists($0, names, graphs) }
      guard missing.isEmpty else {
        findings.append(
          Finding(.repair, place, "names \"\(missing[0])\", which is not a node: left out"))
        continue
      }
      if mended != edge {
        findings.append(
          Finding(.repair, place, "is taken as \"\(mended.source)\" -> \"\(mended.target)\""))
      }
      guard seen.insert(mended).inserted else {
        findings.append(Finding(.repair, place, "given twice, used once"))
        continue
      }
      kept.append(mended)
    }
    model.edges = kept
  }

  private func exists(_ name: String, _ names: Set<String>, _ graphs: [String: Model]) -> Bool {
    if names.contains(name) { return true }
    return graphs.contains { graph, inner in
      inner.nodes.contains { name == "\(graph)/\($0.name)" || name == "\(graph).\($0.name)" }
    }
  }

  /// The node a dangling end stands for: the graph whose inner node it names, if there is one.
  private func meant(
    _ name: String, _ names: Set<String>, _ graphs: [String: Model]
  ) -> String? {
    if names.contains(name) { return nil }
    for (graph, inner) in graphs.sorted(by: { $0.key < $1.key }) {
      for node in inner.nodes where node.name == name || "\(graph).\(node.name)" == name {
        return graph
      }
    }
    // "sub.input" inside a graph whose port is plainly called "input", and the reverse.
    if let dot = name.lastIndex(of: ".") {
      let short = String(name[name.index(after: dot)...])
      if names.contains(short) { return short }
    }
    let longer = names.filter { $0.hasSuffix(".\(name)") }
    return longer.count == 1 ? longer.first : nil
  }

  /// One name too many in the edges and one node too few: the node was renamed after the edges.
  private func renaming(_ model: Model) -> (from: String, to: String)? {
    let names = model.nodes.map(\.name)
    let ends = Set(model.edges.flatMap { [$0.source, $0.target] })
    let missing = ends.subtracting(names)
    let unused = Set(names).subtracting(ends)
    guard missing.count == 1, unused.count == 1 else { return nil }
    return (missing.first!, unused.first!)
  }

  /// Old files may state no ports: nodes that nothing feeds, and that feed nothing, get some.
  private func addPorts(_ model: inout Model) {
    let hasInput = model.nodes.contains { if case .input = $0.op { true } else { false } }
    let hasOutput = model.nodes.contains { if case .output = $0.op { true } else { false } }
    guard !hasInput || !hasOutput, !model.nodes.isEmpty else { return }
    let fed = Set(model.edges.map(\.target))
    let feeding = Set(model.edges.map(\.source))
    for node in model.nodes {
      if !hasInput, !fed.contains(node.name), case .linear(let linear) = node.op,
        let shape = try? Shape(
          Array(linear.weight.shape.extents.dropLast(2)) + linear.weight.shape.extents.suffix(1))
      {
        let name = "input.\(node.name)"
        model.nodes.append(Model.Node(name, .input(shape: shape)))
        model.edges.append(Model.Edge(name, node.name))
        findings.append(
          Finding(.repair, "node \"\(node.name)\"", "is fed by nothing, and there is no input: given one"))
      }
      if !hasOutput, !feeding.contains(node.name),
        let shape = (try? node.op.outputShape(for: nil)) ?? nil
      {
        let name = "output.\(node.name)"
        model.nodes.append(Model.Node(name, .output(shape: shape)))
        model.edges.append(Model.Edge(node.name, name))
        findings.append(
          Finding(.repair, "node \"\(node.name)\"", "feeds nothing, and there is no output: given one"))
      }
    }
  }

  // MARK: Old files

  /// Files of 2023 wrote shapes with a leading batch axis of 1; NIR shapes have none.
  private func dropBatchAxis(_ model: inout Model) {
    func drop(_ tensor: Tensor?) -> Tensor? {
      guard let tensor, tensor.shape.rank == 4, tensor.shape[0] == 1 else { return tensor }
      return try? tensor.reshaped(Shape(Array(tensor.shape.extents.dropFirst())))
    }
    let convolves = model.nodes.contains { if case .convolution = $0.op { true } else { false } }
    guard convolves else { return }
    for i in model.nodes.indices {
      let place = "node \"\(model.nodes[i].name)\""
      let note = Finding(.repair, place, "its shape has a leading batch axis of 1: taken off")
      switch model.nodes[i].op {
      case .input(let shape) where shape.rank == 4 && shape[0] == 1:
        if let smaller = try? Shape(Array(shape.extents.dropFirst())) {
          model.nodes[i].op = .input(shape: smaller)
          findings.append(note)
        }
      case .output(let shape) where shape.rank == 2 && shape[0] == 1:
        if let smaller = try? Shape(Array(shape.extents.dropFirst())) {
          model.nodes[i].op = .output(shape: smaller)
          findings.append(note)
        }
      case .neuron(let old):
        var neuron = old
        neuron.tauSynapse = drop(old.tauSynapse)
        neuron.tauMembrane = drop(old.tauMembrane)
        neuron.resistance = drop(old.resistance)!
        neuron.leak = drop(old.leak)
        neuron.threshold = drop(old.threshold)
        neuron.resetValue = drop(old.resetValue)
        neuron.inputWeight = drop(old.inputWeight)
        if neuron.threshold?.shape != old.threshold?.shape || neuron.resistance.shape != old.resistance.shape {
          model.nodes[i].op = .neuron(neuron)
          findings.append(note)
        }
      case .flatten(var flatten):
        if let shape = flatten.inputShape, shape.rank == 4, shape[0] == 1 {
          flatten.inputShape = try? Shape(Array(shape.extents.dropFirst()))
          if flatten.start > 0 { flatten.start -= 1 }
          if flatten.end > 0 { flatten.end -= 1 }
          model.nodes[i].op = .flatten(flatten)
          findings.append(note)
        }
      default: break
      }
    }
  }

  // MARK: Hints

  /// Takes what metadata says about running, where it is understood.
  private func readHints(_ model: inout Model) {
    func text(_ key: String) -> String? {
      if case .string(let value)? = model.metadata[key] { return value }
      return nil
    }
    if case .number(let dt)? = model.metadata["dt"], dt > 0, dt.isFinite {
      model.dt_s = dt
      findings.append(Finding(.note, "metadata", "states a step of \(dt) s"))
    }
    var semantics = NeuronSemantics()
    func hint(_ key: String, _ apply: (String) -> Bool) {
      guard let value = text(key) else { return }
      let known = apply(value)
      findings.append(
        Finding(.note, "metadata", "states \(key) \"\(value)\"" + (known ? "" : ", not understood")))
    }
    hint("reset") { value in
      let names: [String: NeuronSemantics.Reset] = ["zero": .toValue, "value": .toValue]
      guard let reset = names[value] ?? NeuronSemantics.Reset(rawValue: value) else { return false }
      semantics.reset = reset
      return true
    }
    hint("integrator") { value in
      NeuronSemantics.Integrator(rawValue: value).map { semantics.integrator = $0 } != nil
    }
    hint("threshold_comparison") { value in
      NeuronSemantics.Comparison(rawValue: value).map { semantics.comparison = $0 } != nil
    }
    hint("reset_timing") { value in
      NeuronSemantics.ResetTiming(rawValue: value).map { semantics.resetTiming = $0 } != nil
    }
    hint("spike_timing") { value in
      NeuronSemantics.SpikeTiming(rawValue: value).map { semantics.spikeTiming = $0 } != nil
    }
    hint("feedback_start") { value in
      NeuronSemantics.FeedbackStart(rawValue: value).map { semantics.feedbackStart = $0 } != nil
    }
    hint("integrator_gain") { value in
      NeuronSemantics.IntegratorGain(rawValue: value).map { semantics.integratorGain = $0 } != nil
    }
    if case .bool(let value)? = model.metadata["multi_spike"] { semantics.multiSpike = value }
    if case .bool(let value)? = model.metadata["clamps_below"] { semantics.clampsBelow = value }
    model.semantics = semantics
  }

  // MARK: Datasets

  func group(at header: Int, _ path: String) throws -> Group {
    try within(path) {
      let object = try file.object(at: header)
      guard object.isGroup else { throw ArcuateError(.malformed, "is not a group") }
      return Group(path: path, members: try file.members(of: object))
    }
  }

  func dataset(_ header: Int, _ path: String) throws -> HDF5Dataset {
    try within(path) {
      let object = try file.object(at: header)
      guard object.isDataset else { throw ArcuateError(.malformed, "is not a dataset") }
      return try file.dataset(object)
    }
  }

  func string(_ header: Int, _ path: String) throws -> String {
    guard case .strings(let values) = try dataset(header, path).value, let first = values.first
    else { throw ArcuateError(.malformed, "is not text", at: path) }
    return first
  }

  private func type(of group: Group) throws -> String {
    guard let header = group.header("type") else {
      throw ArcuateError(.invalidModel, "states no type", at: group.path)
    }
    return try string(header, group.path + "/type")
  }

  func metadata(_ header: Int, _ path: String, depth: Int) throws -> [String: Metadata] {
    guard depth <= 16 else { throw ArcuateError(.limitExceeded, "metadata nested too deep") }
    var result: [String: Metadata] = [:]
    for (name, header) in try group(at: header, path).members {
      let path = "\(path)/\(name)"
      try visit(header, path) {
        let object = try within(path) { try file.object(at: header) }
        guard object.isDataset else {
          result[name] = .group(try metadata(header, path, depth: depth + 1))
          return
        }
        let data = try dataset(header, path)
        switch data.value {
        case .strings(let texts) where data.shape.isEmpty: result[name] = .string(texts.first ?? "")
        case .numbers(let numbers) where data.shape.isEmpty && data.isBool:
          result[name] = .bool((numbers.first ?? 0) != 0)
        case .numbers(let numbers) where data.shape.isEmpty:
          result[name] = .number(numbers.first ?? 0)
        case .numbers(let numbers):
          result[name] = .array(try Tensor(numbers.map { Float($0) }, shape: Shape(data.shape)))
        case .strings, .sequences:
          findings.append(Finding(.note, path, "is a list that is not kept"))
        }
      }
    }
    return result
  }

  private func visit(_ header: Int, _ path: String, _ body: () throws -> Void) throws {
    guard open.insert(header).inserted else {
      throw ArcuateError(.malformed, "contains itself", at: path)
    }
    defer { open.remove(header) }
    try body()
  }
}

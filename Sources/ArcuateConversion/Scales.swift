import ArcuateCore
import ArcuateModel

/// The value of one spike, and of one unit of an encoded input.
struct Scales {
  /// By the name of the ReLU.
  var neurons: [String: Float] = [:]
  /// By the name of the input port; 1 without an encoder.
  var inputs: [String: Float] = [:]
}

extension ConvertibleNetwork {
  /// The scale of every layer of neurons, and the largest value of each ReLU on the frames.
  func scales(
    _ options: ConversionOptions, _ sample: IndependentFrames?
  ) throws(ArcuateError) -> (Scales, largest: [String: Float]) {
    var scales = Scales()
    for (port, i) in checked.inputs.enumerated() {
      var scale: Float = 1
      if options.input == .bernoulli {
        guard let sample else { throw Self.framesMissing }
        scale = try sample.extent(port: port).largest
      }
      scales.inputs[model.nodes[i].name] = scale > 0 ? scale : 1
    }
    let groups = options.sharesScales ? sharingGroups() : rectifiers.map { [$0] }
    func set(_ i: Int, _ scale: Float) {
      let group = groups.first { $0.contains(i) } ?? [i]
      let scale = scale > 0 && scale.isFinite ? scale : 1
      let most = group.reduce(scale) { max($0, scales.neurons[model.nodes[$1].name] ?? 0) }
      for member in group where member == i || scales.neurons[model.nodes[member].name] != nil {
        scales.neurons[model.nodes[member].name] = most
      }
    }
    var largest: [String: Float] = [:]
    if let sample {
      var percentile = 100.0
      if case .data(let wanted) = options.balancing { percentile = wanted }
      for (i, values) in try activations(sample, percentile) {
        var values = values
        largest[model.nodes[i].name] = values.largest
        if case .data = options.balancing { set(i, values.percentile(percentile)) }
      }
    }
    switch options.balancing {
    case .data: if sample == nil { throw Self.framesMissing }
    case .model: for i in rectifiers { set(i, try bound(i, scales, sample)) }
    case .spikeNorm(let factor):
      guard let sample else { throw Self.framesMissing }
      for i in rectifiers { set(i, factor * (try spikingInput(i, scales, options, sample))) }
    }
    return (scales, largest)
  }

  private static var framesMissing: ArcuateError {
    ArcuateError(
      .invalidArgument,
      "needs frames of typical inputs: only model-based balancing without Bernoulli input works "
        + "without frames")
  }

  /// Layers whose spikes are summed with no weights between, with the neurons that receive them.
  private func sharingGroups() -> [Set<Int>] {
    var groups = rectifiers.map { Set([$0]) }
    for i in model.nodes.indices
    where sources[i].count > 1 && model.nodes[i].op != .concatenation {
      var sharing = ancestors(of: i) { model.nodes[$0].op.hasWeights || isRectifier($0) }
        .filter(isRectifier)
      guard !sharing.isEmpty else { continue }
      if isRectifier(i) { sharing.insert(i) }
      let joined = groups.filter { !$0.isDisjoint(with: sharing) }
      groups.removeAll { !$0.isDisjoint(with: sharing) }
      groups.append(joined.reduce(into: sharing) { $0.formUnion($1) })
    }
    return groups
  }

  private func isRectifier(_ i: Int) -> Bool { model.nodes[i].op.isRectifier }

  /// The largest activations of each ReLU on the frames.
  private func activations(
    _ sample: IndependentFrames, _ percentile: Double
  ) throws(ArcuateError) -> [(node: Int, values: LargestValues)] {
    var shown = model
    // The activations are the only outputs.
    let outputs = Set(checked.outputs.map { model.nodes[$0].name })
    shown.edges.removeAll { outputs.contains($0.target) }
    shown.nodes.removeAll { outputs.contains($0.name) }
    let ports = rectifiers
    var values: [(node: Int, values: LargestValues)] = []
    for i in ports {
      let name = shown.freeName("\(model.nodes[i].name) shown")
      shown.nodes.append(.init(name, .output(shape: checked.shapes[i])))
      shown.edges.append(.init(model.nodes[i].name, name))
      let all = Double(checked.shapes[i].count) * Double(sample.count)
      let most = (1 - percentile / 100) * all + 3
      guard most < Double(1 << 24) else {
        throw ArcuateError(
          .limitExceeded,
          "the percentile \(percentile) of \(Int(all)) activations is too far from the top: "
            + "use fewer frames", at: "node \"\(model.nodes[i].name)\"")
      }
      values.append((i, LargestValues(most: Int(most))))
    }
    try sample.run(shown, steps: 1, output: .last) { _, outputs throws(ArcuateError) in
      for port in ports.indices { values[port].values.add(outputs[port]) }
    }
    return values
  }

  /// The largest sum that inputs of at most their scales could give at a ReLU.
  private func bound(_ node: Int, _ scales: Scales, _ sample: IndependentFrames?)
    throws(ArcuateError) -> Float
  {
    let front = ancestors(of: node, ends: isRectifier)
    var part = model(upTo: node, from: front)
    var bounds: [Float] = []
    var takesBothSigns = false
    let portOf = Dictionary(
      uniqueKeysWithValues: checked.inputs.enumerated().map { (model.nodes[$1].name, $0) })
    for (i, copy) in part.nodes.enumerated() {
      let index = model.nodes.firstIndex { $0.name == copy.name }!
      if case .input = copy.op {
        let (largest, hasNegative) = try sample?.extent(port: portOf[copy.name]!) ?? (1, false)
        bounds.append(largest)
        takesBothSigns = takesBothSigns || hasNegative && front.contains(index)
      } else if isRectifier(index), index != node {
        part.nodes[i].op = .input(shape: checked.shapes[index])
        bounds.append(scales.neurons[copy.name] ?? 1)
        part.edges.removeAll { $0.target == copy.name }
      }
    }
    for i in part.nodes.indices {
      part.nodes[i].op = try part.nodes[i].op.raised { takesBothSigns ? $0.magnitude : max($0, 0) }
    }
    part.metadata = [:]
    let session = try part.compile().makeSession()
    let inputs = session.plan.inputs.map { port -> [Float] in
      let index = part.nodes.filter { if case .input = $0.op { true } else { false } }
        .firstIndex { $0.name == port.name }!
      return [Float](repeating: bounds[index], count: port.shape.count)
    }
    return try session.run(frames: 1, inputs)[0].max() ?? 0
  }
}

extension Operator {
  /// The same with every weight and bias replaced.
  fileprivate func raised(_ body: (Float) -> Float) throws(ArcuateError) -> Operator {
    func raised(_ tensor: Tensor) throws(ArcuateError) -> Tensor {
      try Tensor(tensor.floats.map(body), shape: tensor.shape)
    }
    if case .linear(var linear) = self {
      linear.weight = try raised(linear.weight)
      linear.bias = try linear.bias.map(raised)
      return .linear(linear)
    }
    if case .convolution(var convolution) = self {
      convolution.weight = try raised(convolution.weight)
      convolution.bias = try convolution.bias.map(raised)
      return .convolution(convolution)
    }
    if case .scale(let factor) = self { return .scale(try raised(factor)) }
    if case .batchNorm(let norm) = self {
      let (factor, shift) = norm.factorAndShift()
      return .batchNorm(BatchNorm(factor: factor.map(body), shift: shift.map(body)))
    }
    return self
  }
}

extension BatchNorm {
  /// y = factor x + shift.
  init(factor: [Float], shift: [Float]) {
    self.init(
      mean: Tensor(vector: shift.map { _ in 0 }), variance: Tensor(vector: shift.map { _ in 1 }),
      gamma: Tensor(vector: factor), beta: Tensor(vector: shift), epsilon: 0)
  }
}

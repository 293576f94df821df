import ArcuateCore
import ArcuateKernels
import ArcuateModel

extension Model {
  /// A plan that runs this model.
  ///
  /// Options that are not set follow the model's metadata.
  /// Throws. `invalidModel` naming the node if the check finds an error; `invalidArgument` for
  /// options out of range; `cannotCompile` for options that do not fit; `limitExceeded` if a
  /// session would need more than 2^36 bytes; `unsupportedProcessor`.
  public func compile(_ options: CompileOptions = .init()) throws -> Plan {
    try Processor.requireSupport()
    var model = self
    let options = try options.following(self)
    try options.check()
    if let semantics = options.semantics { model.semantics = semantics }
    if let dt = options.dt_s { model.dt_s = dt }
    let (checked, findings) = model.check()
    guard let checked else {
      let errors = findings.filter { $0.severity == .error }
      let more = errors.count > 1 ? " (and \(errors.count - 1) more)" : ""
      throw ArcuateError(.invalidModel, errors[0].message + more, at: errors[0].location)
    }
    var compiler = try Compiler(checked, findings, options)
    return try compiler.plan()
  }
}

/// Turns a checked model into a plan: layouts, packed operations, then memory.
private struct Compiler {
  let checked: CheckedModel
  let findings: [Finding]
  let options: CompileOptions
  let dt_s: Double?
  var nodes: [Model.Node] { checked.model.nodes }

  /// Elements of one signal at one step: a gibibyte of floats.
  static let largestRow = 1 << 28

  var slots: [Slot] = []
  var feedbackRest: [Int: [Float]] = [:]
  var membraneRest: [Int: [Float]] = [:]
  var steps: [Plan.Step] = []
  var state = 0
  var sparseLists = 0
  var sparseCounts = 0

  init(_ checked: CheckedModel, _ findings: [Finding], _ options: CompileOptions) throws {
    self.checked = checked
    self.findings = findings
    self.options = options
    dt_s = checked.model.dt_s
    if dt_s == nil, let node = checked.model.firstNodeInNeedOfTimeStep {
      throw ArcuateError(
        .cannotCompile,
        "depends on the length of a step, which neither the options nor the model "
          + "state: give dt (--dt, dt= in Python, dt_s in C)", at: "node \"\(node)\"")
    }
  }

  mutating func plan() throws -> Plan {
    let layouts = channelLast()
    let constant = constantNodes()
    let order = checked.ordering.order

    // One slot per node, in node order; gathered inputs follow.
    for i in nodes.indices {
      guard checked.shapes[i].count <= Compiler.largestRow else {
        throw ArcuateError(
          .limitExceeded, "shape \(checked.shapes[i]) is above \(Compiler.largestRow) elements",
          at: "node \"\(nodes[i].name)\"")
      }
      slots.append(Slot(count: checked.shapes[i].count, constant: constant[i]))
    }
    var incoming = [[(source: Int, delayed: Bool)]](repeating: [], count: nodes.count)
    for (e, edge) in checked.edges.enumerated() {
      incoming[edge.target].append((edge.source, checked.ordering.backEdges.contains(e)))
    }
    for (e, edge) in checked.edges.enumerated() where checked.ordering.backEdges.contains(e) {
      if slots[edge.source].history < 0 {
        slots[edge.source].history = takeState(options.batch * slots[edge.source].stride)
      }
    }

    var stepOf = [Int](repeating: -1, count: nodes.count)
    for i in order {
      stepOf[i] = steps.count
      try within("node \"\(nodes[i].name)\"") {
        steps.append(try step(for: i, incoming[i], layouts, constant))
      }
    }

    // Groups: the nodes of one cycle run step by step, everything else block by block.
    var groups: [Plan.Group] = []
    var start = 0
    while start < order.count {
      var end = start + 1
      let group = checked.ordering.group[order[start]]
      while end < order.count, checked.ordering.group[order[end]] == group { end += 1 }
      let cyclic = checked.ordering.cyclicGroups.contains(group)
      groups.append(
        .init(
          steps: start..<end, cyclic: cyclic,
          population: cyclic ? Population(steps, start..<end) : nil,
          recurrence: cyclic ? Recurrence(steps, start..<end, slots) : nil))
      start = end
    }

    try setRest()
    let outputSums = checked.outputs.map { takeState(options.batch * slots[$0].stride) }
    var learner = LearningCompiler(
      checked: checked, options: options, dt_s: dt_s ?? 1, steps: steps, stepOf: stepOf,
      slots: slots, state: state)
    let learning = try learner.learning()
    state = learner.state
    return try layOut(
      groups: groups, stepOf: stepOf, outputSums: outputSums, learning: learning)
  }

  /// Reserves floats of state, aligned to a cache line.
  private mutating func takeState(_ count: Int) -> Int {
    defer { state += (count + 15) & ~15 }
    return state
  }

  // MARK: Layout of arrays

  /// Which nodes emit [height][width][channel] rows. Convolutions and poolings do, since their
  /// inner loops run over channels; elementwise nodes keep what they get; ports, weights and
  /// flattening use the model's own order.
  private func channelLast() -> [Bool] {
    var last = [Bool](repeating: false, count: nodes.count)
    for i in checked.ordering.order {
      switch nodes[i].op {
      case .convolution, .pooling: last[i] = true
      case .input, .output, .linear, .sparse, .flatten, .graph, .plastic: last[i] = false
      default:
        let sources = checked.edges.filter { $0.target == i }.map(\.source)
        last[i] = !sources.isEmpty && sources.contains { last[$0] }
      }
    }
    return last
  }

  /// For each element of a channel-last row its place in the model's order.
  private func channelLastOrder(_ shape: Shape) -> [Int32] {
    guard shape.rank >= 2 else { return (0..<Int32(shape.count)).map { $0 } }
    let channels = shape[0]
    let pixels = shape.count / max(channels, 1)
    return (0..<shape.count).map { Int32(($0 % channels) * pixels + $0 / channels) }
  }

  /// `values` in the order of the rows of node `i`; a single element stays single.
  private func ordered(_ values: [Float], _ shape: Shape, _ last: Bool) -> [Float] {
    guard last, values.count > 1 else { return values }
    return channelLastOrder(shape).map { values[Int($0)] }
  }

  private func permutation(from: Bool, to: Bool, _ shape: Shape) -> Permutation? {
    guard from != to, shape.rank >= 2, shape[0] > 1, shape.count > shape[0] else { return nil }
    let order = channelLastOrder(shape)
    if to { return Permutation(order) }
    var inverse = order
    for (i, place) in order.enumerated() { inverse[Int(place)] = Int32(i) }
    return Permutation(inverse)
  }

  // MARK: Constancy

  /// Nodes that answer the same at every step of a frame: they are evaluated once.
  private func constantNodes() -> [Bool] {
    var constant = [Bool](repeating: false, count: nodes.count)
    guard options.stepsPerFrame > 1, options.frameInput == .hold else { return constant }
    for i in checked.ordering.order {
      switch nodes[i].op {
      case .input: constant[i] = true
      case .neuron, .delay, .encoder, .decoder, .graph: break
      case .pooling(let pooling) where pooling.kind == .spikeMaximum: break
      case .plastic(.linear), .plastic(.convolution), .plastic(.cell), .plastic(.trace): break
      case .sparse(let sparse) where sparse.delaySteps(dt_s).largest > 0: break
      default:
        let edges = checked.edges.indices.filter { checked.edges[$0].target == i }
        constant[i] = edges.allSatisfy {
          constant[checked.edges[$0].source] && !checked.ordering.backEdges.contains($0)
        }
      }
    }
    return constant
  }

  // MARK: Operations

  private mutating func step(
    for i: Int, _ incoming: [(source: Int, delayed: Bool)], _ layouts: [Bool], _ constant: [Bool]
  ) throws -> Plan.Step {
    let node = nodes[i]
    let shape = checked.shapes[i]
    let source = incoming.first.map { checked.shapes[$0.source] }
    let wantsLast: Bool =
      switch node.op {
      case .convolution, .pooling: true
      case .linear, .sparse, .flatten, .output, .input, .plastic: false
      default: layouts[i]
      }
    var sources: [Plan.Step.Source] = []
    for (from, delayed) in incoming {
      sources.append(
        .init(
          slot: from, delayed: delayed,
          permutation: permutation(from: layouts[from], to: wantsLast, checked.shapes[from])))
    }
    let inputCount = source?.count ?? inputCountWithoutSource(node.op, shape)
    var gather = -1
    if case .input = node.op {
    } else if node.op.takesInputsApart {
    } else if sources.count != 1 || sources[0].permutation != nil {
      gather = slots.count
      // Sums follow the constancy of their node; silence never changes.
      slots.append(Slot(count: inputCount, constant: constant[i]))
    }

    let (packed, packedKernels, why) = try pack(
      i, shape, source, layouts[i], all: incoming.map { checked.shapes[$0.source] })
    var (operation, kernels, reason) = (packed, packedKernels, why)
    if case .output = node.op, gather < 0, !sources[0].delayed, slots[sources[0].slot].history < 0 {
      (operation, reason) = (.alias, "shows the row as it stands")
    }
    if case .linear(let packed) = operation, packed.parts != 1 {
      reason = "\(packed.parts) leading positions, one after another"
    }
    let fan = fanOut(node.op, operation, shape: shape, input: source)
    // Spikes are counted from their list; others are listed for nodes that go through it.
    if isSpikingNode(node.op) { slots[i].listed = true }
    if operation.usesNonzeroList {
      slots[gather >= 0 ? gather : sources[0].slot].listed = true
    }
    if gather >= 0, operation.isSumOfProducts, sources.first?.permutation != nil {
      slots[sources[0].slot].listed = true
    }
    var updates = false
    if case .neuron(let neuron) = node.op { updates = neuron.kind.spikes }
    if kernels.contains(where: { $0.linearWay == .events || $0 == .convolutionEvents }) {
      kernels.append(.nonzeroList)
    }
    return Plan.Step(
      node: i, name: node.name, kind: node.op.kindName, shape: shape, operation: operation,
      sources: sources,
      gather: gather, output: i, inputCount: inputCount, outputCount: shape.count,
      channelLast: layouts[i] && permutation(from: true, to: false, shape) != nil,
      fanOut: .init(perInput: fan.perInput, dense: fan.dense),
      spikes: isSpikingNode(node.op), updates: updates, weightBytes: operation.weightByteCount,
      kernels: kernels,
      reason: (constant[i] ? "once per frame; " : "") + reason)
  }

  private func isSpikingNode(_ op: Operator) -> Bool {
    switch op {
    case .neuron(let neuron): neuron.kind.spikes
    case .encoder(.singleShot): false
    case .threshold, .encoder, .plastic(.cell): true
    default: false
    }
  }

  private func inputCountWithoutSource(_ op: Operator, _ shape: Shape) -> Int {
    switch op {
    case .linear(let linear):
      shape.count / max(linear.weight.shape[linear.weight.shape.rank - 2], 1)
        * linear.weight.shape[linear.weight.shape.rank - 1]
    case .convolution(let convolution): convolution.inputCount
    case .plastic(.convolution(let plastic)): plastic.convolution.inputCount
    case .sparse(let sparse): sparse.pre
    case .plastic(.linear(let linear)): linear.pre
    case .plastic(.projection(let projection)): projection.pre
    case .flatten, .input: shape.count
    default: shape.count
    }
  }

  private mutating func pack(
    _ i: Int, _ shape: Shape, _ input: Shape?, _ last: Bool, all inputs: [Shape]
  ) throws -> (Operation, [Kernel], String) {
    let dt = dt_s ?? 1
    let row = slots[i].stride * options.batch
    func full(_ tensor: Tensor) throws -> View<Float> {
      try View.packed(ordered(try tensor.broadcast(to: shape), shape, last))
    }
    switch nodes[i].op {
    case .input: return (.input, [], "port")
    case .sparse(let sparse): return try pack(sparse, i)
    case .output, .flatten: return (.copy, [], "hands the row on")
    case .linear(let linear): return try pack(linear, shape)
    case .convolution(let convolution): return try pack(convolution, shape, input)
    case .pooling(let pooling):
      let input = input ?? shape
      let window = PoolingWindow(
        reduction: pooling.kind.reduction, inHeight: input[1], inWidth: input[2],
        outHeight: shape[1], outWidth: shape[2], channels: shape[0],
        kernelHeight: pooling.kernel[0], kernelWidth: pooling.kernel[1],
        strideY: pooling.stride[0], strideX: pooling.stride[1], padY: pooling.padding[0],
        padX: pooling.padding[1])
      if pooling.kind == .spikeMaximum {
        let sums = (input.count + 15) & ~15
        let memory = takeState(options.batch * (sums + slots[i].stride))
        return (.spikeMaximum(window, state: memory), [], "windows over sums since the reset")
      }
      return (.pooling(window, places: try window.places()), [], "windows")
    case .scale(let factor):
      return (.scale(factor: try full(factor), shift: nil), [], "elementwise")
    case .threshold(let level): return (.threshold(try full(level)), [], "elementwise")
    case .activation(let function): return (.activation(function), [], "elementwise")
    case .concatenation:
      let pixels = last && shape.rank > 1 ? shape.count / max(shape[0], 1) : 1
      let joint = Joint(widths: inputs.map { $0.count / max(pixels, 1) }, runs: pixels)
      return (
        .concatenation(joint), [],
        inputs.map { "\($0[0])" }.joined(separator: " + ") + " along the first axis"
      )
    case .multiplication: return (.multiplication, [], "\(inputs.count) inputs multiplied")
    case .normalization(let norm): return (.normalization(norm), [], "over all elements")
    case .batchNorm(let norm):
      let (factor, shift) = norm.factorAndShift()
      let inner = shape.count / max(shape.extents.first ?? 1, 1)
      func spread(_ perChannel: [Float]) throws -> View<Float> {
        let all = perChannel.flatMap { [Float](repeating: $0, count: inner) }
        return try View.packed(ordered(all, shape, last))
      }
      return (.scale(factor: try spread(factor), shift: try spread(shift)), [], "elementwise")
    case .neuron(var neuron):
      let semantics = neuron.semantics ?? checked.model.semantics
      neuron.reorder { ordered($0, shape, last) }
      let layer = try neuron.layer(shape: shape, semantics: semantics, dt_s: dt)
      let memory = NeuronState(
        membrane: takeState(row),
        current: layer.flags.contains(.synapse) ? takeState(row) : -1,
        pending: layer.flags.contains(.spikeNextStep) ? takeState(row) : -1)
      if let initial = neuron.initial, initial.floats.contains(where: { $0 != 0 }) {
        membraneRest[memory.membrane] = try initial.broadcast(to: Shape([shape.count]))
      }
      return (
        .neuron(layer, state: memory), [.neuronStep],
        neuron.kind.spikes
          ? "reset \(semantics.reset.rawValue), v \(semantics.comparison.rawValue) threshold, "
            + semantics.integrator.rawValue
          : semantics.integrator.rawValue
      )
    case .delay(let delay):
      let seconds = ordered(try delay.broadcast(to: shape), shape, last)
      var most = 0
      let delays = try seconds.map { seconds -> Int32 in
        let delay = (Double(seconds) / dt).rounded()
        guard delay >= 0, delay <= Double(Plan.mostDelay) else {
          throw ArcuateError(
            .cannotCompile, "a delay of \(seconds) s is \(delay) steps, above 1,000,000")
        }
        most = max(most, Int(delay))
        return Int32(delay)
      }
      let ring = most + 1
      guard ring <= (1 << 33) / max(row, 1) else {
        throw ArcuateError(.limitExceeded, "a delay line of \(ring) steps is too large")
      }
      return (
        .delay(steps: delays, ring: ring, state: takeState(ring * row)), [], "up to \(most) steps"
      )
    case .encoder(.bernoulli(let gain, let seed)):
      return (
        .bernoulli(gain: gain, random: CounterRandom(seed: seed), signed: false), [],
        "random by counter"
      )
    case .encoder(.signedBernoulli(let gain, let seed)):
      return (
        .bernoulli(gain: gain, random: CounterRandom(seed: seed), signed: true), [],
        "random by counter"
      )
    case .encoder(.singleShot(let gain)):
      return (.singleShot(gain: gain), [], "at the first step")
    case .encoder(.rate(let gain)):
      return (.rateEncoder(gain: gain, state: takeState(row)), [], "accumulates")
    case .decoder(let decoder): return (.decoder(decoder, state: takeState(row)), [], "accumulates")
    case .plastic(let plastic): return try pack(plastic, shape, input, row)
    case .graph: throw ArcuateError(.invalidModel, "a nested graph must be flattened first")
    }
  }

  private mutating func pack(
    _ plastic: PlasticNode, _ shape: Shape, _ input: Shape?, _ row: Int
  ) throws -> (Operation, [Kernel], String) {
    let dt = dt_s ?? 1
    switch plastic {
    case .linear(let linear):
      let stride = (linear.post + 15) & ~15
      let most = (1 << 33) / max(stride * (linear.alpha == nil ? 1 : options.batch), 1)
      guard linear.pre < most else {
        throw ArcuateError(.limitExceeded, "weights of \(options.batch) streams are too many")
      }
      let packed = try PackedPlasticLinear(
        linear, weights: takeState((linear.pre + 1) * stride),
        fast: linear.alpha == nil ? -1 : takeState(options.batch * linear.pre * stride))
      let changed = linear.alpha == nil ? "weights" : "fast weights"
      return (
        .plastic(.linear(packed)), [.linearEvents, .linearDense],
        "\(changed) learn from \"\(linear.rule.post)\""
      )
    case .convolution(let plastic):
      let convolution = plastic.convolution
      let geometry = convolution.geometry(
        input: try input ?? convolution.inputExtents(), output: shape)
      let window = geometry.inPerGroup * geometry.kernelHeight * geometry.kernelWidth
      guard window <= Compiler.largestRow / max(geometry.outHeight * geometry.outWidth, 1) else {
        throw ArcuateError(
          .limitExceeded, "windows of \(window) inputs are above \(Compiler.largestRow) elements")
      }
      let matrix = PlasticLinear(
        weight: try Tensor(convolution.weight.floats, shape: Shape([shape[0], window])),
        bias: convolution.bias, rule: plastic.rule)
      let packed = try PackedPlasticLinear(
        matrix, weights: takeState((window + 1) * ((shape[0] + 15) & ~15)), fast: -1,
        geometry: geometry)
      return (.plastic(.linear(packed)), [], "kernels learn from \"\(plastic.rule.post)\"")
    case .cell(let cell):
      let stride = row / options.batch
      let layer = try CellLayer(
        count: cell.size, numbers: try cell.numbers(dt_s: dt), threshold: cell.threshold.floats)
      return (
        .plastic(
          .cell(
            try PackedCell(
              layer: layer, stride: stride, state: takeState(row * CellRows.count),
              theta: takeState(stride), cell: cell, dt_s: dt))), [], "cells"
      )
    case .trace(let trace):
      return (
        .plastic(.trace(trace.numbers(dt_s: dt), state: takeState(row * 2))), [],
        trace.second_s == nil ? "one exponential" : "two exponentials"
      )
    case .winners(let count): return (.plastic(.winners(count)), [], "the \(count) largest")
    case .projection(let projection):
      let linear = try projection.linear()
      if projection.fanIn != nil, linear.weight.count > 0 {
        var weight = linear.weight.floats
        var (starts, posts, values): ([Int64], [Int64], [Float]) = ([0], [], [])
        for j in 0..<projection.pre {
          for i in 0..<projection.post where weight[i * projection.pre + j] != 0 {
            posts.append(Int64(i))
            values.append(weight[i * projection.pre + j])
          }
          starts.append(Int64(posts.count))
        }
        weight = []
        let sparse = SparseLinear(
          post: projection.post, pre: projection.pre, rowStarts: IndexArray(starts),
          postIndices: IndexArray(posts), weight: Tensor(vector: values))
        return try pack(sparse, 0)
      }
      return try pack(linear, shape)
    }
  }

  private func pack(_ linear: Linear, _ shape: Shape) throws -> (Operation, [Kernel], String) {
    let rank = linear.weight.shape.rank
    let post = linear.weight.shape[rank - 2]
    let pre = linear.weight.shape[rank - 1]
    let parts = post == 0 ? 0 : shape.count / post
    let bias = linear.bias?.floats ?? [0]
    let matrices = pre * post == 0 ? 1 : linear.weight.count / (pre * post)
    let packed = try (0..<matrices).map { m in
      let own: [Float] =
        bias.count == 1
        ? [Float](repeating: bias[0], count: post)
        : bias.count == post ? bias : Array(bias[m * post..<(m + 1) * post])
      return try LinearWeights(
        weight: linear.weight, matrix: m, bias: own, inputs: pre, outputs: post)
    }
    let dense: Kernel.LinearWay = options.numerics == .fast ? .denseFused : .dense
    let meets = packed.contains(where: \.gainsFromMeeting)
    let tiled = SpikeRows.takesTiles(
      WeightKind(linear.weight.element), anyOrder: options.numerics == .fast)
    let meeting: [Kernel.LinearWay] = meets ? (tiled ? [.tiles] : []) + [.many, .shared] : []
    let ways: [Kernel.LinearWay] = parts == 1 ? meeting + [.events, dense] : [.events]
    return (
      .linear(PackedLinear(matrices: packed, parts: parts)),
      ways.map { .linear($0, WeightKind(linear.weight.element)) },
      "by events below \(Int(Session.denseFraction * 100)) % non-zero inputs, dense above"
        + (meets ? "; several rows of spikes together" : "")
        + (meets && tiled ? ", many with many ones as tiles" : "")
    )
  }

  private func pack(
    _ convolution: Convolution, _ shape: Shape, _ input: Shape?
  ) throws -> (Operation, [Kernel], String) {
    let geometry = convolution.geometry(
      input: try input ?? convolution.inputExtents(), output: shape)
    let bias = try (convolution.bias ?? Tensor(scalar: 0)).broadcast(to: Shape([shape[0]]))
    let packed = try ConvolutionWeights(
      weight: convolution.weight.floats, bias: bias, geometry: geometry)
    guard packed.hasWindows else {
      return (.convolution(packed), [.convolutionEvents], "every non-zero input adds its kernel")
    }
    return (
      .convolution(packed), [.convolutionEvents, .convolutionWindows],
      "few non-zero inputs add their kernels, many are summed by windows"
    )
  }

  private mutating func pack(
    _ sparse: SparseLinear, _ i: Int
  ) throws -> (Operation, [Kernel], String) {
    var packed = try sparse.packed(dt_s: dt_s ?? 1)
    packed.isEarly =
      packed.least >= 1
      && checked.ordering.cyclicGroups.contains(checked.ordering.group[i])
    let most = (1 << 33) / options.batch
    guard packed.historyRows <= most / max(packed.listStride, 1),
      packed.weights.ring <= most / max(packed.outputTiles * packed.weights.kernel.ringStride, 1)
    else {
      throw ArcuateError(
        .limitExceeded, "a delay line of \(packed.largest) steps is too large")
    }
    packed.state = takeState(options.batch * packed.stateCount)
    packed.lists = sparseLists
    packed.counts = sparseCounts
    sparseLists += options.batch * packed.listCount
    sparseCounts += options.batch * packed.countCount
    let delay =
      packed.isRing
      ? "delays of \(packed.least) to \(packed.largest) steps, added when a spike leaves"
      : "a delay of \(packed.largest) step\(packed.largest == 1 ? "" : "s"), added when a spike arrives"
    return (
      .sparse(packed), [packed.isRing ? .sparseRing : .sparseRows],
      "\(sparse.count) connections"
        + (packed.weights.targets.isPacked ? ", sorted; " : ", where they stand; ") + delay
    )
  }

  // MARK: Counting

  /// Non-zero weights behind each input element, in the order of the operation's rows.
  private func fanOut(
    _ op: Operator, _ operation: Operation, shape: Shape, input: Shape?
  ) -> (perInput: [UInt32], dense: UInt64) {
    if case .linear(let packed) = operation, let first = packed.matrices.first {
      guard first.inputs > 0, first.outputs > 0 else { return ([], 0) }
      let each = packed.matrices.map(\.nonzeroPerInput)
      let fan = (0..<packed.parts).flatMap { each[each.count == 1 ? 0 : $0] }
      return (fan, UInt64(packed.parts * first.inputs * first.outputs))
    }
    // Weights that learn come and go: all of them count.
    if case .plastic(.convolution(let plastic)) = op {
      var full = plastic.convolution
      full.weight = .filled(1, shape: full.weight.shape)
      return full.fanOutByChannel(input: input, output: shape)
    }
    if case .plastic(.linear(let packed)) = operation, packed.inputs > 0, packed.outputs > 0 {
      let each = [UInt32](repeating: UInt32(packed.outputs), count: packed.inputs)
      return (each, UInt64(packed.inputs * packed.outputs))
    }
    if case .sparse = operation, case .plastic(.projection(let drawn)) = op,
      let weight = try? drawn.linear().weight.floats
    {
      var fan = [UInt32](repeating: 0, count: drawn.pre)
      for (place, value) in weight.enumerated() where value != 0 { fan[place % drawn.pre] += 1 }
      return (fan, fan.reduce(0) { $0 + UInt64($1) })
    }
    switch op {
    case .sparse(let sparse): return (sparse.nonzeroPerInput(), UInt64(sparse.count))
    case .convolution(let convolution):
      return convolution.fanOut(input: input, output: shape)
    default: return ([], 0)
    }
  }

  // MARK: Feedback

  /// Finds what each back edge carries before the first step.
  private mutating func setRest() throws {
    var responses: [[Float]]?
    for (e, edge) in checked.edges.enumerated() where checked.ordering.backEdges.contains(e) {
      var start = checked.model.semantics.feedbackStart
      if case .neuron(let neuron) = nodes[edge.target].op, let own = neuron.semantics {
        start = own.feedbackStart
      }
      guard start == .response else { continue }
      let all = try responses ?? self.responses()
      responses = all
      feedbackRest[edge.source] = all[edge.source]
    }
  }

  /// The row each node answers to silence; empty, which stands for zeros, for inputs and nodes
  /// with a memory.
  private func responses() throws -> [[Float]] {
    var rows = [[Float]](repeating: [], count: nodes.count)
    for step in steps {
      if case .input = step.operation { continue }
      guard step.operation.isStateless else { continue }
      let stride = slots[step.output].stride
      if step.operation.takesInputsApart {
        let output = try RowSpace(width: stride + 16).row()
        defer { withExtendedLifetime(output) {} }
        // Who has a memory, or comes later, is silent.
        let silent = try RowSpace(
          width: (step.sources.map { slots[$0.slot].stride }.max() ?? 0) + 16
        )
        .row()
        let inputs = try step.sources.map { source -> View<Float> in
          let row = rows[source.slot]
          return row.isEmpty ? silent : try View.packed(row)
        }
        step.joinRows({ inputs[$0].row }, into: output.row)
        withExtendedLifetime((inputs, silent)) {}
        rows[step.output] = output.row.part(0, stride).array
        continue
      }
      let space = RowSpace(width: max((step.inputCount + 15) & ~15, stride) + 16)
      let (input, output) = (try space.row(), try space.row())
      let (temporary, temporaryOutput) = (try space.row(), try space.row())
      let (list, temporaryList) = (try space.list(), try space.list())
      defer {
        withExtendedLifetime((input, output, temporary, temporaryOutput, list, temporaryList)) {}
      }
      for source in step.sources where !rows[source.slot].isEmpty {
        for n in 0..<step.inputCount {
          input[n] += rows[source.slot][source.permutation.map { Int($0.places[n]) } ?? n]
        }
      }
      let nonzero = findNonzero(input.row, count: step.inputCount, list: list.row)
      step.operation.apply(
        input: input.row, list: list.row, nonzero: nonzero, output: output.row,
        inputCount: step.inputCount, outputCount: step.outputCount, temporary: temporary.row,
        temporaryOutput: temporaryOutput.row, temporaryList: temporaryList.row)
      rows[step.output] = output.row.part(0, stride).array
    }
    return rows
  }

  // MARK: Memory

  private mutating func layOut(
    groups: [Plan.Group], stepOf: [Int], outputSums: [Int], learning: Learning?
  ) throws -> Plan {
    let batch = options.batch
    // A block is part of one frame, or several frames of one step.
    // Whole windows of the cycles that run in windows.
    let window = groups.compactMap { $0.population?.window }.min() ?? 1
    let largest = Plan.largestBlock / window * window
    // What learns at every step runs step by step.
    let isAlone =
      options.stepsPerFrame == 1 && options.frameState == .reset || learning?.edges.isEmpty == false
      || learning?.cells.isEmpty == false
    let most = isAlone ? 1 : largest
    let block = options.stepsPerFrame > 1 ? min(options.stepsPerFrame, most) : most
    // One line more, since what lists the beginnings of pixels has one more than these.
    let widest = (slots.map(\.stride).max() ?? 0) + 16
    for (p, i) in checked.inputs.enumerated() { slots[i].port = p }
    // Windows and what learns want rows for all steps of a block.
    let isTiled = learning == nil && !groups.contains { $0.population != nil }
    if isTiled {
      findBareSlots()
      if options.numerics == .fast { findSumsInPlace(groups) }
    }
    let stages =
      isTiled
      ? Stages(
        steps: steps, groups: groups, slots: slots, options: options,
        isTied: { g in
          let first = steps[groups[g].steps.lowerBound]
          return first.role == .neurons && slots[first.sources[0].slot].isInPlace
        }) : .none
    let tiling = Tiling(
      steps: steps, groups: groups, widest: widest, block: block, options: options, stages: stages)
    var (values, lists, rows) = (0, 0, 0)
    var aliases: [Int: Int] = [:]
    for step in steps {
      if case .alias = step.operation { aliases[step.output] = step.sources[0].slot }
    }
    if isTiled {
      for i in slots.indices { slots[i].isPassing = !slots[i].constant && slots[i].history < 0 }
      for i in checked.outputs { slots[aliases[i] ?? i].isPassing = false }
    }
    // What passes from thread to thread stays until all of a block are done with it.
    let stageOf = Dictionary(
      uniqueKeysWithValues: stages.groups.enumerated().flatMap { s, range in
        range.flatMap { groups[$0].steps }.map { (steps[$0].output, s) }
      })
    for step in steps {
      for source in step.sources where stageOf[source.slot] != stageOf[step.output] {
        slots[aliases[source.slot] ?? source.slot].isPassing = false
      }
    }
    for i in slots.indices where aliases[i] == nil {
      let count = slots[i].rows(
        block: block, batch: batch, tileRows: tiling.rows * options.threads)
      slots[i].values = values
      slots[i].lists = lists
      slots[i].counts = rows
      values += count * slots[i].stride
      // A cache line belongs to one node, since each may have a thread of its own.
      rows += (count + 7) & ~7
      if slots[i].listed { lists += count * slots[i].stride }
      let scratch = learning?.scratchCount ?? 0
      guard (values + lists + rows + state + sparseLists + sparseCounts + scratch) * 4 <= 1 << 36
      else {
        throw ArcuateError(
          .limitExceeded, "a session of batch \(batch) would need more than 64 GiB")
      }
    }
    for (own, other) in aliases { slots[own] = slots[other] }
    func port(_ i: Int) -> Plan.Port {
      Plan.Port(
        name: nodes[i].name, shape: checked.shapes[i], signal: checked.signals[i], node: i)
    }
    return Plan(
      options: options, dt_s: dt_s, inputs: checked.inputs.map(port),
      outputs: checked.outputs.map(port), findings: findings, model: checked.model, steps: steps,
      groups: groups, slots: slots, feedbackRest: feedbackRest, membraneRest: membraneRest,
      block: block, stateCount: state,
      valueCount: values,
      listCount: lists, rowCount: rows, sparseListCount: sparseLists,
      sparseCountCount: sparseCounts, widest: widest, outputSums: outputSums,
      inputSteps: checked.inputs.map { stepOf[$0] },
      outputSteps: checked.outputs.map { stepOf[$0] },
      fingerprint: fingerprint(), stages: stages, learning: learning)
  }

  /// Finds the rows of zeros and ones that nobody needs but as lists.
  private mutating func findBareSlots() {
    for step in steps {
      let slot = slots[step.output]
      let isSpiking = step.updates && !step.neurons!.flags.contains(.multiSpike)
      slots[step.output].isBare =
        slot.listed && slot.history < 0 && !slot.constant && (isSpiking || step.role == .input)
    }
    for step in steps {
      let isReadByList = step.readsLists && step.sources.count == 1
      for source in step.sources where !isReadByList { slots[source.slot].isBare = false }
    }
    for i in checked.outputs { slots[i].isBare = false }
    // One row in another order, whose only reader is the node itself.
    for step in steps where step.gather >= 0 && step.sources.count == 1 {
      let slot = slots[step.gather]
      slots[step.gather].isBare =
        slot.listed && !slot.constant && (step.role == .linear || step.convolution != nil)
    }
  }

  /// Finds convolutions whose only reader are neurons that add in place and have no other input.
  private mutating func findSumsInPlace(_ groups: [Plan.Group]) {
    for group in groups where !group.cyclic {
      for i in group.steps where steps[i].role == .neurons && steps[i].gather < 0 {
        let slot = steps[i].sources[0].slot
        guard steps[i].neurons!.addsInPlace, steps.indices.contains(i - 1),
          steps[i - 1].output == slot, steps[i - 1].convolution?.isUnbiased == true,
          !slots[slot].constant, !checked.outputs.contains(slot),
          steps.count(where: { step in step.sources.contains { $0.slot == slot } }) == 1
        else { continue }
        slots[slot].isInPlace = true
      }
    }
  }

  /// A number that differs between plans whose sessions could not take each other's state.
  private func fingerprint() -> UInt64 {
    var sum = FNV()
    func mix(_ text: String) {
      for byte in text.utf8 { sum.add(UInt64(byte)) }
    }
    for step in steps { mix("\(step.name) \(step.kind) \(step.inputCount) \(step.outputCount);") }
    mix("\(options.batch) \(state)")
    return sum.hash
  }
}

extension Operator {
  /// Whether each input is read where it stands instead of their sum.
  fileprivate var takesInputsApart: Bool {
    switch self {
    case .concatenation, .multiplication: true
    default: false
    }
  }
}

extension Convolution {
  /// The input's shape as the node itself states it.
  fileprivate func inputExtents() throws -> Shape {
    try Shape([weight.shape[1] * groups] + inputShape!)
  }

  fileprivate var inputCount: Int {
    weight.shape[1] * groups * (inputShape ?? []).reduce(1, *)
  }
}

extension Pooling.Kind {
  fileprivate var reduction: PoolingWindow.Reduction {
    switch self {
    case .sum: .sum
    case .average: .average
    case .maximum, .spikeMaximum: .maximum
    }
  }
}

extension Neuron {
  /// Puts every parameter with more than one element in another order.
  fileprivate mutating func reorder(_ order: ([Float]) -> [Float]) {
    func reordered(_ tensor: Tensor?) -> Tensor? {
      guard let tensor, tensor.count > 1 else { return tensor }
      return Tensor(vector: order(tensor.floats))
    }
    tauSynapse = reordered(tauSynapse)
    tauMembrane = reordered(tauMembrane)
    resistance = reordered(resistance)!
    leak = reordered(leak)
    threshold = reordered(threshold)
    resetValue = reordered(resetValue)
    inputWeight = reordered(inputWeight)
    initial = reordered(initial)
  }
}

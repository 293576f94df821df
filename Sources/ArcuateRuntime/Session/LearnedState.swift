import ArcuateCore
import ArcuateKernels
import ArcuateModel

/// What a session has learned, and what the host gives it to learn from.
extension Plan {
  /// Whether anything in it changes while a session learns.
  public var canLearn: Bool {
    learning.map { !$0.edges.isEmpty || !$0.cells.isEmpty } ?? false
  }

  /// The names of the signals that rules ask for, with how many numbers each has for a stream.
  public var signals: [(name: String, width: Int)] {
    learning?.signals.map { ($0.name, $0.width) } ?? []
  }
}

extension Session {
  /// Multiplies the rates of all rules from now on. Throws. `invalidArgument` for what is not
  /// finite.
  public func setRate(_ rate: Float) throws {
    guard rate.isFinite else {
      throw ArcuateError(.invalidArgument, "the factor of the rates is not finite")
    }
    self.rate = rate
  }

  // MARK: Signals

  private func signal(_ name: String) throws -> LearningSignal {
    if let found = plan.learning?.signals.first(where: { $0.name == name }) { return found }
    let known = plan.signals.map(\.name)
    throw ArcuateError(
      .notFound,
      "there is no signal \"\(name)\""
        + (known.isEmpty
          ? ": no rule asks for any" : ": rules ask for \(known.joined(separator: ", "))")
    )
  }

  /// Gives a signal its numbers, [batch][width]; they hold until others are given.
  ///
  /// Throws. `notFound`; `bufferSize` for another count; `invalidArgument` for a number that is not
  /// finite. Nothing is changed then.
  public func teach(_ name: String, _ values: UnsafeBufferPointer<Float>) throws {
    let signal = try signal(name)
    let batch = plan.options.batch
    guard values.count == batch * signal.width else {
      throw ArcuateError(
        .bufferSize,
        "holds \(UInt(bitPattern: values.count)) numbers, not \(batch * signal.width): "
          + "\(signal.width) for each stream", at: "signal \"\(name)\"")
    }
    if let place = values.firstIndex(where: { !$0.isFinite }) {
      throw ArcuateError(
        .invalidArgument, "number \(place) is not finite", at: "signal \"\(name)\"")
    }
    for b in 0..<batch {
      for k in 0..<signal.width {
        state[signal.state + b * signal.stride + k] = values[b * signal.width + k]
      }
      state[signal.given + b] = 1
    }
  }

  public func teach(_ name: String, _ values: [Float]) throws {
    try values.withUnsafeBufferPointer { try teach(name, $0) }
  }

  /// Gives a stream's signal as a label: `on` at its place, `off` elsewhere.
  ///
  /// Throws. `notFound`; `invalidArgument` for a label, stream or number out of range. Nothing is
  /// changed then.
  public func teach(
    _ name: String, label: Int, stream: Int = 0, on: Float = 1, off: Float = 0
  ) throws {
    let signal = try signal(name)
    guard stream >= 0, stream < plan.options.batch else {
      throw ArcuateError(
        .invalidArgument, "stream \(stream) is not within 0 ..< \(plan.options.batch)")
    }
    guard label >= 0, label < signal.width else {
      throw ArcuateError(
        .invalidArgument, "label \(label) is not within 0 ..< \(signal.width)",
        at: "signal \"\(name)\"")
    }
    guard on.isFinite, off.isFinite else {
      throw ArcuateError(
        .invalidArgument, "the number for the label or for others is not finite",
        at: "signal \"\(name)\"")
    }
    let row = state.row.part(signal.state + stream * signal.stride, signal.width)
    row.fill(off)
    row[label] = on
    state[signal.given + stream] = 1
  }

  /// Takes a signal away: rules that ask for it change nothing until it is given again.
  public func withdraw(_ name: String) throws {
    let signal = try signal(name)
    for b in 0..<plan.options.batch { state[signal.given + b] = 0 }
  }

  // MARK: Rest

  func restLearning(_ b: Int) {
    guard let learning = plan.learning else { return }
    for rows in learning.fast {
      state.row.part(rows.offset + b * rows.count, rows.count).fill(0)
    }
    for step in plan.steps {
      guard case .plastic(.cell(let cell)) = step.operation else { continue }
      cellRows(cell, b).membrane.fill(cell.layer.numbers.rest)
    }
    let count = state[learning.rests + b].bitPattern
    // Below what would be a NaN, which need not keep its bits.
    state[learning.rests + b] = Float(bitPattern: (count &+ 1) & 0x3FFF_FFFF)
  }

  /// How often a stream was brought to rest; 0 in networks without what learns.
  @inline(__always)
  func rests(of b: Int) -> UInt64 {
    guard let learning = plan.learning else { return 0 }
    return UInt64(state[learning.rests + b].bitPattern)
  }

  /// Brings weights and thresholds back to those of the model, and forgets what was drawn so far.
  /// Streams and signals are untouched.
  public func forget() {
    guard let learning = plan.learning else { return }
    for step in plan.steps {
      guard case .plastic(let packed) = step.operation else { continue }
      switch packed {
      case .linear(let linear): weightRows(linear).copy(from: linear.initial.row)
      case .cell(let cell):
        let theta = state.row.part(cell.theta, cell.stride)
        theta.fill(0)
        for i in 0..<cell.layer.count { theta[i] = cell.initialTheta[i] }
      case .trace, .winners: break
      }
    }
    for edge in learning.edges where edge.scales >= 0 {
      state.row.part(edge.scales, edge.linear.rows * edge.linear.stride).fill(0)
    }
    for b in 0..<plan.options.batch { state[learning.rests + b] = 0 }
  }

  // MARK: What was learned

  private func plastic(_ name: String) throws -> PackedPlastic {
    guard let step = plan.steps.first(where: { $0.name == name }) else {
      throw ArcuateError(.notFound, "there is no node \"\(name)\"")
    }
    guard case .plastic(let packed) = step.operation else {
      throw ArcuateError(.notFound, "is frozen: nothing in it learns", at: "node \"\(name)\"")
    }
    return packed
  }

  /// How many numbers `learned` gives for a node.
  /// Throws. `notFound` for a node that is not there or learns nothing.
  public func learnedCount(_ name: String, fast: Bool = false) throws -> Int {
    switch try plastic(name) {
    case .linear(let linear):
      guard !fast || linear.fast >= 0 else {
        throw ArcuateError(.notFound, "has no fast weights", at: "node \"\(name)\"")
      }
      return linear.inputs * linear.outputs * (fast ? plan.options.batch : 1)
    case .cell(let cell) where !fast: return cell.layer.count
    default: throw ArcuateError(.notFound, "learns nothing of that kind", at: "node \"\(name)\"")
    }
  }

  /// The weights of a node as they are now, [post][pre] or [out][in][kernel], or its fast ones, [batch][post][pre], or
  /// the adaptive part of the thresholds of cells. Throws. As `learnedCount`; `bufferSize`.
  public func learned(
    _ name: String, fast: Bool = false, into output: UnsafeMutableBufferPointer<Float>
  ) throws {
    let count = try learnedCount(name, fast: fast)
    guard output.count >= count else {
      throw ArcuateError(
        .bufferSize, "\(count) numbers were learned, room is for \(UInt(bitPattern: output.count))",
        at: "node \"\(name)\"")
    }
    switch try plastic(name) {
    case .linear(let linear):
      let (inputs, outputs, stride) = (linear.inputs, linear.outputs, linear.stride)
      for b in 0..<(fast ? plan.options.batch : 1) {
        let start = fast ? linear.fast + b * inputs * stride : linear.weights
        for i in 0..<outputs {
          for j in 0..<inputs {
            output[(b * outputs + i) * inputs + j] = state[start + j * stride + i]
          }
        }
      }
    case .cell(let cell):
      for i in 0..<cell.layer.count { output[i] = state[cell.theta + i] }
    case .trace, .winners: break
    }
  }

  public func learned(_ name: String, fast: Bool = false) throws -> [Float] {
    var values = [Float](repeating: 0, count: try learnedCount(name, fast: fast))
    try values.withUnsafeMutableBufferPointer { try learned(name, fast: fast, into: $0) }
    return values
  }

  private func bias(_ packed: PackedPlasticLinear) -> Tensor {
    let row = state.row.part(packed.weights + packed.inputs * packed.stride, packed.outputs)
    return Tensor(vector: row.array)
  }

  /// The network with the weights, biases and thresholds that the session has now, nested graphs
  /// made flat. Fast weights belong to a stream and are not part of it.
  public func learnedModel() throws -> Model {
    var model = plan.model
    for step in plan.steps {
      guard case .plastic(let packed) = step.operation else { continue }
      switch (packed, model.nodes[step.node].op) {
      case (.linear(let packed), .plastic(.linear(var linear))):
        linear.weight = try Tensor(try learned(step.name), shape: linear.weight.shape)
        if linear.rule.learnsBias { linear.bias = bias(packed) }
        model.nodes[step.node].op = .plastic(.linear(linear))
      case (.linear(let packed), .plastic(.convolution(var plastic))):
        plastic.convolution.weight = try Tensor(
          try learned(step.name), shape: plastic.convolution.weight.shape)
        if plastic.rule.learnsBias { plastic.convolution.bias = bias(packed) }
        model.nodes[step.node].op = .plastic(.convolution(plastic))
      case (.cell(let packed), .plastic(.cell(var cell))) where packed.learns:
        cell.theta = Tensor(vector: try learned(step.name))
        model.nodes[step.node].op = .plastic(.cell(cell))
      default: break
      }
    }
    return model
  }
}

import ArcuateCore
import ArcuateKernels
import ArcuateModel

/// What has adapted in a session, and the signals that the host sets for its rules.
extension Session {
  /// Multiplies the rates of all rules from now on. Throws. `invalidArgument` for what is not
  /// finite.
  public func setAdaptationRate(_ rate: Float) throws(ArcuateError) {
    guard rate.isFinite else {
      throw ArcuateError(.invalidArgument, "the rate factor must be finite, got \(rate)")
    }
    arena.adaptationRate = rate
  }

  /// Scales the weights into each output of edges that ask for it to the sum that their rule wants.
  ///
  /// A frame of `run` begins with this while the session adapts; after steps or events call it
  /// yourself. Sums are made in the order of the inputs; negative and zero sums are left alone.
  public func normalize() { plan.plasticity?.normalize(arena) }

  /// Applies what frames added up, with the modulators as they are now, and clears it.
  ///
  /// A frame of `run` ends with this while the session adapts; after steps or events call it
  /// yourself. Throws. `invalidState` where the threads were left behind by `fork`.
  public func consolidate() throws(ArcuateError) {
    try arena.team?.requireThreads()
    plan.plasticity?.consolidate(arena)
  }

  /// Brings weights and thresholds back to those of the model, and starts random numbers again.
  /// Streams and signals are untouched.
  public func restoreWeights() { plan.plasticity?.restore(arena) }

  // MARK: Signals

  private func signal(_ name: String) throws(ArcuateError) -> PlasticSignal {
    if let found = plan.plasticity?.signals.first(where: { $0.name == name }) { return found }
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
  public func setSignal(_ name: String, _ values: UnsafeBufferPointer<Float>) throws(ArcuateError) {
    let signal = try signal(name)
    let batch = plan.options.batch
    guard values.count == batch * signal.width else {
      throw ArcuateError(
        .bufferSize,
        "holds \(UInt(bitPattern: values.count)) numbers, not \(batch * signal.width): "
          + "\(signal.width) for each stream", at: "signal \"\(name)\"")
    }
    if let index = values.firstIndex(where: { !$0.isFinite }) {
      throw ArcuateError(
        .invalidArgument, "number \(index) is not finite", at: "signal \"\(name)\"")
    }
    for b in 0..<batch {
      for k in 0..<signal.width {
        arena.state[signal.rows.state + b * signal.rows.stride + k] = values[b * signal.width + k]
      }
      arena.state[signal.rows.given + b] = 1
    }
  }

  public func setSignal(_ name: String, _ values: [Float]) throws(ArcuateError) {
    try values.withUnsafeBufferPointer { (values) throws(ArcuateError) in
      try setSignal(name, values)
    }
  }

  /// Gives a stream's signal as a label: `on` at its index, `off` elsewhere.
  ///
  /// Throws. `notFound`; `invalidArgument` for a label, stream or number out of range. Nothing is
  /// changed then.
  public func setSignal(
    _ name: String, label: Int, stream: Int = 0, on: Float = 1, off: Float = 0
  ) throws(ArcuateError) {
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
    let rows = signal.rows
    let row = arena.state.row.part(rows.state + stream * rows.stride, signal.width)
    row.fill(off)
    row[label] = on
    arena.state[rows.given + stream] = 1
  }

  /// Clears a signal: rules that ask for it change nothing until it is given again.
  public func clearSignal(_ name: String) throws(ArcuateError) {
    let signal = try signal(name)
    for b in 0..<plan.options.batch { arena.state[signal.rows.given + b] = 0 }
  }

  // MARK: Values that adapted

  private func adaptive(_ name: String) throws(ArcuateError) -> any AdaptiveNode {
    guard let step = plan.steps.first(where: { $0.name == name }) else {
      throw ArcuateError(.notFound, "there is no node \"\(name)\"")
    }
    guard let node = step.adaptiveNode else {
      throw ArcuateError(.notFound, "is frozen: nothing in it adapts", at: "node \"\(name)\"")
    }
    return node
  }

  /// How many numbers `adapted` gives for a node.
  /// Throws. `notFound` for a node that is not there or in which nothing adapts.
  public func adaptedCount(_ name: String, fast: Bool = false) throws(ArcuateError) -> Int {
    let node = try adaptive(name)
    if let count = node.adaptedCount(fast: fast, batch: plan.options.batch) { return count }
    throw ArcuateError(
      .notFound,
      node.adaptiveWeights == nil ? "has nothing of that kind that adapts" : "has no fast weights",
      at: "node \"\(name)\"")
  }

  /// The weights of a node as they are now, [post][pre] or [out][in][kernel], or its fast ones,
  /// [batch][post][pre], or the adaptive parameters of a program, one after another.
  /// Throws. As `adaptedCount`; `bufferSize`.
  public func adapted(
    _ name: String, fast: Bool = false, into output: UnsafeMutableBufferPointer<Float>
  ) throws(ArcuateError) {
    let count = try adaptedCount(name, fast: fast)
    guard output.count >= count else {
      throw ArcuateError(
        .bufferSize,
        "\(count) numbers have adapted, the buffer holds \(UInt(bitPattern: output.count))",
        at: "node \"\(name)\"")
    }
    try adaptive(name).forEachAdapted(fast: fast, arena) { output[$0] = $1 }
  }

  public func adapted(_ name: String, fast: Bool = false) throws(ArcuateError) -> [Float] {
    var values = [Float](repeating: 0, count: try adaptedCount(name, fast: fast))
    try values.withUnsafeMutableBufferPointer { (values) throws(ArcuateError) in
      try adapted(name, fast: fast, into: values)
    }
    return values
  }

  /// The network with the weights, biases and thresholds that the session has now, nested graphs
  /// made flat. Fast weights belong to a stream and are not part of it.
  public func adaptedModel() throws(ArcuateError) -> Model {
    var model = plan.model
    for step in plan.steps {
      let i = step.identity.node
      guard let node = step.adaptiveNode,
        let adapted = try node.adapted(model.nodes[i].op, step.shape, arena)
      else { continue }
      model.nodes[i].op = adapted
    }
    return model
  }
}

import ArcuateCore
import ArcuateModel

/// Options of a `Trainer`.
public struct TrainingOptions: Sendable {
  public enum Mode: String, Sendable, CaseIterable {
    /// Gradients of the network itself, through all of its steps.
    case direct
    /// An artificial network and its spiking counterpart, which share weights: the spiking network runs
    /// for `gradient.steps` steps, its spike counts replace the activations of both, and gradients are
    /// those of the artificial network. Source. Wu et al. 2020.
    case tandem
  }

  public var mode: Mode = .direct
  public var gradient = GradientOptions()
  public var optimizer = OptimizerOptions()
  /// Losses with the output that each is of; they are added.
  public var losses: [(port: Int, loss: Loss)] = [(0, Loss())]

  public init() {}
}

/// The result of a training step or of an evaluation.
public struct TrainingResult: Sendable, Equatable {
  public var loss = 0.0
  public var correct = 0
  public var samples = 0
  /// Spikes of all neurons, and operations over all samples: additions for spikes, products for
  /// values.
  public var spikes = 0
  public var additions = 0
  public var products = 0
  /// The norm of the gradient, before clipping; 0 in evaluation.
  public var gradientNorm = 0.0

  public init() {}
  public var accuracy: Double { samples > 0 ? Double(correct) / Double(samples) : 0 }

  /// Merges another result; means are weighted by their samples.
  public mutating func add(_ other: TrainingResult) {
    let all = samples + other.samples
    guard all > 0 else { return }
    loss = (loss * Double(samples) + other.loss * Double(other.samples)) / Double(all)
    gradientNorm = other.gradientNorm
    samples = all
    correct += other.correct
    spikes += other.spikes
    additions += other.additions
    products += other.products
  }
}

/// Trains a model by gradient, batch by batch.
public final class Trainer {
  public let options: TrainingOptions
  /// The network whose gradients are computed.
  public let network: Network
  /// In tandem mode, its spiking counterpart.
  public let counterpart: Network?
  let optimizer: Optimizer
  private let random: CounterRandom
  /// The loss of each sample of the last batch, and its outputs, [samples][steps][width] each.
  public private(set) var sampleLosses: [Double] = []
  public private(set) var outputs: [[Float]] = []
  /// Training steps made so far.
  public var step: Int { optimizer.step }

  /// Throws. As `Network` and `TrainingOptions.check`; `invalidArgument` for a loss of an output
  /// that does not exist.
  public init(_ model: Model, _ options: TrainingOptions) throws(ArcuateError) {
    try options.check()
    self.options = options
    switch options.mode {
    case .direct:
      network = try Network(model, options.gradient)
      counterpart = nil
    case .tandem:
      var artificial = options.gradient
      artificial.steps = 1
      artificial.input = .hold
      network = try Network(model, artificial)
      var spiking = options.gradient
      spiking.input = .first
      spiking.biasOnce = true
      counterpart = try Network(try model.spikingCounterpart(), spiking, counterpart: network)
      network.takeCounts(from: counterpart!)
    }
    optimizer = try Optimizer(
      options.optimizer, network.parameters, seed: options.gradient.seed)
    random = CounterRandom(seed: options.gradient.seed ^ 0x6C6F_7373)
    for (port, loss) in options.losses {
      guard (0..<network.outputCount).contains(port) else {
        throw ArcuateError(
          .invalidArgument,
          "the output of a loss must be 0 ... \(network.outputCount - 1), got \(port)")
      }
      guard network.outputWidth(port) > 0 else {
        throw ArcuateError(.invalidModel, "output \(port) has no elements to compare with a target")
      }
      let isFitting =
        port == 0 && network.outputCount >= 3
        && (1...2).allSatisfy { network.outputWidth($0) == network.outputWidth(0) }
      guard !loss.isGated || isFitting else {
        throw ArcuateError(
          .invalidArgument,
          "stochmax must be of output 0 and needs outputs 0, 1 and 2 of one width (logits, two heads)"
        )
      }
    }
  }

  public var batch: Int { options.gradient.batch }

  /// The number of elements of one sample at an input.
  public func sampleWidth(_ port: Int = 0) -> Int {
    network.inputWidth(port)
      * (options.mode == .direct && options.gradient.input == .every ? options.gradient.steps : 1)
  }

  /// One training step on a whole batch.
  ///
  /// Shapes. Numbers for each input, [batch][sample width]; targets as `Target` says, one for each loss or
  /// one for all.
  /// Throws. `shapeMismatch`, `invalidArgument` (a label out of range, a number that is not
  /// finite), `canceled`, `invalidState` naming the node and the step if the loss, a gradient or a
  /// number that the step changes would not be finite. Nothing is changed then.
  public func trainStep(
    _ inputs: [UnsafeBufferPointer<Float>], _ targets: [Target]
  ) throws(ArcuateError) -> TrainingResult {
    try check(targets, samples: batch)
    return try network.pool.cancelable { () throws(ArcuateError) in
      try network.pool.spinning { () throws(ArcuateError) in
        try step(inputs, targets)
      }
    }
  }

  private func step(
    _ inputs: [UnsafeBufferPointer<Float>], _ targets: [Target]
  ) throws(ArcuateError) -> TrainingResult {
    try put(inputs, samples: batch)
    let statistics = network.statistics
    let before = statistics.map { $0.read() }
    do throws(ArcuateError) {
      try run(isTraining: true)
      for statistic in statistics where !statistic.largest(statistic.values).isFinite {
        throw notFinite("the running \(statistic.field)", step: step, node: statistic.node)
      }
      let result = try gradients(targets, isTraining: true)
      try optimizer.advance(result.gradientNorm, network.pool)
      return result
    } catch {
      for (statistic, values) in zip(statistics, before) { statistic.write(values) }
      throw error
    }
  }

  /// The loss of what was run, and its gradients.
  private func gradients(
    _ targets: [Target], isTraining: Bool
  ) throws(ArcuateError) -> TrainingResult {
    network.clearGradients()
    var gradients: [[Float]] = []
    var result = try measure(
      targets, samples: batch, isTraining: isTraining, gradients: &gradients)
    for port in 0..<network.outputCount {
      try network.setOutputGradient(gradients[port], port: port)
    }
    try network.backward()
    result.gradientNorm = try optimizer.gradientNorm()
    return result
  }

  /// Computes the gradients of a batch without a step; they are in the parameters and inputs of the
  /// network.
  /// Throws. As `trainStep`.
  public func gradients(
    _ inputs: [UnsafeBufferPointer<Float>], _ targets: [Target]
  ) throws(ArcuateError) -> TrainingResult {
    try check(targets, samples: batch)
    return try network.pool.cancelable { () throws(ArcuateError) in
      try put(inputs, samples: batch)
      try run(isTraining: false)
      return try gradients(targets, isTraining: false)
    }
  }

  /// The loss and the correct predictions of up to a batch of samples; nothing is changed.
  public func evaluate(
    _ inputs: [UnsafeBufferPointer<Float>], _ targets: [Target], samples: Int
  ) throws(ArcuateError) -> TrainingResult {
    try check(targets, samples: samples)
    return try network.pool.cancelable { () throws(ArcuateError) in
      try put(inputs, samples: samples)
      try run(isTraining: false)
      var gradients: [[Float]] = []
      return try measure(targets, samples: samples, isTraining: false, gradients: &gradients)
    }
  }

  /// Every output for up to a batch of samples, [samples][steps][width] each.
  public func predict(
    _ inputs: [UnsafeBufferPointer<Float>], samples: Int
  ) throws(ArcuateError) -> [[Float]] {
    try network.pool.cancelable { () throws(ArcuateError) in
      try put(inputs, samples: samples)
      try run(isTraining: false)
      return (0..<network.outputCount).map { port in
        Array(
          network.output(port).prefix(samples * network.options.steps * network.outputWidth(port)))
      }
    }
  }

  /// Learning-rate multiplier, for reduce-on-plateau schedules.
  public var rateFactor: Float {
    get { optimizer.rateFactor }
    set { optimizer.rateFactor = newValue }
  }
  public var rate: Float { optimizer.rate }

  /// Throws if a target does not fit its loss, before anything is run.
  private func check(_ targets: [Target], samples: Int) throws(ArcuateError) {
    try checkCount(samples)
    try check(targetCount: targets.count)
    for (i, (port, loss)) in options.losses.enumerated() {
      let target = targets[targets.count == 1 ? 0 : i]
      try ofLoss(i) { () throws(ArcuateError) in
        try target.check(
          samples: samples, steps: network.options.steps, width: network.outputWidth(port))
        try loss.check(target, outputs: network.outputCount)
      }
    }
  }

  /// Throws. `invalidArgument` unless there is a target for all losses or one for each.
  public func check(targetCount count: Int) throws(ArcuateError) {
    guard count == 1 || count == options.losses.count else {
      throw ArcuateError(
        .invalidArgument,
        "\(count) targets for \(options.losses.count) losses: one for each, or one for all")
    }
  }

  /// Throws. `shapeMismatch` unless so many target numbers can be compared with the output of a loss;
  /// with nil, of every loss.
  public func check(
    targets count: Int, samples: Int, loss only: Int? = nil
  ) throws(ArcuateError) {
    try checkCount(samples)
    for (i, (port, _)) in options.losses.enumerated() where only == nil || only == i {
      try ofLoss(i) { () throws(ArcuateError) in
        try Target.check(
          count, samples: samples, steps: network.options.steps, width: network.outputWidth(port))
      }
    }
  }

  /// Errors of one loss among several name it.
  private func ofLoss(_ i: Int, _ body: () throws(ArcuateError) -> Void) throws(ArcuateError) {
    guard options.losses.count > 1 else { return try body() }
    try within("loss \(i), of output \(options.losses[i].port)", body)
  }

  private func checkCount(_ samples: Int) throws(ArcuateError) {
    try checkRange(samples, 1...batch, "samples")
  }

  private func put(_ inputs: [UnsafeBufferPointer<Float>], samples: Int) throws(ArcuateError) {
    try network.requireThreads()
    (sampleLosses, outputs) = ([], [])
    try checkCount(samples)
    guard inputs.count == network.inputCount else {
      throw ArcuateError(
        .invalidArgument, "\(inputs.count) inputs for a network of \(network.inputCount)")
    }
    for (port, values) in inputs.enumerated() {
      let width = sampleWidth(port)
      guard values.count == samples * width else {
        throw ArcuateError(
          .shapeMismatch, "input \(port) has \(values.count) numbers, not \(samples) x \(width)")
      }
      guard try network.isFinite(values) else {
        let bad = values.firstIndex { !$0.isFinite } ?? 0
        throw ArcuateError(
          .invalidArgument,
          "input \(port), sample \(bad / width), element \(bad % width) is not finite")
      }
    }
    for (port, values) in inputs.enumerated() {
      guard samples < batch else {
        try network.setInput(values, port: port)
        try counterpart?.setInput(values, port: port)
        continue
      }
      let missing = (batch - samples) * sampleWidth(port)
      let padded = Array(values) + [Float](repeating: 0, count: missing)
      try network.setInput(padded, port: port)
      try counterpart?.setInput(padded, port: port)
    }
  }

  private func run(isTraining: Bool) throws(ArcuateError) {
    let iteration = isTraining ? UInt64(step) &* 2 : UInt64(step) &* 2 &+ 1
    if let counterpart {
      try network.forward(beside: counterpart, isTraining: isTraining, iteration: iteration)
    } else {
      try network.forward(isTraining: isTraining, iteration: iteration)
    }
  }

  private func measure(
    _ targets: [Target], samples: Int, isTraining: Bool, gradients: inout [[Float]]
  ) throws(ArcuateError) -> TrainingResult {
    let steps = network.options.steps
    var all = [Double](repeating: 0, count: samples)
    let outputs = (0..<network.outputCount).map { network.output($0) }
    gradients = outputs.map { [Float](repeating: 0, count: $0.count) }
    var result = TrainingResult()
    for (i, (port, loss)) in options.losses.enumerated() {
      let isGated = loss.kind == .stochmax || loss.kind == .stochmaxNaive
      var part = isGated ? gradients : [gradients[port]]
      let one = try loss.evaluate(
        isGated ? outputs : [outputs[port]], samples: samples, steps: steps,
        width: network.outputWidth(port), target: targets[targets.count == 1 ? 0 : i],
        gradients: &part,
        uniform: { [self] index in
          random.uniform(stream: 0, step: UInt64(step), index: UInt32(truncatingIfNeeded: index))
        }, isTraining: isTraining)
      if isGated { gradients = part } else { gradients[port] = part[0] }
      result.loss += one.loss
      for s in 0..<samples { all[s] += one.sampleLosses[s] }
      // The last loss counts: with a loss for every layer that is the deepest layer's.
      if i == options.losses.count - 1 { result.correct = one.correct }
    }
    guard result.loss.isFinite else {
      let node = counterpart?.firstNotFinite() ?? network.firstNotFinite()
      throw notFinite(
        node == nil ? "the loss" : "an output", step: step, node: node.map { $0[...] })
    }
    result.samples = samples
    sampleLosses = all
    self.outputs = outputs.enumerated().map { port, numbers in
      let count = samples * steps * network.outputWidth(port)
      return count == numbers.count ? numbers : Array(numbers.prefix(count))
    }
    let counts = try (counterpart ?? network).activityCounts(samples: samples)
    (result.spikes, result.additions, result.products) = counts
    return result
  }
}

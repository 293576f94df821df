import ArcuateCore
import ArcuateKernels
import ArcuateModel
import ArcuateRuntime

/// A model unrolled over time, with its parameters: the forward pass records, the backward pass
/// computes gradients.
///
/// Nodes outside of cycles are run for all steps at once, so that products cover all steps of all
/// samples; the nodes of a cycle advance together, step by step.
public final class Network {
  public let options: GradientOptions
  /// Every parameter, once each, in the order of the model.
  public let parameters: [Parameter]
  let model: Model
  let inputs: [Signal]
  let outputs: [Signal]
  let pool: ThreadPool
  /// Scratch of matrix products, for each worker.
  private let products: [MatrixProduct]
  let nodes: [any NodeTraining]
  /// The training nodes, by the name of the model's node.
  private let byName: [String: any NodeTraining]
  private let groups: [(nodes: [any NodeTraining], isCyclic: Bool)]
  private let copies: [Signal]
  private(set) var pass: Pass

  /// Throws. `invalidModel` for a model that does not check; `cannotCompile` naming the node for
  /// what has no gradient here.
  public convenience init(_ model: Model, _ options: GradientOptions) throws(ArcuateError) {
    try self.init(model, options, counterpart: nil)
  }

  /// A network that shares the parameters and the threads of its artificial counterpart.
  init(_ model: Model, _ options: GradientOptions, counterpart: Network?) throws(ArcuateError) {
    try options.check()
    let checked = try model.soundly()
    self.model = checked.model
    self.options = options
    if let counterpart {
      (pool, products) = (counterpart.pool, counterpart.products)
    } else {
      pool = try ThreadPool(options.threads)
      products = try (0..<options.threads).map { _ throws(ArcuateError) in try MatrixProduct() }
    }
    let builder = try NetworkBuilder(checked, options, counterpart: counterpart)
    try builder.build()
    nodes = builder.groups.flatMap(\.nodes)
    groups = builder.groups
    byName = builder.byName
    inputs = builder.inputs
    outputs = builder.outputs
    copies = builder.copies
    parameters = builder.parameters
    pass = Pass(
      pool: pool, products: products, isTraining: false, iteration: 0,
      random: CounterRandom(seed: options.seed), batch: options.batch)
  }

  /// The number of elements of one sample at an input, and at an output.
  public func inputWidth(_ port: Int = 0) -> Int { inputs[port].width }
  public func outputWidth(_ port: Int = 0) -> Int { outputs[port].width }
  public var inputCount: Int { inputs.count }
  public var outputCount: Int { outputs.count }

  // MARK: Running

  /// Throws. `invalidState` in a child of `fork`, where the threads do not exist.
  func requireThreads() throws(ArcuateError) { try pool.requireThreads(of: "trainer") }

  /// Sets the batch at an input.
  ///
  /// Shapes. [batch][width], or [batch][steps][width] with `.every`.
  /// Throws. `shapeMismatch`.
  public func setInput(_ values: UnsafeBufferPointer<Float>, port: Int = 0) throws(ArcuateError) {
    try requireThreads()
    let signal = inputs[port]
    let width = signal.width
    let steps = options.input == .every ? options.steps : 1
    guard values.count == options.batch * steps * width else {
      throw ArcuateError(
        .shapeMismatch,
        "\(values.count) numbers for \(options.batch) samples of \(steps) x \(width)")
    }
    // SAFETY: the parts only read.
    nonisolated(unsafe) let values = values
    try pool.split(0..<options.batch) { part, _ in
      for b in part {
        for t in 0..<steps {
          let row = signal.row(t * options.batch + b)
          let from = (b * steps + t) * width
          row.part(0, width).copy(from: UnsafeBufferPointer(rebasing: values[from..<from + width]))
        }
      }
    }
  }

  /// Whether every number is finite, decided by bits: the maximum of integers vectorizes.
  func isFinite(_ values: UnsafeBufferPointer<Float>) throws(ArcuateError) -> Bool {
    // SAFETY: as above.
    nonisolated(unsafe) let values = values
    return try pool.allSatisfy(0..<values.count) { part in
      values[part].reduce(0) { max($0, $1.bitPattern & 0x7FFF_FFFF) } < 0x7F80_0000
    }
  }

  public func setInput(_ values: [Float], port: Int = 0) throws(ArcuateError) {
    try values.withUnsafeBufferPointer { values throws(ArcuateError) in
      try setInput(values, port: port)
    }
  }

  /// Runs all steps of the batch. In training, statistics are those of the batch and masks are
  /// sampled; random numbers differ from one `iteration` to the next.
  public func forward(isTraining: Bool, iteration: UInt64 = 0) throws(ArcuateError) {
    try begin(isTraining, iteration)
    for group in groups {
      if group.isCyclic {
        for t in 0..<options.steps {
          try Cancellation.check()
          for node in group.nodes { try node.forward(t..<t + 1, pass) }
        }
      } else {
        for node in group.nodes {
          try Cancellation.check()
          try node.forward(0..<node.output.steps, pass)
        }
      }
    }
  }

  private func begin(_ isTraining: Bool, _ iteration: UInt64) throws(ArcuateError) {
    try requireThreads()
    pass.isTraining = isTraining
    pass.iteration = iteration
    for signal in inputs + copies { signal.forgetGradient() }
    for node in nodes {
      node.output.forgetGradient()
      try node.begin(pass)
    }
  }

  /// Runs a network and its spiking counterpart, which has the same nodes, side by side: a layer's
  /// counts exist before the next layer of either reads them, and its statistics before they are
  /// folded.
  func forward(beside spiking: Network, isTraining: Bool, iteration: UInt64) throws(ArcuateError) {
    precondition(nodes.count == spiking.nodes.count, "counterparts have the same nodes")
    try begin(isTraining, iteration)
    try spiking.begin(isTraining, iteration)
    for (node, other) in zip(nodes, spiking.nodes) {
      try Cancellation.check()
      let counts = (node as? ActivationNode)?.counted != nil
      if counts { try other.forward(0..<other.output.steps, spiking.pass) }
      try node.forward(0..<node.output.steps, pass)
      if !counts { try other.forward(0..<other.output.steps, spiking.pass) }
    }
  }

  /// The values of an output, [batch][steps][width].
  public func output(_ port: Int = 0) -> [Float] {
    let signal = outputs[port]
    var all: [Float] = []
    all.reserveCapacity(options.batch * options.steps * signal.width)
    for b in 0..<options.batch {
      for t in 0..<options.steps { all += signal.row(t, b).part(0, signal.width).array }
    }
    return all
  }

  /// The values of a node of the model, [batch][steps][width]; nil for an unknown name.
  public func activity(of name: String) -> [Float]? {
    guard let signal = byName[name]?.output else { return nil }
    var all: [Float] = []
    for b in 0..<options.batch {
      for t in 0..<options.steps { all += signal.row(t, b).part(0, signal.width).array }
    }
    return all
  }

  /// Replaces what every ReLU emits by the spike counts of its spiking counterpart; gradients go on as
  /// if these were the ReLU's own.
  func takeCounts(from spiking: Network) {
    for node in nodes {
      guard let activation = node as? ActivationNode else { continue }
      activation.counted = spiking.byName[node.name]?.output
    }
  }

  // MARK: Gradients

  /// Sets the gradient of an output, [batch][steps][width].
  public func setOutputGradient(_ values: [Float], port: Int = 0) throws(ArcuateError) {
    let signal = outputs[port]
    precondition(values.count == options.batch * options.steps * signal.width)
    for t in 0..<options.steps {
      let adds = signal.adds(t)
      for b in 0..<options.batch {
        let row = try signal.gradientRow(signal.index(t) * options.batch + b)
        let from = (b * options.steps + t) * signal.width
        for i in 0..<signal.width { row[i] = (adds ? row[i] : 0) + values[from + i] }
      }
    }
  }

  public func clearGradients() {
    for parameter in parameters { parameter.gradient.row.fill(0) }
  }

  /// The backward pass from the outputs' gradients; gradients of parameters are accumulated.
  public func backward() throws(ArcuateError) {
    try requireThreads()
    for group in groups.reversed() {
      if group.isCyclic {
        for t in (0..<options.steps).reversed() {
          try Cancellation.check()
          for node in group.nodes.reversed() where node.output.needsGradient {
            try node.backward(t..<t + 1, pass)
          }
        }
        for node in group.nodes where node.output.needsGradient { try node.accumulate(pass) }
      } else {
        for node in group.nodes.reversed() where node.output.needsGradient {
          try Cancellation.check()
          try node.backward(0..<node.output.steps, pass)
          try node.accumulate(pass)
        }
      }
    }
  }

  /// The gradient of an input, as `setInput` takes it. Needs. `options.inputGradients`.
  public func inputGradient(_ port: Int = 0) throws(ArcuateError) -> [Float] {
    let signal = inputs[port]
    let steps = options.input == .every ? options.steps : 1
    try signal.settle(0..<steps)
    var all: [Float] = []
    for b in 0..<options.batch {
      for t in 0..<steps {
        all += try signal.gradientRow(t * options.batch + b).part(0, signal.width).array
      }
    }
    return all
  }

  // MARK: Numbers that are not finite

  /// Running statistics, which the forward pass of training changes.
  var statistics: [Parameter] { parameters.filter(\.isStatistic) }

  /// The first node that emitted a number that is not finite, in the order in which nodes run.
  func firstNotFinite() -> String? {
    nodes.first { node in
      let output = node.output
      return (0..<output.rows).contains { r in
        !LearningLoops.largestMagnitude(output.row(r).part(0, output.width)).isFinite
      }
    }?.name
  }

  // MARK: Result

  /// The model with the current parameters.
  public func trainedModel() throws(ArcuateError) -> Model {
    var result = model
    for i in result.nodes.indices {
      try Cancellation.check()
      if let op = try byName[result.nodes[i].name]?.trained() { result.nodes[i].op = op }
    }
    return result
  }
}

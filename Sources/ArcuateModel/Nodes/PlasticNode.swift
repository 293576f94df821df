import ArcuateCore

/// The nodes of networks that learn while they run. NIR has no word for any of them.
public enum PlasticNode: Sendable, Equatable {
  case linear(PlasticLinear)
  case convolution(PlasticConvolution)
  case cell(Cell)
  case trace(Trace)
  /// The `count` largest of the positive elements as they are, the first of equals; 0 elsewhere.
  case winners(count: Int)
  case projection(Projection)
}

/// y = W x + b, with W [post, pre] changed by a rule; with `alpha` y = (W + alpha * H) x + b, where
/// the rule changes H, which belongs to a stream and starts at zero.
public struct PlasticLinear: Sendable, Equatable {
  public var weight: Tensor
  public var bias: Tensor?
  /// [post, pre], or one number for all.
  public var alpha: Tensor?
  public var rule: PlasticRule
  public init(weight: Tensor, bias: Tensor? = nil, alpha: Tensor? = nil, rule: PlasticRule) {
    self.weight = weight
    self.bias = bias
    self.alpha = alpha
    self.rule = rule
  }

  public var post: Int { weight.shape.rank == 2 ? weight.shape[0] : 0 }
  public var pre: Int { weight.shape.rank == 2 ? weight.shape[1] : 0 }

  func contradictions() -> [String] {
    var found = rule.contradictions()
    if weight.shape.rank != 2 {
      return found + ["the weight has shape \(weight.shape), not [post, pre]"]
    }
    for (name, tensor) in [("weight", weight), ("bias", bias), ("alpha", alpha)] {
      if let tensor, !tensor.isFinite {
        found.append("the \(name) holds a number that is not finite")
      }
    }
    if let bias, bias.count != 1, bias.count != post {
      found.append("the bias has \(bias.count) elements for \(post) outputs")
    }
    if let alpha, alpha.count != 1, alpha.shape != weight.shape {
      found.append("alpha has shape \(alpha.shape), the weight \(weight.shape)")
    }
    if alpha == nil, found.isEmpty {
      let values = weight.floats
      if let place = values.firstIndex(where: { $0 < rule.low || $0 > rule.high }) {
        found.append(
          "the weight at \(weight.shape.index(of: place)) is \(values[place]), outside the bounds "
            + "\(rule.low) ... \(rule.high)")
      }
    }
    if alpha != nil, rule.application == .frame || rule.learnsBias || rule.columnSum != nil {
      found.append("fast weights are changed at every step, without bias and column sums")
    }
    return found
  }
}

/// A frozen random matrix, kept as its seed.
///
/// With `fanIn` each output has that many inputs, drawn with the same number of places for each,
/// so that one may come twice; without it all. Weights are uniform within ±amplitude.
public struct Projection: Sendable, Hashable {
  public var post: Int
  public var pre: Int
  public var seed: UInt64
  public var amplitude: Float
  public var fanIn: Int?
  public init(post: Int, pre: Int, seed: UInt64, amplitude: Float, fanIn: Int? = nil) {
    self.post = post
    self.pre = pre
    self.seed = seed
    self.amplitude = amplitude
    self.fanIn = fanIn
  }

  static let mostWeights = 1 << 28

  func contradictions() -> [String] {
    var found: [String] = []
    let limit = SparseLinear.mostElements
    if !(0...limit).contains(post) || !(0...limit).contains(pre)
      || post > Projection.mostWeights / max(pre, 1)
    {
      found.append("[\(post), \(pre)] is not a matrix that can be drawn")
    }
    if let fanIn, fanIn < 1 || fanIn > max(pre, 1) {
      found.append("fan_in is \(fanIn), not within 1 ... \(pre)")
    }
    if !amplitude.isFinite { found.append("the amplitude is not finite") }
    return found
  }

  /// The matrix. Needs. A projection without contradictions.
  public func linear() throws -> Linear {
    let random = CounterRandom(seed: seed)
    var weight = [Float](repeating: 0, count: post * pre)
    func value(_ i: Int, _ k: Int) -> Float {
      (random.uniform(stream: 0, step: UInt64(i), index: UInt32(k)) * 2 - 1) * amplitude
    }
    for i in 0..<post {
      if let fanIn {
        for k in 0..<fanIn {
          let at = random.uniform(stream: 1, step: UInt64(i), index: UInt32(k)) * Float(pre)
          weight[i * pre + min(Int(at), pre - 1)] += value(i, k)
        }
      } else {
        for j in 0..<pre { weight[i * pre + j] = value(i, j) }
      }
    }
    return Linear(weight: try Tensor(weight, shape: Shape([post, pre])))
  }
}

extension PlasticNode {
  /// What changes its weights.
  public var rule: PlasticRule? {
    get {
      switch self {
      case .linear(let linear): linear.rule
      case .convolution(let plastic): plastic.rule
      case .cell, .trace, .winners, .projection: nil
      }
    }
    set {
      guard let newValue else { return }
      switch self {
      case .linear(var linear):
        linear.rule = newValue
        self = .linear(linear)
      case .convolution(var plastic):
        plastic.rule = newValue
        self = .convolution(plastic)
      case .cell, .trace, .winners, .projection: break
      }
    }
  }

  var kindName: String {
    switch self {
    case .linear: "PlasticLinear"
    case .convolution(let plastic): plastic.convolution.axes == 1 ? "PlasticConv1d" : "PlasticConv2d"
    case .cell: "Cell"
    case .trace: "Trace"
    case .winners: "Winners"
    case .projection: "Projection"
    }
  }

  var parameterCount: Int {
    switch self {
    case .linear(let linear):
      linear.weight.count + (linear.bias?.count ?? 0) + (linear.alpha?.count ?? 0)
    case .convolution(let plastic):
      plastic.convolution.weight.count + (plastic.convolution.bias?.count ?? 0)
    case .cell(let cell): cell.threshold.count + cell.theta.count
    case .trace, .winners, .projection: 0
    }
  }

  func contradictions() -> [String] {
    switch self {
    case .linear(let linear): linear.contradictions()
    case .convolution(let plastic): plastic.contradictions()
    case .cell(let cell): cell.contradictions()
    case .trace(let trace): trace.contradictions()
    case .winners(let count): count < 1 ? ["\(count) winners: at least 1 is needed"] : []
    case .projection(let projection): projection.contradictions()
    }
  }

  func outputShape(for input: Shape?) throws -> Shape? {
    func require(_ count: Int) throws {
      if let input, input.extents != [count] {
        throw ArcuateError(.shapeMismatch, "expects [\(count)], but receives \(input)")
      }
    }
    switch self {
    case .linear(let linear):
      guard linear.weight.shape.rank == 2 else {
        throw ArcuateError(
          .invalidModel, "the weight has shape \(linear.weight.shape), not [post, pre]")
      }
      try require(linear.pre)
      return try Shape([linear.post])
    case .convolution(let plastic): return try plastic.convolution.outputShape(for: input)
    case .cell(let cell):
      // Images keep their shape; a vector has as many elements as there are cells.
      if let input, input.count != cell.size {
        throw ArcuateError(.shapeMismatch, "has \(cell.size) cells, but receives \(input)")
      }
      return try input ?? Shape([cell.size])
    case .trace, .winners: return input
    case .projection(let projection):
      guard projection.contradictions().isEmpty else {
        throw ArcuateError(.invalidModel, "the projection cannot be drawn")
      }
      try require(projection.pre)
      return try Shape([projection.post])
    }
  }

  /// Whether anything is counted in steps that need dt.
  var needsTimeStep: Bool {
    if let rule { return !rule.traces(pre: true).isEmpty || !rule.traces(pre: false).isEmpty }
    return switch self {
    case .cell(let cell):
      cell.tauMembrane_s != nil || cell.tauSynapse_s != nil || cell.tauAdaptation_s != nil
        || cell.tauRecovery_s != nil || cell.tauLateral_s != nil || cell.refractory_s > 0
    case .trace: true
    case .linear, .convolution, .winners, .projection: false
    }
  }

  var spikes: Bool { if case .cell = self { true } else { false } }
}

extension Operator {
  /// The same node with the names of other nodes in its rule changed.
  func renamingReferences(_ rename: (String) -> String) -> Operator {
    guard case .plastic(var node) = self, var rule = node.rule else { return self }
    rule.post = rename(rule.post)
    for i in rule.terms.indices {
      if case .node(let name) = rule.terms[i].pre { rule.terms[i].pre = .node(rename(name)) }
    }
    if var modulator = rule.modulator {
      switch modulator.source {
      case .signal: break
      case .error(let node, let teacher):
        modulator.source = .error(node: rename(node), teacher: teacher)
      case .node(let node): modulator.source = .node(rename(node))
      }
      if case .transpose(let node) = modulator.map { modulator.map = .transpose(of: rename(node)) }
      rule.modulator = modulator
    }
    node.rule = rule
    return .plastic(node)
  }
}

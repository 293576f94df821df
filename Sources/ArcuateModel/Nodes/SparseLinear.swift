import ArcuateCore

/// Connections that are listed, each with a delay.
///
///     y(t)[post] = sum over connections of weight * x(t - delay)[pre]
///
/// A delay is rounded to whole steps. With delays of at least one step the node reads only earlier
/// steps: it closes a cycle by itself, and the cycle takes exactly the delays stated. With delays
/// of zero it is `Linear` with most weights left out. Several connections between the same two
/// elements add up.
/// Shapes. Input [pre], output [post].
public struct SparseLinear: Sendable, Equatable {
  public var post: Int
  public var pre: Int
  /// Where the connections of each input element begin in the lists, and where the last ones end:
  /// pre + 1 numbers that never descend, from 0 to the number of connections.
  public var rowStarts: IndexArray
  /// For each connection the output element it leads to.
  public var postIndices: IndexArray
  /// For each connection its weight: [connections].
  public var weight: Tensor
  /// In seconds: one element for all connections, or [connections].
  public var delay_s: Tensor

  public init(
    post: Int, pre: Int, rowStarts: IndexArray, postIndices: IndexArray, weight: Tensor,
    delay_s: Tensor = Tensor(scalar: 0)
  ) {
    self.post = post
    self.pre = pre
    self.rowStarts = rowStarts
    self.postIndices = postIndices
    self.weight = weight
    self.delay_s = delay_s
  }

  /// Connections of one node at most; more would not fit their 32-bit places in a plan.
  public static let mostConnections = Int(UInt32.max)
  /// Elements of input or output at most.
  public static let mostElements = 1 << 28

  /// The number of connections.
  public var count: Int { postIndices.count }

  /// The places in the lists of the connections of input element `element`.
  /// Needs. A node in which `contradictions` finds nothing.
  public func row(_ element: Int) -> Range<Int> { rowStarts[element]..<rowStarts[element + 1] }

  /// Whether every delay is the same.
  public var hasOneDelay: Bool {
    guard delay_s.count > 1, let (least, largest) = delay_s.extremes else { return true }
    return least == largest
  }

  /// The least and the largest delay in steps of `dt_s`; without it, 1 stands for any delay above 0.
  public func delaySteps(_ dt_s: Double?) -> (least: Double, largest: Double) {
    guard let (least, largest) = delay_s.extremes else { return (0, 0) }
    func steps(_ delay: Float) -> Double {
      dt_s.map { (Double(delay) / $0).rounded() } ?? (delay > 0 ? 1 : 0)
    }
    return (steps(least), steps(largest))
  }

  /// How many weights of each input are not zero. Cost: one pass over the weights.
  public func nonzeroPerInput() -> [UInt32] {
    (0..<pre).map { j in
      var found: UInt32 = 0
      for k in row(j) where weight.value(at: k) != 0 { found += 1 }
      return found
    }
  }

  /// What is wrong with the lists. Cost: one pass over each, without a copy.
  func contradictions() -> [String] {
    let limit = SparseLinear.mostElements
    guard (0...limit).contains(pre), (0...limit).contains(post) else {
      return ["[\(post), \(pre)] is not a shape of up to \(limit) elements each way"]
    }
    guard count <= SparseLinear.mostConnections else {
      return ["\(count) connections are above \(SparseLinear.mostConnections)"]
    }
    var found: [String] = []
    if rowStarts.count != pre + 1 {
      found.append("\(rowStarts.count) row starts for \(pre) inputs: \(pre + 1) are needed")
    } else if rowStarts[0] != 0 || rowStarts[pre] != count {
      found.append(
        "the row starts go from \(rowStarts[0]) to \(rowStarts[pre]), not from 0 to the \(count) "
          + "connections")
    } else if let place = rowStarts.firstDescent {
      found.append(
        "row start \(place) is \(rowStarts[place]), below the \(rowStarts[place - 1]) before it")
    }
    if let place = postIndices.firstOutside(0..<post) {
      found.append(
        "connection \(place) leads to element \(postIndices[place]), not within 0 ..< \(post)")
    }
    if weight.shape.rank != 1 || weight.count != count {
      found.append("the weight has shape \(weight.shape), not [\(count)] for the connections")
    } else if !weight.isFinite {
      let place = (0..<count).first { !weight.value(at: $0).isFinite } ?? 0
      found.append("the weight holds a number that is not finite at [\(place)]")
    }
    if delay_s.count != 1 && (delay_s.shape.rank != 1 || delay_s.count != count) {
      found.append("the delay has shape \(delay_s.shape), not one element or [\(count)]")
    } else if !delay_s.isFinite {
      found.append("the delay holds a number that is not finite")
    } else if let (least, _) = delay_s.extremes, least < 0 {
      found.append("a delay is negative: \(least) s")
    }
    return found
  }

  func outputShape(for input: Shape?) throws -> Shape? {
    let limit = SparseLinear.mostElements
    guard (0...limit).contains(pre), (0...limit).contains(post) else {
      throw ArcuateError(.invalidModel, "[\(post), \(pre)] is not a shape this library can hold")
    }
    if let input, input.extents != [pre] {
      throw ArcuateError(.shapeMismatch, "expects [\(pre)], but receives \(input)")
    }
    return try Shape([post])
  }
}

extension Operator {
  /// Whether the node emits what earlier steps decided, before it sees this step's input.
  func isEarly(_ model: Model) -> Bool {
    switch self {
    case .neuron(let neuron):
      neuron.kind.spikes && (neuron.semantics ?? model.semantics).spikeTiming == .nextStep
    case .sparse(let sparse): sparse.delaySteps(model.dt_s).least >= 1
    default: false
    }
  }
}

extension Model {
  /// Connections of which some, but not all, have delays below a step, in cycles that they would
  /// have to close: an edge that waits for a step would add to the delays that are stated.
  func delaysWithinCycles(
    _ edges: [(source: Int, target: Int)], _ ordering: Ordering, _ early: [Bool]
  ) -> [(place: String, message: String)] {
    let waiting = Set(ordering.backEdges.map { ordering.group[edges[$0].source] })
    return nodes.indices.compactMap { i in
      guard case .sparse(let sparse) = nodes[i].op, !early[i],
        waiting.contains(ordering.group[i]), sparse.delaySteps(dt_s).largest > 0
      else { return nil }
      return (
        "node \"\(nodes[i].name)\"",
        "lies on a cycle with delays of \(sparse.delay_s.extremes?.least ?? 0) s and more: all must "
          + "be at least one step, or all zero"
      )
    }
  }
}

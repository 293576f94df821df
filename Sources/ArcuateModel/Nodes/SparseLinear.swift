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

  /// Connections of one node at most; more would not fit their 32-bit indices in a plan.
  public static let mostConnections = Int(widening: UInt32.max)
  /// Elements of input or output at most.
  public static let mostElements = 1 << 28

  /// The number of connections.
  public var count: Int { postIndices.count }

  /// The positions in the lists of the connections of input element `element`.
  /// Needs. A node in which `contradictions` finds nothing.
  public func row(_ element: Int) -> Range<Int> { rowStarts[element]..<rowStarts[element + 1] }

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

}

extension SparseLinear: NodeKind {
  package static var forms: [NodeForm<Self>] {
    [
      NodeForm(
        "SparseLinear",
        nir: .substituted { sparse throws(ArcuateError) in .linear(try sparse.dense()) },
        [
          Field(
            "shape", .integers(count: 2), nir: .none(), get: { .integers([$0.post, $0.pre]) },
            set: { node, value throws(ArcuateError) in
              guard case .integers(let extents) = value else { return }
              (node.post, node.pre) = try postAndPre(extents)
            }),
          .indices("row_starts", \.rowStarts), .indices("post", \.postIndices),
          .tensor("weight", \.weight), .tensor("delay_s", \.delay_s, unit: "s"),
        ],
        blank: Self(
          post: 0, pre: 0, rowStarts: IndexArray([UInt32]()), postIndices: IndexArray([UInt32]()),
          weight: Tensor(scalar: 0)))
    ]
  }

  package var asOperator: Operator { .sparse(self) }
  package var kindName: String { "SparseLinear" }

  package func outputShape(_ inputs: [Shape?]) throws(ArcuateError) -> Shape? {
    let input = try commonShape(inputs)
    let limit = SparseLinear.mostElements
    guard (0...limit).contains(pre), (0...limit).contains(post) else {
      throw ArcuateError(.invalidModel, "[\(post), \(pre)] is not a shape this library can hold")
    }
    try requireVector(pre, input)
    return try Shape([post])
  }

  package func signal(_ inputs: [Signal]) -> Signal { .value }
  package func refusal(of inputs: [Signal?]) -> String? { nil }

  /// What is wrong with the lists. Cost: one pass over each, without a copy.
  package func contradictions() -> [String] {
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
    } else if let index = rowStarts.firstDescent {
      found.append(
        "row start \(index) is \(rowStarts[index]), below the \(rowStarts[index - 1]) before it")
    }
    if let index = postIndices.firstOutside(0..<post) {
      found.append(
        "connection \(index) leads to element \(postIndices[index]), not within 0 ..< \(post)")
    }
    if weight.shape.rank != 1 || weight.count != count {
      found.append("the weight has shape \(weight.shape), not [\(count)] for the connections")
    } else if !weight.isFinite {
      let index = (0..<count).first { !weight.value(at: $0).isFinite } ?? 0
      found.append("the weight holds a number that is not finite at [\(index)]")
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

  package var parameterCount: Int { weight.count + delay_s.count }

  package func needsTimeStep(_ semantics: NeuronSemantics) -> Bool {
    (delay_s.extremes?.largest ?? 0) > 0
  }

  package func constancy(dt_s: Double?) -> Constancy {
    delaySteps(dt_s).largest > 0 ? .never : .followsInputs
  }

  package func isEarly(_ semantics: NeuronSemantics, dt_s: Double?) -> Bool {
    delaySteps(dt_s).least >= 1
  }

  package func renamingReferences(_ rename: (String) -> String) -> Self { self }
}

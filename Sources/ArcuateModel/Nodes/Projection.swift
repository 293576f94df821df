import ArcuateCore

/// A frozen random matrix, kept as its seed.
///
/// With `fanIn` each output has that many inputs, sampled with replacement; without it all.
/// Weights are uniform within ±amplitude.
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

  /// The matrix. Needs. A projection without contradictions.
  public func linear() throws(ArcuateError) -> Linear {
    let random = CounterRandom(seed: seed)
    var weight = [Float](repeating: 0, count: post * pre)
    func value(_ i: Int, _ k: Int) -> Float {
      (uniform(0, i, k) * 2 - 1) * amplitude
    }
    func uniform(_ stream: UInt32, _ i: Int, _ k: Int) -> Float {
      random.uniform(
        stream: stream, step: UInt64(truncatingIfNeeded: i), index: UInt32(truncatingIfNeeded: k))
    }
    for i in 0..<post {
      try Cancellation.check()
      if let fanIn {
        for k in 0..<fanIn {
          let at = Int(bounding: Double(uniform(1, i, k) * Float(pre)), 0...pre - 1)
          weight[i * pre + at] += value(i, k)
        }
      } else {
        for j in 0..<pre { weight[i * pre + j] = value(i, j) }
      }
    }
    return Linear(weight: try Tensor(weight, shape: Shape([post, pre])))
  }
}

extension Projection: NodeKind {
  package static var forms: [NodeForm<Self>] {
    [
      NodeForm(
        "Projection", nir: .none(),
        [
          Field(
            "shape", .integers(count: 2), nir: .none(), get: { .integers([$0.post, $0.pre]) },
            set: { node, value throws(ArcuateError) in
              guard case .integers(let extents) = value else { return }
              (node.post, node.pre) = try postAndPre(extents)
            }),
          .seed("seed", \.seed), .number("amplitude", \.amplitude), .integer("fan_in", \.fanIn),
        ], blank: Self(post: 0, pre: 0, seed: 0, amplitude: 0))
    ]
  }

  package var asOperator: Operator { .plastic(.projection(self)) }
  package var kindName: String { "Projection" }

  package func outputShape(_ inputs: [Shape?]) throws(ArcuateError) -> Shape? {
    let input = try commonShape(inputs)
    guard contradictions().isEmpty else {
      throw ArcuateError(.invalidModel, "the projection cannot be sampled")
    }
    try requireVector(pre, input)
    return try Shape([post])
  }

  package func signal(_ inputs: [Signal]) -> Signal { .value }
  package func refusal(of inputs: [Signal?]) -> String? { nil }

  package func contradictions() -> [String] {
    var found: [String] = []
    let limit = SparseLinear.mostElements
    if !(0...limit).contains(post) || !(0...limit).contains(pre)
      || post > Projection.mostWeights / max(pre, 1)
    {
      found.append("[\(post), \(pre)] is not a matrix that can be sampled")
    }
    if let fanIn, fanIn < 1 || fanIn > pre {
      found.append("fan_in is \(fanIn), not within 1 ... \(pre)")
    }
    if !amplitude.isFinite { found.append("the amplitude is not finite") }
    return found
  }

  package var parameterCount: Int { 0 }
  package func needsTimeStep(_ semantics: NeuronSemantics) -> Bool { false }
  package func constancy(dt_s: Double?) -> Constancy { .followsInputs }
  package func isEarly(_ semantics: NeuronSemantics, dt_s: Double?) -> Bool { false }
  package func renamingReferences(_ rename: (String) -> String) -> Self { self }
}

/// The two extents of a matrix.
/// Throws. `malformed` unless there are two.
func postAndPre(_ extents: [Int]) throws(ArcuateError) -> (post: Int, pre: Int) {
  guard extents.count == 2 else {
    throw ArcuateError(.malformed, "has \(extents.count) numbers, not [post, pre]")
  }
  return (extents[0], extents[1])
}

import ArcuateCore

extension Linear {
  /// The weights whose size is above `threshold`, as connections without delay; the bias is left
  /// out. Throws. `notRepresentable` for leading axes; `limitExceeded` for too many weights.
  public func sparse(above threshold: Float = 0) throws(ArcuateError) -> SparseLinear {
    guard weight.shape.rank == 2 else {
      throw ArcuateError(
        .notRepresentable, "weights of shape \(weight.shape) are not one matrix [post, pre]")
    }
    let (post, pre) = (weight.shape[0], weight.shape[1])
    let all = weight.floats
    var (starts, posts, kept): ([Int64], [UInt32], [Float]) = ([0], [], [])
    for j in 0..<pre {
      for i in 0..<post where all[i * pre + j].magnitude > threshold {
        posts.append(UInt32(truncatingIfNeeded: i))
        kept.append(all[i * pre + j])
      }
      starts.append(Int64(clamping: posts.count))
    }
    return SparseLinear(
      post: post, pre: pre, rowStarts: IndexArray(starts), postIndices: IndexArray(posts),
      weight: Tensor(vector: kept))
  }
}

extension SparseLinear {
  /// Elements of a dense matrix at most: a quarter of a gibibyte of floats.
  public static let mostDense = 1 << 26

  /// The matrix [post, pre], with zeros where there is no connection; several connections between
  /// the same two elements are summed in their order.
  /// Throws. `invalidModel` for lists that contradict each other; `notRepresentable` unless every
  /// delay is zero; `limitExceeded` above `mostDense` elements.
  public func dense() throws(ArcuateError) -> Linear {
    if let problem = contradictions().first { throw ArcuateError(.invalidModel, problem) }
    if let (_, largest) = delay_s.extremes, largest > 0 {
      throw ArcuateError(
        .notRepresentable, "has delays of up to \(largest) s, which a matrix cannot hold")
    }
    guard pre == 0 || post <= SparseLinear.mostDense / pre else {
      throw ArcuateError(
        .limitExceeded,
        "would be a matrix [\(post), \(pre)], above \(SparseLinear.mostDense) elements")
    }
    var matrix = [Float](repeating: 0, count: post * pre)
    for j in 0..<pre {
      for k in row(j) { matrix[postIndices[k] * pre + j] += weight.value(at: k) }
    }
    return Linear(weight: try Tensor(matrix, shape: Shape([post, pre])))
  }
}

extension Model {
  /// The model with the named `Linear` nodes, or all of them, as `SparseLinear` without delays.
  ///
  /// Weights whose size is not above `threshold` are dropped; with 0 the numbers that come out are
  /// the same. Of all nodes, those with a bias or leading axes stay as they are.
  /// Throws. `notFound`; for named nodes also `notRepresentable`.
  public func sparsified(
    _ names: [String]? = nil, above threshold: Float = 0
  ) throws(ArcuateError) -> Model {
    guard threshold >= 0, threshold.isFinite else {
      throw ArcuateError(.invalidArgument, "a threshold of \(threshold), not finite and >= 0")
    }
    return try rewriting(names) { op, isNamed throws(ArcuateError) in
      guard case .linear(let linear) = op else {
        if !isNamed { return op }
        throw ArcuateError(.notRepresentable, "is a \(op.kindName), not a Linear")
      }
      if linear.bias != nil || linear.weight.shape.rank != 2 {
        if !isNamed { return op }
        if linear.bias != nil {
          throw ArcuateError(.notRepresentable, "has a bias, which SparseLinear does not have")
        }
      }
      return .sparse(try linear.sparse(above: threshold))
    }
  }

  /// The model with the named `SparseLinear` nodes, or all of them, as `Linear`.
  /// Throws. `notFound`; the errors of `SparseLinear.dense`, naming the node.
  public func densified(_ names: [String]? = nil) throws(ArcuateError) -> Model {
    try rewriting(names) { op, isNamed throws(ArcuateError) in
      guard case .sparse(let sparse) = op else {
        if !isNamed { return op }
        throw ArcuateError(.notRepresentable, "is a \(op.kindName), not a SparseLinear")
      }
      return .linear(try sparse.dense())
    }
  }

  /// Applies `rewrite` to the named nodes, or to all, in nested graphs too.
  private func rewriting(
    _ names: [String]?, _ rewrite: (Operator, _ isNamed: Bool) throws(ArcuateError) -> Operator
  ) throws(ArcuateError) -> Model {
    for name in names ?? [] where self[name] == nil {
      throw ArcuateError(.notFound, "there is no node \"\(name)\"")
    }
    var result = self
    for (i, node) in nodes.enumerated() {
      try within("node \"\(node.name)\"") { () throws(ArcuateError) in
        if case .graph(let inner) = node.op, names == nil {
          result.nodes[i].op = .graph(try inner.rewriting(nil, rewrite))
        } else if names?.contains(node.name) ?? true {
          result.nodes[i].op = try rewrite(node.op, names != nil)
        }
      }
    }
    return result
  }
}

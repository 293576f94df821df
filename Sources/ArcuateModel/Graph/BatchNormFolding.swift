import ArcuateCore

extension BatchNorm {
  /// The same function as x * factor + shift, per channel.
  public func factorAndShift() -> (factor: [Float], shift: [Float]) {
    let (mean, variance) = (mean.floats, variance.floats)
    let (gamma, beta) = (gamma.floats, beta.floats)
    var factor = gamma
    var shift = beta
    for c in gamma.indices {
      factor[c] = gamma[c] / (variance[c] + epsilon).squareRoot()
      shift[c] = beta[c] - mean[c] * factor[c]
    }
    return (factor, shift)
  }
}

extension Model {
  /// The same network with every batch-norm that directly follows weights, and alone reads them,
  /// folded into these. Others stay.
  ///
  /// Numbers. Outputs differ by rounding only.
  public func foldingBatchNorm() throws(ArcuateError) -> Model {
    var model = self
    for node in nodes {
      if case .graph(let inner) = node.op {
        let folded = try inner.foldingBatchNorm()
        model.replace(node.name, with: .graph(folded))
      }
      guard case .batchNorm(let norm) = node.op else { continue }
      let feeding = model.edges.filter { $0.target == node.name }
      guard feeding.count == 1, let source = model[feeding[0].source],
        model.edges.filter({ $0.source == source.name }).count == 1,
        [norm.mean, norm.variance, norm.beta].allSatisfy({ $0.count == norm.gamma.count })
      else { continue }
      let (factor, shift) = norm.factorAndShift()
      if case .linear(let linear) = source.op, linear.weight.shape.rank == 2 {
        guard linear.weight.shape[0] == factor.count else { continue }
        model.replace(
          source.name,
          with: .linear(
            Linear(
              weight: try linear.weight.scalingFirstAxis(factor),
              bias: try folded(linear.bias, factor, shift))))
      } else if case .convolution(var convolution) = source.op {
        guard convolution.weight.shape[0] == factor.count else { continue }
        convolution.weight = try convolution.weight.scalingFirstAxis(factor)
        convolution.bias = try folded(convolution.bias, factor, shift)
        model.replace(source.name, with: .convolution(convolution))
      } else {
        continue
      }
      model.nodes.removeAll { $0.name == node.name }
      model.edges.removeAll { $0 == feeding[0] }
      model.edges = model.edges.map {
        $0.source == node.name ? Edge(source.name, $0.target) : $0
      }
    }
    return model
  }

  private func folded(
    _ bias: Tensor?, _ factor: [Float], _ shift: [Float]
  ) throws(ArcuateError) -> Tensor {
    let old = try (bias ?? Tensor(scalar: 0)).broadcast(to: Shape([factor.count]))
    return Tensor(vector: factor.indices.map { old[$0] * factor[$0] + shift[$0] })
  }

  private mutating func replace(_ name: String, with op: Operator) {
    guard let i = nodes.firstIndex(where: { $0.name == name }) else { return }
    nodes[i].op = op
  }
}

extension Tensor {
  /// Each slice of the first axis times its factor, as float32.
  fileprivate func scalingFirstAxis(_ factor: [Float]) throws(ArcuateError) -> Tensor {
    let inner = count / max(factor.count, 1)
    var values = floats
    for i in values.indices { values[i] *= factor[i / inner] }
    return try Tensor(values, shape: shape)
  }
}

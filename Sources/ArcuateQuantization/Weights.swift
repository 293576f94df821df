import ArcuateCore
import ArcuateModel

extension Operator {
  /// The weights that can be narrow; nil for nodes that have none.
  var weight: Tensor? {
    if case .linear(let linear) = self { return linear.weight }
    if case .convolution(let convolution) = self { return convolution.weight }
    return nil
  }
}

extension Model {
  /// The same network with every weight and bias of linear and convolution nodes replaced.
  ///
  /// `body` gets the node's name, as `graph/node` where it is nested, its kind, the tensor, and
  /// whether that is the bias.
  func mappingTensors(
    path: String = "",
    _ body: (_ name: String, _ kind: String, _ tensor: Tensor, _ isBias: Bool) throws(ArcuateError)
      -> Tensor
  ) throws(ArcuateError) -> Model {
    var model = self
    for (i, node) in nodes.enumerated() {
      let name = path + node.name
      let kind = node.op.kindName
      if case .linear(var linear) = node.op {
        linear.weight = try body(name, kind, linear.weight, false)
        if let bias = linear.bias { linear.bias = try body(name, kind, bias, true) }
        model.nodes[i].op = .linear(linear)
      }
      if case .convolution(var convolution) = node.op {
        convolution.weight = try body(name, kind, convolution.weight, false)
        if let bias = convolution.bias { convolution.bias = try body(name, kind, bias, true) }
        model.nodes[i].op = .convolution(convolution)
      }
      if case .graph(let inner) = node.op {
        model.nodes[i].op = .graph(try inner.mappingTensors(path: name + "/", body))
      }
    }
    return model
  }

  /// As `mappingTensors`, the weights only.
  func mappingWeights(
    _ body: (_ name: String, _ kind: String, _ weight: Tensor) throws(ArcuateError) -> Tensor
  ) throws(ArcuateError) -> Model {
    try mappingTensors { name, kind, tensor, isBias throws(ArcuateError) in
      isBias ? tensor : try body(name, kind, tensor)
    }
  }
}

import ArcuateCore
import ArcuateModel

extension Operator {
  /// The weights that can be narrow; nil for nodes that have none.
  var weight: Tensor? {
    switch self {
    case .linear(let linear): linear.weight
    case .convolution(let convolution): convolution.weight
    default: nil
    }
  }
}

extension Model {
  /// The same network with every weight and bias of linear and convolution nodes replaced.
  ///
  /// `body` gets the node's name, as `graph/node` where it is nested, its kind, the tensor, and
  /// whether that is the bias.
  func mappingTensors(
    path: String = "",
    _ body: (_ name: String, _ kind: String, _ tensor: Tensor, _ isBias: Bool) throws -> Tensor
  ) rethrows -> Model {
    var model = self
    for (i, node) in nodes.enumerated() {
      let name = path + node.name
      let kind = node.op.kindName
      switch node.op {
      case .linear(var linear):
        linear.weight = try body(name, kind, linear.weight, false)
        linear.bias = try linear.bias.map { try body(name, kind, $0, true) }
        model.nodes[i].op = .linear(linear)
      case .convolution(var convolution):
        convolution.weight = try body(name, kind, convolution.weight, false)
        convolution.bias = try convolution.bias.map { try body(name, kind, $0, true) }
        model.nodes[i].op = .convolution(convolution)
      case .graph(let inner):
        model.nodes[i].op = .graph(try inner.mappingTensors(path: name + "/", body))
      default: break
      }
    }
    return model
  }

  /// As `mappingTensors`, the weights only.
  func mappingWeights(
    _ body: (_ name: String, _ kind: String, _ weight: Tensor) throws -> Tensor
  ) rethrows -> Model {
    try mappingTensors { name, kind, tensor, isBias in
      isBias ? tensor : try body(name, kind, tensor)
    }
  }
}

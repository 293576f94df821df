import Arcuate

extension Model {
  /// Every node with weights, nested ones too, in the order of the model.
  package var weights: [(name: String, tensor: Tensor)] {
    nodes.flatMap { node -> [(name: String, tensor: Tensor)] in
      switch node.op {
      case .linear(let linear): return [(node.name, linear.weight)]
      case .convolution(let convolution): return [(node.name, convolution.weight)]
      case .graph(let inner): return inner.weights.map { ("\(node.name)/\($0.name)", $0.tensor) }
      default: return []
      }
    }
  }
}

extension Family {
  /// Those with weights that can be narrow.
  package static let weighted = allCases.filter { !$0.draw(1).weights.isEmpty }
}

extension Shape {
  package static func vector(_ count: Int) -> Shape { try! Shape([count]) }
}

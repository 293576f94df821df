/// The nodes of plastic networks. NIR has no word for any of them.
public enum PlasticNode: Sendable, Equatable {
  case linear(PlasticLinear)
  case convolution(PlasticConvolution)
  case trace(Trace)
  /// The `count` largest of the positive elements as they are, the first of equals; 0 elsewhere.
  case winners(count: Int)
  case projection(Projection)
}

extension PlasticNode {
  /// Every kind of plastic node.
  package static let kinds: [any NodeKind.Type] = [
    PlasticLinear.self, PlasticConvolution.self, Trace.self, Winners.self, Projection.self,
  ]

  /// The payload.
  package var kind: any NodeKind {
    switch self {
    case .linear(let linear): linear
    case .convolution(let plastic): plastic
    case .trace(let trace): trace
    case .winners(let count): Winners(count: count)
    case .projection(let projection): projection
    }
  }

  /// The rule that changes the weights; nil for a node without one.
  public var rule: PlasticRule? {
    get {
      switch self {
      case .linear(let linear): linear.rule
      case .convolution(let plastic): plastic.rule
      case .trace, .winners, .projection: nil
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
      case .trace, .winners, .projection: break
      }
    }
  }
}

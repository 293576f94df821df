import ArcuateCore

/// A value layer's function.
public enum Activation: String, Sendable, CaseIterable {
  case relu, sigmoid, tanh, softmax
  case logSoftmax = "log_softmax"
}

extension Activation: NodeKind {
  package static var forms: [NodeForm<Self>] {
    allCases.map { activation in
      NodeForm(
        activation.kindName, nir: .none(), [], blank: activation,
        layer: .init(name: activation.rawValue) { _ in activation })
    }
  }

  package var asOperator: Operator { .activation(self) }
  package var kindName: String {
    switch self {
    case .relu: "ReLU"
    case .sigmoid: "Sigmoid"
    case .tanh: "Tanh"
    case .softmax: "Softmax"
    case .logSoftmax: "LogSoftmax"
    }
  }

  package func outputShape(_ inputs: [Shape?]) throws(ArcuateError) -> Shape? {
    try commonShape(inputs)
  }
  package func signal(_ inputs: [Signal]) -> Signal { .value }
  package func refusal(of inputs: [Signal?]) -> String? { refusalOfSpikes(inputs) }
  package func contradictions() -> [String] { [] }
  package var parameterCount: Int { 0 }
  package func needsTimeStep(_ semantics: NeuronSemantics) -> Bool { false }
  package func constancy(dt_s: Double?) -> Constancy { .followsInputs }
  package func isEarly(_ semantics: NeuronSemantics, dt_s: Double?) -> Bool { false }
  package func renamingReferences(_ rename: (String) -> String) -> Self { self }
}

/// What of a model depends on the length of a step.
extension Model {
  /// Lengths of a step, in seconds, that a model can be compiled for.
  public static let stepLengths = 1e-12...1e6

  /// The name of the first node that cannot be computed without dt; nil if there is none.
  /// Needs. A flattened model.
  public var firstNodeInNeedOfTimeStep: String? {
    nodes.first { $0.op.needsTimeStep(semantics) }?.name
  }
}

extension Operator {
  fileprivate func needsTimeStep(_ semantics: NeuronSemantics) -> Bool {
    switch self {
    case .neuron(let neuron):
      neuron.kind.leaks || (neuron.semantics ?? semantics).integratorGain == .dtR
    case .delay: true
    case .plastic(let node): node.needsTimeStep
    case .sparse(let sparse): (sparse.delay_s.extremes?.largest ?? 0) > 0
    default: false
    }
  }
}

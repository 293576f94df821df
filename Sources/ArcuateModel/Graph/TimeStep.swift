extension Model {
  /// Lengths of a step, in seconds, that a model can be compiled for.
  public static let stepLengths = 1e-12...1e6

  /// The name of the first node that cannot be computed without dt; nil if there is none.
  /// Needs. A flattened model.
  public var firstNodeInNeedOfTimeStep: String? {
    nodes.first { $0.op.kind.needsTimeStep(semantics) }?.name
  }
}

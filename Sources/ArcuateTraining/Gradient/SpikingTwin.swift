import ArcuateCore
import ArcuateModel

extension Model {
  /// The spiking twin of an artificial network: every ReLU becomes integrate-and-fire neurons that
  /// start with the bias of their weights, fire at 1 and have 1 taken off for each spike.
  ///
  /// It shares the artificial network's weights while both learn. Source. Wu et al. 2020.
  /// Throws. `cannotCompile` naming a node that has no spiking form, or one in a cycle: an
  /// artificial network has one step, in which nothing comes back.
  func spikingTwin() throws -> Model {
    let checked = try soundly()
    if let back = checked.ordering.backEdges.first {
      let (source, target) = checked.edges[back]
      throw ArcuateError(
        .cannotCompile,
        "what \"\(checked.model.nodes[source].name)\" sends back comes a step later, which tandem "
          + "learning has no place for: it takes networks without cycles",
        at: "node \"\(checked.model.nodes[target].name)\"")
    }
    var model = checked.model
    var semantics = NeuronSemantics()
    semantics.reset = .subtract
    semantics.comparison = .greaterOrEqual
    semantics.integratorGain = .r
    for i in model.nodes.indices {
      switch model.nodes[i].op {
      case .activation(.relu):
        model.nodes[i].op = .neuron(
          Neuron(.integrateAndFire, threshold: Tensor(scalar: 1), semantics: semantics))
      case .input, .output, .linear, .convolution, .batchNorm, .flatten, .scale: break
      case .pooling(let pooling) where pooling.kind != .maximum: break
      default:
        throw ArcuateError(
          .cannotCompile,
          "\(model.nodes[i].op.kindName) has no place in tandem learning: it takes weights, "
            + "batch-norm, ReLU, average or sum pooling", at: "node \"\(model.nodes[i].name)\"")
      }
    }
    return model
  }
}

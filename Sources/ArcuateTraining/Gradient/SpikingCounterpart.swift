import ArcuateConversion
import ArcuateCore
import ArcuateModel

extension Model {
  /// The spiking counterpart of an artificial network: every ReLU becomes integrate-and-fire neurons
  /// that start with the bias of their weights, fire at 1 and subtract 1 at each spike.
  ///
  /// It shares the artificial network's weights while both are trained. Source. Wu et al. 2020.
  /// Throws. `cannotCompile` naming a node without a spiking form, or one in a cycle: an artificial
  /// network has one step, in which nothing is fed back.
  func spikingCounterpart() throws(ArcuateError) -> Model {
    let checked = try soundly()
    if let back = checked.ordering.backEdges.first {
      let (source, target) = checked.edges[back]
      throw ArcuateError(
        .cannotCompile,
        "tandem training takes networks without cycles: the feedback from "
          + "\"\(checked.model.nodes[source].name)\" would arrive a step later",
        at: "node \"\(checked.model.nodes[target].name)\"")
    }
    var model = checked.model
    var semantics = NeuronSemantics()
    semantics.reset = .subtract
    semantics.comparison = .greaterOrEqual
    semantics.integratorGain = .r
    for i in model.nodes.indices {
      let op = model.nodes[i].op
      switch op.conversionRole {
      case .rectifier:
        model.nodes[i].op = .neuron(
          Neuron(.integrateAndFire, threshold: Tensor(scalar: 1), semantics: semantics))
      case .input, .output, .weights: break
      case .passesUnit where op != .concatenation: break
      case .passesUnit, .maximumPooling, .unsupported:
        throw ArcuateError(
          .cannotCompile,
          "tandem training takes weights, batch-norm, ReLU, average and sum pooling, not "
            + op.kindName, at: "node \"\(model.nodes[i].name)\"")
      }
    }
    return model
  }
}

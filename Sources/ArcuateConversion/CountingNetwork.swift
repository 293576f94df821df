import ArcuateCore
import ArcuateModel

extension Model {
  /// An artificial network whose layers count spikes, as integrate-and-fire neurons.
  package func counting() throws -> Model {
    var model = try soundly().model.foldingBatchNorm()
    var seen = Set<Edge>()
    model.edges = model.edges.filter { seen.insert($0).inserted }
    var choices = Conversion()
    choices.input = .singleShot
    choices.bias = .once
    // Totals over all steps, not means: what is given at once is given as it is.
    choices.steps = 1
    let network = try ConvertibleNetwork(sound: model)
    return try SpikingRewrite(network, choices, Scales(), startsReadouts: true).model()
  }
}

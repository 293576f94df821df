import ArcuateCore
import ArcuateModel

extension Model {
  /// An artificial network whose layers count spikes, as integrate-and-fire neurons.
  package func counting() throws(ArcuateError) -> Model {
    var model = try soundly().model.foldingBatchNorm()
    var seen = Set<Edge>()
    model.edges = model.edges.filter { seen.insert($0).inserted }
    var options = ConversionOptions()
    options.input = .singleShot
    options.bias = .once
    // Totals over all steps, not means: values are not multiplied by the number of steps.
    options.steps = 1
    let network = try ConvertibleNetwork(sound: model)
    return try SpikingRewrite(network, options, Scales(), startsReadouts: true).model()
  }
}

import ArcuateCore
import ArcuateModel
import ArcuateRuntime

/// The scales of spikeNorm, which are found on networks whose earlier layers already spike.
extension ConvertibleNetwork {
  /// The largest input of a step that the neurons in place of a ReLU receive, of all steps and frames.
  func spikingInput(
    _ node: Int, _ scales: Scales, _ options: ConversionOptions, _ sample: IndependentFrames
  ) throws(ArcuateError) -> Float {
    var options = options
    options.bias = .everyStep
    // The current of a single shot is that of many steps, and no other step repeats it.
    if options.input == .singleShot { options.input = .constant }
    let part = try ConvertibleNetwork(sound: model(upTo: node, from: ancestors(of: node)))
    let spiking = try SpikingRewrite(part, options, scales, showsCurrents: true).model()
    // Without neurons before it, a layer receives the same current at every step.
    let isSteady = options.input == .constant && !followsNeurons(node)
    let steps = isSteady ? 1 : options.searchSteps
    var most: Float = 0
    try sample.run(spiking, steps: steps, output: .every) { _, outputs throws(ArcuateError) in
      for value in outputs[0] where value > most { most = value }
    }
    return most
  }
}

import ArcuateCore
import ArcuateModel
import ArcuateRuntime

extension Model {
  /// The same network with spiking neurons in place of its ReLUs, and a report of what was chosen.
  ///
  /// `frames` are typical inputs; every frame of every stream is independent. They are optional for
  /// model-based balancing without Bernoulli input, which then assumes inputs of 0 ... 1. Batch
  /// normalization is folded first. Layers: Linear, convolutions, Scale, pooling, flattening,
  /// concatenation, ReLU, and batch normalization that cannot be folded.
  /// The metadata says how a frame is run: `frame_state` reset, and `steps_per_frame` if `steps` is
  /// set.
  /// Cost. One run of the frames; with spikeNorm one for each layer, of `steps` steps.
  /// Throws. `invalidModel` naming every node that cannot be converted; `invalidArgument`; what
  /// compiling and running throw.
  public func converted(
    _ options: ConversionOptions = .init(), on frames: SampleFrames? = nil
  ) throws(ArcuateError) -> (model: Model, report: ConversionReport) {
    try options.check()
    let network = try ConvertibleNetwork(self, options)
    let sample = try frames.map { frames throws(ArcuateError) in
      try IndependentFrames(frames, of: self)
    }
    let (scales, largest) = try network.scales(options, sample)
    let result = try SpikingRewrite(network, options, scales).model()
    return (
      result,
      ConversionReport(network, options, scales, largest: largest, frames: sample?.count ?? 0)
    )
  }
}

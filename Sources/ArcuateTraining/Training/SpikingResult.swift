import ArcuateConversion
import ArcuateCore
import ArcuateModel
import ArcuateRuntime

extension Trainer {
  /// The spiking network for a session: run with `frame_state` reset and as many steps per frame as in
  /// training, its last output is that of `predict`, up to rounding.
  ///
  /// In tandem mode batch-norm is folded with the running statistics; ReLUs are integrate-and-fire
  /// neurons that start with the bias of their weights; a frame enters at the first step; each output
  /// is the potential of neurons that do not spike. In direct mode it is `model()`. The metadata says
  /// how a frame is run.
  /// Throws. What folding, and running the network once, throw.
  public func spikingModel() throws(ArcuateError) -> Model {
    var result = try model()
    var input = CompileOptions.FrameInput.hold
    switch options.mode {
    case .tandem: result = try result.counting()
    case .direct: if options.gradient.input == .first { input = .first }
    }
    result.metadata["frame_state"] = .string(CompileOptions.FrameState.reset.rawValue)
    result.metadata["frame_input"] = .string(input.rawValue)
    result.metadata["steps_per_frame"] = .number(
      options.gradient.input == .every && options.mode == .direct
        ? 1 : Double(options.gradient.steps))
    if options.mode == .direct, options.gradient.input == .every {
      // Each step is a frame of its own: the state kept between them is the sample's.
      result.metadata["frame_state"] = .string(CompileOptions.FrameState.keep.rawValue)
    }
    return result
  }
}

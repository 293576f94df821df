import ArcuateConversion
import ArcuateCore
import ArcuateModel
import ArcuateRuntime

extension Trainer {
  /// The model with its trained parameters; in tandem mode the artificial network.
  ///
  /// In direct mode the metadata says how a frame is run, as it was in training: a compiled model has
  /// the outputs of `predict`, read out as the first loss does.
  public func model() throws(ArcuateError) -> Model {
    var result = try network.trainedModel()
    if options.mode == .direct { stateFrames(&result) }
    return result
  }

  /// The spiking network for a session: run as its metadata says, its last output is that of
  /// `predict`, up to rounding.
  ///
  /// In tandem mode batch-norm is folded with the running statistics; ReLUs are integrate-and-fire
  /// neurons that start with the bias of their weights; a frame enters at the first step; each output
  /// is the potential of neurons that do not spike. In direct mode it is `model()`.
  /// Throws. What folding, and running the network once, throw.
  public func spikingModel() throws(ArcuateError) -> Model {
    var result = try model()
    if options.mode == .tandem {
      result = try result.counting()
      result.state(options.gradient.steps, .reset, .hold, .last)
    }
    return result
  }

  private func stateFrames(_ model: inout Model) {
    let options = options.gradient
    let input: CompileOptions.FrameInput
    switch options.input {
    case .every:
      // Each step is a frame of its own: the state kept between them is the sample's.
      return model.state(1, .keep, .hold, .last)
    case .hold: input = .hold
    case .first: input = .first
    }
    // A network of one step that says nothing is run step by step anyway.
    guard options.steps > 1 || model.metadata["steps_per_frame"] != nil else { return }
    let output: CompileOptions.FrameOutput =
      switch self.options.losses.first?.loss.readout ?? .last {
      case .last: .last
      case .sum: .sum
      case .mean: .mean
      case .maximum, .every: .every
      }
    model.state(options.steps, .reset, input, output)
  }
}

extension Model {
  /// Writes the options of frames to the metadata.
  fileprivate mutating func state(
    _ steps: Int, _ state: CompileOptions.FrameState, _ input: CompileOptions.FrameInput,
    _ output: CompileOptions.FrameOutput
  ) {
    metadata["steps_per_frame"] = .number(Double(steps))
    metadata["frame_state"] = .string(state.rawValue)
    metadata["frame_input"] = .string(input.rawValue)
    metadata["frame_output"] = .string(output.rawValue)
  }
}

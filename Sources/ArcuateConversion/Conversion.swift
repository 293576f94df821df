import ArcuateCore
import ArcuateModel
import ArcuateRuntime

/// How an artificial network becomes a spiking one.
///
/// Every ReLU becomes integrate-and-fire neurons with threshold 1 that subtract it when they spike,
/// so that a spike of a layer stands for `scale` of the ReLU's value:
///
///     rate of spikes x scale = activation,    W' = W scale(before) / scale,    b' = b / scale
///
/// | setting  | what is chosen                                                                  |
/// |----------|---------------------------------------------------------------------------------|
/// | data     | scale = a percentile of the positive activations on the frames, 100 the largest |
/// | model    | scale = the largest sum that inputs of at most their scales could give          |
/// | spikeNorm| scale = factor x the largest input of a step that the neurons meet when the     |
/// |          | layers before already spike; layer by layer                                     |
///
/// Source. Diehl, Neil, Binas, Cook, Liu, Pfeiffer, "Fast-classifying, high-accuracy spiking deep
/// networks through weight and threshold balancing", IJCNN 2015 (data, model); the percentile: Rueckauer,
/// Lungu, Hu, Pfeiffer, Liu, Front. Neurosci. 11:682, 2017; Sengupta, Ye, Wang, Liu, Roy, Front.
/// Neurosci. 13:95, 2019 (spikeNorm, common scales); the factor: Rathi, Srinivasan, Panda, Roy,
/// ICLR 2020.
public struct Conversion: Sendable, Hashable {
  public enum Balancing: Sendable, Hashable {
    /// Above 0, up to 100.
    case data(percentile: Double)
    case model
    case spikeNorm(factor: Float)
  }
  /// How a frame enters.
  public enum Input: String, Sendable, CaseIterable {
    /// Its values are a current at every step.
    case constant
    /// Its values times `steps` are a current at the first step, then there is none. Layers spike
    /// early then, and a spike that deeper neurons should not have emitted is not taken back: more
    /// steps do not mend all of it. A bias is best given once, too.
    case singleShot = "single_shot"
    /// Spikes of either sign, drawn with probabilities in proportion to the values.
    case bernoulli
  }
  /// How neurons get their bias; what reads the output always gets its own at every step.
  public enum Bias: String, Sendable, CaseIterable {
    case everyStep = "every_step"
    /// All of `steps` steps at once, as the membrane at rest, as a single shot gives the input. Beside
    /// a constant current, what spikes before a negative current comes is not taken back.
    case once
  }
  /// What becomes of max pooling after neurons.
  public enum MaximumPooling: String, Sendable, CaseIterable {
    /// A window emits as many spikes as its most active input: `Pooling.Kind.spikeMaximum`.
    case spikeMaximum = "spike_maximum"
    /// An error that names the node.
    case refuse
  }
  /// What leaves the network.
  public enum Readout: String, Sendable, CaseIterable {
    /// The potential of neurons that do not spike: the output of the artificial network times the
    /// number of steps. Functions behind the last weights but ReLU are dropped.
    case potential
    /// The mean over the steps, followed by the functions behind the last weights.
    case mean
  }

  public var balancing = Balancing.data(percentile: 99.9)
  public var input = Input.constant
  public var bias = Bias.everyStep
  public var maximumPooling = MaximumPooling.spikeMaximum
  public var readout = Readout.potential
  /// Which membranes spike.
  public var comparison = NeuronSemantics.Comparison.greaterOrEqual
  /// The membrane at rest as a fraction of the threshold; one half rounds counts to the nearest.
  public var initialPotential: Float = 0
  /// Layers whose spikes are summed, and the neurons they arrive at, get the largest of their
  /// scales, so that all of these spikes count alike. If not, and where layers are concatenated, a
  /// Scale node on the edge weighs them.
  public var sharesScales = true
  /// Steps of a frame the network is made for: needed by a single shot and by a bias given once.
  /// Of spikeNorm, the steps each frame is looked at; 0 takes 100 there.
  public var steps = 0
  /// Of the draws of a Bernoulli input.
  public var seed: UInt64 = 0

  public init() {}

  /// Throws. `invalidArgument` naming the setting and its range.
  func check() throws {
    func require(_ condition: Bool, _ message: @autoclosure () -> String) throws {
      if !condition { throw ArcuateError(.invalidArgument, message()) }
    }
    switch balancing {
    case .data(let percentile):
      try require(
        percentile > 0 && percentile <= 100, "percentile is \(percentile), not within 0 ... 100")
    case .model: break
    case .spikeNorm(let factor):
      try require(
        factor > 0 && factor <= 1000, "factor is \(factor), not above 0 and up to 1000")
    }
    try require(
      initialPotential.magnitude <= 1000,
      "initial_potential is \(initialPotential), not within -1000 ... 1000")
    try require(
      (0...1_000_000).contains(steps), "steps is \(steps), not within 0 ... 1000000")
    try require(
      steps > 0 || (input != .singleShot && bias != .once),
      "steps is 0: a single shot, and a bias given once, need the number of steps of a frame")
  }

  /// Of frames that are looked at for spikeNorm.
  var searchSteps: Int { steps > 0 ? steps : 100 }
}

extension Model {
  /// The same network with spiking neurons in place of its ReLUs, and what was chosen.
  ///
  /// `frames` show what the network meets; of streams and frames, each is on its own. They may be
  /// left out for model-based balancing without Bernoulli input, which takes inputs for 0 ... 1
  /// then. Batch normalisation is folded first. Layers: Linear, convolutions, Scale, pooling,
  /// flattening, concatenation, ReLU, and what batch normalisation cannot be folded.
  /// The metadata says how a frame is run: `frame_state` reset, and `steps_per_frame` if `steps` is.
  /// Cost. A run of the frames, of spikeNorm one for each layer with `steps` steps.
  /// Throws. `invalidModel` naming every node that cannot be converted; `invalidArgument`; what
  /// compiling and running throw.
  public func converted(
    _ options: Conversion = .init(), on frames: SampleFrames? = nil
  ) throws -> (model: Model, report: ConversionReport) {
    try options.check()
    let network = try ConvertibleNetwork(self, options)
    let sample = try frames.map { try IndependentFrames($0, of: self) }
    let (scales, largest) = try network.scales(options, sample)
    let result = try SpikingRewrite(network, options, scales).model()
    return (
      result,
      ConversionReport(network, options, scales, largest: largest, frames: sample?.count ?? 0)
    )
  }
}

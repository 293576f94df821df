import ArcuateCore
import ArcuateModel

/// How `Model.converted` makes an artificial network spiking.
///
/// Every ReLU becomes integrate-and-fire neurons with threshold 1 that subtract it when they spike,
/// so that a spike of a layer has the value `scale` of the ReLU:
///
///     rate of spikes x scale = activation,    W' = W scale(before) / scale,    b' = b / scale
///
/// | balancing| what is chosen                                                                  |
/// |----------|---------------------------------------------------------------------------------|
/// | data     | scale = a percentile of the positive activations on the frames, 100 the largest |
/// | model    | scale = the largest sum that inputs of at most their scales could give          |
/// | spikeNorm| scale = factor x the largest input of a step that the neurons receive when   |
/// |          | the layers before already spike; layer by layer                                 |
///
/// Source. Diehl, Neil, Binas, Cook, Liu, Pfeiffer, "Fast-classifying, high-accuracy spiking deep
/// networks through weight and threshold balancing", IJCNN 2015 (data, model); the percentile: Rueckauer,
/// Lungu, Hu, Pfeiffer, Liu, Front. Neurosci. 11:682, 2017; Sengupta, Ye, Wang, Liu, Roy, Front.
/// Neurosci. 13:95, 2019 (spikeNorm, common scales); the factor: Rathi, Srinivasan, Panda, Roy,
/// ICLR 2020.
public struct ConversionOptions: Sendable, Hashable {
  public enum Balancing: Sendable, Hashable {
    /// Above 0, up to 100.
    case data(percentile: Double)
    case model
    case spikeNorm(factor: Float)
  }
  /// How a frame enters the network.
  public enum Input: String, Sendable, CaseIterable {
    /// Its values are a current at every step.
    case constant
    /// Its values times `steps` are a current at the first step; later steps have none. Layers spike
    /// early, and a spike that deeper neurons should not have emitted is not taken back: more steps
    /// do not remove the error. Use `Bias.once` with it.
    case singleShot = "single_shot"
    /// Spikes of either sign, sampled with probabilities proportional to the values.
    case bernoulli
  }
  /// How neurons receive their bias; output neurons always receive theirs at every step.
  public enum Bias: String, Sendable, CaseIterable {
    case everyStep = "every_step"
    /// That of all `steps` steps at once, as the membrane at rest. With constant input, spikes before
    /// a negative current arrives are not taken back.
    case once
  }
  /// What becomes of max pooling after neurons.
  public enum MaximumPooling: String, Sendable, CaseIterable {
    /// A window emits as many spikes as its most active input: `Pooling.Kind.spikeMaximum`.
    case spikeMaximum = "spike_maximum"
    /// An error that names the node.
    case refuse
  }
  /// What is read off the outputs.
  public enum Readout: String, Sendable, CaseIterable {
    /// The potential of neurons that do not spike: the output of the artificial network times the
    /// number of steps. Functions behind the last weights are dropped, except ReLU.
    case potential
    /// The mean over the steps, followed by the functions behind the last weights.
    case mean
  }

  public var balancing = Balancing.data(percentile: 99.9)
  public var input = Input.constant
  public var bias = Bias.everyStep
  public var maximumPooling = MaximumPooling.spikeMaximum
  public var readout = Readout.potential
  /// At which membrane potential neurons spike.
  public var comparison = NeuronSemantics.Comparison.greaterOrEqual
  /// The membrane at rest as a fraction of the threshold; one half rounds counts to the nearest.
  public var initialPotential: Float = 0
  /// Whether layers whose spikes are summed, and the neurons that receive them, share the largest of
  /// their scales, so that all of these spikes have one value. If not, and where layers are
  /// concatenated, a Scale node on the edge weights them.
  public var sharesScales = true
  /// Steps per frame: required for single-shot input and a bias given once. With spikeNorm also the
  /// steps each frame is run for; 0 means 100 there.
  public var steps = 0
  /// Seed of Bernoulli input.
  public var seed: UInt64 = 0

  public init() {}

  /// Throws. `invalidArgument` naming the option and its range.
  package func check() throws(ArcuateError) {
    switch balancing {
    case .data(let percentile):
      guard percentile > 0 && percentile <= 100 else {
        throw ArcuateError(
          .invalidArgument, "percentile must be above 0 and up to 100, got \(percentile)")
      }
    case .model: break
    case .spikeNorm(let factor):
      guard factor > 0 && factor <= 1000 else {
        throw ArcuateError(
          .invalidArgument, "factor must be above 0 and up to 1000, got \(factor)")
      }
    }
    try checkRange(initialPotential, -1000...1000, "initial_potential")
    try checkRange(steps, 0...1_000_000, "steps")
    guard steps > 0 || (input != .singleShot && bias != .once) else {
      throw ArcuateError(
        .invalidArgument,
        "steps must be given, as the steps of a frame, for single-shot input and a bias given once")
    }
  }

  /// Steps that each frame is run for to find the scales of spikeNorm.
  var searchSteps: Int { steps > 0 ? steps : 100 }
}

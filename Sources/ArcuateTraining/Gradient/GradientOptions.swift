import ArcuateModel

/// How a network is run for training and how its gradients are computed.
public struct GradientOptions: Sendable {
  /// How a sample enters the network.
  public enum Input: String, Sendable, CaseIterable {
    /// The same values at every step.
    case hold
    /// Values at the first step, zeros after it.
    case first
    /// Separate values for every step.
    case every
  }

  /// Batch size, in samples.
  public var batch = 1
  /// Steps per sample; all state starts from rest.
  public var steps = 1
  public var input: Input = .hold
  public var threads = 1
  /// Seconds per step; nil uses the model's.
  public var dt_s: Double?
  /// Replaces the semantics of the model, but not a neuron's own semantics.
  public var semantics: NeuronSemantics?

  /// The surrogate derivative of a spike, for nodes that are not in `surrogates`.
  public var surrogate = Surrogate.box(width: 0.5, height: 1)
  public var surrogates: [String: Surrogate] = [:]
  /// Whether gradients pass through the reset of the membrane.
  public var throughReset = true
  /// Whether gradients stop between steps: earlier steps count as constants.
  public var detachesTime = false
  /// The steps of a sample, from the first, in which rules change fast weights; nil means all. The same
  /// as a session whose host then stops adaptation.
  public var plasticSteps: Int?
  /// Edges that stop gradients (stop-gradient).
  public var detached: Set<Model.Edge> = []

  /// Nodes whose parameters are not trained.
  public var frozen: Set<String> = []
  /// Parameters of neurons to train, too, as "node.field" (tau, tau_mem, tau_syn, r, v_leak,
  /// v_threshold, v_reset, w_in; those of a program by its names) or "field" for all nodes.
  public var trained: Set<String> = []
  /// Groups of nodes that share one set of weights.
  public var ties: [[String]] = []
  /// The share of outputs dropped in training, by node; the others are scaled up. A mask is sampled for
  /// each sample and holds for all of its steps.
  public var dropout: [String: Float] = [:]
  /// The share of a batch's statistics in the running statistics of batch-norm.
  public var normMomentum: Float = 0.1
  public var seed: UInt64 = 0
  /// Whether gradients of the inputs are computed.
  public var inputGradients = false
  /// Whether spikes are replaced by smooth functions whose derivatives are the surrogates, so that
  /// finite differences can check gradients.
  package var isSmooth = false
  /// Whether biases and shifts act at the first step only, as the initial membrane of neurons.
  var biasOnce = false

  public init() {}
}

import ArcuateModel

/// How a network is run and swept for its gradients.
public struct GradientOptions: Sendable {
  /// How a sample enters the network.
  public enum Input: String, Sendable, CaseIterable {
    /// The same values at every step.
    case hold
    /// Values at the first step, zeros after it.
    case first
    /// Values of its own for every step.
    case every
  }

  /// Samples that are run together.
  public var batch = 1
  /// Steps that a sample is run for; all state starts from rest.
  public var steps = 1
  public var input: Input = .hold
  public var threads = 1
  /// Seconds per step; nil takes the model's.
  public var dt_s: Double?
  /// Replaces the semantics of the model, not those of neurons with their own.
  public var semantics: NeuronSemantics?

  /// In place of the derivative of a spike, for nodes that are not named in `surrogates`.
  public var surrogate = Surrogate.box(width: 0.5, height: 1)
  public var surrogates: [String: Surrogate] = [:]
  /// Whether a membrane's reset counts as depending on the spike that made it.
  public var throughReset = true
  /// Whether gradients stop at every step: what was before is taken as given.
  public var detachesTime = false
  /// The steps of a sample, from the first on, in which rules change fast weights; nil means all. As a
  /// session whose host then lets it learn no more.
  public var plasticSteps: Int?
  /// Edges that carry values but no gradient: what arrives is taken as given.
  public var detached: Set<Model.Edge> = []

  /// Nodes whose parameters stay as they are.
  public var frozen: Set<String> = []
  /// Parameters of neurons that learn as well, as "node.field" (tau, tau_mem, tau_syn, r, v_leak,
  /// v_threshold, v_reset, w_in) or "field" for all nodes.
  public var trained: Set<String> = []
  /// Groups of nodes that share one set of weights.
  public var ties: [[String]] = []
  /// Nodes some of whose outputs are dropped while training, each with its share; what stays is
  /// scaled up. A mask is drawn for each sample and holds for all of its steps.
  public var dropout: [String: Float] = [:]
  /// The share of a batch's statistics in the running ones of a batch-norm.
  public var normMomentum: Float = 0.1
  public var seed: UInt64 = 0
  /// Whether gradients of the inputs are wanted.
  public var inputGradients = false
  /// Spikes are replaced by smooth functions that have the surrogates as derivatives, so that
  /// finite differences can check a sweep.
  package var isSmooth = false
  /// Biases and shifts act at the first step only, as what neurons start with.
  var biasOnce = false

  public init() {}
}

import ArcuateCore

/// What a node computes. The first nineteen cases are NIR's; the rest are extensions.
///
/// Shapes exclude batch and time. Arrays are row-major and channel-first.
public enum Operator: Sendable, Equatable {
  // MARK: NIR
  /// A port of the network. Shape: that of the signal.
  case input(shape: Shape)
  case output(shape: Shape)
  /// y = W x (NIR Linear), plus b where there is one (NIR Affine).
  case linear(Linear)
  /// y = s x, elementwise.
  case scale(Tensor)
  /// NIR Conv1d and Conv2d: cross-correlation, channel-first.
  case convolution(Convolution)
  /// NIR SumPool2d and AvgPool2d; the extensions MaxPool2d and SpikeMaxPool2d.
  case pooling(Pooling)
  /// Merges axes `start` ... `end` (without batch; negative counts from the last).
  case flatten(Flatten)
  /// y(t) = x(t - delay), elementwise, in seconds.
  case delay(Tensor)
  /// 1 where x > threshold, else 0, elementwise.
  case threshold(Tensor)
  /// NIR I, IF, LI, LIF, CubaLI and CubaLIF.
  case neuron(Neuron)
  /// A nested network with ports of its own.
  indirect case graph(Model)

  // MARK: Extensions
  /// Connections that are listed, with delays.
  case sparse(SparseLinear)
  /// A value layer: an elementwise function, or softmax over all elements.
  case activation(Activation)
  /// y = (x - mean) / sqrt(variance + epsilon) * gamma + beta, per channel (the first axis).
  case batchNorm(BatchNorm)
  /// The inputs, in the order of the edges that lead here, one after another along the first axis;
  /// their other axes are equal. Spikes stay spikes.
  case concatenation
  /// The product of all inputs, element by element.
  case multiplication
  /// All elements times one number, so that their root mean square becomes what is wanted.
  case normalization(Normalization)
  /// Value to spikes.
  case encoder(Encoder)
  /// Spikes to value.
  case decoder(Decoder)
  /// What learns while it runs, and what that needs around it.
  case plastic(PlasticNode)
}

public struct Linear: Sendable, Equatable {
  /// [post, pre]; leading axes are batch-like.
  public var weight: Tensor
  /// [post], or absent.
  public var bias: Tensor?
  public init(weight: Tensor, bias: Tensor? = nil) {
    self.weight = weight
    self.bias = bias
  }
}

public struct Convolution: Sendable, Equatable {
  public enum Padding: Sendable, Equatable {
    /// One number per spatial axis, on both sides.
    case explicit([Int])
    /// As many output as input positions (for stride 1).
    case same
    case valid
  }
  /// Spatial extents of the input, outermost first; nil in old files (taken from the edge then).
  public var inputShape: [Int]?
  /// [out channels, in channels / groups, kernel...]; its rank - 2 is the number of spatial axes.
  public var weight: Tensor
  /// [out channels], or absent.
  public var bias: Tensor?
  public var stride: [Int]
  public var padding: Padding
  public var dilation: [Int]
  public var groups: Int

  public init(
    inputShape: [Int]? = nil, weight: Tensor, bias: Tensor? = nil, stride: [Int],
    padding: Padding, dilation: [Int], groups: Int = 1
  ) {
    self.inputShape = inputShape
    self.weight = weight
    self.bias = bias
    self.stride = stride
    self.padding = padding
    self.dilation = dilation
    self.groups = groups
  }

  /// The number of spatial axes: 1 or 2.
  public var axes: Int { weight.shape.rank - 2 }
}

public struct Pooling: Sendable, Equatable {
  public enum Kind: String, Sendable, CaseIterable {
    case sum, average, maximum
    /// With c_k the sum of what input k of a window brought since the last reset:
    ///
    ///     y(t) = max_k c_k(t) - max_k c_k(t - 1)
    ///
    /// so that the spikes that leave a window are as many as those of its most active input. Of
    /// spikes of height one that arrive, it passes one or none.
    case spikeMaximum = "spike_maximum"
  }
  public var kind: Kind
  /// Two numbers each: height, width. The average counts padding in its divisor.
  public var kernel: [Int]
  public var stride: [Int]
  public var padding: [Int]
  public init(kind: Kind, kernel: [Int], stride: [Int], padding: [Int] = [0, 0]) {
    self.kind = kind
    self.kernel = kernel
    self.stride = stride
    self.padding = padding
  }
}

public struct Flatten: Sendable, Equatable {
  /// The shape the file states for the input; nil when it states none.
  public var inputShape: Shape?
  public var start: Int
  public var end: Int
  public init(inputShape: Shape? = nil, start: Int = 0, end: Int = -1) {
    self.inputShape = inputShape
    self.start = start
    self.end = end
  }
}

/// One of NIR's six neurons. Each tensor has the neuron shape or one element.
///
///     I        v' = r i
///     IF       v' = r i,                        spike and reset
///     LI       tau v' = (v_leak - v) + r i
///     LIF      as LI,                           spike and reset
///     CubaLI   tau_syn i' = -i + w_in x;  tau_mem v' = (v_leak - v) + r i
///     CubaLIF  as CubaLI,                       spike and reset
///
/// | parameter   | unit | default | NIR field          |
/// |-------------|------|---------|--------------------|
/// | tauSynapse  | s    | –       | tau_syn            |
/// | tauMembrane | s    | –       | tau, tau_mem       |
/// | resistance  | 1    | 1       | r                  |
/// | leak        | 1    | 0       | v_leak             |
/// | threshold   | 1    | –       | v_threshold        |
/// | resetValue  | 1    | 0       | v_reset            |
/// | inputWeight | 1    | 1       | w_in               |
/// | initial     | 1    | 0       | – (the extension v_initial: the membrane at rest) |
public struct Neuron: Sendable, Equatable {
  public enum Kind: String, Sendable, CaseIterable {
    case i = "I"
    case integrateAndFire = "IF"
    case li = "LI"
    case lif = "LIF"
    case cubaLI = "CubaLI"
    case cubaLIF = "CubaLIF"

    public var spikes: Bool { self == .integrateAndFire || self == .lif || self == .cubaLIF }
    public var leaks: Bool { self != .i && self != .integrateAndFire }
    public var hasSynapse: Bool { self == .cubaLI || self == .cubaLIF }
  }
  public var kind: Kind
  public var tauSynapse: Tensor?
  public var tauMembrane: Tensor?
  public var resistance: Tensor
  public var leak: Tensor?
  public var threshold: Tensor?
  public var resetValue: Tensor?
  public var inputWeight: Tensor?
  /// The membrane after a reset of the stream; nil is zero.
  public var initial: Tensor?
  /// Overrides the semantics of the model for this node.
  public var semantics: NeuronSemantics?

  public init(
    _ kind: Kind, tauSynapse: Tensor? = nil, tauMembrane: Tensor? = nil,
    resistance: Tensor = Tensor(scalar: 1), leak: Tensor? = nil, threshold: Tensor? = nil,
    resetValue: Tensor? = nil, inputWeight: Tensor? = nil, initial: Tensor? = nil,
    semantics: NeuronSemantics? = nil
  ) {
    self.kind = kind
    self.tauSynapse = tauSynapse
    self.tauMembrane = tauMembrane
    self.resistance = resistance
    self.leak = leak
    self.threshold = threshold
    self.resetValue = resetValue
    self.inputWeight = inputWeight
    self.initial = initial
    self.semantics = semantics
  }

  /// The names that `parameters` of any kind have.
  public static let parameterNames = [
    "tau", "tau_mem", "tau_syn", "r", "v_leak", "v_threshold", "v_reset", "w_in", "v_initial",
  ]

  /// Every parameter this kind has, by its NIR field name, or that of the extension.
  public var parameters: [(name: String, tensor: Tensor)] {
    var all: [(String, Tensor?)] = [("tau_syn", tauSynapse)]
    all.append((kind.hasSynapse ? "tau_mem" : "tau", tauMembrane))
    all += [
      ("r", resistance), ("v_leak", leak), ("v_threshold", threshold), ("v_reset", resetValue),
      ("w_in", inputWeight), ("v_initial", initial),
    ]
    return all.compactMap { name, tensor in tensor.map { (name, $0) } }
  }
}

/// A value layer's function.
public enum Activation: String, Sendable, CaseIterable {
  case relu, sigmoid, tanh, softmax
  case logSoftmax = "log_softmax"
}

public struct BatchNorm: Sendable, Equatable {
  /// One element per channel each.
  public var mean: Tensor
  public var variance: Tensor
  public var gamma: Tensor
  public var beta: Tensor
  public var epsilon: Float
  public init(mean: Tensor, variance: Tensor, gamma: Tensor, beta: Tensor, epsilon: Float = 1e-5) {
    self.mean = mean
    self.variance = variance
    self.gamma = gamma
    self.beta = beta
    self.epsilon = epsilon
  }
}

/// y = x / sqrt(max(mean(x x) / target^2, floor)), over all elements; the mean in float64.
///
/// Source. Kaldi's NormalizeComponent.
public struct Normalization: Sendable, Equatable {
  /// The root mean square of y.
  public var target: Float
  /// What a row of (almost) zeros is divided by, squared.
  public var floor: Float
  /// Whether log(target sqrt(max(mean(x x) / target^2, floor))), the logarithm of the root mean
  /// square of x, is put behind the elements of y, which then have one axis.
  public var appendsLog: Bool

  public init(target: Float = 1, floor: Float = 0x1p-66, appendsLog: Bool = false) {
    self.target = target
    self.floor = floor
    self.appendsLog = appendsLog
  }
}

/// How a value becomes spikes.
public enum Encoder: Sendable, Equatable {
  /// A spike with probability clamp(gain x, 0, 1) at each step, drawn by (seed, step, element).
  case bernoulli(gain: Float, seed: UInt64)
  /// An integrator with subtraction: on average gain x spikes a step, evenly spaced.
  case rate(gain: Float)
  /// Spikes of height 1 or -1, by the sign of x, with probability clamp(|gain x|, 0, 1), drawn as
  /// `bernoulli` draws.
  case signedBernoulli(gain: Float, seed: UInt64)
  /// gain x at the first step since the last reset, and zero after it: a value, given once.
  case singleShot(gain: Float)
}

/// How spikes become a value; each runs from the last reset, which a frame may be.
public enum Decoder: String, Sendable, CaseIterable {
  /// The number of spikes so far.
  case count
  /// The number of spikes per step so far.
  case rate
  /// The mean so far, of values.
  case mean
}

extension Operator {
  /// The name of the kind of node, as NIR writes it where NIR has one.
  public var kindName: String {
    switch self {
    case .input: "Input"
    case .output: "Output"
    case .linear(let linear): linear.bias == nil ? "Linear" : "Affine"
    case .sparse: "SparseLinear"
    case .scale: "Scale"
    case .convolution(let convolution): convolution.axes == 1 ? "Conv1d" : "Conv2d"
    case .pooling(let pooling):
      switch pooling.kind {
      case .sum: "SumPool2d"
      case .average: "AvgPool2d"
      case .maximum: "MaxPool2d"
      case .spikeMaximum: "SpikeMaxPool2d"
      }
    case .flatten: "Flatten"
    case .delay: "Delay"
    case .threshold: "Threshold"
    case .neuron(let neuron): neuron.kind.rawValue
    case .graph: "NIRGraph"
    case .activation(let activation):
      switch activation {
      case .relu: "ReLU"
      case .sigmoid: "Sigmoid"
      case .tanh: "Tanh"
      case .softmax: "Softmax"
      case .logSoftmax: "LogSoftmax"
      }
    case .batchNorm: "BatchNorm"
    case .concatenation: "Concatenation"
    case .multiplication: "Multiplication"
    case .normalization: "Normalization"
    case .encoder(.bernoulli): "BernoulliEncoder"
    case .encoder(.rate): "RateEncoder"
    case .encoder(.signedBernoulli): "SignedBernoulliEncoder"
    case .encoder(.singleShot): "SingleShotEncoder"
    case .decoder(.count): "CountDecoder"
    case .decoder(.rate): "RateDecoder"
    case .decoder(.mean): "MeanDecoder"
    case .plastic(let node): node.kindName
    }
  }
}

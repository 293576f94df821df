import ArcuateCore
import ArcuateKernels
import ArcuateModel

/// What a node does to a row, packed for running.
enum Operation: Sendable {
  /// The session writes the row itself.
  case input
  /// Output ports and flattening: the row is handed on.
  case copy
  /// An output port that shows the row of the node before it.
  case alias
  case linear(PackedLinear)
  /// Listed connections with delays.
  case sparse(PackedSparse)
  case convolution(ConvolutionWeights)
  /// With the output of each input, where windows do not overlap.
  case pooling(PoolingWindow, places: View<Int32>?)
  /// The rise of the largest sum of a window: the sums of the inputs, then the largest of each
  /// window, are state.
  case spikeMaximum(PoolingWindow, state: Int)
  /// input * factor + shift
  case scale(factor: View<Float>, shift: View<Float>?)
  case threshold(View<Float>)
  case activation(Activation)
  /// The inputs beside each other.
  case concatenation(Joint)
  /// The inputs multiplied.
  case multiplication
  case normalization(Normalization)
  case neuron(NeuronLayer, state: NeuronState)
  /// Steps of delay for each element, and the ring they need.
  case delay(steps: [Int32], ring: Int, state: Int)
  case bernoulli(gain: Float, random: CounterRandom, signed: Bool)
  /// The input times this at the first step, then zeros.
  case singleShot(gain: Float)
  /// An accumulator that gives spikes away.
  case rateEncoder(gain: Float, state: Int)
  /// An accumulator that is read: divided by the steps since the last reset, or not.
  case decoder(Decoder, state: Int)
  /// What learns, and what that needs around it.
  case plastic(PackedPlastic)

  /// Whether the output of a step depends on that step's input alone.
  var isStateless: Bool {
    switch self {
    case .neuron, .delay, .sparse, .rateEncoder, .decoder, .bernoulli, .singleShot, .spikeMaximum,
      .plastic:
      false
    default: true
    }
  }

  /// Whether each input is read where it stands instead of their sum.
  var takesInputsApart: Bool {
    switch self {
    case .concatenation, .multiplication: true
    default: false
    }
  }

  /// Whether the operation goes through a list of its non-zero inputs.
  var usesNonzeroList: Bool {
    switch self {
    case .convolution, .sparse, .plastic(.linear), .bernoulli: true
    case .linear(let packed): packed.parts == 1
    default: false
    }
  }

  /// Floats of all windows of a row, where they are laid beside each other; a multiple of 16.
  var windowCount: Int {
    guard case .plastic(.linear(let linear)) = self, linear.geometry != nil else { return 0 }
    return (linear.inputs * linear.positions + 15) & ~15
  }

  /// Whether each output is a sum of products that begins at a bias, so that the sign of a zero
  /// among the inputs changes nothing.
  var isSumOfProducts: Bool {
    switch self {
    case .convolution: true
    case .linear(let packed): packed.parts == 1
    default: false
    }
  }

  /// Whether an operation without weights goes through a row by its list.
  func takesEvents(_ found: NonzeroCount?) -> Bool {
    guard case .pooling(let window, .some) = self, let found else { return false }
    return window.takesEvents(found)
  }

  /// Bytes of one packed weight; 0 where there are none.
  var weightByteCount: Int {
    switch self {
    case .linear(let packed): packed.matrices.first?.kind.byteCount ?? 4
    case .convolution, .plastic(.linear): 4
    default: 0
    }
  }

  /// Bytes of packed parameters.
  var byteCount: Int {
    switch self {
    case .linear(let packed): packed.matrices.reduce(0) { $0 + $1.byteCount }
    case .sparse(let packed): packed.weights.byteCount
    case .convolution(let weights): weights.byteCount
    case .scale(let factor, let shift): factor.count * 4 + (shift?.count ?? 0) * 4
    case .threshold(let level): level.count * 4
    case .pooling(_, let places): (places?.count ?? 0) * 4
    case .neuron(let layer, _): layer.byteCount
    case .plastic(let packed): packed.byteCount
    case .delay(let steps, _, _): steps.count * 4
    default: 0
    }
  }
}

/// How the rows of several inputs make one.
struct Joint: Sendable {
  /// Elements that each input has in one run.
  var widths: [Int]
  /// Runs of a row: one where channels come first, one for each pixel where they come last.
  var runs: Int
}

/// Where a layer of neurons keeps its state, as offsets in floats for stream 0; -1 for none.
struct NeuronState: Sendable {
  var membrane: Int
  var current: Int
  var pending: Int
}

/// One weight matrix for all leading positions of the input, or one for each.
struct PackedLinear: Sendable {
  var matrices: [LinearWeights]
  /// Leading positions of the input: 1 for a plain vector.
  var parts: Int
}

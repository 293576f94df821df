import Arcuate
import CArcuate

@c @implementation
public func arcuate_training_options_init(
  _ options: UnsafeMutablePointer<arcuate_training_options>?
) {
  options?.pointee = trainingDefaults
}

private var trainingDefaults: arcuate_training_options {
  let (gradient, optimizer) = (GradientOptions(), OptimizerOptions())
  var options = arcuate_training_options()
  options.struct_size = MemoryLayout<arcuate_training_options>.size
  options.batch = 1
  options.steps = 1
  options.threads = 1
  options.through_reset = 1
  options.surrogate = ARCUATE_SURROGATE_BOX
  options.surrogate_a = 0.5
  options.surrogate_b = 1
  options.norm_momentum = gradient.normMomentum
  options.optimizer = ARCUATE_OPTIMIZER_ADAM
  options.rate = optimizer.rate
  options.beta1 = optimizer.beta1
  options.beta2 = optimizer.beta2
  options.epsilon = optimizer.epsilon
  return options
}

/// The caller's options. Throws. `invalidArgument` naming the field.
func trainingOptions(
  _ pointer: UnsafePointer<arcuate_training_options>?
) throws -> TrainingOptions {
  let given = try options(
    pointer, defaults: trainingDefaults, least: MemoryLayout<arcuate_training_options>.size,
    "options")
  var result = TrainingOptions()
  result.mode = try TrainingOptions.Mode(c: given.mode, "mode")
  result.gradient = try gradientOptions(given)
  result.optimizer = try optimizerOptions(given)
  if let losses = try losses(given) { result.losses = losses }
  try result.check()
  return result
}

private func gradientOptions(_ given: arcuate_training_options) throws -> GradientOptions {
  var options = GradientOptions()
  options.batch = Int(widening: given.batch)
  options.steps = Int(widening: given.steps)
  options.input = try GradientOptions.Input(c: given.input, "input")
  options.threads = Int(widening: given.threads)
  options.throughReset = try boolean(given.through_reset, "through_reset")
  options.detachesTime = try boolean(given.detaches_time, "detaches_time")
  if given.plastic_steps != 0 { options.plasticSteps = Int(widening: given.plastic_steps) }
  options.inputGradients = try boolean(given.input_gradients, "input_gradients")
  if given.dt_s != 0 { options.dt_s = given.dt_s }
  options.seed = given.seed
  options.surrogate = try surrogate(given.surrogate, given.surrogate_a, given.surrogate_b)
  options.normMomentum = given.norm_momentum
  for one in try elements(given.node_surrogates, given.node_surrogate_count, "node_surrogates") {
    options.surrogates[try text(one.node, "node_surrogates[].node")] = try surrogate(
      one.surrogate, one.a, one.b)
  }
  for one in try elements(given.dropouts, given.dropout_count, "dropouts") {
    options.dropout[try text(one.node, "dropouts[].node")] = one.fraction
  }
  for name in try elements(given.frozen_nodes, given.frozen_node_count, "frozen_nodes") {
    options.frozen.insert(try text(name, "frozen_nodes[]"))
  }
  for name in try elements(
    given.trained_parameters, given.trained_parameter_count, "trained_parameters")
  {
    options.trained.insert(try text(name, "trained_parameters[]"))
  }
  for group in try elements(given.tied_nodes, given.tied_node_count, "tied_nodes") {
    let nodes = try elements(group.nodes, group.count, "tied_nodes[].nodes")
    guard nodes.count >= 2 else {
      throw ArcuateError(
        .invalidArgument, "tied_nodes[].count must be at least 2, got \(nodes.count)")
    }
    options.ties.append(try nodes.map { try text($0, "tied_nodes[].nodes[]") })
  }
  for edge in try elements(given.detached_edges, given.detached_edge_count, "detached_edges") {
    options.detached.insert(
      Model.Edge(
        try text(edge.source, "detached_edges[].source"),
        try text(edge.target, "detached_edges[].target")))
  }
  return options
}

private func surrogate(
  _ kind: arcuate_surrogate, _ a: Float, _ b: Float
) throws(ArcuateError) -> Surrogate {
  switch kind {
  case ARCUATE_SURROGATE_BOX: return .box(width: a, height: b)
  case ARCUATE_SURROGATE_TRIANGLE: return .triangle(width: a, height: b)
  case ARCUATE_SURROGATE_FAST_SIGMOID: return .fastSigmoid(slope: a)
  case ARCUATE_SURROGATE_ARCTAN: return .arctan(slope: a)
  case ARCUATE_SURROGATE_SPIKE_TIME: return .spikeTime(alpha: a, beta: b)
  default:
    throw notWithin(ARCUATE_SURROGATE_BOX...ARCUATE_SURROGATE_SPIKE_TIME, kind, "surrogate")
  }
}

private func optimizerOptions(_ given: arcuate_training_options) throws -> OptimizerOptions {
  var options = OptimizerOptions()
  options.kind = try OptimizerOptions.Kind(c: given.optimizer, "optimizer")
  options.rate = given.rate
  options.momentum = given.momentum
  options.nesterov = try boolean(given.nesterov, "nesterov")
  options.amsgrad = try boolean(given.amsgrad, "amsgrad")
  options.beta1 = given.beta1
  options.beta2 = given.beta2
  options.epsilon = given.epsilon
  options.weightDecay = given.weight_decay
  options.clipNorm = given.clip_norm == 0 ? nil : given.clip_norm
  options.clipValue = given.clip_value == 0 ? nil : given.clip_value
  options.schedule = try schedule(given)
  let fades = given.noise_fades_at == 0 ? nil : Int(widening: given.noise_fades_at)
  switch given.weight_noise {
  case ARCUATE_WEIGHT_NOISE_NONE: break
  case ARCUATE_WEIGHT_NOISE_ADDITIVE:
    options.noise = .init(.additive, sigma: given.noise_sigma, fadesAt: fades)
  case ARCUATE_WEIGHT_NOISE_MULTIPLICATIVE:
    options.noise = .init(.multiplicative, sigma: given.noise_sigma, fadesAt: fades)
  default:
    throw notWithin(
      ARCUATE_WEIGHT_NOISE_NONE...ARCUATE_WEIGHT_NOISE_MULTIPLICATIVE, given.weight_noise,
      "weight_noise")
  }
  return options
}

private func schedule(_ given: arcuate_training_options) throws -> OptimizerOptions.Schedule {
  let steps = Int(widening: given.schedule_steps)
  switch given.schedule {
  case ARCUATE_SCHEDULE_CONSTANT: return .constant
  case ARCUATE_SCHEDULE_DECAY: return .decay(factor: given.schedule_factor, steps: steps)
  case ARCUATE_SCHEDULE_MILESTONES:
    let milestones = try elements(given.milestones, given.milestone_count, "milestones")
    return .milestones(milestones.map { Int(widening: $0) }, factor: given.schedule_factor)
  case ARCUATE_SCHEDULE_COSINE: return .cosine(steps: steps)
  case ARCUATE_SCHEDULE_LINEAR: return .linear(steps: steps)
  default:
    throw notWithin(ARCUATE_SCHEDULE_CONSTANT...ARCUATE_SCHEDULE_LINEAR, given.schedule, "schedule")
  }
}

/// The losses, or nil for the default one.
private func losses(
  _ given: arcuate_training_options
) throws -> [(port: Int, loss: Loss)]? {
  guard given.loss_count != 0 else { return nil }
  // The elements lie as far apart as the caller's struct is large.
  let least = MemoryLayout<arcuate_training_loss>.size
  let first = try required(given.losses, "losses")
  let count = try elements(first, given.loss_count, "losses").count
  let stride = try statedSize(UnsafeMutablePointer(mutating: first), least: least, "losses")
  return try (0..<count).map { i in
    // SAFETY: the caller says that there are `count` structs of `stride` bytes.
    let pointer = (UnsafeRawPointer(first) + i * stride)
      .assumingMemoryBound(to: arcuate_training_loss.self)
    let one = try options(
      pointer, defaults: arcuate_training_loss(), least: least, "losses[]")
    guard one.struct_size == stride else {
      throw ArcuateError(.invalidArgument, "losses[].struct_size differs between the elements")
    }
    return try loss(one)
  }
}

private func loss(_ given: arcuate_training_loss) throws -> (port: Int, loss: Loss) {
  var result = Loss(
    try Loss.Kind(c: given.kind, "losses[].kind"),
    readout: try Loss.Readout(c: given.readout, "losses[].readout"), weight: given.weight)
  guard given.port >= 0, given.first >= 0 else {
    throw ArcuateError(
      .invalidArgument,
      "losses[].port and losses[].first must not be negative, got \(given.port) and "
        + "\(given.first)")
  }
  guard given.step_end == 0 || given.step_end > given.first else {
    throw ArcuateError(
      .invalidArgument,
      "losses[].step_end must be 0 or above \(given.first), got \(given.step_end)")
  }
  if given.first > 0 || given.step_end > 0 {
    result.window =
      Int(widening: given.first)..<(given.step_end == 0 ? Int.max : Int(widening: given.step_end))
  }
  return (Int(widening: given.port), result)
}

extension TrainingOptions.Mode: HeaderConstant {
  static var constants: ClosedRange<Int32> {
    ARCUATE_TRAINING_DIRECT...ARCUATE_TRAINING_TANDEM
  }

  init?(c value: Int32) {
    switch value {
    case ARCUATE_TRAINING_DIRECT: self = .direct
    case ARCUATE_TRAINING_TANDEM: self = .tandem
    default: return nil
    }
  }
}

extension GradientOptions.Input: HeaderConstant {
  static var constants: ClosedRange<Int32> {
    ARCUATE_SAMPLE_INPUT_HOLD...ARCUATE_SAMPLE_INPUT_EVERY
  }

  init?(c value: Int32) {
    switch value {
    case ARCUATE_SAMPLE_INPUT_HOLD: self = .hold
    case ARCUATE_SAMPLE_INPUT_FIRST: self = .first
    case ARCUATE_SAMPLE_INPUT_EVERY: self = .every
    default: return nil
    }
  }
}

extension OptimizerOptions.Kind: HeaderConstant {
  static var constants: ClosedRange<Int32> {
    ARCUATE_OPTIMIZER_SGD...ARCUATE_OPTIMIZER_ADAMW
  }

  init?(c value: Int32) {
    switch value {
    case ARCUATE_OPTIMIZER_SGD: self = .sgd
    case ARCUATE_OPTIMIZER_ADAM: self = .adam
    case ARCUATE_OPTIMIZER_ADAMAX: self = .adamax
    case ARCUATE_OPTIMIZER_ADAMW: self = .adamw
    default: return nil
    }
  }
}

extension Loss.Kind: HeaderConstant {
  static var constants: ClosedRange<Int32> {
    ARCUATE_LOSS_CROSS_ENTROPY...ARCUATE_LOSS_STOCHMAX_NAIVE
  }

  init?(c value: Int32) {
    switch value {
    case ARCUATE_LOSS_CROSS_ENTROPY: self = .crossEntropy
    case ARCUATE_LOSS_MEAN_SQUARE: self = .meanSquare
    case ARCUATE_LOSS_SMOOTH_L1: self = .smoothL1
    case ARCUATE_LOSS_BINARY_CROSS_ENTROPY: self = .binaryCrossEntropy
    case ARCUATE_LOSS_BINARY_CROSS_ENTROPY_LOGITS: self = .binaryCrossEntropyLogits
    case ARCUATE_LOSS_COUNT: self = .count
    case ARCUATE_LOSS_STOCHMAX: self = .stochmax
    case ARCUATE_LOSS_STOCHMAX_NAIVE: self = .stochmaxNaive
    default: return nil
    }
  }
}

extension Loss.Readout: HeaderConstant {
  static var constants: ClosedRange<Int32> {
    ARCUATE_READOUT_LAST...ARCUATE_READOUT_EVERY
  }

  init?(c value: Int32) {
    switch value {
    case ARCUATE_READOUT_LAST: self = .last
    case ARCUATE_READOUT_SUM: self = .sum
    case ARCUATE_READOUT_MEAN: self = .mean
    case ARCUATE_READOUT_MAXIMUM: self = .maximum
    case ARCUATE_READOUT_EVERY: self = .every
    default: return nil
    }
  }
}

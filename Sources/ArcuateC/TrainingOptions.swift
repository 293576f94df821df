import Arcuate
import CArcuate

/// What an `arcuate_recipe *` points to.
final class RecipeHandle {
  var options: TrainingOptions
  /// Whether a loss was added, so that the one at the start is gone.
  var hasLosses = false

  init(_ options: TrainingOptions) { self.options = options }
}

@c @implementation
public func arcuate_train_options_init(_ options: UnsafeMutablePointer<arcuate_train_options>?) {
  options?.pointee = trainDefaults
}

private var trainDefaults: arcuate_train_options {
  let (gradient, optimizer) = (GradientOptions(), OptimizerOptions())
  var options = arcuate_train_options()
  options.struct_size = MemoryLayout<arcuate_train_options>.size
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

private func surrogate(_ kind: Int32, _ a: Float, _ b: Float) throws -> Surrogate {
  switch kind {
  case ARCUATE_SURROGATE_BOX: .box(width: a, height: b)
  case ARCUATE_SURROGATE_TRIANGLE: .triangle(width: a, height: b)
  case ARCUATE_SURROGATE_FAST_SIGMOID: .fastSigmoid(slope: a)
  case ARCUATE_SURROGATE_ARCTAN: .arctan(slope: a)
  case ARCUATE_SURROGATE_SPIKE_TIME: .spikeTime(alpha: a, beta: b)
  default:
    throw ArcuateError(.invalidArgument, "surrogate is \(kind), not within 0 ... 4")
  }
}

private func trainingOptions(_ given: arcuate_train_options) throws -> TrainingOptions {
  var options = TrainingOptions()
  options.mode = try choice(given.mode, "mode", TrainingOptions.Mode.self)
  options.gradient.batch = Int(given.batch)
  options.gradient.steps = Int(given.steps)
  options.gradient.input = try choice(given.input, "input", GradientOptions.Input.self)
  options.gradient.threads = Int(given.threads)
  options.gradient.throughReset = try truth(given.through_reset, "through_reset")
  options.gradient.detachesTime = try truth(given.detaches_time, "detaches_time")
  if given.plastic_steps != 0 { options.gradient.plasticSteps = Int(given.plastic_steps) }
  options.gradient.inputGradients = try truth(given.input_gradients, "input_gradients")
  if given.dt_s != 0 { options.gradient.dt_s = given.dt_s }
  options.gradient.seed = given.seed
  options.gradient.surrogate = try surrogate(
    given.surrogate, given.surrogate_a, given.surrogate_b)
  options.gradient.normMomentum = given.norm_momentum
  options.optimizer = try optimizerOptions(given)
  try options.check()
  return options
}

private func optimizerOptions(_ given: arcuate_train_options) throws -> OptimizerOptions {
  var options = OptimizerOptions()
  options.kind = try choice(given.optimizer, "optimizer", OptimizerOptions.Kind.self)
  options.rate = given.rate
  options.momentum = given.momentum
  options.nesterov = try truth(given.nesterov, "nesterov")
  options.amsgrad = try truth(given.amsgrad, "amsgrad")
  options.beta1 = given.beta1
  options.beta2 = given.beta2
  options.epsilon = given.epsilon
  options.weightDecay = given.weight_decay
  options.clipNorm = given.clip_norm == 0 ? nil : given.clip_norm
  options.clipValue = given.clip_value == 0 ? nil : given.clip_value
  let steps = Int(given.schedule_steps)
  switch given.schedule {
  case ARCUATE_SCHEDULE_CONSTANT: options.schedule = .constant
  case ARCUATE_SCHEDULE_DECAY:
    options.schedule = .decay(factor: given.schedule_factor, steps: steps)
  case ARCUATE_SCHEDULE_MILESTONES:
    let count = try held(given.milestone_count, "milestone_count")
    guard count <= 100_000 else {
      throw ArcuateError(.invalidArgument, "milestone_count is \(count), not within 0 ... 100000")
    }
    if count > 0 { _ = try required(given.milestones, "milestones") }
    // SAFETY: the caller says that there are so many.
    let places = UnsafeBufferPointer(start: given.milestones, count: count).map { Int($0) }
    options.schedule = .milestones(places, factor: given.schedule_factor)
  case ARCUATE_SCHEDULE_COSINE: options.schedule = .cosine(steps: steps)
  case ARCUATE_SCHEDULE_LINEAR: options.schedule = .linear(steps: steps)
  default:
    throw ArcuateError(.invalidArgument, "schedule is \(given.schedule), not within 0 ... 4")
  }
  let fades = given.noise_fades_at == 0 ? nil : Int(given.noise_fades_at)
  switch given.weight_noise {
  case ARCUATE_WEIGHT_NOISE_NONE: break
  case ARCUATE_WEIGHT_NOISE_ADDITIVE:
    options.noise = .init(.additive, sigma: given.noise_sigma, fadesAt: fades)
  case ARCUATE_WEIGHT_NOISE_MULTIPLICATIVE:
    options.noise = .init(.multiplicative, sigma: given.noise_sigma, fadesAt: fades)
  default:
    throw ArcuateError(
      .invalidArgument, "weight_noise is \(given.weight_noise), not within 0 ... 2")
  }
  return options
}

@c @implementation
public func arcuate_recipe_create(
  _ options: UnsafePointer<arcuate_train_options>?, _ recipe: UnsafeMutablePointer<OpaquePointer?>?,
  _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> arcuate_status {
  answering(error) {
    let result = try required(recipe, "recipe")
    let given = try ArcuateC.options(
      options, defaults: trainDefaults, least: MemoryLayout<arcuate_train_options>.size, "options")
    result.pointee = handOut(RecipeHandle(try trainingOptions(given)))
  }
}

@c @implementation
public func arcuate_recipe_free(_ recipe: OpaquePointer?) { takeBack(RecipeHandle.self, recipe) }

/// Changes what a recipe says, if what comes out can be.
private func changing(
  _ recipe: OpaquePointer?, _ error: UnsafeMutablePointer<OpaquePointer?>?,
  _ body: (inout TrainingOptions) throws -> Void
) -> arcuate_status {
  answering(error) {
    let handle = try required(object(RecipeHandle.self, recipe), "recipe")
    var options = handle.options
    try body(&options)
    try options.check()
    handle.options = options
  }
}

@c @implementation
public func arcuate_recipe_set_surrogate(
  _ recipe: OpaquePointer?, _ node: UnsafePointer<CChar>?, _ kind: Int32, _ a: Float, _ b: Float,
  _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> arcuate_status {
  changing(recipe, error) {
    $0.gradient.surrogates[try text(node, "node")] = try surrogate(kind, a, b)
  }
}

@c @implementation
public func arcuate_recipe_set_dropout(
  _ recipe: OpaquePointer?, _ node: UnsafePointer<CChar>?, _ share: Float,
  _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> arcuate_status {
  changing(recipe, error) { $0.gradient.dropout[try text(node, "node")] = share }
}

@c @implementation
public func arcuate_recipe_freeze(
  _ recipe: OpaquePointer?, _ node: UnsafePointer<CChar>?,
  _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> arcuate_status {
  changing(recipe, error) { $0.gradient.frozen.insert(try text(node, "node")) }
}

@c @implementation
public func arcuate_recipe_train(
  _ recipe: OpaquePointer?, _ parameter: UnsafePointer<CChar>?,
  _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> arcuate_status {
  changing(recipe, error) { $0.gradient.trained.insert(try text(parameter, "parameter")) }
}

@c @implementation
public func arcuate_recipe_tie(
  _ recipe: OpaquePointer?, _ nodes: UnsafePointer<UnsafePointer<CChar>?>?, _ count: Int,
  _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> arcuate_status {
  changing(recipe, error) { options in
    let count = try held(count, "count")
    guard (2...100_000).contains(count) else {
      throw ArcuateError(.invalidArgument, "count is \(count), not within 2 ... 100000")
    }
    let nodes = try required(nodes, "nodes")
    // SAFETY: the caller says that there are `count` names.
    options.gradient.ties.append(try (0..<count).map { try text(nodes[$0], "a name of nodes") })
  }
}

@c @implementation
public func arcuate_recipe_detach(
  _ recipe: OpaquePointer?, _ source: UnsafePointer<CChar>?, _ target: UnsafePointer<CChar>?,
  _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> arcuate_status {
  changing(recipe, error) {
    $0.gradient.detached.insert(Model.Edge(try text(source, "source"), try text(target, "target")))
  }
}

@c @implementation
public func arcuate_recipe_add_loss(
  _ recipe: OpaquePointer?, _ loss: UnsafePointer<arcuate_train_loss>?,
  _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> arcuate_status {
  let status = changing(recipe, error) { options in
    let given = try ArcuateC.options(
      try required(loss, "loss"), defaults: arcuate_train_loss(),
      least: MemoryLayout<arcuate_train_loss>.size, "loss")
    var result = Loss(
      try choice(given.kind, "kind", Loss.Kind.self),
      readout: try choice(given.answer, "answer", Loss.Readout.self), weight: given.weight)
    guard given.port >= 0, given.first >= 0, given.step_end == 0 || given.step_end > given.first
    else {
      throw ArcuateError(
        .invalidArgument,
        "port \(given.port) and steps \(given.first) ..< \(given.step_end) must not be negative, "
          + "nor the steps none")
    }
    if given.first > 0 || given.step_end > 0 {
      result.window = Int(given.first)..<(given.step_end == 0 ? Int.max : Int(given.step_end))
    }
    let isFirst = object(RecipeHandle.self, recipe)?.hasLosses == false
    options.losses = (isFirst ? [] : options.losses) + [(Int(given.port), result)]
  }
  if status == 0 { object(RecipeHandle.self, recipe)?.hasLosses = true }
  return status
}

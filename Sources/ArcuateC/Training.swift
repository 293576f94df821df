import Arcuate
import CArcuate

/// What an `arcuate_trainer *` points to.
final class TrainerHandle {
  let trainer: Trainer
  let parameters: [Text]
  var lastError = Text("")
  /// What the caller had put beside a checkpoint that was restored.
  var note = Text("")

  init(_ trainer: Trainer) {
    self.trainer = trainer
    parameters = trainer.network.parameters.map { Text($0.name) }
  }
}

@c @implementation
public func arcuate_trainer_create(
  _ model: OpaquePointer?, _ recipe: OpaquePointer?,
  _ trainer: UnsafeMutablePointer<OpaquePointer?>?, _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> arcuate_status {
  answering(error) {
    let handle = try required(object(ModelHandle.self, model), "model")
    let recipe = try required(object(RecipeHandle.self, recipe), "recipe")
    let result = try required(trainer, "trainer")
    result.pointee = handOut(TrainerHandle(try Trainer(handle.model, recipe.options)))
  }
}

@c @implementation
public func arcuate_trainer_free(_ trainer: OpaquePointer?) {
  takeBack(TrainerHandle.self, trainer)
}

private let nothing = Text("")

@c @implementation
public func arcuate_trainer_last_error(_ trainer: OpaquePointer?) -> UnsafePointer<CChar>? {
  (object(TrainerHandle.self, trainer)?.lastError ?? nothing).pointer
}

/// Calls `body`, keeps the sentence of what it throws, and answers with the status.
private func learning(
  _ trainer: OpaquePointer?, _ body: (Trainer) throws -> Void
) -> arcuate_status {
  guard let handle = object(TrainerHandle.self, trainer) else {
    return ArcuateError.Code.invalidArgument.rawValue
  }
  do {
    try body(handle.trainer)
    return 0
  } catch {
    let failure =
      error as? ArcuateError ?? ArcuateError(.invalidState, "unexpected failure: \(error)")
    handle.lastError = Text(failure.description)
    return failure.code.rawValue
  }
}

// MARK: Ports

@c @implementation
public func arcuate_trainer_input_count(_ trainer: OpaquePointer?) -> Int {
  object(TrainerHandle.self, trainer)?.trainer.network.inputCount ?? 0
}

@c @implementation
public func arcuate_trainer_output_count(_ trainer: OpaquePointer?) -> Int {
  object(TrainerHandle.self, trainer)?.trainer.network.outputCount ?? 0
}

@c @implementation
public func arcuate_trainer_input_size(_ trainer: OpaquePointer?, _ port: Int) -> Int {
  guard let trainer = object(TrainerHandle.self, trainer)?.trainer,
    (0..<trainer.network.inputCount).contains(port)
  else { return 0 }
  return trainer.sampleWidth(port)
}

@c @implementation
public func arcuate_trainer_output_size(_ trainer: OpaquePointer?, _ port: Int) -> Int {
  guard let trainer = object(TrainerHandle.self, trainer)?.trainer,
    (0..<trainer.network.outputCount).contains(port)
  else { return 0 }
  return trainer.network.outputWidth(port)
}

@c @implementation
public func arcuate_trainer_output_steps(_ trainer: OpaquePointer?) -> Int {
  object(TrainerHandle.self, trainer)?.trainer.network.options.steps ?? 0
}

@c @implementation
public func arcuate_trainer_batch(_ trainer: OpaquePointer?) -> Int {
  object(TrainerHandle.self, trainer)?.trainer.batch ?? 0
}

// MARK: Batches

/// The caller's samples: an array for each input, read where they are.
private func samples(
  _ samples: UnsafePointer<arcuate_samples>?, _ trainer: Trainer
) throws -> (given: arcuate_samples, inputs: [UnsafeBufferPointer<Float>]) {
  let given = try options(
    try required(samples, "samples"), defaults: arcuate_samples(),
    least: MemoryLayout<arcuate_samples>.size, "samples")
  _ = try held(given.count, "samples->count")
  let pointers = try required(given.inputs, "samples->inputs")
  let counts = try required(given.input_counts, "samples->input_counts")
  let inputs = try (0..<trainer.network.inputCount).map { port in
    // SAFETY: the header says that there is a pointer and a count for each input, and so many
    // numbers behind it.
    let count = try held(counts[port], "samples->input_counts")
    guard let start = pointers[port] else {
      throw ArcuateError(.invalidArgument, "samples->inputs[\(port)] is NULL")
    }
    return UnsafeBufferPointer(start: start, count: count)
  }
  return (given, inputs)
}

private func target(_ given: arcuate_samples, _ trainer: Trainer) throws -> Target {
  if let labels = given.labels {
    guard given.count <= trainer.batch else {
      throw ArcuateError(
        .invalidArgument, "samples->count is \(given.count), above a batch of \(trainer.batch)")
    }
    // SAFETY: the header says that there is a label for each sample.
    return .labels(UnsafeBufferPointer(start: labels, count: given.count).map { Int($0) })
  }
  let values = try required(given.targets, "samples->labels and samples->targets")
  let count = try held(given.target_count, "samples->target_count")
  try trainer.check(targets: count, samples: given.count)
  // SAFETY: the caller says that there are so many numbers.
  return .values(Array(UnsafeBufferPointer(start: values, count: count)))
}

/// The size that a result to be filled begins with.
private func resultSize(_ result: UnsafeMutablePointer<arcuate_train_result>?) throws -> Int {
  guard let result else { return 0 }
  let size = result.pointee.struct_size
  guard (MemoryLayout<arcuate_train_result>.size...4096).contains(size) else {
    throw ArcuateError(
      .invalidArgument,
      "result->struct_size is \(UInt(bitPattern: size)): set it to sizeof the struct")
  }
  return size
}

private func measuring(
  _ trainer: OpaquePointer?, _ given: UnsafePointer<arcuate_samples>?,
  _ result: UnsafeMutablePointer<arcuate_train_result>?,
  _ body: (Trainer, [UnsafeBufferPointer<Float>], Target, Int) throws -> TrainingResult
) -> arcuate_status {
  learning(trainer) { trainer in
    let size = try resultSize(result)
    let (given, inputs) = try samples(given, trainer)
    let found = try body(trainer, inputs, try target(given, trainer), given.count)
    result?.pointee = arcuate_train_result(
      struct_size: size, loss: found.loss, gradient_norm: found.gradientNorm,
      correct: UInt64(found.correct), samples: UInt64(found.samples),
      spikes: UInt64(found.spikes), additions: UInt64(found.additions),
      products: UInt64(found.products))
  }
}

/// Throws. `invalidArgument` for what is not a whole batch.
private func wholeBatch(_ count: Int, _ trainer: Trainer) throws {
  guard count == trainer.batch else {
    throw ArcuateError(
      .invalidArgument, "samples->count is \(count), not a batch of \(trainer.batch)")
  }
}

@c @implementation
public func arcuate_trainer_learn(
  _ trainer: OpaquePointer?, _ samples: UnsafePointer<arcuate_samples>?,
  _ result: UnsafeMutablePointer<arcuate_train_result>?
) -> arcuate_status {
  measuring(trainer, samples, result) {
    try wholeBatch($3, $0)
    return try $0.learn($1, $2)
  }
}

@c @implementation
public func arcuate_trainer_gradients(
  _ trainer: OpaquePointer?, _ samples: UnsafePointer<arcuate_samples>?,
  _ result: UnsafeMutablePointer<arcuate_train_result>?
) -> arcuate_status {
  measuring(trainer, samples, result) {
    try wholeBatch($3, $0)
    return try $0.gradients($1, $2)
  }
}

@c @implementation
public func arcuate_trainer_evaluate(
  _ trainer: OpaquePointer?, _ samples: UnsafePointer<arcuate_samples>?,
  _ result: UnsafeMutablePointer<arcuate_train_result>?
) -> arcuate_status {
  measuring(trainer, samples, result) { try $0.evaluate($1, $2, samples: $3) }
}

@c @implementation
public func arcuate_trainer_predict(
  _ trainer: OpaquePointer?, _ given: UnsafePointer<arcuate_samples>?,
  _ outputs: UnsafePointer<UnsafeMutablePointer<Float>?>?, _ output_counts: UnsafePointer<Int>?
) -> arcuate_status {
  learning(trainer) { trainer in
    let (given, inputs) = try samples(given, trainer)
    let outputs = try required(outputs, "outputs")
    let counts = try required(output_counts, "output_counts")
    let network = trainer.network
    guard given.count <= trainer.batch else {
      throw ArcuateError(
        .invalidArgument, "samples->count is \(given.count), above a batch of \(trainer.batch)")
    }
    // SAFETY: the header says that there are a pointer and a count for each output.
    for port in 0..<network.outputCount where outputs[port] != nil {
      let needed = given.count * network.options.steps * network.outputWidth(port)
      guard counts[port] == needed else {
        throw ArcuateError(
          .bufferSize,
          "output \(port) has room for \(UInt(bitPattern: counts[port])) numbers, not \(needed)")
      }
    }
    for (port, values) in try trainer.predict(inputs, samples: given.count).enumerated() {
      // SAFETY: checked above.
      outputs[port].map { fill($0, values) }
    }
  }
}

/// Copies numbers to where the caller has room for them.
private func fill(_ room: UnsafeMutablePointer<Float>, _ values: [Float]) {
  // SAFETY: the caller of this function has compared the counts.
  _ = UnsafeMutableBufferPointer(start: room, count: values.count).update(fromContentsOf: values)
}

// MARK: Progress

@c @implementation
public func arcuate_trainer_step(_ trainer: OpaquePointer?) -> UInt64 {
  UInt64(object(TrainerHandle.self, trainer)?.trainer.step ?? 0)
}

@c @implementation
public func arcuate_trainer_rate(_ trainer: OpaquePointer?) -> Double {
  Double(object(TrainerHandle.self, trainer)?.trainer.rate ?? 0)
}

@c @implementation
public func arcuate_trainer_rate_factor(_ trainer: OpaquePointer?) -> Double {
  Double(object(TrainerHandle.self, trainer)?.trainer.rateFactor ?? 0)
}

@c @implementation
public func arcuate_trainer_set_rate_factor(
  _ trainer: OpaquePointer?, _ factor: Double
) -> arcuate_status {
  learning(trainer) {
    guard factor >= 0, Float(factor).isFinite else {
      throw ArcuateError(.invalidArgument, "factor is \(factor), not a number from 0 up")
    }
    $0.rateFactor = Float(factor)
  }
}

// MARK: Parameters

private func parameter(_ trainer: OpaquePointer?, _ index: Int) -> Parameter? {
  guard let all = object(TrainerHandle.self, trainer)?.trainer.network.parameters,
    all.indices.contains(index)
  else { return nil }
  return all[index]
}

@c @implementation
public func arcuate_trainer_parameter_count(_ trainer: OpaquePointer?) -> Int {
  object(TrainerHandle.self, trainer)?.parameters.count ?? 0
}

@c @implementation
public func arcuate_trainer_parameter_name(
  _ trainer: OpaquePointer?, _ index: Int
) -> UnsafePointer<CChar>? {
  guard let names = object(TrainerHandle.self, trainer)?.parameters, names.indices.contains(index)
  else { return nil }
  return names[index].pointer
}

@c @implementation
public func arcuate_trainer_parameter_size(_ trainer: OpaquePointer?, _ index: Int) -> Int {
  parameter(trainer, index)?.count ?? 0
}

@c @implementation
public func arcuate_trainer_parameter_shape(
  _ trainer: OpaquePointer?, _ index: Int, _ extents: UnsafeMutablePointer<Int>?, _ capacity: Int
) -> Int {
  give(parameter(trainer, index)?.shape, to: extents, capacity)
}

@c @implementation
public func arcuate_trainer_parameter_learns(_ trainer: OpaquePointer?, _ index: Int) -> Int32 {
  parameter(trainer, index)?.isTrained == true ? 1 : 0
}

@c @implementation
public func arcuate_trainer_find_parameter(
  _ trainer: OpaquePointer?, _ name: UnsafePointer<CChar>?
) -> Int64 {
  guard let trainer = object(TrainerHandle.self, trainer)?.trainer,
    let name = try? text(name, "name"),
    let index = trainer.network.parameters.firstIndex(where: { $0.name == name })
  else { return -1 }
  return Int64(index)
}

/// One of the parameters, and the caller's numbers for it. Throws. `bufferSize`.
private func parameter<T>(
  _ trainer: OpaquePointer?, _ index: Int, _ values: T?, _ count: Int
) throws -> (Parameter, T) {
  _ = try required(object(TrainerHandle.self, trainer), "trainer")
  guard let found = parameter(trainer, index) else {
    throw ArcuateError(
      .invalidArgument, "index is \(UInt(bitPattern: index)), where no parameter is")
  }
  let values = try required(values, "values")
  guard count == found.count else {
    throw ArcuateError(
      .bufferSize, "count is \(UInt(bitPattern: count)), not \(found.count)",
      at: "parameter \"\(found.name)\"")
  }
  return (found, values)
}

@c @implementation
public func arcuate_trainer_read_parameter(
  _ trainer: OpaquePointer?, _ index: Int, _ values: UnsafeMutablePointer<Float>?, _ count: Int,
  _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> arcuate_status {
  answering(error) {
    let (parameter, values) = try parameter(trainer, index, values, count)
    fill(values, parameter.read())
  }
}

@c @implementation
public func arcuate_trainer_read_gradient(
  _ trainer: OpaquePointer?, _ index: Int, _ values: UnsafeMutablePointer<Float>?, _ count: Int,
  _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> arcuate_status {
  answering(error) {
    let (parameter, values) = try parameter(trainer, index, values, count)
    fill(values, parameter.readGradient())
  }
}

@c @implementation
public func arcuate_trainer_write_parameter(
  _ trainer: OpaquePointer?, _ index: Int, _ values: UnsafePointer<Float>?, _ count: Int,
  _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> arcuate_status {
  answering(error) {
    let (parameter, values) = try parameter(trainer, index, values, count)
    // SAFETY: the caller says that there are so many numbers.
    let numbers = Array(UnsafeBufferPointer(start: values, count: count))
    if let bad = numbers.firstIndex(where: { !$0.isFinite }) {
      throw ArcuateError(
        .invalidArgument, "number \(bad) is not finite", at: "parameter \"\(parameter.name)\"")
    }
    if let least = parameter.least, let bad = numbers.firstIndex(where: { $0 < least }) {
      throw ArcuateError(
        .invalidArgument, "number \(bad) is \(numbers[bad]), less than \(least)",
        at: "parameter \"\(parameter.name)\"")
    }
    parameter.write(numbers)
  }
}

@c @implementation
public func arcuate_trainer_read_input_gradient(
  _ trainer: OpaquePointer?, _ port: Int, _ values: UnsafeMutablePointer<Float>?, _ count: Int,
  _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> arcuate_status {
  answering(error) {
    let trainer = try required(object(TrainerHandle.self, trainer), "trainer").trainer
    guard (0..<trainer.network.inputCount).contains(port) else {
      throw ArcuateError(
        .invalidArgument, "port is \(UInt(bitPattern: port)), where no input is")
    }
    guard trainer.options.gradient.inputGradients else {
      throw ArcuateError(.invalidState, "the recipe has no input_gradients")
    }
    let values = try required(values, "values")
    let needed = trainer.batch * trainer.sampleWidth(port)
    guard count == needed else {
      throw ArcuateError(.bufferSize, "count is \(UInt(bitPattern: count)), not \(needed)")
    }
    fill(values, try trainer.network.inputGradient(port))
  }
}

// MARK: Result

@c @implementation
public func arcuate_trainer_model(
  _ trainer: OpaquePointer?, _ model: UnsafeMutablePointer<OpaquePointer?>?,
  _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> arcuate_status {
  answering(error) {
    let trainer = try required(object(TrainerHandle.self, trainer), "trainer").trainer
    let result = try required(model, "model")
    result.pointee = handOut(ModelHandle(try trainer.model(), []))
  }
}

@c @implementation
public func arcuate_trainer_spiking_model(
  _ trainer: OpaquePointer?, _ model: UnsafeMutablePointer<OpaquePointer?>?,
  _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> arcuate_status {
  answering(error) {
    let trainer = try required(object(TrainerHandle.self, trainer), "trainer").trainer
    let result = try required(model, "model")
    result.pointee = handOut(ModelHandle(try trainer.spikingModel(), []))
  }
}

@c @implementation
public func arcuate_trainer_save(
  _ trainer: OpaquePointer?, _ path: UnsafePointer<CChar>?, _ note: UnsafePointer<CChar>?,
  _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> arcuate_status {
  answering(error) {
    let trainer = try required(object(TrainerHandle.self, trainer), "trainer").trainer
    try trainer.save(
      to: try text(path, "path"), note: try note.map { try text($0, "note") } ?? "")
  }
}

@c @implementation
public func arcuate_trainer_restore(
  _ trainer: OpaquePointer?, _ path: UnsafePointer<CChar>?,
  _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> arcuate_status {
  answering(error) {
    let handle = try required(object(TrainerHandle.self, trainer), "trainer")
    handle.note = Text(try handle.trainer.restore(from: try text(path, "path")))
  }
}

@c @implementation
public func arcuate_trainer_note(_ trainer: OpaquePointer?) -> UnsafePointer<CChar>? {
  (object(TrainerHandle.self, trainer)?.note ?? nothing).pointer
}

@c @implementation
public func arcuate_sample_order(
  _ count: Int, _ epoch: UInt64, _ seed: UInt64, _ order: UnsafeMutablePointer<UInt64>?
) -> arcuate_status {
  answering(nil) {
    let count = try held(count, "count")
    let order = try required(order, "order")
    guard count <= Int(UInt32.max), epoch <= UInt64(Int.max) else {
      throw ArcuateError(.invalidArgument, "count is \(count) and epoch \(epoch)")
    }
    for (i, sample) in Trainer.order(count: count, epoch: Int(epoch), seed: seed).enumerated() {
      // SAFETY: the caller says that there is room for `count` numbers.
      order[i] = UInt64(sample)
    }
  }
}

import Arcuate
import CArcuate

/// What an `arcuate_trainer *` points to.
final class TrainerHandle {
  let trainer: Trainer
  let parameters: [Text]
  var lastError = Text("")
  /// The note of the last checkpoint that was restored.
  var note = Text("")

  init(_ trainer: Trainer) {
    self.trainer = trainer
    parameters = trainer.network.parameters.map { Text($0.name) }
  }
}

@c @implementation
public func arcuate_trainer_create(
  _ model: OpaquePointer?, _ options: UnsafePointer<arcuate_training_options>?,
  _ trainer: UnsafeMutablePointer<OpaquePointer?>?, _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> arcuate_status {
  withError(error) {
    let handle = try required(object(ModelHandle.self, model), "model")
    let result = try required(trainer, "trainer")
    let options = try trainingOptions(options)
    result.pointee = retain(TrainerHandle(try Trainer(handle.model, options)))
  }
}

@c @implementation
public func arcuate_trainer_free(_ trainer: OpaquePointer?) {
  release(TrainerHandle.self, trainer)
}

@c @implementation
public func arcuate_trainer_last_error(_ trainer: OpaquePointer?) -> UnsafePointer<CChar>? {
  (object(TrainerHandle.self, trainer)?.lastError ?? noText).pointer
}

/// Calls `body`, stores the message of what it throws in the trainer, and returns the status.
private func withTrainer(
  _ trainer: OpaquePointer?, _ body: (Trainer) throws -> Void
) -> arcuate_status {
  guard let handle = object(TrainerHandle.self, trainer) else {
    return ARCUATE_ERROR_INVALID_ARGUMENT
  }
  Cancellation.begin()
  do {
    try body(handle.trainer)
    return ARCUATE_SUCCESS
  } catch {
    let failure = ArcuateError(error)
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

private func measuring(
  _ trainer: OpaquePointer?, _ given: UnsafePointer<arcuate_samples>?,
  _ result: UnsafeMutablePointer<arcuate_training_result>?,
  _ body: (Trainer, [UnsafeBufferPointer<Float>], [Target], Int) throws -> TrainingResult
) -> arcuate_status {
  withTrainer(trainer) { trainer in
    let size = try result.map {
      try statedSize($0, least: MemoryLayout<arcuate_training_result>.size, "result")
    }
    let (given, inputs) = try samples(given, trainer)
    let found = try body(trainer, inputs, try targets(given, trainer), given.count)
    result?.pointee = arcuate_training_result(
      struct_size: size ?? 0, loss: found.loss, gradient_norm: found.gradientNorm,
      correct: UInt64(clamping: found.correct), samples: UInt64(clamping: found.samples),
      spikes: UInt64(clamping: found.spikes), additions: UInt64(clamping: found.additions),
      products: UInt64(clamping: found.products))
  }
}

/// Throws. `invalidArgument` unless the samples are a full batch.
private func requireFullBatch(_ count: Int, _ trainer: Trainer) throws {
  guard count == trainer.batch else {
    throw ArcuateError(
      .invalidArgument, "samples->count must be the batch size \(trainer.batch), got \(count)")
  }
}

@c @implementation
public func arcuate_trainer_train_step(
  _ trainer: OpaquePointer?, _ samples: UnsafePointer<arcuate_samples>?,
  _ result: UnsafeMutablePointer<arcuate_training_result>?
) -> arcuate_status {
  measuring(trainer, samples, result) {
    try requireFullBatch($3, $0)
    return try $0.trainStep($1, $2)
  }
}

@c @implementation
public func arcuate_trainer_gradients(
  _ trainer: OpaquePointer?, _ samples: UnsafePointer<arcuate_samples>?,
  _ result: UnsafeMutablePointer<arcuate_training_result>?
) -> arcuate_status {
  measuring(trainer, samples, result) {
    try requireFullBatch($3, $0)
    return try $0.gradients($1, $2)
  }
}

@c @implementation
public func arcuate_trainer_evaluate(
  _ trainer: OpaquePointer?, _ samples: UnsafePointer<arcuate_samples>?,
  _ result: UnsafeMutablePointer<arcuate_training_result>?
) -> arcuate_status {
  measuring(trainer, samples, result) { try $0.evaluate($1, $2, samples: $3) }
}

@c @implementation
public func arcuate_trainer_predict(
  _ trainer: OpaquePointer?, _ given: UnsafePointer<arcuate_samples>?,
  _ outputs: UnsafePointer<UnsafeMutablePointer<Float>?>?, _ output_counts: UnsafePointer<Int>?
) -> arcuate_status {
  withTrainer(trainer) { trainer in
    let (given, inputs) = try samples(given, trainer)
    let outputs = try required(outputs, "outputs")
    let counts = try required(output_counts, "output_counts")
    let network = trainer.network
    guard given.count <= trainer.batch else {
      throw ArcuateError(
        .invalidArgument,
        "samples->count must be at most the batch size \(trainer.batch), got \(given.count)")
    }
    // SAFETY: the header says that there are a pointer and a count for each output.
    for port in 0..<network.outputCount where outputs[port] != nil {
      let needed = given.count * network.options.steps * network.outputWidth(port)
      guard counts[port] == needed else {
        throw ArcuateError(
          .bufferSize,
          "output \(port) must have \(needed) numbers, got \(UInt(bitPattern: counts[port]))")
      }
    }
    for (port, values) in try trainer.predict(inputs, samples: given.count).enumerated() {
      // SAFETY: checked above.
      outputs[port].map { copyOut(values, to: $0) }
    }
  }
}

// MARK: The last batch

@c @implementation
public func arcuate_trainer_sample_count(_ trainer: OpaquePointer?) -> Int {
  object(TrainerHandle.self, trainer)?.trainer.sampleLosses.count ?? 0
}

@c @implementation
public func arcuate_trainer_read_sample_losses(
  _ trainer: OpaquePointer?, _ losses: UnsafeMutablePointer<Double>?, _ count: Int,
  _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> arcuate_status {
  withError(error) {
    let trainer = try required(object(TrainerHandle.self, trainer), "trainer").trainer
    let losses = try required(losses, "losses")
    try requireBatch(trainer, trainer.sampleLosses.count, count)
    // SAFETY: the caller says that there are that many numbers.
    for (i, loss) in trainer.sampleLosses.enumerated() { losses[i] = loss }
  }
}

@c @implementation
public func arcuate_trainer_read_output(
  _ trainer: OpaquePointer?, _ port: Int, _ values: UnsafeMutablePointer<Float>?, _ count: Int,
  _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> arcuate_status {
  withError(error) {
    let trainer = try required(object(TrainerHandle.self, trainer), "trainer").trainer
    let values = try required(values, "values")
    guard (0..<trainer.network.outputCount).contains(port) else {
      throw ArcuateError(
        .invalidArgument,
        "port must be 0 ... \(trainer.network.outputCount - 1), got \(UInt(bitPattern: port))")
    }
    try requireBatch(trainer, trainer.outputs.isEmpty ? 0 : trainer.outputs[port].count, count)
    copyOut(trainer.outputs[port], to: values)
  }
}

/// Throws. `invalidState` without a last batch; `bufferSize` unless `count` numbers are `needed`.
private func requireBatch(_ trainer: Trainer, _ needed: Int, _ count: Int) throws {
  guard !trainer.sampleLosses.isEmpty else {
    throw ArcuateError(.invalidState, "there is no last batch")
  }
  guard count == needed else {
    throw ArcuateError(
      .bufferSize, "count must be \(needed), got \(UInt(bitPattern: count))")
  }
}

// MARK: Progress

@c @implementation
public func arcuate_trainer_step(_ trainer: OpaquePointer?) -> UInt64 {
  UInt64(clamping: object(TrainerHandle.self, trainer)?.trainer.step ?? 0)
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
  withTrainer(trainer) {
    guard factor >= 0, Float(factor).isFinite else {
      throw ArcuateError(.invalidArgument, "factor must be finite and not negative, got \(factor)")
    }
    $0.rateFactor = Float(factor)
  }
}

// MARK: Result

@c @implementation
public func arcuate_trainer_model(
  _ trainer: OpaquePointer?, _ model: UnsafeMutablePointer<OpaquePointer?>?,
  _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> arcuate_status {
  withError(error) {
    let trainer = try required(object(TrainerHandle.self, trainer), "trainer").trainer
    let result = try required(model, "model")
    result.pointee = retain(ModelHandle(try trainer.model(), []))
  }
}

@c @implementation
public func arcuate_trainer_spiking_model(
  _ trainer: OpaquePointer?, _ model: UnsafeMutablePointer<OpaquePointer?>?,
  _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> arcuate_status {
  withError(error) {
    let trainer = try required(object(TrainerHandle.self, trainer), "trainer").trainer
    let result = try required(model, "model")
    result.pointee = retain(ModelHandle(try trainer.spikingModel(), []))
  }
}

@c @implementation
public func arcuate_trainer_save(
  _ trainer: OpaquePointer?, _ path: UnsafePointer<CChar>?, _ note: UnsafePointer<CChar>?,
  _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> arcuate_status {
  withError(error) {
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
  withError(error) {
    let handle = try required(object(TrainerHandle.self, trainer), "trainer")
    handle.note = Text(try handle.trainer.restore(from: try text(path, "path")))
  }
}

@c @implementation
public func arcuate_trainer_note(_ trainer: OpaquePointer?) -> UnsafePointer<CChar>? {
  (object(TrainerHandle.self, trainer)?.note ?? noText).pointer
}

@c @implementation
public func arcuate_sample_order(
  _ count: Int, _ epoch: UInt64, _ seed: UInt64, _ order: UnsafeMutablePointer<UInt64>?
) -> arcuate_status {
  withError(nil) {
    let count = try nonNegative(count, "count")
    let order = try required(order, "order")
    try checkRange(count, 0...Int(UInt32.max), "count")
    try checkRange(epoch, 0...UInt64(Int.max), "epoch")
    for (i, sample) in Trainer.order(count: count, epoch: Int(clamping: epoch), seed: seed)
      .enumerated()
    {
      // SAFETY: the caller says that there are `count` elements.
      order[i] = UInt64(clamping: sample)
    }
  }
}

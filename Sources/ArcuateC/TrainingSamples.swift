import Arcuate
import CArcuate

/// The caller's samples: an array per input, not copied.
func samples(
  _ samples: UnsafePointer<arcuate_samples>?, _ trainer: Trainer
) throws -> (given: arcuate_samples, inputs: [UnsafeBufferPointer<Float>]) {
  let given = try options(
    try required(samples, "samples"), defaults: arcuate_samples(),
    least: MemoryLayout<arcuate_samples>.offset(of: \.loss_targets)!, "samples")
  _ = try nonNegative(given.count, "samples->count")
  let pointers = try required(given.inputs, "samples->inputs")
  let counts = try required(given.input_counts, "samples->input_counts")
  let inputs = try (0..<trainer.network.inputCount).map { port in
    // SAFETY: the header says that there is a pointer and a count for each input, and that many
    // numbers behind it.
    let count = try nonNegative(counts[port], "samples->input_counts")
    guard let start = pointers[port] else {
      throw ArcuateError(.invalidArgument, "samples->inputs[\(port)] is NULL")
    }
    return UnsafeBufferPointer(start: start, count: count)
  }
  return (given, inputs)
}

/// The caller's targets: one for all losses, or one for each.
func targets(_ given: arcuate_samples, _ trainer: Trainer) throws -> [Target] {
  guard try nonNegative(given.loss_target_count, "samples->loss_target_count") > 0 else {
    let one = arcuate_target(
      labels: given.labels, targets: given.targets, target_count: given.target_count)
    return [try target(one, given.count, trainer, loss: nil, "samples->")]
  }
  let own = try required(given.loss_targets, "samples->loss_targets")
  guard given.labels == nil, given.targets == nil else {
    throw ArcuateError(
      .invalidArgument,
      "samples->loss_targets excludes samples->labels and samples->targets")
  }
  try trainer.check(targetCount: given.loss_target_count)
  // SAFETY: the header says that there are that many.
  return try (0..<given.loss_target_count).map { i in
    let loss = given.loss_target_count == 1 ? nil : i
    return try target(own[i], given.count, trainer, loss: loss, "samples->loss_targets[\(i)].")
  }
}

/// `prefix` is that of its fields, as the caller writes them.
private func target(
  _ given: arcuate_target, _ samples: Int, _ trainer: Trainer, loss: Int?, _ prefix: String
) throws -> Target {
  if let labels = given.labels {
    guard given.targets == nil else {
      throw ArcuateError(
        .invalidArgument, "\(prefix)labels and \(prefix)targets exclude each other")
    }
    guard samples <= trainer.batch else {
      throw ArcuateError(
        .invalidArgument,
        "samples->count must be at most the batch size \(trainer.batch), got \(samples)")
    }
    // SAFETY: the header says that there is a label for each sample.
    return .labels(UnsafeBufferPointer(start: labels, count: samples).map { Int(widening: $0) })
  }
  guard let values = given.targets else {
    throw ArcuateError(.invalidArgument, "\(prefix)labels and \(prefix)targets are both NULL")
  }
  let count = given.target_count
  guard count >= 0 else {
    throw ArcuateError(
      .invalidArgument, "\(prefix)target_count is too large: \(UInt(bitPattern: count))")
  }
  try trainer.check(targets: count, samples: samples, loss: loss)
  // SAFETY: the caller says that there are that many numbers.
  return .values(Array(UnsafeBufferPointer(start: values, count: count)))
}

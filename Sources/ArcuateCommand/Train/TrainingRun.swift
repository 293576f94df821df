import Arcuate
import ArcuateConsole
import ArcuateData

/// The epochs of a training: order, validation, early stopping, checkpoints, log. `arcuate.fit` of the
/// Python package does the same, with the same order and checkpoint metadata.
final class TrainingRun {
  let trainer: Trainer
  let samples: any TrainingSamples
  /// Separate samples for validation.
  var validation: (any TrainingSamples)?
  /// The fraction of `samples` that is held out for validation.
  var heldOut = 0.0
  var epochs = 1
  var seed: UInt64 = 0
  var patience: Int?
  var halveAfter: Int?
  var checkpoint: String?
  var checkpointSteps: Int?
  var log: String?
  var best: String?
  var isQuiet = false
  private var state = RunState()

  init(_ trainer: Trainer, _ samples: any TrainingSamples) {
    (self.trainer, self.samples) = (trainer, samples)
  }

  var history: [JSON] { state.history }

  /// Resumes from the checkpoint. Throws. As `Trainer.restore`; `invalidState` for a checkpoint of
  /// other data.
  func resume(from path: String) throws {
    let note = try trainer.restore(from: path)
    state = try within(path) {
      let state = try RunState(note: note)
      if let other = state.data, other != data {
        throw ArcuateError(.invalidState, "is a checkpoint of a training on \(other), not \(data)")
      }
      return state
    }
  }

  /// Describes the data: with another order or fraction, held-out samples would be trained on.
  private var data: String {
    "\(samples.count) samples by seed \(seed), \(heldOut) of them kept apart"
  }

  func run() throws {
    state.data = data
    Interrupt.hold()
    let (trained, validated) =
      heldOut > 0 ? samples.split(heldOut, seed: seed) : (Array(0..<samples.count), [])
    if let log { try writeLog(to: log) }
    while state.epoch < epochs, state.stopped == nil {
      var start = ContinuousClock.now
      let batches = try samples.batches(
        of: trainer.batch, epoch: state.epoch, seed: seed, among: trained)
      guard batches.count > 0 else {
        throw ArcuateError(
          .invalidArgument,
          "\(trained.count) samples are less than one batch of \(trainer.batch)")
      }
      var progress = EpochProgress(state.epoch, epochs, batches.count, quiet: isQuiet)
      for _ in 0..<min(state.position, batches.count) { try batches.skip() }
      while state.position < batches.count {
        guard let (inputs, labels) = try batches.next() else { break }
        state.result.add(
          try endingEarly { try trainer.trainStep([inputs], .labels(labels)) })
        state.position += 1
        progress.update(state.position, state.result)
        let isDue = checkpointSteps.map { state.position % $0 == 0 } ?? false
        if let checkpoint, isDue || Interrupt.isWanted {
          state.seconds += (ContinuousClock.now - start) / .seconds(1)
          start = ContinuousClock.now
          try trainer.save(to: checkpoint, note: state.note)
        }
        if Interrupt.isWanted { endInterrupted() }
      }
      guard state.result.samples > 0 else {
        throw ArcuateError(.invalidArgument, "no batch of \(trainer.batch) samples can be used")
      }
      let checked = try validate(validated)
      state.seconds += (ContinuousClock.now - start) / .seconds(1)
      let improved = finishEpoch(checked)
      progress.finish(state.history[state.history.count - 1])
      if let log { try writeLog(to: log) }
      if improved, let best { try ModelFile.write(try trainer.model(), to: best) }
      if let checkpoint { try trainer.save(to: checkpoint, note: state.note) }
      if Interrupt.isWanted { endInterrupted() }
    }
  }

  /// Runs a call that a signal ends early: the state before it is saved, and the process ends.
  private func endingEarly<T>(_ body: () throws -> T) throws -> T {
    do { return try Interrupt.canceling(body) } catch let error as ArcuateError
      where error.code == .canceled
    {
      if let checkpoint { try trainer.save(to: checkpoint, note: state.note) }
      endInterrupted()
    }
  }

  /// Reports what was saved, then ends the process with the signal that arrived.
  private func endInterrupted() -> Never {
    let saved =
      checkpoint.map { "continue with --resume; the state is in \($0)" }
      ?? "nothing was saved (--checkpoint keeps the state)"
    note("interrupted in epoch \(state.epoch + 1) of \(epochs): \(saved)")
    Interrupt.end()
  }

  private func validate(_ indices: [Int]) throws -> TrainingResult? {
    let (source, indices) = validation.map { ($0, Array(0..<$0.count)) } ?? (samples, indices)
    guard !indices.isEmpty else { return nil }
    var result = TrainingResult()
    for start in stride(from: 0, to: indices.count, by: trainer.batch) {
      let part = Array(indices[start..<min(start + trainer.batch, indices.count)])
      let (inputs, labels) = try source.read(part)
      guard !labels.isEmpty else { continue }
      result.add(
        try endingEarly {
          try trainer.evaluate([inputs], .labels(labels), samples: labels.count)
        })
    }
    return result
  }

  /// Adds the epoch to the history and advances to the next; returns whether it was the best so far.
  private func finishEpoch(_ checked: TrainingResult?) -> Bool {
    let result = state.result
    let count = Double(max(1, result.samples))
    var entry: [String: JSON] = [
      "epoch": .number(state.epoch), "step": .number(trainer.step),
      "rate": .measured(Double(trainer.rate)), "loss": .measured(result.loss),
      "accuracy": .measured(result.accuracy), "samples": .number(result.samples),
      "spikes": .number(Double(result.spikes) / count),
      "additions": .number(Double(result.additions) / count),
      "products": .number(Double(result.products) / count),
      "seconds": .number((state.seconds * 1000).rounded() / 1000),
    ]
    if let checked {
      entry["validation_loss"] = .measured(checked.loss)
      entry["validation_accuracy"] = .measured(checked.accuracy)
      entry["validation_samples"] = .number(checked.samples)
    }
    let loss = checked?.loss ?? result.loss
    let improved = state.bestLoss.map { loss < $0 } ?? true
    if improved {
      (state.bestEpoch, state.bestLoss, state.since, state.halving) = (state.epoch, loss, 0, 0)
    } else {
      state.since += 1
      state.halving += 1
      if let halveAfter, state.halving >= halveAfter {
        trainer.rateFactor /= 2
        state.halving = 0
      }
      if let patience, state.since >= patience { state.stopped = "patience" }
    }
    state.history.append(.object(entry))
    state.epoch += 1
    (state.position, state.result, state.seconds) = (0, TrainingResult(), 0)
    return improved
  }

  private func writeLog(to path: String) throws {
    var text: [UInt8] = []
    for entry in state.history { text += entry.text + [UInt8(ascii: "\n")] }
    try Files.write(text, to: path)
  }
}

/// The progress of a training: the metadata of its checkpoints, with the fields of `arcuate.fit`'s.
struct RunState {
  var epoch = 0
  /// Batches of the epoch that are done, and their sums.
  var position = 0
  var result = TrainingResult()
  var seconds = 0.0
  var history: [JSON] = []
  var bestEpoch: Int?
  var bestLoss: Double?
  /// Epochs since the best, and epochs without progress since the rate was halved.
  var since = 0
  var halving = 0
  var stopped: String?
  /// Describes the data.
  var data: String?

  init() {}

  /// Throws. `malformed`.
  init(note: String) throws {
    let fields = try JSON(parsing: note).members
    func whole(_ name: String, _ from: [String: JSON]) throws -> Int {
      guard case .number(let text)? = from[name], let number = Int(text: text), number >= 0 else {
        throw ArcuateError(.malformed, "the checkpoint has no \(name)")
      }
      return number
    }
    func real(_ name: String, _ from: [String: JSON]) throws -> Double {
      guard case .number(let text)? = from[name], let number = Double(text) else {
        throw ArcuateError(.malformed, "the checkpoint has no \(name)")
      }
      return number
    }
    epoch = try whole("epoch", fields)
    position = try whole("position", fields)
    since = try whole("since", fields)
    halving = try whole("halving", fields)
    seconds = try real("seconds", fields)
    if case .string(let reason)? = fields["stopped"] { stopped = reason }
    if case .string(let text)? = fields["data"] { data = text }
    if case .array(let entries)? = fields["history"] { history = entries }
    bestEpoch = try? whole("best_epoch", fields)
    bestLoss = try? real("best_loss", fields)
    let done = fields["result"]?.members ?? [:]
    result.loss = try real("loss", done)
    result.correct = try whole("correct", done)
    result.samples = try whole("samples", done)
    result.spikes = try whole("spikes", done)
    result.additions = try whole("additions", done)
    result.products = try whole("products", done)
    result.gradientNorm = try real("gradient_norm", done)
  }

  var note: String {
    let done: JSON = [
      "loss": .number(result.loss), "correct": .number(result.correct),
      "samples": .number(result.samples), "spikes": .number(result.spikes),
      "additions": .number(result.additions), "products": .number(result.products),
      "gradient_norm": .number(result.gradientNorm),
    ]
    let all: JSON = [
      "epoch": .number(epoch), "position": .number(position), "result": done,
      "seconds": .number(seconds), "history": .array(history),
      "best_epoch": bestEpoch.map { .number($0) } ?? .null,
      "best_loss": bestLoss.map { .number($0) } ?? .null, "since": .number(since),
      "halving": .number(halving), "stopped": stopped.map { .string($0) } ?? .null,
      "data": data.map { .string($0) } ?? .null,
    ]
    return String(decoding: all.text, as: UTF8.self)
  }
}

extension JSON {
  /// The members of an object; empty for other values.
  var members: [String: JSON] {
    guard case .object(let members) = self else { return [:] }
    return members
  }
}

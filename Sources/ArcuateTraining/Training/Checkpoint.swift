import ArcuateCore
import ArcuateFormats
import ArcuateKernels
import ArcuateModel

/// Checkpoints: files from which an interrupted training run resumes with the same bits.
///
/// A `.safetensors` file with the tensors `parameter/NAME` (running statistics of batch-norm among
/// them) and `moment K/NAME`, and the texts `arcuate.checkpoint` ("2"), `arcuate.network` (the graph
/// without numbers), `arcuate.constants` (a hash for each parameter that is not trained, of its values
/// in the model), `arcuate.training` (options, number of steps, learning-rate multiplier),
/// `arcuate.checksum` (of all tensors) and `arcuate.note`, the caller's.
extension Trainer {
  private static let format = "2"

  /// Writes everything that training has changed, atomically. `restore` returns `note`.
  /// Throws. `cannotWrite`, `limitExceeded`, `invalidArgument` for a note of more than 10 MB,
  /// `invalidState` naming a parameter that is not finite, `canceled`; the file is not changed then.
  public func save(to path: String, note: String = "") throws(ArcuateError) {
    guard note.utf8.count <= 10_000_000 else {
      throw ArcuateError(
        .invalidArgument, "a note of \(note.utf8.count) bytes exceeds the limit of 10000000")
    }
    var file = NamedTensors()
    file.texts = [
      "arcuate.checkpoint": Self.format, "arcuate.network": try network.model.outline(),
      "arcuate.training": state().encoded, "arcuate.note": note,
      "arcuate.constants": constants.map(\.line).joined(separator: "\n"),
    ]
    var sum = FNV()
    func put(_ name: String, _ tensor: Tensor) throws(ArcuateError) {
      guard tensor.isFinite else {
        throw ArcuateError(
          .invalidState, "is not finite: the checkpoint was not written", at: "\"\(name)\"")
      }
      file.tensors[name] = tensor
      try sum.add(tensor)
    }
    for parameter in network.parameters {
      try put("parameter/\(parameter.name)", try parameter.tensor(parameter.values))
    }
    for (parameter, moments) in zip(optimizer.parameters, optimizer.moments) {
      for (k, moment) in moments.enumerated() {
        try put("moment \(k)/\(parameter.name)", try parameter.tensor(moment))
      }
    }
    file.texts["arcuate.checksum"] = "\(sum.hash)"
    try file.write(to: path)
  }

  /// Resumes from a checkpoint: the next steps have the bits they would have had. Returns the note
  /// that was saved.
  ///
  /// Throws. As reading does; `invalidState` for a checkpoint of another network, of other parameters
  /// that are not trained, or of other options, naming the first that differs. Nothing is changed
  /// then. The number of threads may differ.
  public func restore(from path: String) throws(ArcuateError) -> String {
    let file = try NamedTensors(path: path, called: "a checkpoint")
    return try within(path) { () throws(ArcuateError) in try restore(file) }
  }

  private func restore(_ file: NamedTensors) throws(ArcuateError) -> String {
    guard let format = file.texts["arcuate.checkpoint"] else {
      throw ArcuateError(.unsupportedFormat, "is not a checkpoint")
    }
    guard format == Self.format else {
      throw ArcuateError(
        .unsupportedFormat,
        "is a checkpoint of format \"\(format.prefix(40))\", expected \"\(Self.format)\"")
    }
    guard file.texts["arcuate.network"] == (try network.model.outline()) else {
      throw ArcuateError(.invalidState, "is a checkpoint of another network")
    }
    let known = Set((file.texts["arcuate.constants"] ?? "").split(separator: "\n").map(String.init))
    for (parameter, line) in constants where !known.contains(line) {
      throw ArcuateError(
        .invalidState, "is a checkpoint of a network with other values of \"\(parameter.name)\"")
    }
    let mine = state()
    let saved = try within("arcuate.training") { () throws(ArcuateError) in
      try TrainerState(text: file.texts["arcuate.training"] ?? "")
    }
    for (name, value) in mine.options.sorted(by: { $0.key < $1.key }) {
      let other = saved.options[name] ?? "missing"
      guard other == value else {
        throw ArcuateError(
          .invalidState, "is a checkpoint of other training: its \(name) is \(other), not \(value)")
      }
    }
    var sum = FNV()
    func numbers(_ name: String, _ shape: Shape) throws(ArcuateError) -> [Float] {
      guard let tensor = file.tensors[name], tensor.shape == shape else {
        throw ArcuateError(.malformed, "has no tensor \"\(name)\" of shape \(shape)")
      }
      guard tensor.isFinite else {
        throw ArcuateError(
          .malformed, "has a number that is not finite", at: "tensor \"\(name)\"")
      }
      let values = tensor.floats
      try Cancellation.check()
      sum.add(values)
      return values
    }
    let values = try network.parameters.map { parameter throws(ArcuateError) in
      try numbers("parameter/\(parameter.name)", parameter.shape)
    }
    let moments = try zip(optimizer.parameters, optimizer.moments).map {
      parameter, moments throws(ArcuateError) in
      try moments.indices.map { k throws(ArcuateError) in
        try numbers("moment \(k)/\(parameter.name)", parameter.shape)
      }
    }
    guard file.texts["arcuate.checksum"] == "\(sum.hash)" else {
      throw ArcuateError(.malformed, "is damaged: the checksum of its tensors differs")
    }
    // Nothing fails from here on.
    for (parameter, values) in zip(network.parameters, values) { parameter.write(values) }
    for (p, parameter) in optimizer.parameters.enumerated() {
      for (k, moment) in optimizer.moments[p].enumerated() {
        parameter.write(moments[p][k], to: moment)
      }
    }
    optimizer.restore(step: saved.step)
    rateFactor = saved.rateFactor
    return file.texts["arcuate.note"] ?? ""
  }

  /// Parameters that are not trained, with a line for each.
  private var constants: [(parameter: Parameter, line: String)] {
    network.parameters.filter { !$0.isTrained && !$0.isStatistic }
      .map { ($0, "\($0.origin)\t" + oneLine($0.name)) }
  }

  private func state() -> TrainerState {
    TrainerState(options: options.described, step: step, rateFactor: rateFactor)
  }
}

/// The part of a checkpoint beside tensors: lines of a name, a tab and a value.
private struct TrainerState {
  var options: [String: String]
  var step: Int
  var rateFactor: Float

  init(options: [String: String], step: Int, rateFactor: Float) {
    (self.options, self.step, self.rateFactor) = (options, step, rateFactor)
  }

  /// Throws. `malformed`.
  init(text: String) throws(ArcuateError) {
    var lines: [String: String] = [:]
    for line in text.split(separator: "\n") {
      let parts = line.split(separator: "\t", maxSplits: 1, omittingEmptySubsequences: false)
      guard parts.count == 2 else { throw ArcuateError(.malformed, "a line has no value") }
      lines[String(parts[0])] = String(parts[1])
    }
    guard let step = Int(lines["step"] ?? ""), (0...(1 << 60)).contains(step),
      let factor = Float(lines["rate_factor"] ?? ""), factor >= 0, factor.isFinite
    else { throw ArcuateError(.malformed, "has no step or no rate_factor") }
    (self.step, rateFactor) = (step, factor)
    lines["step"] = nil
    lines["rate_factor"] = nil
    options = lines
  }

  var encoded: String {
    var lines = options
    lines["step"] = "\(step)"
    lines["rate_factor"] = "\(rateFactor)"
    return lines.sorted { $0.key < $1.key }.map { "\($0.key)\t\($0.value)" }
      .joined(separator: "\n")
  }
}

extension TrainingOptions {
  /// Everything on which the bits of training depend, by name.
  var described: [String: String] {
    var all: [String: String] = [:]
    func put(_ name: String, _ value: Any) {
      all[name] = oneLine("\(value)")
    }
    put("mode", mode.rawValue)
    put("batch", gradient.batch)
    put("steps", gradient.steps)
    put("input", gradient.input.rawValue)
    put("dt_s", gradient.dt_s.map { "\($0)" } ?? "the model's")
    put("semantics", gradient.semantics.map { "\($0)" } ?? "the model's")
    put("surrogate", gradient.surrogate)
    func list(_ entries: [String]) -> String {
      entries.isEmpty ? "none" : entries.joined(separator: ", ")
    }
    put("surrogates", list(gradient.surrogates.map { "\($0) \($1)" }.sorted()))
    put("through_reset", gradient.throughReset)
    put("detaches_time", gradient.detachesTime)
    if let plasticSteps = gradient.plasticSteps { put("plastic_steps", plasticSteps) }
    put("detached", list(gradient.detached.map { "\($0.source) -> \($0.target)" }.sorted()))
    put("frozen", list(gradient.frozen.sorted()))
    put("trained", list(gradient.trained.sorted()))
    put("ties", list(gradient.ties.map { $0.joined(separator: " = ") }))
    put("dropout", list(gradient.dropout.map { "\($0) \($1)" }.sorted()))
    put("norm_momentum", gradient.normMomentum)
    put("seed", gradient.seed)
    put(
      "losses",
      list(
        losses.map { port, loss in
          "\(loss.weight) \(loss.kind.rawValue) of output \(port), \(loss.readout.rawValue) of "
            + (loss.window.map { "steps \($0)" } ?? "all steps")
        }))
    put("optimizer", optimizer.kind.rawValue)
    put("rate", optimizer.rate)
    put("schedule", optimizer.schedule)
    put("momentum", optimizer.momentum)
    put("nesterov", optimizer.nesterov)
    put("betas", [optimizer.beta1, optimizer.beta2])
    put("epsilon", optimizer.epsilon)
    put("amsgrad", optimizer.amsgrad)
    put("weight_decay", optimizer.weightDecay)
    put("clip_norm", optimizer.clipNorm.map { "\($0)" } ?? "none")
    put("clip_value", optimizer.clipValue.map { "\($0)" } ?? "none")
    put("noise", optimizer.noise.map { "\($0)" } ?? "none")
    return all
  }
}

/// Names of nodes may hold anything.
private func oneLine(_ text: String) -> String {
  String(text.map { $0.isNewline || $0 == "\t" ? " " : $0 })
}

import Arcuate
import ArcuateConsole
import ArcuateData
import ArgumentParser

extension Run {
  /// Endings of event recordings; the content tells the format of all but the first two, which have
  /// no header.
  static let recordingEndings = [
    ".bin", ".bs2", ".es", ".raw", ".dat", ".aedat", ".aedat4",
  ]

  /// Whether the only input is an event-camera recording instead of frames.
  var isRecording: Bool {
    inputs.count == 1 && Run.recordingEndings.contains { inputs[0].hasSuffix($0) }
  }

  /// Runs an event recording, one step for each dt; the frame options do not apply.
  func runRecording(_ model: Model) throws {
    var options = try compiling.options(for: model)
    (options.stepsPerFrame, options.frameState, options.frameOutput) = (1, .keep, .last)
    guard options.batch == 1 else {
      throw ArcuateError(
        .invalidArgument, "a recording is one stream; batch must be 1, got \(options.batch)")
    }
    let plan = try within(self.model) { try model.compile(options) }
    let found = plan.inputs.map { "\($0.shape)" }.joined(separator: ", ")
    let shape = plan.inputs.first?.shape.extents ?? []
    guard plan.inputs.count == 1, shape.count == 3, shape[0] == 2 else {
      throw ArcuateError(
        .shapeMismatch, "has shape [2, height, width], but the model takes \(found)", at: inputs[0])
    }
    var reading = EventOptions()
    if inputs[0].hasSuffix(".bin") || inputs[0].hasSuffix(".bs2") { reading.format = .nmnist }
    var (recording, findings) = try EventFile.recording(inputs[0], reading)
    for finding in findings { note("\(inputs[0]): \(finding)") }
    guard recording.width <= shape[2], recording.height <= shape[1] else {
      throw ArcuateError(
        .shapeMismatch,
        "has shape [2, \(recording.height), \(recording.width)], but the model takes \(found)",
        at: inputs[0])
    }
    (recording.width, recording.height) = (shape[2], shape[1])
    guard output.count <= plan.outputs.count else {
      throw ArcuateError(
        .invalidArgument,
        "\(output.count) files for \(plan.outputs.count) output ports", at: "--output")
    }
    guard let dt = plan.dt_s, dt >= 1e-6 else {
      throw ArcuateError(
        .cannotCompile, "a recording needs a time step of at least 1e-6 s: use --dt")
    }
    let step_us = Int64(clamping: Int(bounding: (dt * 1e6).rounded(), 1...1 << 40))
    let steps = try stepCount(recording, step_us)
    let events = try recording.events(microsecondsPerStep: step_us, steps: steps)

    let session = try compiling.session(plan)
    // Outputs are kept only if they are written; the sums suffice for the winning class.
    var dense = plan.outputs.indices.map { port in
      [Float](repeating: 0, count: port < output.count ? steps * plan.outputs[port].shape.count : 0)
    }
    var sums = plan.outputs.map { [Float](repeating: 0, count: $0.shape.count) }
    var progress = Progress("steps", quiet: quiet)
    let start = ContinuousClock.now
    var (done, used) = (0, 0)
    while done < steps {
      let count = min(64, steps - done)
      var part: [Event] = []
      while used < events.count, Int(widening: events[used].step) < done + count {
        var event = events[used]
        event.step -= UInt32(truncatingIfNeeded: done)
        part.append(event)
        used += 1
      }
      for event in try session.runEvents(part, steps: count) {
        let (port, index) = (Int(widening: event.port), Int(widening: event.index))
        sums[port][index] += event.value
        if port < output.count {
          dense[port][(done + Int(widening: event.step)) * sums[port].count + index] = event.value
        }
      }
      done += count
      progress.update(done, fraction: Double(done) / Double(steps))
    }
    let seconds = (ContinuousClock.now - start) / .seconds(1)
    Progress.clear()
    for (port, path) in output.enumerated() {
      try NumpyArray(extents: extents(plan, port, steps, false), values: dense[port])
        .write(to: path)
    }
    try report(session, steps, false, seconds, sums: sums)
  }

  /// The option's value, or the number of steps up to the last event.
  private func stepCount(_ recording: EventRecording, _ step_us: Int64) throws -> Int {
    let most = Run.stepCounts.upperBound
    if let steps { return steps }
    let times = recording.changes.map(\.time_us)
    guard let first = times.min(), let last = times.max() else { return 0 }
    let needed = (last - first) / step_us + 1
    guard needed <= most else {
      throw ArcuateError(
        .limitExceeded, "has \(needed) steps of \(step_us) us, more than \(most): use --steps",
        at: inputs[0])
    }
    return Int(widening: needed)
  }
}

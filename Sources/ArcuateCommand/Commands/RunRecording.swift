import Arcuate
import ArcuateConsole
import ArcuateData
import ArgumentParser

extension Run {
  /// Whether the only input is a recording of an event camera rather than frames.
  var isRecording: Bool {
    inputs.count == 1 && (inputs[0].hasSuffix(".bin") || inputs[0].hasSuffix(".bs2"))
  }

  /// Runs an N-MNIST recording: a step is dt long, frames play no part.
  func runRecording(_ model: Model) throws {
    let (recording, findings) = try NMNISTFile.read(inputs[0])
    for finding in findings { say("arcuate: \(inputs[0]): \(finding)") }
    var options = try compiling.options(for: model)
    (options.stepsPerFrame, options.frameState, options.frameOutput) = (1, .keep, .last)
    guard options.batch == 1 else {
      throw ArcuateError(.invalidArgument, "a recording is one stream, not \(options.batch)")
    }
    let plan = try within(self.model) { try model.compile(options) }
    let shape = [2, recording.height, recording.width]
    guard plan.inputs.count == 1, plan.inputs[0].shape.extents == shape else {
      let found = plan.inputs.map { "\($0.shape)" }.joined(separator: ", ")
      throw ArcuateError(
        .shapeMismatch, "is of shape \(shape), where the model takes \(found)", at: inputs[0])
    }
    guard output.count <= plan.outputs.count else {
      throw ArcuateError(
        .invalidArgument,
        "\(output.count) files to write for \(plan.outputs.count) output ports", at: "--output")
    }
    guard let dt = plan.dt_s, dt >= 1e-6 else {
      throw ArcuateError(.cannotCompile, "a recording needs steps of at least 1e-6 s: give dt")
    }
    let step_us = Int64((dt * 1e6).rounded())
    let steps = try stepCount(recording, step_us)
    let events = try recording.events(microsecondsPerStep: step_us, steps: steps)

    let session = try compiling.session(plan)
    // Dense only where it is to be written; sums are enough to see which class wins.
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
      while used < events.count, Int(events[used].step) < done + count {
        var event = events[used]
        event.step -= UInt32(done)
        part.append(event)
        used += 1
      }
      for event in try session.runEvents(part, steps: count) {
        let (port, index) = (Int(event.port), Int(event.index))
        sums[port][index] += event.value
        if port < output.count {
          dense[port][(done + Int(event.step)) * sums[port].count + index] = event.value
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

  /// As asked, or up to the last event.
  private func stepCount(_ recording: EventRecording, _ step_us: Int64) throws -> Int {
    let most = 1_000_000
    if let steps {
      guard (0...most).contains(steps) else {
        throw ArcuateError(.invalidArgument, "\(steps) steps are not within 0 ... \(most)")
      }
      return steps
    }
    let times = recording.changes.map(\.time_us)
    guard let first = times.min(), let last = times.max() else { return 0 }
    let needed = (last - first) / step_us + 1
    guard needed <= most else {
      throw ArcuateError(
        .limitExceeded, "has \(needed) steps of \(step_us) us, above \(most): give --steps",
        at: inputs[0])
    }
    return Int(needed)
  }
}

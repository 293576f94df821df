import ArcuateCore

extension Session {
  /// The progress of a call with events.
  public struct EventProgress: Sendable, Hashable {
    /// Steps that were run; fewer than requested if the output buffer was too small.
    public var steps: Int
    /// Input events that were used.
    public var consumed: Int
    /// Output events that were written.
    public var written: Int
  }

  /// Runs `steps` steps whose inputs are zero but for `events`, and writes the outputs that are
  /// not zero, ordered by step, port, stream and index.
  ///
  /// Steps are counted from the first of this call. The call stops before a step whose output
  /// might not fit, so that it can be continued with the events from `consumed` on, their steps
  /// reduced by `steps`. Frames play no part.
  /// Needs. `events` ordered by step. Two events for one element add up.
  /// Throws. `invalidArgument` naming the first event that is out of order, outside the network or
  /// not finite; `bufferSize` if not even one step's output is sure to fit. The state is then
  /// as it was. `canceled` as `run`.
  public func runEvents(
    _ events: UnsafeBufferPointer<Event>, steps: Int, into output: UnsafeMutableBufferPointer<Event>
  ) throws(ArcuateError) -> EventProgress {
    let plan = plan
    let batch = plan.options.batch
    try arena.team?.requireThreads()
    guard steps >= 0, steps <= Session.mostEventSteps else {
      throw ArcuateError(
        .invalidArgument,
        "steps is \(UInt(bitPattern: steps)), not within 0 ... \(Session.mostEventSteps)")
    }
    try check(events, steps: steps)
    var most = 0
    for port in plan.outputs { most += port.shape.count * batch }
    guard output.count >= most || steps == 0 else {
      throw ArcuateError(
        .bufferSize, "the buffer holds \(output.count) events, but one step may have \(most)")
    }

    scheduler.cancellation = .watched
    var progress = EventProgress(steps: 0, consumed: 0, written: 0)
    while progress.steps < steps {
      let room = most == 0 ? plan.block : (output.count - progress.written) / most
      // A held input has one row for a whole frame, so that its steps are run one by one.
      let held = plan.inputs.contains { plan.slots[$0.node].constant }
      let count = min(held ? 1 : plan.block, steps - progress.steps, room)
      guard count > 0 else { break }
      for port in plan.inputs {
        let slot = plan.slots[port.node]
        for t in 0..<count { for b in 0..<batch { arena.row(slot, t, b).fill(0) } }
      }
      while progress.consumed < events.count {
        let event = events[progress.consumed]
        let t = Int(event.step) - progress.steps
        guard t < count else { break }
        let slot = plan.slots[plan.inputs[Int(event.port)].node]
        let target = arena.row(slot, t, Int(event.stream))
        target[Int(event.index)] += event.value
        progress.consumed += 1
      }
      scheduler.computesConstants = true
      try runBlock(count)
      for t in 0..<count {
        for (p, port) in plan.outputs.enumerated() {
          let slot = plan.slots[port.node]
          for b in 0..<batch {
            let from = arena.row(slot, t, b)
            let listed = slot.listed ? Int(arena.nonzero(slot, t, b)[0].count) : port.shape.count
            let list = slot.listed ? arena.list(slot, t, b) : arena.emptyList
            for e in 0..<listed {
              let i = slot.listed ? Int(list[e]) : e
              if from[i] == 0 { continue }
              output[progress.written] = Event(
                step: UInt32(progress.steps + t), stream: UInt16(b), port: UInt16(p),
                index: UInt32(i), value: from[i])
              progress.written += 1
            }
          }
        }
      }
      progress.steps += count
    }
    return progress
  }

  /// Steps of one call with events at most.
  public static let mostEventSteps = 1 << 31

  /// Throws. `invalidArgument` naming the first event that cannot be taken, its field and the range.
  private func check(_ events: UnsafeBufferPointer<Event>, steps: Int) throws(ArcuateError) {
    func require(_ field: String, _ value: Int, below end: Int, _ i: Int) throws(ArcuateError) {
      guard value < end else {
        throw ArcuateError(
          .invalidArgument, "\(field) \(value) is not within 0 ..< \(end)", at: "event \(i)")
      }
    }
    var last: UInt32 = 0
    for (i, event) in events.enumerated() {
      try require("step", Int(event.step), below: steps, i)
      guard event.step >= last else {
        throw ArcuateError(
          .invalidArgument, "step \(event.step) comes after step \(last): events must be in order",
          at: "event \(i)")
      }
      try require("port", Int(event.port), below: plan.inputs.count, i)
      try require("stream", Int(event.stream), below: plan.options.batch, i)
      try require("index", Int(event.index), below: plan.inputs[Int(event.port)].shape.count, i)
      guard event.value.isFinite else {
        throw ArcuateError(.invalidArgument, "the value is not finite", at: "event \(i)")
      }
      last = event.step
    }
  }

  /// `runEvents` with arrays and enough memory for every output.
  public func runEvents(_ events: [Event], steps: Int) throws(ArcuateError) -> [Event] {
    var result: [Event] = []
    let most = plan.outputs.reduce(0) { $0 + $1.shape.count * plan.options.batch }
    let buffer = UnsafeMutableBufferPointer<Event>.allocate(capacity: max(1, most * 16))
    defer { buffer.deallocate() }
    var done = 0
    var used = 0
    while done < steps {
      let rest = events[used...].map { event in
        var event = event
        event.step -= UInt32(min(Int(event.step), done))
        return event
      }
      let progress = try rest.withUnsafeBufferPointer {
        (events) throws(ArcuateError) -> EventProgress in
        try runEvents(events, steps: steps - done, into: buffer)
      }
      for var event in buffer[..<progress.written] {
        event.step += UInt32(done)
        result.append(event)
      }
      done += progress.steps
      used += progress.consumed
    }
    return result
  }
}

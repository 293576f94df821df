import ArcuateCore
import ArcuateKernels
import ArcuateModel

extension Plan {
  /// Numbers a call of `frames` frames reads from an input port: [frames][batch][shape];
  /// the largest integer if there is no such array.
  public func inputCount(port: Int, frames: Int) -> Int {
    product(product(frames, options.batch), inputs[port].shape.count)
  }

  /// Numbers such a call writes to an output port: [frames][batch][shape], or with every step
  /// [frames][steps per frame][batch][shape].
  public func outputCount(port: Int, frames: Int) -> Int {
    let steps = options.frameOutput == .every ? options.stepsPerFrame : 1
    return product(product(frames, steps), product(options.batch, outputs[port].shape.count))
  }

  private func product(_ a: Int, _ b: Int) -> Int {
    let (product, overflow) = a.multipliedReportingOverflow(by: b)
    return overflow ? (a == 0 || b == 0 ? 0 : .max) : product
  }
}

extension Session {
  /// Runs `frames` frames of `plan.options.stepsPerFrame` steps.
  ///
  /// Shapes. Each input [frames][batch][shape], each output [frames][batch][shape], or with every
  /// step [frames][steps][batch][shape]. Outputs whose pointer is nil are left out.
  /// Throws. `bufferSize` for an array of another size, `invalidArgument` for a number that is
  /// not finite, `invalidState` where the threads were left behind by `fork`; the state is then as it
  /// was. `canceled`: every stream is then at rest, and what adapts is as far as it came.
  public func run(frames: Int, inputs: InputPorts, outputs: OutputPorts) throws(ArcuateError) {
    let plan = plan
    try arena.team?.requireThreads()
    try checkFrames(frames)
    try checkPorts(
      inputs, outputs, inputCount: { plan.inputCount(port: $0, frames: frames) },
      outputCount: { plan.outputCount(port: $0, frames: frames) })
    let options = plan.options
    let batch = options.batch
    let steps = options.stepsPerFrame
    // A call may have many rounds with little between them.
    arena.team?.setSpinning(true)
    defer { arena.team?.setSpinning(false) }
    scheduler.cancellation = .watched
    var frame = 0
    while frame < frames {
      // Several frames of one step make a block, or one frame makes one or more.
      let atOnce = steps == 1 ? min(plan.block, frames - frame) : 1
      if options.frameState == .reset { reset() }
      if adapts { plan.plasticity?.normalize(arena) }
      var done = 0
      while done < steps {
        let count = steps == 1 ? atOnce : min(plan.block, steps - done)
        scheduler.computesConstants = done == 0
        let isFirstOnly = steps > 1 && options.frameInput == .first
        try feed(
          count,
          from: Feed(
            inputs: inputs, batch: batch, frame: frame, isFrames: steps == 1,
            silence: isFirstOnly ? (done == 0 ? 1 : 0) : .max))
        for port in plan.outputs.indices where outputs.isWanted(port) {
          collect(port, outputs, frame: frame, done: done, count: count)
        }
        done += count
      }
      if adapts { plan.plasticity?.consolidate(arena) }
      frame += atOnce
    }
  }

  /// Runs a block whose inputs come from the caller's arrays.
  private func feed(_ count: Int, from feed: Feed) throws(ArcuateError) {
    arena.feed = feed
    // What is constant over a frame has one row, which may be read before its node runs.
    for port in plan.inputs.indices where scheduler.computesConstants {
      let slot = plan.slots[plan.inputs[port].node]
      guard slot.constant else { continue }
      for b in 0..<plan.options.batch {
        feed.fill(arena.row(slot, 0, b).part(0, slot.count), port: port, 0, b)
      }
    }
    defer { arena.feed = nil }
    try runBlock(count)
  }

  /// Runs a block. Throws. `canceled`, after which every stream is at rest.
  func runBlock(_ count: Int) throws(ArcuateError) {
    do { try scheduler.runBlock(count) } catch {
      reset()
      throw error
    }
  }

  /// Puts what a block gave where the caller wants it.
  private func collect(_ port: Int, _ outputs: OutputPorts, frame: Int, done: Int, count: Int) {
    let options = plan.options
    let batch = options.batch
    let steps = options.stepsPerFrame
    let slot = plan.slots[plan.outputs[port].node]
    let size = plan.outputs[port].shape.count
    for t in 0..<count {
      let step = steps == 1 ? 0 : done + t
      let f = steps == 1 ? frame + t : frame
      for b in 0..<batch {
        let from = arena.row(slot, t, b).part(0, size)
        let at = (f * batch + b) * size
        switch options.frameOutput {
        case .every: outputs.write(port, at: ((f * steps + step) * batch + b) * size, from)
        case .last:
          if step == steps - 1 { outputs.write(port, at: at, from) }
        case .sum, .mean:
          let sum = arena.state.row.part(plan.outputSums[port] + b * slot.stride, size)
          if step == 0 { sum.fill(0) }
          if slot.listed {
            // What is zero adds nothing: a sum that begins at +0 never becomes -0.
            let list = arena.list(slot, t, b)
            for e in 0..<Int(arena.nonzero(slot, t, b)[0].count) {
              let i = Int(list[e])
              if i < size { sum[i] += from[i] }
            }
          } else {
            Elementwise.add(sum, from, into: sum, count: size)
          }
          if step == steps - 1 {
            outputs.write(
              port, at: at, sum, times: options.frameOutput == .mean ? 1 / Float(steps) : 1)
          }
        }
      }
    }
  }

  /// Frames of one call at most.
  public static let mostFrames = 1 << 32

  private func checkFrames(_ frames: Int) throws(ArcuateError) {
    guard frames >= 0, frames <= Session.mostFrames else {
      throw ArcuateError(
        .invalidArgument,
        "frames is \(UInt(bitPattern: frames)), not within 0 ... \(Session.mostFrames)")
    }
  }

  /// Throws. What `run` throws, for ports that hold other counts than `inputCount` and `outputCount`
  /// give or numbers that are not finite.
  private func checkPorts(
    _ inputs: InputPorts, _ outputs: OutputPorts, inputCount: (Int) -> Int,
    outputCount: (Int) -> Int
  ) throws(ArcuateError) {
    guard inputs.portCount == plan.inputs.count, outputs.portCount == plan.outputs.count else {
      throw ArcuateError(
        .invalidArgument,
        "\(inputs.portCount) inputs and \(outputs.portCount) outputs for a network with "
          + "\(plan.inputs.count) and \(plan.outputs.count)")
    }
    func require(_ count: Int, _ needed: Int, _ place: @autoclosure () -> String)
      throws(ArcuateError)
    {
      guard count == needed else {
        // A size_t beyond what an Int holds arrives as a negative number.
        throw ArcuateError(
          .bufferSize, "holds \(UInt(bitPattern: count)) numbers, not \(needed)", at: place())
      }
    }
    for port in plan.inputs.indices {
      try require(inputs.count(port), inputCount(port), "input \"\(plan.inputs[port].name)\"")
      if let place = try firstNotFinite(inputs, port) {
        throw ArcuateError(
          .invalidArgument, "number \(place) is not finite",
          at: "input \"\(plan.inputs[port].name)\"")
      }
    }
    for port in plan.outputs.indices where outputs.isWanted(port) {
      try require(outputs.count(port), outputCount(port), "output \"\(plan.outputs[port].name)\"")
    }
  }

  /// The index of the first number of a port that is not finite, if any; keeps where the rows of the
  /// port that may be stored as lists alone are not zero.
  private func firstNotFinite(_ inputs: InputPorts, _ port: Int) throws(ArcuateError) -> Int? {
    guard port == arena.size.maskedPort else { return try inputs.firstNotFinite(port) }
    let count = arena.size.maskedCount
    let isFinite = arena.masks.keep(inputs, port: port, count: count)
    return try inputs.firstNotFinite(port, from: isFinite ? arena.masks.rows * count : 0)
  }

  /// Runs one step with inputs of its own, outside any frame.
  ///
  /// Shapes. Each input and output [batch][shape]. Throws. As `run`.
  public func step(inputs: InputPorts, outputs: OutputPorts) throws(ArcuateError) {
    let plan = plan
    let batch = plan.options.batch
    try arena.team?.requireThreads()
    try checkPorts(
      inputs, outputs, inputCount: { batch * plan.inputs[$0].shape.count },
      outputCount: { batch * plan.outputs[$0].shape.count })
    scheduler.computesConstants = true
    scheduler.cancellation = .watched
    try feed(1, from: Feed(inputs: inputs, batch: batch, frame: 0, isFrames: false, silence: .max))
    for port in plan.outputs.indices where outputs.isWanted(port) {
      let size = plan.outputs[port].shape.count
      let slot = plan.slots[plan.outputs[port].node]
      for b in 0..<batch {
        outputs.write(port, at: b * size, arena.row(slot, 0, b).part(0, size))
      }
    }
  }

  /// `run` with arrays: one per port, as `run` shapes them. Returns one array per output port.
  public func run(frames: Int, _ inputs: [[Float]]) throws(ArcuateError) -> [[Float]] {
    try checkFrames(frames)
    let counts = plan.outputs.indices.map { plan.outputCount(port: $0, frames: frames) }
    return try InputPorts.with(inputs) { inputs throws(ArcuateError) -> [[Float]] in
      try OutputPorts.collect(counts: counts) { outputs throws(ArcuateError) in
        try run(frames: frames, inputs: inputs, outputs: outputs)
      }
    }
  }

  /// `step` with arrays.
  public func step(_ inputs: [[Float]]) throws(ArcuateError) -> [[Float]] {
    let counts = plan.outputs.map { plan.options.batch * $0.shape.count }
    return try InputPorts.with(inputs) { inputs throws(ArcuateError) -> [[Float]] in
      try OutputPorts.collect(counts: counts) { outputs throws(ArcuateError) in
        try step(inputs: inputs, outputs: outputs)
      }
    }
  }
}

import ArcuateCore
import ArcuateKernels
import ArcuateModel

/// The only thing that changes: the state of `batch` streams of one plan.
///
/// One user at a time. Nothing is allocated after creation except by `makeProbe`.
public final class Session {
  public let plan: Plan
  let arena: Arena
  let scheduler: Scheduler

  /// Whether weights and thresholds change while the session runs. Traces stand still while they
  /// do not.
  public var adapts: Bool {
    get { scheduler.adapts }
    set { scheduler.adapts = newValue }
  }
  /// Multiplies the rates of all rules, for schedules; not those of decays.
  public var adaptationRate: Float { arena.adaptationRate }

  /// Throws. `outOfMemory`.
  init(plan: Plan) throws(ArcuateError) {
    self.plan = plan
    arena = try Arena(plan.size, slots: plan.slots)
    scheduler = try Scheduler(plan, arena)
    if plan.size.population.isUsed {
      for step in plan.steps {
        guard let sparse = step.node as? SparseNode, !sparse.isImmediate else { continue }
        for b in 0..<arena.batch {
          arena.sparseMemories[step.index * arena.batch + b] = sparse.memory(b, arena)
        }
      }
    }
    reset()
    restoreWeights()
  }

  // MARK: Reset

  /// Brings every stream to rest. Counters and probes are untouched.
  public func reset() {
    for stream in 0..<plan.options.batch { rest(stream) }
  }

  /// Brings one stream to rest, as at creation; the others go on.
  /// Throws. `invalidArgument` for a stream that is not there.
  public func reset(stream: Int) throws(ArcuateError) {
    guard stream >= 0, stream < plan.options.batch else {
      throw ArcuateError(
        .invalidArgument,
        "stream \(UInt(bitPattern: stream)) is not within 0 ..< \(plan.options.batch)")
    }
    rest(stream)
  }

  private func rest(_ stream: Int) {
    arena.stepCounts[stream] = 0
    plan.plasticity?.reset(stream, arena)
    for step in plan.steps { step.node.reset(stream, arena) }
    for (i, slot) in plan.slots.enumerated() where slot.history != nil {
      let row = arena.stateRow(slot.history, slot.stride, stream)
      row.fill(0)
      if let rest = plan.feedbackRest[i], !rest.isEmpty {
        rest.withUnsafeBufferPointer { row.copy(from: $0) }
      }
    }
  }

  /// Calls `body` on every thread that works for this session, with its worker index.
  package func onWorkers(_ body: @escaping (Int) -> Void) {
    guard let team = arena.team else { return body(0) }
    team.run(Call(body))
  }

  private final class Call: SharedWork {
    let body: (Int) -> Void
    init(_ body: @escaping (Int) -> Void) { self.body = body }
    func run(worker: Int, _: Arena) { body(worker) }
  }
}

extension Plan {
  /// A session of its own, at rest. Throws. `outOfMemory`.
  public func makeSession() throws(ArcuateError) -> Session {
    try within("a session of batch \(options.batch)") { () throws(ArcuateError) in
      try Session(plan: self)
    }
  }
}

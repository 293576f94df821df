import Arcuate
import CArcuate

@c @implementation
public func arcuate_session_create(
  _ plan: OpaquePointer?, _ session: UnsafeMutablePointer<OpaquePointer?>?,
  _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> arcuate_status {
  withError(error) {
    let handle = try required(object(PlanHandle.self, plan), "plan")
    let result = try required(session, "session")
    result.pointee = retain(SessionHandle(try handle.plan.makeSession()))
  }
}

@c @implementation
public func arcuate_session_free(_ session: OpaquePointer?) {
  release(SessionHandle.self, session)
}

// MARK: Running

/// Calls `body`, stores the message of what it throws in the session, and returns the status.
@inline(__always)
func withSession(
  _ session: OpaquePointer?, _ body: (Session) throws -> Void
) -> arcuate_status {
  guard let handle = object(SessionHandle.self, session) else {
    return ARCUATE_ERROR_INVALID_ARGUMENT
  }
  Cancellation.begin()
  do {
    try body(handle.session)
    return ARCUATE_SUCCESS
  } catch {
    let failure = ArcuateError(error)
    handle.lastError = Text(failure.description)
    return failure.code.rawValue
  }
}

/// Passes the caller's arrays to `body` as ports. Throws. `invalidArgument` for a required NULL.
@inline(__always)
private func ports(
  _ plan: Plan, _ inputs: UnsafePointer<UnsafePointer<Float>?>?,
  _ inputCounts: UnsafePointer<Int>?, _ outputs: UnsafePointer<UnsafeMutablePointer<Float>?>?,
  _ outputCounts: UnsafePointer<Int>?,
  _ body: (InputPorts, OutputPorts) throws -> Void
) throws {
  guard let inputs, let inputCounts else {
    throw ArcuateError(.invalidArgument, "inputs or input_counts is NULL")
  }
  for port in plan.inputs.indices where inputs[port] == nil && inputCounts[port] != 0 {
    throw ArcuateError(.invalidArgument, "is NULL", at: "input \"\(plan.inputs[port].name)\"")
  }
  // SAFETY: the header requires an element per port in the arrays of pointers and counts, and as many
  // numbers behind each pointer as its count states.
  let from = InputPorts(
    unsafePointers: inputs, counts: inputCounts, portCount: plan.inputs.count)
  if let outputs {
    let counts = try required(outputCounts, "output_counts")
    try body(
      from,
      OutputPorts(unsafePointers: outputs, counts: counts, portCount: plan.outputs.count))
  } else {
    try body(from, .none(portCount: plan.outputs.count))
  }
}

@c @implementation
public func arcuate_session_run(
  _ session: OpaquePointer?, _ frames: Int, _ inputs: UnsafePointer<UnsafePointer<Float>?>?,
  _ input_counts: UnsafePointer<Int>?, _ outputs: UnsafePointer<UnsafeMutablePointer<Float>?>?,
  _ output_counts: UnsafePointer<Int>?
) -> arcuate_status {
  withSession(session) { session in
    try ports(session.plan, inputs, input_counts, outputs, output_counts) {
      try session.run(frames: frames, inputs: $0, outputs: $1)
    }
  }
}

@c @implementation
public func arcuate_session_step(
  _ session: OpaquePointer?, _ inputs: UnsafePointer<UnsafePointer<Float>?>?,
  _ input_counts: UnsafePointer<Int>?, _ outputs: UnsafePointer<UnsafeMutablePointer<Float>?>?,
  _ output_counts: UnsafePointer<Int>?
) -> arcuate_status {
  withSession(session) { session in
    try ports(session.plan, inputs, input_counts, outputs, output_counts) {
      try session.step(inputs: $0, outputs: $1)
    }
  }
}

@c @implementation
public func arcuate_session_run_events(
  _ session: OpaquePointer?, _ events: UnsafePointer<arcuate_event>?, _ count: Int, _ steps: Int,
  _ output: UnsafeMutablePointer<arcuate_event>?, _ capacity: Int,
  _ steps_done: UnsafeMutablePointer<Int>?, _ consumed: UnsafeMutablePointer<Int>?,
  _ written: UnsafeMutablePointer<Int>?
) -> arcuate_status {
  withSession(session) { session in
    let count = try nonNegative(count, "count")
    let capacity = try nonNegative(capacity, "capacity")
    if count > 0 { _ = try required(events, "events") }
    if capacity > 0 { _ = try required(output, "output") }
    // SAFETY: arcuate_event and Event have the same layout; the caller states their number.
    let progress = try session.runEvents(
      UnsafeBufferPointer(
        start: UnsafeRawPointer(events)?.assumingMemoryBound(to: Event.self), count: count),
      steps: steps,
      into: UnsafeMutableBufferPointer(
        start: UnsafeMutableRawPointer(output)?.assumingMemoryBound(to: Event.self),
        count: capacity))
    steps_done?.pointee = progress.steps
    consumed?.pointee = progress.consumed
    written?.pointee = progress.written
  }
}

@c @implementation
public func arcuate_session_last_error(_ session: OpaquePointer?) -> UnsafePointer<CChar>? {
  (object(SessionHandle.self, session)?.lastError ?? noText).pointer
}

// MARK: State

@c @implementation
public func arcuate_session_reset(_ session: OpaquePointer?) -> arcuate_status {
  withSession(session) { $0.reset() }
}

@c @implementation
public func arcuate_session_reset_stream(_ session: OpaquePointer?, _ stream: Int)
  -> arcuate_status
{
  withSession(session) { try $0.reset(stream: stream) }
}

@c @implementation
public func arcuate_session_snapshot_size(_ session: OpaquePointer?) -> Int {
  object(SessionHandle.self, session)?.session.snapshotByteCount ?? 0
}

@c @implementation
public func arcuate_session_save(
  _ session: OpaquePointer?, _ data: UnsafeMutableRawPointer?, _ size: Int,
  _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> arcuate_status {
  withError(error) {
    let handle = try required(object(SessionHandle.self, session), "session")
    let data = try required(data, "data")
    let size = try nonNegative(size, "size")
    // SAFETY: the caller says that `data` has `size` bytes.
    try handle.session.save(into: UnsafeMutableRawBufferPointer(start: data, count: size))
  }
}

@c @implementation
public func arcuate_session_restore(
  _ session: OpaquePointer?, _ data: UnsafeRawPointer?, _ size: Int,
  _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> arcuate_status {
  withError(error) {
    let handle = try required(object(SessionHandle.self, session), "session")
    let data = try required(data, "data")
    let size = try nonNegative(size, "size")
    // SAFETY: the caller says that `data` has `size` bytes; the view does not outlive the call.
    try handle.session.restore(
      Bytes(unsafe: UnsafeRawBufferPointer(start: data, count: size), owner: handle))
  }
}

@c @implementation
public func arcuate_session_clone(
  _ session: OpaquePointer?, _ clone: UnsafeMutablePointer<OpaquePointer?>?,
  _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> arcuate_status {
  withError(error) {
    let handle = try required(object(SessionHandle.self, session), "session")
    let result = try required(clone, "clone")
    result.pointee = retain(SessionHandle(try handle.session.clone()))
  }
}

// MARK: Counters

@c @implementation
public func arcuate_session_counters(
  _ session: OpaquePointer?, _ node: Int64, _ stream: Int64,
  _ counters: UnsafeMutablePointer<arcuate_counters>?
) -> arcuate_status {
  withError(nil) {
    let session = try required(object(SessionHandle.self, session), "session").session
    let result = try required(counters, "counters")
    let size = try statedSize(result, least: MemoryLayout<arcuate_counters>.size, "counters")
    guard node >= -1, stream >= -1 else {
      throw ArcuateError(.invalidArgument, "node \(node), stream \(stream)")
    }
    let one = stream < 0 ? nil : Int(widening: stream)
    let sum =
      node < 0
      ? try session.totalCounters(stream: one)
      : try session.counters(at: Int(widening: node), stream: one)
    result.pointee = arcuate_counters(
      struct_size: size, spikes: sum.spikes, macs: sum.macs, acs: sum.acs,
      dense_operations: sum.denseOperations, neuron_updates: sum.neuronUpdates, rows: sum.rows,
      dense_rows: sum.denseRows, weight_bytes: sum.weightBytes)
  }
}

@c @implementation
public func arcuate_session_clear_counters(_ session: OpaquePointer?) -> arcuate_status {
  withSession(session) { $0.clearCounters() }
}

@c @implementation
public func arcuate_session_kernels(
  _ session: OpaquePointer?, _ text: UnsafeMutablePointer<CChar>?, _ size: Int
) -> Int {
  guard let session = object(SessionHandle.self, session)?.session else {
    if let text, size > 0 { text[0] = 0 }
    return 0
  }
  let names = Array(
    session.kernelsUsed().map(\.name).sorted().joined(separator: " ").utf8)
  if let text, size != 0 {
    // SAFETY: `text` has `size` bytes; more than an Int can hold is enough.
    let count = size < 0 ? names.count : min(names.count, size - 1)
    for i in 0..<count { text[i] = CChar(bitPattern: names[i]) }
    text[count] = 0
  }
  return names.count
}

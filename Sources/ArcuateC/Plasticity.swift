import Arcuate
import CArcuate

// MARK: Models

@c @implementation
public func arcuate_model_set_rule(
  _ model: OpaquePointer?, _ node: UnsafePointer<CChar>?, _ rule: UnsafePointer<CChar>?,
  _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> arcuate_status {
  withError(error) {
    let handle = try required(object(ModelHandle.self, model), "model")
    let node = try text(node, "node")
    let rule = try text(rule, "rule")
    handle.replace(
      try handle.model.plastic(node, try within("rule") { try PlasticRule(text: rule) }))
  }
}

@c @implementation
public func arcuate_model_freeze(
  _ model: OpaquePointer?, _ frozen: UnsafeMutablePointer<OpaquePointer?>?,
  _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> arcuate_status {
  withError(error) {
    let handle = try required(object(ModelHandle.self, model), "model")
    let result = try required(frozen, "frozen")
    result.pointee = retain(ModelHandle(handle.model.frozen(), handle.readFindings))
  }
}

// MARK: Signals

@c @implementation
public func arcuate_plan_signal_count(_ plan: OpaquePointer?) -> Int {
  object(PlanHandle.self, plan)?.signals.count ?? 0
}

@c @implementation
public func arcuate_plan_signal_name(_ plan: OpaquePointer?, _ signal: Int) -> UnsafePointer<CChar>?
{
  guard let signals = object(PlanHandle.self, plan)?.signals, signals.indices.contains(signal)
  else { return nil }
  return signals[signal].name.pointer
}

@c @implementation
public func arcuate_plan_signal_size(_ plan: OpaquePointer?, _ signal: Int) -> Int {
  guard let signals = object(PlanHandle.self, plan)?.signals, signals.indices.contains(signal)
  else { return 0 }
  return signals[signal].width
}

// MARK: Sessions

@c @implementation
public func arcuate_session_set_adapting(
  _ session: OpaquePointer?, _ adapting: Int32
) -> arcuate_status {
  withSession(session) { session in
    session.adapts = try boolean(adapting, "adapting")
  }
}

@c @implementation
public func arcuate_session_set_rate_factor(_ session: OpaquePointer?, _ factor: Float)
  -> arcuate_status
{
  withSession(session) { try $0.setAdaptationRate(factor) }
}

@c @implementation
public func arcuate_session_adapting(_ session: OpaquePointer?) -> Int32 {
  object(SessionHandle.self, session)?.session.adapts == true ? 1 : 0
}

@c @implementation
public func arcuate_session_set_signal(
  _ session: OpaquePointer?, _ signal: UnsafePointer<CChar>?, _ values: UnsafePointer<Float>?,
  _ count: Int
) -> arcuate_status {
  withSession(session) { session in
    let name = try text(signal, "signal")
    let count = try nonNegative(count, "count")
    if count > 0 { _ = try required(values, "values") }
    // SAFETY: the caller says that there are `count` numbers.
    try session.setSignal(name, UnsafeBufferPointer(start: values, count: count))
  }
}

@c @implementation
public func arcuate_session_set_label(
  _ session: OpaquePointer?, _ signal: UnsafePointer<CChar>?, _ stream: Int, _ label: Int64,
  _ on: Float, _ off: Float
) -> arcuate_status {
  withSession(session) { session in
    try session.setSignal(
      try text(signal, "signal"), label: Int(widening: label),
      stream: try nonNegative(stream, "stream"),
      on: on,
      off: off)
  }
}

@c @implementation
public func arcuate_session_clear_signal(
  _ session: OpaquePointer?, _ signal: UnsafePointer<CChar>?
) -> arcuate_status {
  withSession(session) { try $0.clearSignal(try text(signal, "signal")) }
}

@c @implementation
public func arcuate_session_normalize(_ session: OpaquePointer?) -> arcuate_status {
  withSession(session) { $0.normalize() }
}

@c @implementation
public func arcuate_session_consolidate(_ session: OpaquePointer?) -> arcuate_status {
  withSession(session) { try $0.consolidate() }
}

@c @implementation
public func arcuate_session_forget(_ session: OpaquePointer?) -> arcuate_status {
  withSession(session) { $0.restoreWeights() }
}

// MARK: Adapted values

/// Whether fast weights are requested.
private func isFast(_ kind: arcuate_adapted) throws(ArcuateError) -> Bool {
  switch kind {
  case ARCUATE_ADAPTED_SLOW: return false
  case ARCUATE_ADAPTED_FAST: return true
  default: throw notWithin(ARCUATE_ADAPTED_SLOW...ARCUATE_ADAPTED_FAST, kind, "kind")
  }
}

@c @implementation
public func arcuate_session_adapted_size(
  _ session: OpaquePointer?, _ node: UnsafePointer<CChar>?, _ kind: arcuate_adapted
) -> Int {
  guard let session = object(SessionHandle.self, session)?.session,
    let name = try? text(node, "node"),
    let fast = try? isFast(kind)
  else { return 0 }
  return (try? session.adaptedCount(name, fast: fast)) ?? 0
}

@c @implementation
public func arcuate_session_read_adapted(
  _ session: OpaquePointer?, _ node: UnsafePointer<CChar>?, _ kind: arcuate_adapted,
  _ values: UnsafeMutablePointer<Float>?, _ count: Int,
  _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> arcuate_status {
  withError(error) {
    let handle = try required(object(SessionHandle.self, session), "session")
    let name = try text(node, "node")
    let fast = try isFast(kind)
    let count = try nonNegative(count, "count")
    if count > 0 { _ = try required(values, "values") }
    // SAFETY: the caller says that there are `count` elements.
    try handle.session.adapted(
      name, fast: fast, into: UnsafeMutableBufferPointer(start: values, count: count))
  }
}

@c @implementation
public func arcuate_session_adapted_model(
  _ session: OpaquePointer?, _ model: UnsafeMutablePointer<OpaquePointer?>?,
  _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> arcuate_status {
  withError(error) {
    let handle = try required(object(SessionHandle.self, session), "session")
    let result = try required(model, "model")
    result.pointee = retain(ModelHandle(try handle.session.adaptedModel(), []))
  }
}

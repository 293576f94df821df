import Arcuate
import CArcuate

// MARK: Models

@c @implementation
public func arcuate_model_set_rule(
  _ model: OpaquePointer?, _ node: UnsafePointer<CChar>?, _ rule: UnsafePointer<CChar>?,
  _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> arcuate_status {
  answering(error) {
    let handle = try required(object(ModelHandle.self, model), "model")
    let node = try text(node, "node")
    let rule = try text(rule, "rule")
    handle.model = try handle.model.plastic(
      node, try within("rule") { try PlasticRule(text: rule) })
  }
}

@c @implementation
public func arcuate_model_freeze(
  _ model: OpaquePointer?, _ frozen: UnsafeMutablePointer<OpaquePointer?>?,
  _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> arcuate_status {
  answering(error) {
    let handle = try required(object(ModelHandle.self, model), "model")
    let result = try required(frozen, "frozen")
    result.pointee = handOut(ModelHandle(handle.model.frozen(), handle.readFindings))
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
public func arcuate_session_set_learning(
  _ session: OpaquePointer?, _ learning: Int32
) -> arcuate_status {
  running(session) { session in
    guard learning == 0 || learning == 1 else {
      throw ArcuateError(.invalidArgument, "learning is \(learning), neither 0 nor 1")
    }
    session.learns = learning == 1
  }
}

@c @implementation
public func arcuate_session_set_rate(_ session: OpaquePointer?, _ rate: Float) -> arcuate_status {
  running(session) { try $0.setRate(rate) }
}

@c @implementation
public func arcuate_session_learning(_ session: OpaquePointer?) -> Int32 {
  object(SessionHandle.self, session)?.session.learns == true ? 1 : 0
}

@c @implementation
public func arcuate_session_teach(
  _ session: OpaquePointer?, _ signal: UnsafePointer<CChar>?, _ values: UnsafePointer<Float>?,
  _ count: Int
) -> arcuate_status {
  running(session) { session in
    let name = try text(signal, "signal")
    let count = try held(count, "count")
    if count > 0 { _ = try required(values, "values") }
    // SAFETY: the caller says that there are `count` numbers.
    try session.teach(name, UnsafeBufferPointer(start: values, count: count))
  }
}

@c @implementation
public func arcuate_session_teach_label(
  _ session: OpaquePointer?, _ signal: UnsafePointer<CChar>?, _ stream: Int, _ label: Int64,
  _ on: Float, _ off: Float
) -> arcuate_status {
  running(session) { session in
    try session.teach(
      try text(signal, "signal"), label: Int(label), stream: try held(stream, "stream"), on: on,
      off: off)
  }
}

@c @implementation
public func arcuate_session_withdraw(
  _ session: OpaquePointer?, _ signal: UnsafePointer<CChar>?
) -> arcuate_status {
  running(session) { try $0.withdraw(try text(signal, "signal")) }
}

@c @implementation
public func arcuate_session_normalise(_ session: OpaquePointer?) -> arcuate_status {
  running(session) { $0.normalise() }
}

@c @implementation
public func arcuate_session_consolidate(_ session: OpaquePointer?) -> arcuate_status {
  running(session) { $0.consolidate() }
}

@c @implementation
public func arcuate_session_forget(_ session: OpaquePointer?) -> arcuate_status {
  running(session) { $0.forget() }
}

// MARK: What was learned

/// Whether fast weights are asked for.
private func isFast(_ kind: Int32) throws -> Bool {
  guard kind == ARCUATE_LEARNED_SLOW || kind == ARCUATE_LEARNED_FAST else {
    throw ArcuateError(.invalidArgument, "kind is \(kind), not within 0 ... 1")
  }
  return kind == ARCUATE_LEARNED_FAST
}

@c @implementation
public func arcuate_session_learned_size(
  _ session: OpaquePointer?, _ node: UnsafePointer<CChar>?, _ kind: Int32
) -> Int {
  guard let session = object(SessionHandle.self, session)?.session,
    let name = try? text(node, "node"),
    let fast = try? isFast(kind)
  else { return 0 }
  return (try? session.learnedCount(name, fast: fast)) ?? 0
}

@c @implementation
public func arcuate_session_learned(
  _ session: OpaquePointer?, _ node: UnsafePointer<CChar>?, _ kind: Int32,
  _ values: UnsafeMutablePointer<Float>?, _ count: Int,
  _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> arcuate_status {
  answering(error) {
    let handle = try required(object(SessionHandle.self, session), "session")
    let name = try text(node, "node")
    let fast = try isFast(kind)
    let count = try held(count, "count")
    if count > 0 { _ = try required(values, "values") }
    // SAFETY: the caller says that there is room for `count` numbers.
    try handle.session.learned(
      name, fast: fast, into: UnsafeMutableBufferPointer(start: values, count: count))
  }
}

@c @implementation
public func arcuate_session_learned_model(
  _ session: OpaquePointer?, _ model: UnsafeMutablePointer<OpaquePointer?>?,
  _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> arcuate_status {
  answering(error) {
    let handle = try required(object(SessionHandle.self, session), "session")
    let result = try required(model, "model")
    result.pointee = handOut(ModelHandle(try handle.session.learnedModel(), []))
  }
}

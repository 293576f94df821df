import Arcuate
import CArcuate

@c @implementation
public func arcuate_probe_create(
  _ session: OpaquePointer?, _ node: UnsafePointer<CChar>?, _ quantity: Int32, _ capacity: Int,
  _ probe: UnsafeMutablePointer<OpaquePointer?>?, _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> arcuate_status {
  answering(error) {
    let session = try required(object(SessionHandle.self, session), "session").session
    let result = try required(probe, "probe")
    let made = try session.makeProbe(
      try text(node, "node"), try choice(quantity, "quantity", Probe.Quantity.self),
      capacity: capacity)
    result.pointee = handOut(ProbeHandle(made, session))
  }
}

@c @implementation
public func arcuate_probe_free(_ probe: OpaquePointer?) {
  if let handle = object(ProbeHandle.self, probe) { handle.session?.remove(handle.probe) }
  takeBack(ProbeHandle.self, probe)
}

@c @implementation
public func arcuate_probe_steps(_ probe: OpaquePointer?) -> Int {
  object(ProbeHandle.self, probe)?.probe.recorded ?? 0
}

@c @implementation
public func arcuate_probe_missed(_ probe: OpaquePointer?) -> Int {
  object(ProbeHandle.self, probe)?.probe.missed ?? 0
}

@c @implementation
public func arcuate_probe_count(_ probe: OpaquePointer?) -> Int {
  object(ProbeHandle.self, probe)?.probe.count ?? 0
}

@c @implementation
public func arcuate_probe_size(_ probe: OpaquePointer?) -> Int {
  object(ProbeHandle.self, probe)?.probe.shape.count ?? 0
}

@c @implementation
public func arcuate_probe_read(
  _ probe: OpaquePointer?, _ values: UnsafeMutablePointer<Float>?, _ count: Int,
  _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> arcuate_status {
  answering(error) {
    let probe = try required(object(ProbeHandle.self, probe), "probe").probe
    let count = try held(count, "count")
    if count > 0 { _ = try required(values, "values") }
    // SAFETY: the caller says there is room for `count` numbers.
    try probe.read(into: UnsafeMutableBufferPointer(start: values, count: count))
  }
}

@c @implementation
public func arcuate_probe_clear(_ probe: OpaquePointer?) -> arcuate_status {
  answering(nil) { try required(object(ProbeHandle.self, probe), "probe").probe.clear() }
}

import Arcuate
import CArcuate

extension Probe.Quantity: HeaderConstant {
  static var constants: ClosedRange<Int32> {
    ARCUATE_PROBE_OUTPUT...ARCUATE_PROBE_CURRENT
  }

  init?(c value: Int32) {
    switch value {
    case ARCUATE_PROBE_OUTPUT: self = .output
    case ARCUATE_PROBE_MEMBRANE: self = .membrane
    case ARCUATE_PROBE_CURRENT: self = .current
    default: return nil
    }
  }
}

@c @implementation
public func arcuate_probe_create(
  _ session: OpaquePointer?, _ node: UnsafePointer<CChar>?, _ quantity: arcuate_probe_quantity,
  _ capacity: Int,
  _ probe: UnsafeMutablePointer<OpaquePointer?>?, _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> arcuate_status {
  withError(error) {
    let session = try required(object(SessionHandle.self, session), "session").session
    let result = try required(probe, "probe")
    let made = try session.makeProbe(
      try text(node, "node"), try Probe.Quantity(c: quantity, "quantity"),
      capacity: capacity)
    result.pointee = retain(ProbeHandle(made, session))
  }
}

@c @implementation
public func arcuate_probe_free(_ probe: OpaquePointer?) {
  if let handle = object(ProbeHandle.self, probe) { handle.session?.remove(handle.probe) }
  release(ProbeHandle.self, probe)
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
  withError(error) {
    let probe = try required(object(ProbeHandle.self, probe), "probe").probe
    let count = try nonNegative(count, "count")
    if count > 0 { _ = try required(values, "values") }
    // SAFETY: the caller says that there are `count` elements.
    try probe.read(into: UnsafeMutableBufferPointer(start: values, count: count))
  }
}

@c @implementation
public func arcuate_probe_clear(_ probe: OpaquePointer?) -> arcuate_status {
  withError(nil) { try required(object(ProbeHandle.self, probe), "probe").probe.clear() }
}

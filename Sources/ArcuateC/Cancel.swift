import Arcuate
import CArcuate

// What an `arcuate_cancel *` points to is the request itself: a signal handler that makes it neither
// counts references nor allocates.

@c @implementation
public func arcuate_cancel_create(
  _ poll: arcuate_cancel_poll?, _ context: UnsafeMutableRawPointer?,
  _ cancel: UnsafeMutablePointer<OpaquePointer?>?, _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> arcuate_status {
  withError(error) {
    let result = try required(cancel, "cancel")
    result.pointee = Cancellation(poll: poll, context: context).handle
  }
}

@c @implementation
public func arcuate_cancel_free(_ cancel: OpaquePointer?) {
  cancel.map { Cancellation(handle: $0).destroy() }
}

@c @implementation
public func arcuate_cancel_watch(_ cancel: OpaquePointer?) {
  Cancellation.watch(cancel.map { Cancellation(handle: $0) })
}

@c @implementation
public func arcuate_cancel_request(_ cancel: OpaquePointer?) {
  cancel.map { Cancellation(handle: $0).end() }
}

@c @implementation
public func arcuate_cancel_clear(_ cancel: OpaquePointer?) {
  cancel.map { Cancellation(handle: $0).clear() }
}

@c @implementation
public func arcuate_cancel_requested(_ cancel: OpaquePointer?) -> Int32 {
  cancel.map { Cancellation(handle: $0).isRequested ? 1 : 0 } ?? 0
}

import Arcuate
import CArcuate

/// A pointer of the caller's that is passed back to it.
private struct Context: @unchecked Sendable {
  // SAFETY: never dereferenced here; the header says that any thread may call the caller's functions.
  let pointer: UnsafeMutableRawPointer?
}

@c @implementation
public func arcuate_set_allocator(
  _ allocator: UnsafePointer<arcuate_allocator>?, _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> arcuate_status {
  withError(error) {
    guard allocator != nil else {
      Allocator.current = .system
      return
    }
    let given = try options(
      allocator, defaults: arcuate_allocator(), least: MemoryLayout<arcuate_allocator>.size,
      "allocator")
    let allocate = try required(given.allocate, "allocator->allocate")
    let release = try required(given.release, "allocator->release")
    let context = Context(pointer: given.context)
    Allocator.current = Allocator(
      allocate: { size, alignment in allocate(context.pointer, size, alignment) },
      release: { block, size in release(context.pointer, block, size) })
  }
}

@c @implementation
public func arcuate_set_log(_ log: arcuate_log?, _ context: UnsafeMutableRawPointer?) {
  guard let log else { return Log.send(to: nil) }
  let context = Context(pointer: context)
  Log.send { level, message in
    message.withCString { log(context.pointer, level.c, $0) }
  }
}

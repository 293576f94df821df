import Arcuate
import CArcuate

/// An argument that must not be NULL.
@inline(__always)
func required<T>(_ argument: T?, _ name: StaticString) throws(ArcuateError) -> T {
  guard let argument else { throw ArcuateError(.invalidArgument, "\(name) is NULL") }
  return argument
}

/// Text that must not be NULL and must be UTF-8.
func text(_ argument: UnsafePointer<CChar>?, _ name: StaticString) throws(ArcuateError) -> String {
  guard let text = String(validatingCString: try required(argument, name)) else {
    throw ArcuateError(.invalidArgument, "\(name) is not UTF-8")
  }
  return text
}

/// A count or size, which above the largest Int arrives as a negative number.
@inline(__always)
func nonNegative(_ count: Int, _ name: StaticString) throws(ArcuateError) -> Int {
  guard count >= 0 else {
    throw ArcuateError(
      .invalidArgument, "\(name) must be 0 ... \(Int.max), got \(UInt(bitPattern: count))")
  }
  return count
}

/// The caller's options over the defaults: fields that its struct is too old to have keep theirs.
///
/// Throws. `invalidArgument` for an invalid size, and for nonzero fields that this library does not
/// know.
func options<T: BitwiseCopyable>(
  _ pointer: UnsafePointer<T>?, defaults: T, least: Int, _ name: StaticString
) throws(ArcuateError) -> T {
  guard let pointer else { return defaults }
  let raw = UnsafeRawPointer(pointer)
  // SAFETY: every options struct begins with its size.
  let stated = raw.loadUnaligned(as: UInt.self)
  guard let size = Int(exactly: stated), size >= least, size <= 4096 else {
    throw ArcuateError(
      .invalidArgument, "\(name)->struct_size is \(stated): set it to the size of the struct")
  }
  // SAFETY: the caller says the struct has `size` bytes.
  for i in MemoryLayout<T>.size..<max(size, MemoryLayout<T>.size)
  where raw.load(fromByteOffset: i, as: UInt8.self) != 0 {
    throw ArcuateError(.invalidArgument, "\(name) has a field that this library does not know")
  }
  var result = defaults
  withUnsafeMutableBytes(of: &result) {
    $0.copyMemory(
      from: UnsafeRawBufferPointer(start: raw, count: min(size, MemoryLayout<T>.size)))
  }
  return result
}

/// Elements that an options struct points to. Throws. `invalidArgument` where there are none but a
/// count, and for an absurd count.
func elements<T>(
  _ start: UnsafePointer<T>?, _ count: Int, _ name: StaticString
) throws(ArcuateError) -> UnsafeBufferPointer<T> {
  guard (0...100_000).contains(count) else {
    throw ArcuateError(
      .invalidArgument, "\(name) must have 0 ... 100000 elements, got \(UInt(bitPattern: count))")
  }
  if count > 0 { _ = try required(start, name) }
  // SAFETY: the caller says that there are `count` elements.
  return UnsafeBufferPointer(start: start, count: count)
}

/// The size that a struct to be filled begins with.
func statedSize<T>(
  _ pointer: UnsafeMutablePointer<T>, least: Int, _ name: StaticString
) throws(ArcuateError) -> Int {
  // SAFETY: the struct begins with its size.
  let size = UnsafeRawPointer(pointer).load(as: Int.self)
  guard (least...4096).contains(size) else {
    throw ArcuateError(
      .invalidArgument,
      "\(name)->struct_size is \(UInt(bitPattern: size)): set it to the size of the struct")
  }
  return size
}

/// Writes up to `capacity` extents of a shape, and returns the rank.
func copyOut(
  _ shape: Shape?, to extents: UnsafeMutablePointer<Int>?, _ capacity: Int
) -> Int {
  guard let shape else { return 0 }
  if let extents {
    // SAFETY: the caller says that `extents` has `capacity` elements. A size_t beyond what an Int
    // holds arrives as a negative number and is enough.
    let count = capacity < 0 ? shape.rank : min(capacity, shape.rank)
    for axis in 0..<count { extents[axis] = shape[axis] }
  }
  return shape.rank
}

/// Copies numbers to a buffer of the caller's.
func copyOut(_ values: [Float], to buffer: UnsafeMutablePointer<Float>) {
  // SAFETY: the caller of this function has compared the counts.
  _ = UnsafeMutableBufferPointer(start: buffer, count: values.count).update(fromContentsOf: values)
}

/// Calls `body` and turns what it throws into a status and, if the caller wants one, an error.
func withError(
  _ error: UnsafeMutablePointer<OpaquePointer?>?, _ body: () throws -> Void
) -> arcuate_status {
  Cancellation.begin()
  do {
    try body()
    return ARCUATE_SUCCESS
  } catch let failure {
    let failure = ArcuateError(failure)
    error?.pointee = retain(ErrorHandle(failure))
    return failure.code.rawValue
  }
}

extension ArcuateError {
  /// Any error as one of this type. A host is never ended by an error of another type.
  init(_ error: any Error) {
    self = error as? ArcuateError ?? ArcuateError(.invalidState, "unexpected failure: \(error)")
  }
}

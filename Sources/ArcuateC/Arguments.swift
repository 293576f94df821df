import Arcuate
import CArcuate

/// An argument that must not be NULL.
@inline(__always)
func required<T>(_ argument: T?, _ name: StaticString) throws -> T {
  guard let argument else { throw ArcuateError(.invalidArgument, "\(name) is NULL") }
  return argument
}

/// Text that must not be NULL and must be UTF-8.
func text(_ argument: UnsafePointer<CChar>?, _ name: StaticString) throws -> String {
  guard let text = String(validatingCString: try required(argument, name)) else {
    throw ArcuateError(.invalidArgument, "\(name) is not UTF-8")
  }
  return text
}

/// One of the cases of an enumeration, by its place in the header's list.
func choice<T: CaseIterable>(_ value: Int32, _ name: StaticString, _ cases: T.Type) throws -> T {
  let all = Array(cases.allCases)
  guard all.indices.contains(Int(value)) else {
    throw ArcuateError(.invalidArgument, "\(name) is \(value), not within 0 ... \(all.count - 1)")
  }
  return all[Int(value)]
}

/// The error for a number that no constant of the header has.
func noSuchValue(_ value: Int32, _ name: StaticString, _ range: ClosedRange<Int32>) -> ArcuateError {
  ArcuateError(
    .invalidArgument, "\(name) must be \(range.lowerBound) ... \(range.upperBound), got \(value)")
}

/// A truth value. Throws. `invalidArgument` for what is neither 0 nor 1.
func truth(_ value: Int32, _ name: StaticString) throws -> Bool {
  guard value == 0 || value == 1 else {
    throw ArcuateError(.invalidArgument, "\(name) is \(value), not within 0 ... 1")
  }
  return value == 1
}

/// A count or size that must be what an Int can hold; larger ones arrive as negative numbers.
@inline(__always)
func held(_ count: Int, _ name: StaticString) throws -> Int {
  guard count >= 0 else {
    throw ArcuateError(
      .invalidArgument, "\(name) is \(UInt(bitPattern: count)), not within 0 ... \(Int.max)")
  }
  return count
}

/// The caller's options over the defaults: fields its struct is too old to have keep theirs.
///
/// Throws. `invalidArgument` for a size that cannot be, or for fields this library does not know
/// that are not zero.
func options<T: BitwiseCopyable>(
  _ pointer: UnsafePointer<T>?, defaults: T, least: Int, _ name: StaticString
) throws -> T {
  guard let pointer else { return defaults }
  let raw = UnsafeRawPointer(pointer)
  // SAFETY: every options struct begins with its size.
  let stated = raw.loadUnaligned(as: UInt.self)
  guard let size = Int(exactly: stated), size >= least, size <= 4096 else {
    throw ArcuateError(
      .invalidArgument, "\(name)->struct_size is \(stated): set it to sizeof the struct")
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

/// The size that a struct to be filled begins with.
func givenSize<T>(_ pointer: UnsafeMutablePointer<T>, least: Int) throws -> Int {
  // SAFETY: the struct begins with its size.
  let size = UnsafeRawPointer(pointer).load(as: Int.self)
  guard (least...4096).contains(size) else {
    throw ArcuateError(
      .invalidArgument,
      "struct_size is \(UInt(bitPattern: size)): set it to sizeof the struct")
  }
  return size
}

/// Writes the part of `value` that the caller's struct, of `size` bytes, has room for.
func give<T: BitwiseCopyable>(_ value: T, to pointer: UnsafeMutablePointer<T>, size: Int) {
  withUnsafeBytes(of: value) {
    // SAFETY: the caller says the struct has `size` bytes.
    UnsafeMutableRawPointer(pointer).copyMemory(
      from: $0.baseAddress!, byteCount: min(size, $0.count))
  }
}

/// Calls `body` and turns what it throws into a status and, if the caller wants one, an error.
func answering(
  _ error: UnsafeMutablePointer<OpaquePointer?>?, _ body: () throws -> Void
) -> arcuate_status {
  do {
    try body()
    return 0
  } catch let failure {
    // Nothing but ArcuateError is thrown anywhere below.
    let failure =
      failure as? ArcuateError ?? ArcuateError(.invalidState, "unexpected failure: \(failure)")
    error?.pointee = handOut(ErrorHandle(failure))
    return failure.code.rawValue
  }
}

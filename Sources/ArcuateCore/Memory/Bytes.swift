#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// An owner of bytes that can be loaded again.
public protocol PageOwner: AnyObject {
  /// Evicts the pages of `buffer`, a part of its bytes, from memory.
  func evict(_ buffer: UnsafeRawBufferPointer)
}

/// Immutable bytes with bounds-checked access.
///
/// A slice shares and retains the storage, an array or a mapped file, so that tensors can point
/// into a file that was mapped once.
public struct Bytes: @unchecked Sendable {
  // SAFETY: the storage is immutable after creation and `base` lies inside it for as long as
  // `owner` lives, which every copy of this value retains; so sharing across threads is safe.
  /// The address of the first byte. Needs. A copy of this value is alive.
  package let base: UnsafePointer<UInt8>
  private let owner: AnyObject
  /// The owner, if its pages can be evicted; determined once, because the cast is slow.
  private let pages: (any PageOwner)?
  public let count: Int

  private final class Copy {
    let storage: UnsafeMutableRawBufferPointer
    init(count: Int) { storage = .allocate(byteCount: max(count, 1), alignment: 64) }
    deinit { storage.deallocate() }
  }

  private init(base: UnsafePointer<UInt8>, count: Int, owner: AnyObject) {
    self.base = base
    self.count = count
    self.owner = owner
    pages = owner as? any PageOwner
  }

  private init(_ other: Bytes, from offset: Int, _ length: Int) {
    base = other.base + offset
    count = length
    owner = other.owner
    pages = other.pages
  }

  /// A copy of `array`, aligned to 64 bytes.
  public init(_ array: [UInt8]) {
    // SAFETY: the closure only reads the bytes of the array while it lives.
    self = array.withUnsafeBytes { Bytes(copying: $0) }
  }

  /// A copy of the bytes of `buffer`, aligned to 64 bytes.
  public init(copying buffer: UnsafeRawBufferPointer) {
    let copy = Copy(count: buffer.count)
    // SAFETY: `copy.storage` has at least `buffer.count` bytes.
    copy.storage.copyMemory(from: buffer)
    self.init(
      base: UnsafePointer(copy.storage.baseAddress!.assumingMemoryBound(to: UInt8.self)),
      count: buffer.count, owner: copy)
  }

  /// From this size on bytes are a block of the allocator.
  private static let largeCount = 1 << 16

  /// `count` bytes, if many in a block of the current allocator, which `fill` sets, all of them.
  /// Throws. `outOfMemory`; what `fill` throws.
  package static func allocated(
    _ count: Int, _ fill: (UnsafeMutableRawBufferPointer) throws(ArcuateError) -> Void
  ) throws(ArcuateError) -> Bytes {
    guard count >= Bytes.largeCount else {
      let copy = Copy(count: count)
      try fill(UnsafeMutableRawBufferPointer(rebasing: copy.storage[..<count]))
      // SAFETY: the storage has `count` bytes and lives with its owner.
      return Bytes(
        unsafe: UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(copy.storage)[..<count]),
        owner: copy)
    }
    let block = try AlignedBuffer(byteCount: count, isZeroed: false)
    // SAFETY: the block has `count` bytes and lives with its owner; nobody else has seen it yet.
    try fill(UnsafeMutableRawBufferPointer(start: block.base, count: count))
    return Bytes(unsafe: UnsafeRawBufferPointer(start: block.base, count: count), owner: block)
  }

  /// A copy of the bytes of `buffer`, if many in a block of the current allocator. Throws. `outOfMemory`.
  public init(allocating buffer: UnsafeRawBufferPointer) throws(ArcuateError) {
    self = try Bytes.allocated(buffer.count) { block throws(ArcuateError) in
      block.copyMemory(from: buffer)
    }
  }

  /// Bytes that `owner` keeps valid and unchanged for as long as it lives.
  public init(unsafe buffer: UnsafeRawBufferPointer, owner: AnyObject) {
    if let start = buffer.baseAddress, buffer.count > 0 {
      // SAFETY: the owner keeps `buffer.count` bytes valid.
      self.init(base: start.assumingMemoryBound(to: UInt8.self), count: buffer.count, owner: owner)
    } else {
      self.init([])
    }
  }

  /// The byte at `offset`. Throws. `truncated` outside the bytes.
  @inline(__always)
  public func byte(at offset: Int) throws(ArcuateError) -> UInt8 {
    guard offset >= 0, offset < count else { throw outside(offset, 1) }
    return base[offset]
  }

  /// A fixed-width integer at `offset`, little-endian by default.
  /// Throws. `truncated` outside the bytes.
  @inline(__always)
  public func integer<T: FixedWidthInteger>(
    _: T.Type = T.self, at offset: Int, bigEndian: Bool = false
  ) throws(ArcuateError) -> T {
    let size = MemoryLayout<T>.size
    guard offset >= 0, size <= count, offset <= count - size else { throw outside(offset, size) }
    // SAFETY: the guard keeps offset ..< offset + size inside the storage; the load is unaligned.
    let value = UnsafeRawPointer(base + offset).loadUnaligned(as: T.self)
    return bigEndian ? T(bigEndian: value) : T(littleEndian: value)
  }

  /// The part from `offset`, `length` bytes long, sharing the storage.
  /// Throws. `truncated` if it does not lie inside.
  public func slice(_ offset: Int, _ length: Int) throws(ArcuateError) -> Bytes {
    guard offset >= 0, length >= 0, length <= count, offset <= count - length else {
      throw outside(offset, length)
    }
    return Bytes(self, from: offset, length)
  }

  /// Calls `body` with the bytes; the pointer must not leave the closure.
  @inline(__always)
  public func withUnsafeBytes<R, E: Error>(
    _ body: (UnsafeRawBufferPointer) throws(E) -> R
  ) throws(E) -> R {
    // SAFETY: `self` is alive for the whole call and with it the storage.
    try withExtendedLifetime(owner) { () throws(E) in
      try body(UnsafeRawBufferPointer(start: base, count: count))
    }
  }

  /// Tells the owner that these bytes will hardly be read again, so that pages of a mapped file do
  /// not fill the memory. The bytes stay valid.
  public func evict(_ range: Range<Int>) {
    precondition(range.lowerBound >= 0 && range.upperBound <= count, "a range of the bytes")
    // SAFETY: the range lies inside the bytes, as checked above.
    pages?.evict(
      UnsafeRawBufferPointer(start: base + range.lowerBound, count: range.count))
  }

  // SAFETY: the closure copies `count` bytes.
  public var array: [UInt8] { withUnsafeBytes { [UInt8]($0) } }

  private func outside(_ offset: Int, _ length: Int) -> ArcuateError {
    ArcuateError(
      .truncated, "needs \(length) bytes at offset \(offset), but has only \(count) bytes")
  }
}

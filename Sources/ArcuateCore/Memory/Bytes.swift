#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// An owner of bytes that can be fetched again.
public protocol PageOwner: AnyObject {
  /// Gives up the memory of the pages that `buffer`, a part of what it owns, lies in.
  func letGo(_ buffer: UnsafeRawBufferPointer)
}

/// Bytes that never change, with every access checked against their end.
///
/// A slice shares and retains the storage, whether that is an array or a mapped file, so tensors
/// can keep pointing into a file that was mapped once.
public struct Bytes: @unchecked Sendable {
  // SAFETY: the storage is immutable after creation and `base` lies inside it for as long as
  // `owner` lives, which every copy of this value retains; so sharing across threads is safe.
  /// The address of the first byte, for whoever keeps this value or a copy of it.
  package let base: UnsafePointer<UInt8>
  private let owner: AnyObject
  /// The owner, if its pages can be let go: found out once, since the question is slow.
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

  /// Bytes that `owner` keeps valid and unchanged for as long as it lives.
  public init(unsafe buffer: UnsafeRawBufferPointer, owner: AnyObject) {
    if let start = buffer.baseAddress, buffer.count > 0 {
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

  /// A fixed-width integer at `offset`, little endian unless said otherwise.
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

  /// Tells the owner that these bytes have been read and will hardly be again, so that the pages of
  /// a mapped file do not fill the memory beside what was made of them. They stay valid.
  public func letGo(_ range: Range<Int>) {
    precondition(range.lowerBound >= 0 && range.upperBound <= count, "a range of the bytes")
    pages?.letGo(
      UnsafeRawBufferPointer(start: base + range.lowerBound, count: range.count))
  }

  public var array: [UInt8] { withUnsafeBytes { [UInt8]($0) } }

  private func outside(_ offset: Int, _ length: Int) -> ArcuateError {
    ArcuateError(
      .truncated, "needs \(length) bytes at offset \(offset), but there are only \(count) bytes")
  }
}

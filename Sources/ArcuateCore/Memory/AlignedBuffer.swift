#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// A block of memory of fixed size, aligned to 64 bytes and zeroed unless its user overwrites all.
///
/// Its views keep it alive. It is not synchronized: two threads may use disjoint parts at the same
/// time.
public final class AlignedBuffer: @unchecked Sendable {
  // SAFETY: the address and size are constant; users keep to disjoint parts when they share it.
  package let base: UnsafeMutableRawPointer
  public let byteCount: Int
  private let allocator: Allocator
  private var blockSize: Int { max(64, (byteCount + 63) & ~63) }

  /// Throws. `outOfMemory` if the allocator refuses, or above 2^40 bytes.
  public init(byteCount: Int, isZeroed: Bool = true) throws(ArcuateError) {
    let allocator = Allocator.current
    let refused = ArcuateError(.outOfMemory, "cannot allocate \(byteCount) bytes")
    guard byteCount >= 0, byteCount <= 1 << 40 else { throw refused }
    let size = max(64, (byteCount + 63) & ~63)
    guard let base = allocator.allocate(size, 64) else { throw refused }
    guard UInt(bitPattern: base) & 63 == 0 else {
      allocator.release(base, size)
      throw ArcuateError(.outOfMemory, "the allocator returned a block not aligned to 64 bytes")
    }
    // SAFETY: the block has `size` bytes.
    if isZeroed { memset(base, 0, size) }
    self.base = base
    self.byteCount = byteCount
    self.allocator = allocator
  }

  deinit { allocator.release(base, blockSize) }

  /// The `count` elements from element `start`.
  /// Needs. They lie inside the buffer; checked.
  public func view<T: BitwiseCopyable>(_: T.Type = T.self, start: Int, count: Int) -> View<T> {
    precondition(
      start >= 0 && count >= 0 && (start + count) * MemoryLayout<T>.stride <= byteCount,
      "a view must lie inside its buffer")
    return View(buffer: self, start: start, count: count)
  }
}

/// Consecutive elements of a buffer, which the view keeps alive.
public struct View<T: BitwiseCopyable>: @unchecked Sendable {
  // SAFETY: as for the buffer.
  package let buffer: AlignedBuffer
  /// The elements; valid while this view or another of the same buffer lives.
  public let row: Row<T>

  fileprivate init(buffer: AlignedBuffer, start: Int, count: Int) {
    self.buffer = buffer
    // SAFETY: `AlignedBuffer.view` checked that the elements lie inside the buffer.
    let base = (buffer.base + start * MemoryLayout<T>.stride).assumingMemoryBound(to: T.self)
    row = Row(pointer: base, count: count)
  }

  public var count: Int { row.count }

  /// The address of the first element, for kernel dispatch.
  @inline(__always)
  package var pointer: UnsafeMutablePointer<T> { row.pointer }

  @inline(__always)
  public subscript(i: Int) -> T {
    get { row[i] }
    nonmutating set { row[i] = newValue }
  }

  public var array: [T] { row.array }
}

/// Consecutive elements with checked access, in memory that its user keeps alive.
///
/// A session creates thousands of rows per second while it holds their buffer; views would retain
/// and release it each time.
public struct Row<T: BitwiseCopyable>: BitwiseCopyable, @unchecked Sendable {
  // SAFETY: only a view makes rows, and the user of a row holds the view or its buffer.
  package let pointer: UnsafeMutablePointer<T>
  public let count: Int

  @inline(__always)
  fileprivate init(pointer: UnsafeMutablePointer<T>, count: Int) {
    self.pointer = pointer
    self.count = count
  }

  @inline(__always)
  public subscript(i: Int) -> T {
    get {
      precondition(i >= 0 && i < count, "index outside the row")
      return pointer[i]
    }
    nonmutating set {
      precondition(i >= 0 && i < count, "index outside the row")
      pointer[i] = newValue
    }
  }

  /// The `count` elements from `offset`.
  @inline(__always)
  public func part(_ offset: Int, _ count: Int) -> Row {
    precondition(offset >= 0 && count >= 0 && offset + count <= self.count, "part outside the row")
    return Row(pointer: pointer + offset, count: count)
  }

  @inline(__always)
  public func fill(_ value: T) { pointer.update(repeating: value, count: count) }

  /// Copies `other`, which has the same number of elements.
  @inline(__always)
  public func copy(from other: Row) {
    precondition(other.count == count, "copies need equal counts")
    // SAFETY: both rows are valid; memmove allows overlap.
    memmove(pointer, other.pointer, count * MemoryLayout<T>.stride)
  }

  /// Copies `values`, which has the same number of elements.
  @inline(__always)
  public func copy(from values: UnsafeBufferPointer<T>) {
    precondition(values.count == count, "copies need equal counts")
    if let source = values.baseAddress, count > 0 {
      // SAFETY: the counts are equal and both sides are valid.
      memmove(pointer, source, count * MemoryLayout<T>.stride)
    }
  }

  public var array: [T] { [T](UnsafeBufferPointer(start: pointer, count: count)) }
}

extension View where T == Float {
  /// A new buffer that holds `values`, then zeros up to a multiple of 16.
  public static func packed(_ values: [Float]) throws(ArcuateError) -> View {
    let padded = (values.count + 15) & ~15
    let view = try AlignedBuffer(byteCount: padded * 4).view(Float.self, start: 0, count: padded)
    for (i, value) in values.enumerated() { view.pointer[i] = value }
    return view
  }
}

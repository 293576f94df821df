import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Where large blocks come from: packed weights, the memory of sessions and recordings.
public struct Allocator: Sendable {
  /// At least `size` bytes at a multiple of `alignment`, or nil.
  public var allocate: @Sendable (_ size: Int, _ alignment: Int) -> UnsafeMutableRawPointer?
  /// Takes back a block that `allocate` gave for `size` bytes.
  public var release: @Sendable (_ block: UnsafeMutableRawPointer, _ size: Int) -> Void

  public init(
    allocate: @escaping @Sendable (_ size: Int, _ alignment: Int) -> UnsafeMutableRawPointer?,
    release: @escaping @Sendable (_ block: UnsafeMutableRawPointer, _ size: Int) -> Void
  ) {
    self.allocate = allocate
    self.release = release
  }

  /// The system's.
  public static let system = Allocator(
    allocate: { size, alignment in
      var block: UnsafeMutableRawPointer?
      return posix_memalign(&block, alignment, size) == 0 ? block : nil
    },
    release: { block, _ in free(block) })

  private static let chosen = Mutex(Allocator.system)

  /// The one for blocks to come; a block goes back to the one it came from.
  public static var current: Allocator {
    get { chosen.withLock { $0 } }
    set { chosen.withLock { $0 = newValue } }
  }
}

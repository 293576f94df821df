import CShims
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

  private static let hugePage = 1 << 21

  /// The system's; large blocks ask for huge pages.
  public static let system = Allocator(
    allocate: { size, alignment in
      var block: UnsafeMutableRawPointer?
      let isHuge = size >= 2 * hugePage
      guard posix_memalign(&block, isHuge ? hugePage : alignment, size) == 0, let block else {
        return nil
      }
      #if os(Linux)
        // Weight rows are read in no order: with small pages each would miss the address cache.
        // A refusal changes nothing but the speed.
        if isHuge { _ = madvise(block, size, MADV_HUGEPAGE) }
      #endif
      return block
    },
    release: { block, _ in free(block) })

  private static let chosen = Mutex(Allocator.system)

  /// The one for blocks to come; a block goes back to the one it came from.
  public static var current: Allocator {
    get { chosen.withLock { $0 } }
    set { chosen.withLock { $0 = newValue } }
  }

  /// Gives memory that the system's allocator holds but nobody uses back to the system.
  package static func trim() { cshims_trim_memory() }
}

import CShims
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// The source of large blocks: packed weights, the memory of sessions and recordings.
public struct Allocator: Sendable {
  /// At least `size` bytes at a multiple of `alignment`, or nil.
  public var allocate: @Sendable (_ size: Int, _ alignment: Int) -> UnsafeMutableRawPointer?
  /// Frees a block that `allocate` returned for `size` bytes.
  public var release: @Sendable (_ block: UnsafeMutableRawPointer, _ size: Int) -> Void

  public init(
    allocate: @escaping @Sendable (_ size: Int, _ alignment: Int) -> UnsafeMutableRawPointer?,
    release: @escaping @Sendable (_ block: UnsafeMutableRawPointer, _ size: Int) -> Void
  ) {
    self.allocate = allocate
    self.release = release
  }

  private static let hugePage = 1 << 21

  /// The system's allocator; large blocks request huge pages.
  public static let system = Allocator(
    allocate: { size, alignment in
      var block: UnsafeMutableRawPointer?
      let isHuge = size >= 2 * hugePage
      guard posix_memalign(&block, isHuge ? hugePage : alignment, size) == 0, let block else {
        return nil
      }
      #if os(Linux)
        // Weight rows are read in random order: with small pages each would miss the TLB. A refusal
        // only costs speed.
        if isHuge { _ = madvise(block, size, MADV_HUGEPAGE) }
      #endif
      return block
    },
    release: { block, _ in free(block) })

  private static let chosen = Mutex(Allocator.system)

  /// The allocator for new blocks; a block is freed by the allocator that returned it.
  public static var current: Allocator {
    get { chosen.withLock { $0 } }
    set { chosen.withLock { $0 = newValue } }
  }

  /// Returns unused memory of the system's allocator to the system.
  package static func trim() { cshims_trim_memory() }
}

import ArcuateCore
import CShims

/// A place where workers wait for each other within a job, without asking the system.
struct Meeting: Sendable {
  /// How many have come, and how often all have met, a cache line apart.
  private let words: View<UInt32>

  init() throws { words = try AlignedBuffer(byteCount: 128).view(start: 0, count: 32) }

  /// Returns when `count` workers have called; what they wrote before is then seen by all.
  @inline(__always)
  func wait(_ count: Int) {
    // SAFETY: the words live as long as this; only the shim touches them.
    cshims_meet(words.pointer, words.pointer + 16, UInt32(count))
  }
}

import ArcuateCore
import CShims

/// A spinning barrier: workers wait for each other within a job without a system call.
struct Barrier: Sendable {
  /// The number of workers that have arrived, and the round, a cache line apart.
  private let words: View<UInt32>

  init() throws(ArcuateError) {
    words = try AlignedBuffer(byteCount: 128).view(start: 0, count: 32)
  }

  /// Returns when `count` workers have called it; what each wrote before is then visible to all.
  @inline(__always)
  func wait(_ count: Int) {
    // SAFETY: the words live as long as this value; only the shim touches them.
    cshims_meet(words.pointer, words.pointer + 16, UInt32(count))
  }
}

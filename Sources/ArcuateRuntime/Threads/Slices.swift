import ArcuateCore
import CShims
import Synchronization

/// Runs a worker's part of a range slice by slice, and ends between two if the call is canceled.
final class Slices: Sendable {
  private let cancellation: Cancellation
  private let grain: Int
  /// Whether a worker has left some of its part out.
  let isCanceled = Atomic(false)

  private static let nanoseconds = 50e6

  init(_ cancellation: Cancellation, grain: Int) {
    self.cancellation = cancellation
    self.grain = grain
  }

  /// The first slice is small, the others take about as long as they should.
  func run(_ part: Range<Int>, _ worker: Int, _ body: (Range<Int>, Int) -> Void) {
    var first = part.lowerBound
    var size = rounded(part.count / 64)
    while first < part.upperBound {
      // Only the thread of the call may ask the caller.
      if worker == 0 ? cancellation.poll() : cancellation.isRequested {
        return isCanceled.store(true, ordering: .relaxed)
      }
      let end = min(first + min(size, part.upperBound - first), part.upperBound)
      let start = cshims_nanoseconds()
      body(first..<end, worker)
      let took = Double(max(1, cshims_nanoseconds() - start))
      let fitting = Double(end - first) * Slices.nanoseconds / took
      size = rounded(Int(min(fitting, Double(part.count))))
      first = end
    }
  }

  private func rounded(_ count: Int) -> Int { max(1, count / grain) * grain }
}

import ArcuateCore
import ArcuateKernels
import ArcuateRuntime

/// Threads that share the work of a network, with the room that each needs.
///
/// Work is only ever cut where no sum is: results do not depend on the number of threads.
final class Crew: @unchecked Sendable {
  // SAFETY: `job` is set before the workers start and not changed until all of them are done.
  let count: Int
  let products: [MatrixProduct]
  /// A word for each worker to answer with, a cache line apart.
  private let answers: View<Int32>
  private var workers: Workers?
  private var job: ((Int) -> Void)?

  init(threads: Int) throws {
    count = threads
    products = try (0..<threads).map { _ in try MatrixProduct() }
    answers = try AlignedBuffer(byteCount: threads * 64).view(start: 0, count: threads * 16)
    guard threads > 1 else { return }
    workers = try Workers(threads) { [unowned self] worker in self.job?(worker) }
  }

  /// Does work of many rounds, between which the threads stay awake.
  func awake<T>(_ work: () throws -> T) rethrows -> T {
    workers?.stayAwake(true)
    defer { workers?.stayAwake(false) }
    return try work()
  }

  /// Whether `body` answers yes for every part.
  func all(_ range: Range<Int>, _ body: (Range<Int>) -> Bool) -> Bool {
    for worker in 0..<count { answers[worker * 16] = 1 }
    split(range) { part, worker in if !body(part) { answers[worker * 16] = 0 } }
    return (0..<count).allSatisfy { answers[$0 * 16] == 1 }
  }

  /// Cuts `range` into a part for each thread, at multiples of `grain` from its beginning.
  func split(_ range: Range<Int>, grain: Int = 1, _ body: (Range<Int>, Int) -> Void) {
    guard let workers, range.count > grain else { return body(range, 0) }
    let grains = (range.count + grain - 1) / grain
    withoutActuallyEscaping(body) { body in
      job = { worker in
        let first = range.lowerBound + grains * worker / self.count * grain
        let last = min(
          range.upperBound, range.lowerBound + grains * (worker + 1) / self.count * grain)
        if first < last { body(first..<last, worker) }
      }
      workers.run()
      job = nil
    }
  }
}

import ArcuateCore
import CShims

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// A fixed set of threads that run one job at a time; a round starts no thread and allocates nothing.
///
/// The caller is worker 0. The threads end with this object. They do not exist in a child of `fork`,
/// which may only free the object (`requireThreads`).
package final class ThreadPool: @unchecked Sendable {
  // SAFETY: `threads` is set by `init` and read by `deinit`, `isSliced` only used between rounds; the gate synchronizes itself; each
  // worker writes the flag of its own index.
  /// The number of workers, including the caller.
  package let count: Int
  private let gate: Gate
  private var threads: [pthread_t] = []
  /// Whether `split` cuts parts into slices of a twentieth of a second, between which a call can be
  /// canceled. They cost some percent of short calls.
  private var isSliced = true
  /// One flag per worker, a cache line apart.
  private let flags: View<Int32>
  /// The process that has the threads, as `cshims_forks` counts.
  private let process = cshims_forks()

  /// A pool of `count` workers; `body` is the job of `run()`, called with the worker index.
  /// Throws. `outOfMemory` if the system has no more threads.
  package init(_ count: Int, _ body: @escaping (Int) -> Void = { _ in }) throws(ArcuateError) {
    self.count = count
    flags = try AlignedBuffer(byteCount: count * 64).view(start: 0, count: count * 16)
    gate = Gate(body)
    for worker in 1..<count {
      // SAFETY: the thread takes over the reference; if none was created, it is released below.
      let start = Unmanaged.passRetained(Start(gate: gate, worker: worker))
      #if canImport(Darwin)
        var thread: pthread_t?
      #else
        var thread = pthread_t()
      #endif
      let failure = pthread_create(
        &thread, nil,
        { argument in
          let start = Unmanaged<Start>.fromOpaque(argument!).takeRetainedValue()
          start.gate.serve(start.worker)
          return nil
        }, start.toOpaque())
      guard failure == 0 else {
        start.release()
        end()
        throw ArcuateError(.outOfMemory, "only \(worker) of \(count) threads can be created")
      }
      #if canImport(Darwin)
        threads.append(thread!)
      #else
        threads.append(thread)
      #endif
    }
  }

  deinit { end() }

  /// Whether the threads are those of a process that this one was forked from.
  private var isForked: Bool { !threads.isEmpty && process != cshims_forks() }

  /// Throws. `invalidState` in a child of `fork`: `owner`, which has the threads, cannot run there.
  package func requireThreads(of owner: StaticString) throws(ArcuateError) {
    guard !isForked else {
      throw ArcuateError(
        .invalidState,
        "this \(owner) was made before fork() and its threads do not exist in the child process: "
          + "make a new \(owner) there, or use one thread")
    }
  }

  private func end() {
    if isForked {
      // SAFETY: left as it is for good. The threads took part of the locks with them: closing or
      // destroying these could wait for ever.
      _ = Unmanaged.passRetained(gate)
      return
    }
    gate.close()
    for thread in threads { pthread_join(thread, nil) }
    threads = []
  }

  private final class Start {
    let gate: Gate
    let worker: Int
    init(gate: Gate, worker: Int) {
      self.gate = gate
      self.worker = worker
    }
  }

  // MARK: Jobs

  /// Calls the body of `init` with each worker index, concurrently where processors are free;
  /// returns when every call has returned.
  package func run() { gate.run(threads.count) }

  /// Splits `range` at multiples of `grain` from its start into one part per worker or several, and
  /// calls `body` with each part and the worker index.
  ///
  /// Numbers. The splits depend on the number of threads; results do not if no sum crosses a split.
  /// Throws. `canceled`, between parts.
  package func split(
    _ range: Range<Int>, grain: Int = 1, _ body: (_ part: Range<Int>, _ worker: Int) -> Void
  ) throws(ArcuateError) {
    guard isSliced, let cancellation = Cancellation.watched else {
      return splitOnce(range, grain: grain, body)
    }
    let slices = Slices(cancellation, grain: grain)
    splitOnce(range, grain: grain) { part, worker in slices.run(part, worker, body) }
    if slices.isCanceled.load(ordering: .relaxed) { throw Cancellation.canceled }
  }

  /// The same with one part per worker, to the end.
  package func splitOnce(
    _ range: Range<Int>, grain: Int = 1, _ body: (_ part: Range<Int>, _ worker: Int) -> Void
  ) {
    guard count > 1, range.count > grain else { return body(range, 0) }
    let grains = (range.count + grain - 1) / grain
    withoutActuallyEscaping(body) { body in
      let usual = gate.body
      gate.body = { [count] worker in
        let first = range.lowerBound + grains * worker / count * grain
        let last = min(range.upperBound, range.lowerBound + grains * (worker + 1) / count * grain)
        if first < last { body(first..<last, worker) }
      }
      run()
      gate.body = usual
    }
  }

  /// Whether `body` returns true for every part of `range`.
  /// Throws. `canceled`.
  package func allSatisfy(
    _ range: Range<Int>, _ body: (Range<Int>) -> Bool
  ) throws(ArcuateError) -> Bool {
    for worker in 0..<count { flags[worker * 16] = 1 }
    try split(range) { part, worker in if !body(part) { flags[worker * 16] = 0 } }
    return (0..<count).allSatisfy { flags[$0 * 16] == 1 }
  }

  /// Runs a call of many splits that can be canceled: in slices unless the last one was short.
  package func cancelable<T, E: Error>(_ work: () throws(E) -> T) throws(E) -> T {
    let start = cshims_nanoseconds()
    let result = try work()
    // One that failed says nothing about how long they take.
    isSliced = cshims_nanoseconds() - start > 100_000_000
    return result
  }

  /// Whether threads spin between rounds instead of sleeping, for work of many rounds with short
  /// pauses. Spinning threads yield their processors to other threads.
  package func setSpinning(_ isSpinning: Bool) { gate.setSpinning(isSpinning) }

  /// Runs work of many rounds, between which the threads spin.
  package func spinning<T, E: Error>(_ work: () throws(E) -> T) throws(E) -> T {
    setSpinning(true)
    defer { setSpinning(false) }
    return try work()
  }
}

/// Lets workers wait for the next round and the caller for its end. They first spin, since the next
/// round often starts within microseconds, and then sleep.
private final class Gate: @unchecked Sendable {
  // SAFETY: `body` changes only between rounds; storing `round` publishes it. The words are only
  // touched by the shim, the rest of `shared` with its mutex held. A thread announces that it sleeps
  // before it checks the word for the last time, and a word is changed before sleepers are looked
  // for, so that no wake-up is lost.
  var body: (Int) -> Void
  private let shared: UnsafeMutablePointer<Shared>
  private let words: UnsafeMutablePointer<UInt32>

  private struct Shared {
    var mutex = pthread_mutex_t()
    var started = pthread_cond_t()
    var finished = pthread_cond_t()
    var isClosed = false
  }

  private static let wordCount = 6 * 16
  // A cache line for each word.
  private var round: UnsafeMutablePointer<UInt32> { words }
  /// The number of workers that have not finished the round.
  private var running: UnsafeMutablePointer<UInt32> { words + 16 }
  /// The number of workers asleep, and whether the caller is.
  private var sleepers: UnsafeMutablePointer<UInt32> { words + 32 }
  private var callerSleeps: UnsafeMutablePointer<UInt32> { words + 48 }
  /// The processor of the caller when it woke the others.
  private var callerProcessor: UnsafeMutablePointer<UInt32> { words + 64 }
  private var spins: UnsafeMutablePointer<UInt32> { words + 80 }

  init(_ body: @escaping (Int) -> Void) {
    self.body = body
    words = .allocate(capacity: Gate.wordCount)
    words.initialize(repeating: 0, count: Gate.wordCount)
    shared = .allocate(capacity: 1)
    shared.initialize(to: Shared())
    pthread_mutex_init(&shared.pointee.mutex, nil)
    pthread_cond_init(&shared.pointee.started, nil)
    pthread_cond_init(&shared.pointee.finished, nil)
  }

  deinit {
    pthread_cond_destroy(&shared.pointee.finished)
    pthread_cond_destroy(&shared.pointee.started)
    pthread_mutex_destroy(&shared.pointee.mutex)
    shared.deallocate()
    words.deallocate()
  }

  /// One round of worker 0 and `others`.
  func run(_ others: Int) {
    cshims_store(running, UInt32(truncatingIfNeeded: others))
    cshims_store(round, cshims_load(round) &+ 1)
    if cshims_load(sleepers) > 0 {
      cshims_store(callerProcessor, cshims_processor())
      pthread_mutex_lock(&shared.pointee.mutex)
      pthread_cond_broadcast(&shared.pointee.started)
      pthread_mutex_unlock(&shared.pointee.mutex)
    }
    body(0)
    while true {
      let left = cshims_load(running)
      if left == 0 { return }
      if !waitForChange(running, left) { break }
    }
    pthread_mutex_lock(&shared.pointee.mutex)
    cshims_store(callerSleeps, 1)
    while cshims_load(running) > 0 {
      pthread_cond_wait(&shared.pointee.finished, &shared.pointee.mutex)
    }
    cshims_store(callerSleeps, 0)
    pthread_mutex_unlock(&shared.pointee.mutex)
  }

  func setSpinning(_ isSpinning: Bool) { cshims_store(spins, isSpinning ? 1 : 0) }

  /// Spins until the word differs from `value`, for some tens of microseconds or as long as the
  /// pool is spinning. Returns whether it changed.
  private func waitForChange(_ word: UnsafeMutablePointer<UInt32>, _ value: UInt32) -> Bool {
    while !cshims_changes(word, value) {
      guard cshims_load(spins) != 0 else { return false }
      sched_yield()
    }
    return true
  }

  /// The body of a worker's thread.
  func serve(_ worker: Int) {
    // Signals are the host's business: none is delivered to these threads.
    var all = sigset_t()
    sigfillset(&all)
    pthread_sigmask(SIG_BLOCK, &all, nil)
    var seen: UInt32 = 0
    while true {
      if !waitForChange(round, seen) {
        pthread_mutex_lock(&shared.pointee.mutex)
        cshims_store(sleepers, cshims_load(sleepers) &+ 1)
        while cshims_load(round) == seen && !shared.pointee.isClosed {
          pthread_cond_wait(&shared.pointee.started, &shared.pointee.mutex)
        }
        _ = cshims_decrement(sleepers)
        let isClosed = shared.pointee.isClosed
        pthread_mutex_unlock(&shared.pointee.mutex)
        if isClosed { return }
        // The system tends to wake a thread on its waker's processor, and then lets both share it
        // for many rounds.
        cshims_leave_processor(cshims_load(callerProcessor))
      }
      seen = cshims_load(round)
      body(worker)
      if cshims_decrement(running) == 0, cshims_load(callerSleeps) != 0 {
        pthread_mutex_lock(&shared.pointee.mutex)
        pthread_cond_signal(&shared.pointee.finished)
        pthread_mutex_unlock(&shared.pointee.mutex)
      }
    }
  }

  func close() {
    pthread_mutex_lock(&shared.pointee.mutex)
    shared.pointee.isClosed = true
    pthread_cond_broadcast(&shared.pointee.started)
    pthread_mutex_unlock(&shared.pointee.mutex)
  }
}

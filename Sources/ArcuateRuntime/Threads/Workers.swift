import ArcuateCore
import CShims

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Threads that wait until there is work, so that running starts none and allocates nothing.
///
/// The caller is worker 0 and the others share what it is given; all of them end with this object.
package final class Workers: @unchecked Sendable {
  // SAFETY: `threads` is set by `init` and read by `deinit`; the gate is synchronised by itself.
  private let gate: Gate
  private var threads: [pthread_t] = []

  /// `count` workers that call `body` with their number each time there is work.
  /// Throws. `outOfMemory` if the system has no more threads.
  package init(_ count: Int, _ body: @escaping (Int) -> Void) throws {
    gate = Gate(body)
    for worker in 1..<count {
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
        throw ArcuateError(.outOfMemory, "only \(worker) of \(count) threads can be had")
      }
      #if canImport(Darwin)
        threads.append(thread!)
      #else
        threads.append(thread)
      #endif
    }
  }

  deinit { end() }

  private func end() {
    gate.close()
    for thread in threads { pthread_join(thread, nil) }
    threads = []
  }

  /// Calls the body with every worker's number, at the same time where there are processors for
  /// it; returns when every call has.
  package func run() { gate.run(threads.count) }

  /// Whether threads keep their eyes open between rounds, for work of many rounds with a pause
  /// between some; they give their processor to whoever wants it.
  package func stayAwake(_ isAwake: Bool) { gate.stayAwake(isAwake) }

  private final class Start {
    let gate: Gate
    let worker: Int
    init(gate: Gate, worker: Int) {
      self.gate = gate
      self.worker = worker
    }
  }
}

/// Where workers wait for the next round, and the caller for its end: a little while with their eyes
/// open, since the next one often comes within microseconds, then asleep.
private final class Gate: @unchecked Sendable {
  // SAFETY: `body` never changes; the words are only touched by the shim, the rest of `shared` with
  // its mutex held. Whoever goes to sleep says so before it looks a last time, and whoever changes a
  // word does so before it looks for sleepers, so that none is missed.
  private let body: (Int) -> Void
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
  /// Workers that have not finished the round.
  private var running: UnsafeMutablePointer<UInt32> { words + 16 }
  /// Workers asleep, and whether the caller is.
  private var sleepers: UnsafeMutablePointer<UInt32> { words + 32 }
  private var callerSleeps: UnsafeMutablePointer<UInt32> { words + 48 }
  /// Where the caller was when it woke others.
  private var callerProcessor: UnsafeMutablePointer<UInt32> { words + 64 }
  private var awake: UnsafeMutablePointer<UInt32> { words + 80 }

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
      if !changes(running, left) { break }
    }
    pthread_mutex_lock(&shared.pointee.mutex)
    cshims_store(callerSleeps, 1)
    while cshims_load(running) > 0 {
      pthread_cond_wait(&shared.pointee.finished, &shared.pointee.mutex)
    }
    cshims_store(callerSleeps, 0)
    pthread_mutex_unlock(&shared.pointee.mutex)
  }

  func stayAwake(_ isAwake: Bool) { cshims_store(awake, isAwake ? 1 : 0) }

  /// Waits until the word is no longer `value`, for a little while or as long as all stay awake.
  private func changes(_ word: UnsafeMutablePointer<UInt32>, _ value: UInt32) -> Bool {
    while !cshims_changes(word, value) {
      guard cshims_load(awake) != 0 else { return false }
      sched_yield()
    }
    return true
  }

  /// The life of a worker's thread.
  func serve(_ worker: Int) {
    // Signals are the host's business: none is delivered here.
    var all = sigset_t()
    sigfillset(&all)
    pthread_sigmask(SIG_BLOCK, &all, nil)
    var seen: UInt32 = 0
    while true {
      if !changes(round, seen) {
        pthread_mutex_lock(&shared.pointee.mutex)
        cshims_store(sleepers, cshims_load(sleepers) &+ 1)
        while cshims_load(round) == seen && !shared.pointee.isClosed {
          pthread_cond_wait(&shared.pointee.started, &shared.pointee.mutex)
        }
        _ = cshims_decrement(sleepers)
        let isClosed = shared.pointee.isClosed
        pthread_mutex_unlock(&shared.pointee.mutex)
        if isClosed { return }
        // The system likes to wake a thread where its waker runs, and then lets both share that
        // processor for many rounds.
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

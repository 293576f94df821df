import ArcuateCore

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

  private final class Start {
    let gate: Gate
    let worker: Int
    init(gate: Gate, worker: Int) {
      self.gate = gate
      self.worker = worker
    }
  }
}

/// Where workers wait for the next round, and the caller for its end.
private final class Gate: @unchecked Sendable {
  // SAFETY: `body` never changes; everything in `shared` is touched with its mutex held.
  private let body: (Int) -> Void
  private let shared: UnsafeMutablePointer<Shared>

  private struct Shared {
    var mutex = pthread_mutex_t()
    var started = pthread_cond_t()
    var finished = pthread_cond_t()
    var round: UInt64 = 0
    /// Workers that have not finished the round.
    var running = 0
    var isClosed = false
  }

  init(_ body: @escaping (Int) -> Void) {
    self.body = body
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
  }

  /// One round of worker 0 and `others`.
  func run(_ others: Int) {
    pthread_mutex_lock(&shared.pointee.mutex)
    shared.pointee.round &+= 1
    shared.pointee.running = others
    pthread_cond_broadcast(&shared.pointee.started)
    pthread_mutex_unlock(&shared.pointee.mutex)
    body(0)
    pthread_mutex_lock(&shared.pointee.mutex)
    while shared.pointee.running > 0 {
      pthread_cond_wait(&shared.pointee.finished, &shared.pointee.mutex)
    }
    pthread_mutex_unlock(&shared.pointee.mutex)
  }

  /// The life of a worker's thread.
  func serve(_ worker: Int) {
    // Signals are the host's business: none is delivered here.
    var all = sigset_t()
    sigfillset(&all)
    pthread_sigmask(SIG_BLOCK, &all, nil)
    var seen: UInt64 = 0
    while true {
      pthread_mutex_lock(&shared.pointee.mutex)
      while shared.pointee.round == seen && !shared.pointee.isClosed {
        pthread_cond_wait(&shared.pointee.started, &shared.pointee.mutex)
      }
      seen = shared.pointee.round
      let isClosed = shared.pointee.isClosed
      pthread_mutex_unlock(&shared.pointee.mutex)
      if isClosed { return }
      body(worker)
      pthread_mutex_lock(&shared.pointee.mutex)
      shared.pointee.running -= 1
      if shared.pointee.running == 0 { pthread_cond_signal(&shared.pointee.finished) }
      pthread_mutex_unlock(&shared.pointee.mutex)
    }
  }

  func close() {
    pthread_mutex_lock(&shared.pointee.mutex)
    shared.pointee.isClosed = true
    pthread_cond_broadcast(&shared.pointee.started)
    pthread_mutex_unlock(&shared.pointee.mutex)
  }
}

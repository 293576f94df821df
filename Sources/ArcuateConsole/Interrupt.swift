import Arcuate
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Signals: Control-C, termination, a closed pipe.
package enum Interrupt {
  private static let fatal = [
    SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGALRM, SIGVTALRM, SIGPROF, SIGXCPU,
  ]

  /// From now on, a signal that ends the process removes unfinished files first; a closed pipe or a
  /// file above the size limit is an ordinary error.
  /// Needs. To be called before any thread is created.
  package static func prepare() {
    signal(SIGPIPE, SIG_IGN)
    signal(SIGXFSZ, SIG_IGN)
    var signals = awaited
    pthread_sigmask(SIG_BLOCK, &signals, nil)
    // A waiting thread may take locks and close files; a signal handler may not.
    #if canImport(Darwin)
      var thread: pthread_t?
    #else
      var thread = pthread_t()
    #endif
    pthread_create(
      &thread, nil,
      { _ in
        var signals = Interrupt.awaited
        while true {
          var number: Int32 = 0
          sigwait(&signals, &number)
          guard Interrupt.isHeld.load(ordering: .relaxed),
            Interrupt.arrived.compareExchange(
              expected: 0, desired: number, ordering: .relaxed
            ).exchanged
          else { Interrupt.end(by: number) }
          Interrupt.cancellation.end()
        }
      }, nil)
  }

  private static let isHeld = Atomic(false)
  private static let arrived = Atomic<Int32>(0)

  /// From now on, the first signal only sets `isWanted`, so that the command can save its state; the
  /// next one ends the process.
  package static func hold() { isHeld.store(true, ordering: .relaxed) }

  /// Runs `body`, whose calls throw `canceled` as soon as a signal has arrived since `hold`.
  package static func canceling<T>(_ body: () throws -> T) rethrows -> T {
    Cancellation.watch(cancellation)
    defer { Cancellation.watch(nil) }
    return try body()
  }

  private static let cancellation = Cancellation()

  /// Whether a signal has arrived since `hold`.
  package static var isWanted: Bool { arrived.load(ordering: .relaxed) != 0 }

  /// Ends the process by the signal that has arrived.
  package static func end() -> Never { end(by: arrived.load(ordering: .relaxed)) }

  private static func end(by number: Int32) -> Never {
    ByteWriter.discardAll()
    signal(number, SIG_DFL)
    var signals = awaited
    pthread_sigmask(SIG_UNBLOCK, &signals, nil)
    kill(getpid(), number)
    exit(128 + number)
  }

  /// Without the signals that were ignored when the process started, as `nohup` arranges: waiting
  /// would receive them.
  private static let awaited: sigset_t = {
    var signals = sigset_t()
    sigemptyset(&signals)
    for number in fatal {
      var action = sigaction()
      sigaction(number, nil, &action)
      #if canImport(Darwin)
        let handler = action.__sigaction_u.__sa_handler
      #else
        let handler = action.__sigaction_handler.sa_handler
      #endif
      // SAFETY: a C function pointer has the size of an Int; its bits are only compared with SIG_IGN.
      let isIgnored = unsafeBitCast(handler, to: Int.self) == 1
      if !isIgnored { sigaddset(&signals, number) }
    }
    return signals
  }()
}

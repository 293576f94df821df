import Arcuate
import Glibc
import Synchronization

/// What happens when somebody presses Control-C or closes the other end of a pipe.
package enum Interrupt {
  private static let fatal = [
    SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGALRM, SIGVTALRM, SIGPROF, SIGXCPU,
  ]

  /// From now on a signal that ends the process removes files that are not finished first, and a
  /// closed pipe or a file above the limit is an error like any other.
  /// Needs. To be called before any thread is made.
  package static func prepare() {
    signal(SIGPIPE, SIG_IGN)
    signal(SIGXFSZ, SIG_IGN)
    var signals = awaited
    pthread_sigmask(SIG_BLOCK, &signals, nil)
    // A thread that waits may take locks and close files, which a signal handler may not.
    var thread = pthread_t()
    pthread_create(
      &thread, nil,
      { _ in
        var signals = Interrupt.awaited
        while true {
          var number: Int32 = 0
          sigwait(&signals, &number)
          guard Interrupt.isHeld.load(ordering: .relaxed),
            Interrupt.noted.compareExchange(
              expected: 0, desired: number, ordering: .relaxed
            ).exchanged
          else { Interrupt.end(by: number) }
        }
      }, nil)
  }

  private static let isHeld = Atomic(false)
  private static let noted = Atomic<Int32>(0)

  /// From now on the first signal is only noted, for whoever has something to keep; the next one ends
  /// the process.
  package static func hold() { isHeld.store(true, ordering: .relaxed) }

  /// Whether a signal was noted.
  package static var isWanted: Bool { noted.load(ordering: .relaxed) != 0 }

  /// Ends the process by the signal that was noted.
  package static func end() -> Never { end(by: noted.load(ordering: .relaxed)) }

  private static func end(by number: Int32) -> Never {
    ByteWriter.discardAll()
    signal(number, SIG_DFL)
    var signals = awaited
    pthread_sigmask(SIG_UNBLOCK, &signals, nil)
    kill(getpid(), number)
    exit(128 + number)
  }

  /// Without what whoever started the process has it ignore, as `nohup` does: waiting for such a
  /// signal would take it after all.
  private static let awaited: sigset_t = {
    var signals = sigset_t()
    sigemptyset(&signals)
    for number in fatal {
      var action = sigaction()
      sigaction(number, nil, &action)
      let isIgnored = unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self) == 1
      if !isIgnored { sigaddset(&signals, number) }
    }
    return signals
  }()
}

import Arcuate
import Glibc

/// What happens when somebody presses Control-C or closes the other end of a pipe.
enum Interrupt {
  /// From now on an interrupt removes files that are not finished and ends the process as usual,
  /// and a closed pipe is an error like any other.
  /// Needs. To be called before any thread is made.
  static func prepare() {
    signal(SIGPIPE, SIG_IGN)
    var signals = sigset_t()
    sigemptyset(&signals)
    for number in [SIGINT, SIGTERM, SIGHUP] { sigaddset(&signals, number) }
    pthread_sigmask(SIG_BLOCK, &signals, nil)
    // A thread that waits may take locks and close files, which a signal handler may not.
    var thread = pthread_t()
    pthread_create(
      &thread, nil,
      { _ in
        var signals = sigset_t()
        sigemptyset(&signals)
        for number in [SIGINT, SIGTERM, SIGHUP] { sigaddset(&signals, number) }
        var number: Int32 = 0
        sigwait(&signals, &number)
        ByteWriter.discardAll()
        signal(number, SIG_DFL)
        pthread_sigmask(SIG_UNBLOCK, &signals, nil)
        kill(getpid(), number)
        return nil
      }, nil)
  }
}

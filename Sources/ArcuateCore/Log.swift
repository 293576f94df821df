import Synchronization

/// Where the library says what a caller might want to know though nothing failed.
public enum Log {
  public enum Level: Int32, Sendable { case note, repair, error }

  private static let sink = Mutex<(@Sendable (Level, String) -> Void)?>(nil)

  /// Sends messages to `write` from now on; nil keeps silent, as at the start.
  public static func send(to write: (@Sendable (Level, String) -> Void)?) {
    sink.withLock { $0 = write }
  }

  /// The message is made only if somebody listens. Not for hot paths.
  public static func write(_ level: Level, _ message: @autoclosure () -> String) {
    // Called outside the lock, so that a listener may use the library.
    if let write = sink.withLock({ $0 }) { write(level, message()) }
  }
}

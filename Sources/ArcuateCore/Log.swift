import Synchronization

/// Messages of the library about events that are not failures.
public enum Log {
  public enum Level: Int32, Sendable { case note, repair, error }

  private static let sink = Mutex<(@Sendable (Level, String) -> Void)?>(nil)

  /// Sends messages to `write` from now on; nil, the default, discards them.
  public static func send(to write: (@Sendable (Level, String) -> Void)?) {
    sink.withLock { $0 = write }
  }

  /// Writes a message, which is only formatted if there is a listener. Not for hot paths.
  public static func write(_ level: Level, _ message: @autoclosure () -> String) {
    // Called outside the lock, so that a listener may use the library.
    if let write = sink.withLock({ $0 }) { write(level, message()) }
  }
}

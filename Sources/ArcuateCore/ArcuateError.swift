/// A failure: its kind, its message and its location.
///
/// Every throwing function below the interfaces throws this type, so that the C interface can
/// return a status code and a message.
public struct ArcuateError: Error, Sendable, Equatable, CustomStringConvertible {
  /// The kind of failure; the raw value is the status of the C interface.
  public enum Code: Int32, Sendable, CaseIterable {
    // Arguments: -1xx
    case invalidArgument = -100
    case shapeMismatch = -101
    case notFound = -102
    case bufferSize = -103
    // Files and formats: -2xx
    case cannotOpen = -200
    case cannotWrite = -201
    case truncated = -202
    case malformed = -203
    case unsupportedFormat = -204
    case limitExceeded = -205
    // Models: -3xx
    case invalidModel = -300
    case notRepresentable = -301
    // Compiling: -4xx
    case cannotCompile = -400
    case unsupportedProcessor = -401
    // Running: -5xx
    case invalidState = -500
    case canceled = -501
    // Memory: -6xx
    case outOfMemory = -600
  }

  public var code: Code
  /// Without the file name and without a final full stop.
  public var message: String
  /// What the message is about, such as a file, a node or an offset, outermost first.
  public var location: String?

  public init(_ code: Code, _ message: String, at location: String? = nil) {
    self.code = code
    self.message = message
    self.location = location
  }

  /// The same error with `outer` in front of its location.
  public func within(_ outer: String) -> ArcuateError {
    var copy = self
    copy.location = location.map { "\(outer): \($0)" } ?? outer
    return copy
  }

  public var description: String {
    location.map { "\($0): \(message)" } ?? message
  }
}

/// Runs `body` and puts `location` in front of the location of any `ArcuateError` it throws.
///
/// Throws what `body` throws. A closure says so itself: `{ () throws(ArcuateError) in … }`; without
/// that it throws `any Error`.
@inlinable
public func within<T, E: Error>(
  _ location: @autoclosure () -> String, _ body: () throws(E) -> T
) throws(E) -> T {
  do {
    return try body()
  } catch {
    if let located = (error as? ArcuateError)?.within(location()) as? E { throw located }
    throw error
  }
}

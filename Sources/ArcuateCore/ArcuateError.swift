/// What went wrong, where, and what was expected instead.
///
/// Every throwing function of the package throws this type, so that the C
/// interface can answer with a status and one sentence.
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
    // Memory: -6xx
    case outOfMemory = -600
  }

  public var code: Code
  /// One sentence, without the file name and without a final full stop.
  public var message: String
  /// The file, node or place the message is about, outermost first.
  public var place: String?

  public init(_ code: Code, _ message: String, at place: String? = nil) {
    self.code = code
    self.message = message
    self.place = place
  }

  /// The same error with one more enclosing place put before what it already names.
  public func within(_ outer: String) -> ArcuateError {
    var copy = self
    copy.place = place.map { "\(outer): \($0)" } ?? outer
    return copy
  }

  public var description: String {
    place.map { "\($0): \(message)" } ?? message
  }
}

/// Runs `body` and adds `place` in front of the place of any error it throws.
@inlinable
public func within<T>(
  _ place: @autoclosure () -> String, _ body: () throws -> T
) throws -> T {
  do {
    return try body()
  } catch let error as ArcuateError {
    throw error.within(place())
  }
}

import ArcuateCore

/// One thing a reader or the check noticed about a model.
public struct Finding: Sendable, Hashable, CustomStringConvertible {
  public enum Severity: String, Sendable, CaseIterable, Comparable {
    /// Worth knowing; nothing was changed.
    case note
    /// Something was missing or inconsistent and was repaired as the message says.
    case repair
    /// The model cannot run.
    case error

    public static func < (a: Severity, b: Severity) -> Bool { a.rank < b.rank }
    private var rank: Int { Severity.allCases.firstIndex(of: self)! }
  }

  public var severity: Severity
  /// The node, edge or file the finding is about.
  public var location: String
  public var message: String

  public init(_ severity: Severity, _ location: String, _ message: String) {
    self.severity = severity
    self.location = location
    self.message = message
  }

  public var description: String { "\(severity.rawValue): \(location): \(message)" }
}

extension [Finding] {
  /// The first finding that is an error, with the number of others, or nil if none is.
  var error: ArcuateError? {
    let errors = filter { $0.severity == .error }
    guard let first = errors.first else { return nil }
    let more = errors.count > 1 ? " (and \(errors.count - 1) more)" : ""
    return ArcuateError(.invalidModel, first.message + more, at: first.location)
  }
}

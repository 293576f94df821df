import ArcuateCore

/// A JSON value. Numbers stay text, so that no digit is lost before someone asks for a type.
package enum JSON: Equatable {
  case null
  case bool(Bool)
  case number(String)
  case string(String)
  case array([JSON])
  case object([String: JSON])

  package static func number(_ value: some BinaryInteger) -> JSON { .number(String(value)) }

  /// The shortest text that reads back as the same bits. JSON has no word for infinity and NaN:
  /// they become the strings "inf", "-inf" and "nan".
  package static func number(_ value: Double) -> JSON {
    value.isFinite ? .number("\(value)") : .string("\(value)")
  }

  /// As for `Double`.
  package static func number(_ value: Float) -> JSON {
    value.isFinite ? .number("\(value)") : .string("\(value)")
  }

  /// Throws. `malformed` or `limitExceeded`, naming the byte of the text.
  package init(parsing text: String) throws { self = try JSONParser.parse(Array(text.utf8)) }

  private var kind: String {
    switch self {
    case .null: "null"
    case .bool: "a truth value"
    case .number: "a number"
    case .string: "a string"
    case .array: "a list"
    case .object: "an object"
    }
  }

  private func misfit(_ expected: String) -> ArcuateError {
    ArcuateError(.malformed, "is \(kind), not \(expected)")
  }

  // Each of these throws `malformed` saying what is there instead.

  func object() throws -> [String: JSON] {
    guard case .object(let members) = self else { throw misfit("an object") }
    return members
  }

  func array() throws -> [JSON] {
    guard case .array(let values) = self else { throw misfit("a list") }
    return values
  }

  func string() throws -> String {
    guard case .string(let text) = self else { throw misfit("a string") }
    return text
  }

  func bool() throws -> Bool {
    guard case .bool(let value) = self else { throw misfit("true or false") }
    return value
  }

  func integer<T: FixedWidthInteger>(_: T.Type = T.self) throws -> T {
    guard case .number(let text) = self else { throw misfit("a number") }
    guard let value = T(text) else {
      throw ArcuateError(.malformed, "\(text) is not a whole number that fits here")
    }
    return value
  }

  func real<T: LosslessStringConvertible & BinaryFloatingPoint>(_: T.Type = T.self) throws -> T {
    switch self {
    case .number(let text):
      guard let value = T(text), value.isFinite else {
        throw ArcuateError(.malformed, "\(text) is beyond the range of numbers")
      }
      return value
    case .string("inf"): return .infinity
    case .string("-inf"): return -.infinity
    case .string("nan"): return .nan
    default: throw misfit("a number")
    }
  }
}

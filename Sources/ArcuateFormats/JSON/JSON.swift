import ArcuateCore

/// A JSON value. Numbers stay text, so that no digit is lost before their type is known.
package enum JSON: Equatable {
  case null
  case bool(Bool)
  case number(String)
  case string(String)
  case array([JSON])
  case object([String: JSON])

  package static func number(_ value: some BinaryInteger) -> JSON { .number(String(value)) }

  /// The shortest text that reads back as the same bits. JSON cannot represent infinity and
  /// NaN: they become the strings "inf", "-inf" and "nan".
  package static func number(_ value: Double) -> JSON {
    value.isFinite ? .number("\(value)") : .string("\(value)")
  }

  /// As for `Double`.
  package static func number(_ value: Float) -> JSON {
    value.isFinite ? .number("\(value)") : .string("\(value)")
  }

  /// Throws. `malformed` or `limitExceeded`, naming the byte of the text.
  package init(parsing text: String) throws(ArcuateError) {
    self = try JSONParser.parse(Array(text.utf8))
  }

  private var kind: String {
    switch self {
    case .null: "null"
    case .bool: "a Boolean"
    case .number: "a number"
    case .string: "a string"
    case .array: "a list"
    case .object: "an object"
    }
  }

  private func mismatch(_ expected: String) -> ArcuateError {
    ArcuateError(.malformed, "is \(kind), not \(expected)")
  }

  // Each of these throws `malformed` naming the value's type.

  func object() throws(ArcuateError) -> [String: JSON] {
    guard case .object(let members) = self else { throw mismatch("an object") }
    return members
  }

  func array() throws(ArcuateError) -> [JSON] {
    guard case .array(let values) = self else { throw mismatch("a list") }
    return values
  }

  func string() throws(ArcuateError) -> String {
    guard case .string(let text) = self else { throw mismatch("a string") }
    return text
  }

  func bool() throws(ArcuateError) -> Bool {
    guard case .bool(let value) = self else { throw mismatch("true or false") }
    return value
  }

  func integer<T: FixedWidthInteger>(_: T.Type = T.self) throws(ArcuateError) -> T {
    guard case .number(let text) = self else { throw mismatch("a number") }
    guard let value = T(text) else {
      throw ArcuateError(.malformed, "\(text) is not an integer in range")
    }
    return value
  }

  func real<T: LosslessStringConvertible & BinaryFloatingPoint>(_: T.Type = T.self)
    throws(ArcuateError) -> T
  {
    switch self {
    case .number(let text):
      guard let value = T(text), value.isFinite else {
        throw ArcuateError(.malformed, "\(text) is out of range")
      }
      return value
    case .string("inf"): return .infinity
    case .string("-inf"): return -.infinity
    case .string("nan"): return .nan
    default: throw mismatch("a number")
    }
  }
}

/// A JSON value, to be written.
indirect enum JSON: CustomStringConvertible, ExpressibleByStringLiteral,
  ExpressibleByIntegerLiteral, ExpressibleByDictionaryLiteral
{
  case string(String)
  case integer(Int)
  /// Written as null where it is not finite, since JSON has no word for that.
  case number(Double)
  case bool(Bool)
  case null
  case array([JSON])
  /// In the order in which it is written.
  case object([(String, JSON)])

  init(stringLiteral value: String) { self = .string(value) }
  init(integerLiteral value: Int) { self = .integer(value) }
  init(dictionaryLiteral elements: (String, JSON)...) { self = .object(elements) }

  /// On several lines: objects one field a line, arrays of plain values on one.
  var description: String { text("") }

  private func text(_ indent: String) -> String {
    switch self {
    case .string(let text): return JSON.quoted(text)
    case .integer(let value): return "\(value)"
    case .number(let value): return value.isFinite ? "\(value)" : "null"
    case .bool(let value): return "\(value)"
    case .null: return "null"
    case .array(let elements):
      if elements.isEmpty { return "[]" }
      guard elements.contains(where: \.isObject) else {
        return "[" + elements.map { $0.text(indent) }.joined(separator: ", ") + "]"
      }
      let inner = indent + "  "
      return "[\n" + elements.map { inner + $0.text(inner) }.joined(separator: ",\n")
        + "\n\(indent)]"
    case .object(let fields):
      if fields.isEmpty { return "{}" }
      let inner = indent + "  "
      let lines = fields.map { inner + JSON.quoted($0.0) + ": " + $0.1.text(inner) }
      return "{\n" + lines.joined(separator: ",\n") + "\n\(indent)}"
    }
  }

  private var isObject: Bool { if case .object = self { true } else { false } }

  private static func quoted(_ text: String) -> String {
    var quoted = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": quoted += "\\\""
      case "\\": quoted += "\\\\"
      case "\n": quoted += "\\n"
      case "\t": quoted += "\\t"
      case _ where scalar.value < 32:
        let digits = String(scalar.value, radix: 16)
        quoted += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: quoted.unicodeScalars.append(scalar)
      }
    }
    return quoted + "\""
  }
}

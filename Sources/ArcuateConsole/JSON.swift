import Arcuate

// The keys of a dictionary literal must differ.
extension JSON: ExpressibleByDictionaryLiteral {
  package init(dictionaryLiteral elements: (String, JSON)...) {
    self = .object(Dictionary(uniqueKeysWithValues: elements))
  }
}

extension JSON {
  /// A number that was measured or computed; null if it is not finite, which JSON has no word for.
  package static func measured(_ value: Double) -> JSON {
    value.isFinite ? .number(value) : .null
  }

  /// As for `Double`.
  package static func measured(_ value: Float) -> JSON {
    value.isFinite ? .number(value) : .null
  }
}

/// Prints a value on one line of standard output.
package func printJSON(_ json: JSON) { show(String(decoding: json.text, as: UTF8.self)) }

import Arcuate

// The keys of a dictionary literal must differ.
extension JSON: ExpressibleByDictionaryLiteral {
  package init(dictionaryLiteral elements: (String, JSON)...) {
    self = .object(Dictionary(uniqueKeysWithValues: elements))
  }
}

/// Prints a value on one line of standard output.
package func printJSON(_ json: JSON) { show(String(decoding: json.text, as: UTF8.self)) }

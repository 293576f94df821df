import Arcuate

// Objects are written as dictionary literals, whose keys are constants and differ.
extension JSON: ExpressibleByDictionaryLiteral {
  package init(dictionaryLiteral elements: (String, JSON)...) {
    self = .object(Dictionary(uniqueKeysWithValues: elements))
  }
}

/// Prints a value on one line of the standard output.
package func printJSON(_ json: JSON) { show(String(decoding: json.text, as: UTF8.self)) }

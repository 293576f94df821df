import ArcuateCore
import ArcuateModel

extension FieldValue {
  /// A value that JSON holds by itself.
  /// Throws. `malformed`, `limitExceeded`; for arrays and graphs `unsupportedFormat`.
  init(_ json: JSON, _ storage: FieldStorage) throws(ArcuateError) {
    switch storage {
    case .integer: self = .integer(try Fields.whole(json))
    case .extents, .integers: self = .integers(try json.array().map(Fields.whole))
    case .integersOrWord:
      if case .string(let word) = json {
        self = .word(word)
      } else {
        self = .integers(try json.array().map(Fields.whole))
      }
    case .seed: self = .seed(try json.integer())
    case .number: self = .number(try json.real())
    case .flag: self = .flag(try json.bool())
    case .word: self = .word(try json.string())
    case .rule: self = .rule(try PlasticRule(json, matrix: nil))
    case .semantics: self = .semantics(try NeuronSemantics(json))
    case .tensor, .tensors, .indices, .graph:
      throw ArcuateError(.unsupportedFormat, "is not a field that text can hold")
    }
  }

  /// The value as JSON; nil for arrays and graphs, which a container holds.
  var json: JSON? {
    switch self {
    case .integers(let values): .array(values.map { .number($0) })
    case .integer(let value): .number(value)
    case .seed(let seed): .number(seed)
    case .number(let number): .number(number)
    case .flag(let flag): .bool(flag)
    case .word(let word): .string(word)
    case .rule(let rule): rule.json
    case .semantics(let semantics): semantics.json
    case .tensor, .tensors, .indices, .graph: nil
    }
  }
}

extension NeuronSemantics {
  /// Throws. `malformed`, `invalidArgument`, `unsupportedFormat` naming the field.
  init(_ json: JSON) throws(ArcuateError) {
    self.init()
    // The rule last: fields that are set after it replace it.
    for (name, value) in try json.object().sorted(by: { $0.key != "rule" && $1.key == "rule" }) {
      guard NeuronSemantics.fieldNames.contains(name) else {
        throw ArcuateError(.unsupportedFormat, "there is no field \"\(name.prefix(80))\"")
      }
      try set(name, to: try value.string())
    }
  }

  /// All fields, as text.
  var json: JSON {
    var members: [String: JSON] = [:]
    for name in NeuronSemantics.fieldNames {
      members[name] = value(of: name).map { .string($0) }
    }
    return .object(members)
  }
}

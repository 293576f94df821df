import ArcuateCore

/// Parses untrusted JSON.
///
/// Depth, number of values and length of numbers are bounded; duplicate keys, invalid UTF-8,
/// unpaired surrogates and trailing text are errors that name the byte.
/// Source. RFC 8259.
struct JSONParser {
  static let maximumDepth = 64
  static let maximumValues = 1 << 20
  static let maximumNumberLength = 64

  private let text: [UInt8]
  private var at = 0
  private var values = 0

  /// Throws. `malformed` or `limitExceeded`, naming the byte of the text.
  static func parse(_ text: [UInt8]) throws(ArcuateError) -> JSON {
    var parser = JSONParser(text: text)
    let value = try parser.value(depth: 0)
    parser.skipSpace()
    guard parser.at == text.count else { throw parser.malformed("unexpected text after the value") }
    return value
  }

  private init(text: [UInt8]) { self.text = text }

  private func malformed(_ message: String) -> ArcuateError {
    ArcuateError(.malformed, message, at: "byte \(at)")
  }

  private var next: UInt8? { at < text.count ? text[at] : nil }

  private mutating func skipSpace() {
    while let byte = next, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { at += 1 }
  }

  private mutating func take(_ byte: UInt8) -> Bool {
    guard next == byte else { return false }
    at += 1
    return true
  }

  private mutating func value(depth: Int) throws(ArcuateError) -> JSON {
    values += 1
    guard depth <= Self.maximumDepth, values <= Self.maximumValues else {
      throw ArcuateError(
        .limitExceeded,
        depth > Self.maximumDepth
          ? "nesting exceeds the limit of \(Self.maximumDepth)"
          : "more than \(Self.maximumValues) values", at: "byte \(at)")
    }
    skipSpace()
    guard let first = next else {
      throw malformed("expected a value, not the end of the text")
    }
    switch first {
    case UInt8(ascii: "{"): return try object(depth: depth)
    case UInt8(ascii: "["): return try array(depth: depth)
    case UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "t"): return try word("true", .bool(true))
    case UInt8(ascii: "f"): return try word("false", .bool(false))
    case UInt8(ascii: "n"): return try word("null", .null)
    case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return .number(try number())
    default: throw malformed("expected a value")
    }
  }

  private mutating func word(_ word: String, _ value: JSON) throws(ArcuateError) -> JSON {
    for byte in word.utf8 {
      guard take(byte) else { throw malformed("expected \"\(word)\"") }
    }
    return value
  }

  private mutating func array(depth: Int) throws(ArcuateError) -> JSON {
    at += 1
    var values: [JSON] = []
    skipSpace()
    if take(UInt8(ascii: "]")) { return .array(values) }
    while true {
      values.append(try value(depth: depth + 1))
      skipSpace()
      if take(UInt8(ascii: "]")) { return .array(values) }
      guard take(UInt8(ascii: ",")) else { throw malformed("expected \",\" or \"]\"") }
    }
  }

  private mutating func object(depth: Int) throws(ArcuateError) -> JSON {
    at += 1
    var members: [String: JSON] = [:]
    skipSpace()
    if take(UInt8(ascii: "}")) { return .object(members) }
    while true {
      skipSpace()
      guard next == UInt8(ascii: "\"") else { throw malformed("expected a key in quotes") }
      let key = try string()
      skipSpace()
      guard take(UInt8(ascii: ":")) else { throw malformed("expected \":\"") }
      let value = try value(depth: depth + 1)
      guard members.updateValue(value, forKey: key) == nil else {
        throw malformed("duplicate key \"\(key.prefix(80))\"")
      }
      skipSpace()
      if take(UInt8(ascii: "}")) { return .object(members) }
      guard take(UInt8(ascii: ",")) else { throw malformed("expected \",\" or \"}\"") }
    }
  }

  private mutating func digits() -> Int {
    let start = at
    while let byte = next, byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") { at += 1 }
    return at - start
  }

  private mutating func number() throws(ArcuateError) -> String {
    let start = at
    _ = take(UInt8(ascii: "-"))
    if !take(UInt8(ascii: "0")), digits() == 0 { throw malformed("expected a digit") }
    if take(UInt8(ascii: ".")), digits() == 0 { throw malformed("expected a digit") }
    if take(UInt8(ascii: "e")) || take(UInt8(ascii: "E")) {
      if !take(UInt8(ascii: "+")) { _ = take(UInt8(ascii: "-")) }
      if digits() == 0 { throw malformed("expected a digit") }
    }
    guard at - start <= Self.maximumNumberLength else {
      throw ArcuateError(
        .limitExceeded,
        "a number of \(at - start) characters exceeds the limit of "
          + "\(Self.maximumNumberLength)", at: "byte \(start)")
    }
    return String(decoding: text[start..<at], as: UTF8.self)
  }

  private mutating func string() throws(ArcuateError) -> String {
    at += 1
    var bytes: [UInt8] = []
    while true {
      guard let byte = next else { throw malformed("the text ends inside a string") }
      at += 1
      switch byte {
      case UInt8(ascii: "\""):
        guard let string = String(validating: bytes, as: UTF8.self) else {
          throw malformed("the string is not valid UTF-8")
        }
        return string
      case UInt8(ascii: "\\"): try escape(into: &bytes)
      case 0..<0x20: throw malformed("control character in a string")
      default: bytes.append(byte)
      }
    }
  }

  private mutating func escape(into bytes: inout [UInt8]) throws(ArcuateError) {
    guard let byte = next else { throw malformed("the text ends inside a string") }
    at += 1
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): bytes.append(byte)
    case UInt8(ascii: "b"): bytes.append(0x08)
    case UInt8(ascii: "f"): bytes.append(0x0C)
    case UInt8(ascii: "n"): bytes.append(0x0A)
    case UInt8(ascii: "r"): bytes.append(0x0D)
    case UInt8(ascii: "t"): bytes.append(0x09)
    case UInt8(ascii: "u"):
      var code = try hexadecimal()
      if code & 0xFC00 == 0xD800, take(UInt8(ascii: "\\")), take(UInt8(ascii: "u")) {
        let low = try hexadecimal()
        guard low & 0xFC00 == 0xDC00 else { throw malformed("unpaired surrogate") }
        code = 0x10000 + (code & 0x3FF) << 10 + (low & 0x3FF)
      }
      guard let scalar = Unicode.Scalar(code) else { throw malformed("unpaired surrogate") }
      bytes.append(contentsOf: UTF8.encode(scalar)!)
    default: throw malformed("unknown escape sequence")
    }
  }

  private mutating func hexadecimal() throws(ArcuateError) -> UInt32 {
    var code: UInt32 = 0
    for _ in 0..<4 {
      guard let byte = next, let digit = Character(Unicode.Scalar(byte)).hexDigitValue else {
        throw malformed("expected four hexadecimal digits")
      }
      code = code << 4 | UInt32(truncatingIfNeeded: digit)
      at += 1
    }
    return code
  }
}

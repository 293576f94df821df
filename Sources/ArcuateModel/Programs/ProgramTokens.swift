import ArcuateCore

/// A token of a program's text.
struct ProgramToken {
  enum Kind: Equatable {
    case name(String)
    case number(Double, isWhole: Bool)
    /// An operator or a bracket.
    case symbol(String)
    case end
  }
  var kind: Kind
  var position: TextPosition
}

/// The lines of a text, each with its tokens; comments begin with `#`.
struct ProgramTokens {
  private(set) var lines: [[ProgramToken]] = []

  /// In the order in which they are tried.
  private static let symbols = [
    "**", ">=", "<=", "==", "!=", "&&", "||", "<<", ">>", "+=", "-=", "*=", "/=", "+", "-", "*",
    "/", "(", ")", ",", "?", ":", "=", ">", "<", "!",
  ].map { Array($0.utf8) }

  /// Throws. `malformed` with line and column.
  init(_ text: String) throws(ArcuateError) {
    var bytes = Array(text.utf8)[...]
    var line = 0
    while let row = ProgramTokens.takeLine(&bytes) {
      line += 1
      lines.append(try ProgramTokens.tokens(row, line: line))
    }
  }

  /// The bytes up to the next line feed; nil at the end.
  private static func takeLine(_ bytes: inout ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
    guard !bytes.isEmpty else { return nil }
    let end = bytes.firstIndex(of: UInt8(ascii: "\n")) ?? bytes.endIndex
    defer { bytes = bytes[min(end + 1, bytes.endIndex)...] }
    return bytes[..<end]
  }

  private static func tokens(
    _ row: ArraySlice<UInt8>, line: Int
  ) throws(ArcuateError) -> [ProgramToken] {
    var found: [ProgramToken] = []
    var at = row.startIndex
    func position() -> TextPosition {
      TextPosition(line: line, column: at - row.startIndex + 1)
    }
    while at < row.endIndex, row[at] != UInt8(ascii: "#") {
      let byte = row[at]
      if byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") || byte == UInt8(ascii: "\r") {
        at += 1
        continue
      }
      let start = position()
      if isLetter(byte) {
        let end = row[at...].firstIndex { !isLetter($0) && !isDigit($0) } ?? row.endIndex
        let name = String(decoding: row[at..<end], as: UTF8.self)
        found.append(.init(kind: .name(name), position: start))
        at = end
      } else if isDigit(byte) || byte == UInt8(ascii: ".") {
        let end = numberEnd(row, at)
        let text = String(decoding: row[at..<end], as: UTF8.self)
        guard let number = Double(text), number.isFinite else {
          throw ArcuateError(.malformed, "\"\(text.prefix(40))\" is not a number", at: "\(start)")
        }
        let isWhole = row[at..<end].allSatisfy(isDigit)
        found.append(.init(kind: .number(number, isWhole: isWhole), position: start))
        at = end
      } else if let symbol = symbols.first(where: { row[at...].starts(with: $0) }) {
        let text = String(decoding: symbol, as: UTF8.self)
        found.append(.init(kind: .symbol(text), position: start))
        at += symbol.count
      } else {
        let shown = byte > 32 && byte < 127 ? String(UnicodeScalar(byte)) : "byte \(byte)"
        throw ArcuateError(.malformed, "unexpected \"\(shown)\"", at: "\(start)")
      }
    }
    if !found.isEmpty { found.append(.init(kind: .end, position: position())) }
    return found
  }

  /// The end of digits, a fraction and an exponent.
  private static func numberEnd(_ row: ArraySlice<UInt8>, _ start: Int) -> Int {
    var at = start
    func skipDigits() {
      while at < row.endIndex, isDigit(row[at]) || row[at] == UInt8(ascii: ".") { at += 1 }
    }
    skipDigits()
    guard at < row.endIndex, row[at] | 32 == UInt8(ascii: "e") else { return at }
    var exponent = at + 1
    if exponent < row.endIndex,
      row[exponent] == UInt8(ascii: "-") || row[exponent] == UInt8(ascii: "+")
    {
      exponent += 1
    }
    guard exponent < row.endIndex, isDigit(row[exponent]) else { return at }
    at = exponent
    skipDigits()
    return at
  }

  private static func isDigit(_ byte: UInt8) -> Bool {
    byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9")
  }

  private static func isLetter(_ byte: UInt8) -> Bool {
    byte == UInt8(ascii: "_") || (byte | 32 >= UInt8(ascii: "a") && byte | 32 <= UInt8(ascii: "z"))
  }
}

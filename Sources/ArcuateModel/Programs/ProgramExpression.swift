import ArcuateCore

/// An expression as it is written.
indirect enum ProgramExpression {
  case number(Double, TextPosition)
  case name(String, TextPosition)
  case call(String, [ProgramExpression], TextPosition)
  /// `-` or `!`.
  case unary(String, ProgramExpression, TextPosition)
  case binary(String, ProgramExpression, ProgramExpression, TextPosition)
  case conditional(ProgramExpression, ProgramExpression, ProgramExpression, TextPosition)

  var position: TextPosition {
    switch self {
    case .number(_, let position), .name(_, let position), .call(_, _, let position),
      .unary(_, _, let position), .binary(_, _, _, let position),
      .conditional(_, _, _, let position):
      position
    }
  }
}

/// Reads the tokens of one line.
struct ProgramReader {
  private var tokens: ArraySlice<ProgramToken>
  private var depth = 0
  private var operators = 0

  /// Expressions within expressions at most.
  static let mostDepth = 64
  /// Operators with two operands in a line at most: a + b + c is (a + b) + c, an expression that is
  /// as deep as it has operators.
  static let mostOperators = 128
  static let longestName = 64

  /// Needs. Tokens that end with `end`.
  init(_ tokens: [ProgramToken]) { self.tokens = tokens[...] }

  var position: TextPosition { tokens.first!.position }
  var isAtEnd: Bool { tokens.first!.kind == .end }

  /// Takes the next token if it is this symbol.
  mutating func takes(_ symbol: String) -> Bool {
    guard tokens.first!.kind == .symbol(symbol) else { return false }
    tokens.removeFirst()
    return true
  }

  /// Takes the next token if it is this name, and the one behind it another name.
  mutating func takesKeyword(_ word: String) -> Bool {
    guard tokens.count > 2, tokens.first!.kind == .name(word),
      case .name = tokens[tokens.startIndex + 1].kind
    else { return false }
    tokens.removeFirst()
    return true
  }

  mutating func name() throws(ArcuateError) -> (String, TextPosition) {
    guard case .name(let name) = tokens.first!.kind else { throw unexpected("a name") }
    guard name.utf8.count <= Self.longestName else {
      throw ArcuateError(
        .malformed, "\"\(name.prefix(20))...\" has over \(Self.longestName) letters",
        at: "\(position)")
    }
    return (name, tokens.removeFirst().position)
  }

  mutating func require(_ symbol: String) throws(ArcuateError) {
    guard takes(symbol) else { throw unexpected("\"\(symbol)\"") }
  }

  func requireEnd() throws(ArcuateError) {
    if !isAtEnd { throw unexpected("the end of the line") }
  }

  private func unexpected(_ expected: String) -> ArcuateError {
    let found =
      switch tokens.first!.kind {
      case .name(let name): "\"\(name.prefix(40))\""
      case .number(let number, let isWhole): isWhole ? "\(number.rounded())" : "\(number)"
      case .symbol(let symbol): "\"\(symbol)\""
      case .end: "the end of the line"
      }
    return ArcuateError(.malformed, "expected \(expected), not \(found)", at: "\(position)")
  }

  // MARK: Expressions, from those that bind least

  /// Throws. `limitExceeded` for the last of too many expressions within each other.
  private mutating func descend() throws(ArcuateError) {
    depth += 1
    guard depth <= Self.mostDepth else {
      throw ArcuateError(
        .limitExceeded, "expressions are nested more than \(Self.mostDepth) deep",
        at: "\(position)")
    }
  }

  /// c ? a : b
  mutating func expression() throws(ArcuateError) -> ProgramExpression {
    try descend()
    defer { depth -= 1 }
    let condition = try binary(0)
    let position = position
    guard takes("?") else { return condition }
    let first = try expression()
    try require(":")
    return .conditional(condition, first, try expression(), position)
  }

  private static let levels = [
    ["||"], ["&&"], [">", ">=", "<", "<=", "==", "!="], ["<<", ">>"], ["+", "-"], ["*", "/"],
  ]

  private mutating func binary(_ level: Int) throws(ArcuateError) -> ProgramExpression {
    guard level < Self.levels.count else { return try unary() }
    var left = try binary(level + 1)
    var isCompared = false
    while case .symbol(let symbol) = tokens.first!.kind, Self.levels[level].contains(symbol) {
      let position = tokens.removeFirst().position
      operators += 1
      guard operators <= Self.mostOperators else {
        throw ArcuateError(
          .limitExceeded, "a line has \(Self.mostOperators) operators at most", at: "\(position)")
      }
      if level == 2 {
        guard !isCompared else {
          throw ArcuateError(
            .malformed, "comparisons cannot be chained: write a < b && b < c", at: "\(position)")
        }
        isCompared = true
      }
      left = .binary(symbol, left, try binary(level + 1), position)
    }
    return left
  }

  private mutating func unary() throws(ArcuateError) -> ProgramExpression {
    try descend()
    defer { depth -= 1 }
    let position = position
    for symbol in ["-", "!"] where takes(symbol) {
      return .unary(symbol, try unary(), position)
    }
    if takes("+") { return try unary() }
    let base = try primary()
    let power = self.position
    guard takes("**") else { return base }
    return .binary("**", base, try unary(), power)
  }

  private mutating func primary() throws(ArcuateError) -> ProgramExpression {
    let token = tokens.first!
    switch token.kind {
    case .number(let number, _):
      tokens.removeFirst()
      return .number(number, token.position)
    case .name:
      let (name, position) = try name()
      guard takes("(") else { return .name(name, position) }
      var arguments: [ProgramExpression] = []
      if !takes(")") {
        repeat { arguments.append(try expression()) } while takes(",")
        try require(")")
      }
      return .call(name, arguments, position)
    case .symbol("("):
      tokens.removeFirst()
      let inner = try expression()
      try require(")")
      return inner
    case .symbol, .end: throw unexpected("an expression")
    }
  }
}

/// The operators and functions of programs.
enum ProgramSymbols {
  static func compares(_ symbol: String) -> Bool {
    [">", ">=", "<", "<=", "==", "!="].contains(symbol)
  }

  /// The operation of a symbol on two operands of one type, which may be read the other way round.
  static func binary(
    _ symbol: String, _ type: ProgramType
  ) -> (operation: ProgramOperation, isSwapped: Bool)? {
    switch (symbol, type) {
    case ("+", .number): (.add, false)
    case ("-", .number): (.subtract, false)
    case ("*", .number): (.multiply, false)
    case ("/", .number): (.divide, false)
    case (">", .number): (.greater, false)
    case (">=", .number): (.greaterEqual, false)
    case ("<", .number): (.greater, true)
    case ("<=", .number): (.greaterEqual, true)
    case ("==", .number), ("!=", .number): (.equal, false)
    case ("+", .integer): (.addIntegers, false)
    case ("-", .integer): (.subtractIntegers, false)
    case ("*", .integer): (.multiplyIntegers, false)
    case ("<<", .integer): (.shiftLeft, false)
    case (">>", .integer): (.shiftRight, false)
    case (">", .integer): (.greaterIntegers, false)
    case (">=", .integer): (.greaterEqualIntegers, false)
    case ("<", .integer): (.greaterIntegers, true)
    case ("<=", .integer): (.greaterEqualIntegers, true)
    case ("==", .integer), ("!=", .integer): (.equalIntegers, false)
    default: nil
    }
  }

  struct Function: Sendable {
    /// Of arguments.
    var count: Int
    var numbers: ProgramOperation?
    var integers: ProgramOperation?
    /// The value of constants; nil for a function that is never constant.
    var constant: (@Sendable ([ConstantExpression]) -> ConstantExpression)?
  }

  static let functions: [String: Function] = {
    func unary(
      _ operation: ProgramOperation, _ constant: ConstantExpression.Unary,
      _ integers: ProgramOperation? = nil
    ) -> Function {
      Function(count: 1, numbers: operation, integers: integers) { .unary(constant, $0[0]) }
    }
    return [
      "abs": unary(.abs, .abs, .absInteger), "floor": unary(.floor, .floor),
      "sqrt": unary(.sqrt, .sqrt), "exp": unary(.exp, .exp), "log": unary(.log, .log),
      "tanh": unary(.tanh, .tanh),
      "min": Function(count: 2, numbers: .min, integers: .minIntegers) {
        .binary(.min, $0[0], $0[1])
      },
      "max": Function(count: 2, numbers: .max, integers: .maxIntegers) {
        .binary(.max, $0[0], $0[1])
      },
      "integer": Function(count: 1), "number": Function(count: 1) { .unary(.number, $0[0]) },
      "uniform": Function(count: 0, numbers: .uniform),
      "normal": Function(count: 0, numbers: .normal), "winners": Function(count: 2),
      "total": Function(count: 1, numbers: .total),
    ]
  }()
}

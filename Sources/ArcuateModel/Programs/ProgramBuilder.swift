import ArcuateCore

/// Turns a program's text into its declarations and instructions.
struct ProgramBuilder {
  /// The value of a name.
  enum Meaning {
    /// A number that does not change, with the place where it is used first.
    case constant(ConstantExpression)
    case value(ProgramOperand, ProgramType)
  }

  private(set) var inputs: [String] = []
  private(set) var parameters: [NeuronProgram.Parameter] = []
  private(set) var states: [NeuronProgram.State] = []
  var adaptive: [NeuronProgram.Adaptive] = []
  private(set) var code = ProgramCode()
  private(set) var surrogate: ProgramCode?
  private(set) var surrogateResult: ProgramOperand?
  var meanings: [String: Meaning] = [:]
  /// Names that the text assigns somewhere.
  private var assigned: Set<String> = []
  /// Whether x is the input, since none was declared before it was used.
  private var takesX = false
  /// Where what is emitted was assigned last.
  private(set) var emitted: [String: TextPosition] = [:]

  static let mostInstructions = 64
  static let mostStates = 16
  static let mostInputs = 8
  static let mostConstants = 64
  /// The largest number of numbers, names and operations in a constant. A name is replaced by its
  /// expression, so without this limit a few lines could build an exponentially large one.
  static let mostOfConstant = 256
  static let mostBytes = 1 << 16
  /// Names that a program can neither declare nor assign.
  static let reserved: Set<String> = [
    "dt", "spikes_before", "state", "integer", "input", "parameter", "adaptive",
  ]
  /// The names of what a program emits.
  static let emissions = ["spike", "count", "value"]

  /// Throws. `malformed` or `limitExceeded` with line and column.
  init(_ text: String) throws(ArcuateError) {
    guard text.utf8.count <= Self.mostBytes else {
      throw ArcuateError(
        .limitExceeded, "a program has \(text.utf8.count) bytes, more than \(Self.mostBytes)")
    }
    let lines = try ProgramTokens(text).lines.filter { !$0.isEmpty }
    for line in lines {
      if case .name(let name) = line[0].kind, case .symbol(let symbol) = line[1].kind,
        ["=", "+=", "-=", "*=", "/="].contains(symbol)
      {
        assigned.insert(name)
      }
    }
    for line in lines {
      var reader = ProgramReader(line)
      try statement(&reader)
      try reader.requireEnd()
    }
    if inputs.isEmpty { inputs = ["x"] }
  }

  // MARK: Statements

  private mutating func statement(_ reader: inout ProgramReader) throws(ArcuateError) {
    if reader.takesKeyword("state") {
      let isInteger = reader.takesKeyword("integer")
      repeat { try declareState(&reader, isInteger: isInteger) } while reader.takes(",")
    } else if reader.takesKeyword("parameter") {
      repeat { try declareParameter(&reader) } while reader.takes(",")
    } else if reader.takesKeyword("adaptive") {
      repeat { try declareAdaptive(&reader) } while reader.takes(",")
    } else if reader.takesKeyword("input") {
      repeat { try declareInput(&reader) } while reader.takes(",")
    } else {
      try assignment(&reader)
    }
  }

  private mutating func declareState(
    _ reader: inout ProgramReader, isInteger: Bool
  ) throws(ArcuateError) {
    let (name, position) = try reader.name()
    try declare(name, position)
    guard states.count < Self.mostStates else {
      throw ArcuateError(
        .limitExceeded, "a program has \(Self.mostStates) states at most", at: "\(position)")
    }
    var initial = ConstantExpression.number(0)
    if reader.takes("=") { initial = try constant(reader.expression(), "an initial value") }
    let type = isInteger ? ProgramType.integer : .number
    meanings[name] = .value(.state(states.count), type)
    states.append(.init(name: name, type: type, initial: initial, position: position))
  }

  /// A parameter; returns its name.
  @discardableResult
  mutating func declareParameter(_ reader: inout ProgramReader) throws(ArcuateError) -> String {
    let (name, position) = try reader.name()
    try declare(name, position)
    var value: Double?
    if reader.takes("=") {
      let expression = try constant(reader.expression(), "a default")
      guard expression.parameters.isEmpty, !expression.usesTimeStep else {
        throw ArcuateError(
          .malformed, "the default of \"\(name)\" is not a number", at: "\(position)")
      }
      // As a value that is given, it is a float32.
      let number = Float(expression.value(.init(dt_s: 0, parameters: [])))
      guard number.isFinite else {
        throw ArcuateError(
          .malformed, "the default of \"\(name)\" is \(number)", at: "\(position)")
      }
      value = Double(number)
    }
    try addParameter(name, value, position)
    return name
  }

  private mutating func declareInput(_ reader: inout ProgramReader) throws(ArcuateError) {
    let (name, position) = try reader.name()
    try declare(name, position)
    guard inputs.count < Self.mostInputs else {
      throw ArcuateError(
        .limitExceeded, "a program has \(Self.mostInputs) inputs at most", at: "\(position)")
    }
    guard !takesX else {
      throw ArcuateError(
        .malformed,
        "inputs are declared before x is used: it is the input of a program that "
          + "declares none", at: "\(position)")
    }
    meanings[name] = .value(.input(inputs.count), .number)
    inputs.append(name)
  }

  private func declare(_ name: String, _ position: TextPosition) throws(ArcuateError) {
    if Self.reserved.contains(name) || Self.emissions.contains(name) || name == "surrogate" {
      throw ArcuateError(.malformed, "\"\(name)\" cannot be declared", at: "\(position)")
    }
    if meanings[name] != nil {
      throw ArcuateError(.malformed, "\"\(name)\" is declared or used before", at: "\(position)")
    }
  }

  private mutating func addParameter(
    _ name: String, _ value: Double?, _ position: TextPosition
  ) throws(ArcuateError) {
    guard parameters.count < Self.mostConstants else {
      throw ArcuateError(
        .limitExceeded, "a program has \(Self.mostConstants) parameters at most",
        at: "\(position)")
    }
    meanings[name] = .constant(.parameter(parameters.count))
    parameters.append(.init(name: name, standard: value, position: position))
  }

  private mutating func assignment(_ reader: inout ProgramReader) throws(ArcuateError) {
    let (name, position) = try reader.name()
    if name == "surrogate", reader.takes("(") { return try declareSurrogate(&reader, position) }
    guard !Self.reserved.contains(name) else {
      throw ArcuateError(.malformed, "\"\(name)\" cannot be assigned", at: "\(position)")
    }
    if let k = adaptive.firstIndex(where: { parameters[$0.parameter].name == name }) {
      return try change(k, name, try assigned(name, position, &reader), position)
    }
    if let parameter = parameters.first(where: { $0.name == name }) {
      throw ArcuateError(
        .malformed, "the parameter \"\(parameter.name)\" cannot be assigned", at: "\(position)")
    }
    let expression = try assigned(name, position, &reader)
    let state = states.first { $0.name == name }
    let wanted = state?.type ?? (name == "spike" ? .condition : nil)
    let meaning = try meaning(expression, wanted)
    // The input x is known as one when it is used.
    if inputs.contains(name) {
      throw ArcuateError(.malformed, "the input \"\(name)\" cannot be assigned", at: "\(position)")
    }
    if Self.emissions.contains(name) { emitted[name] = expression.position }
    if let state {
      let operand = try operand(meaning, state.type, expression.position)
      meanings[name] = .value(operand, state.type)
    } else {
      meanings[name] = meaning
    }
  }

  /// What follows a name that is assigned.
  private func assigned(
    _ name: String, _ position: TextPosition, _ reader: inout ProgramReader
  ) throws(ArcuateError) -> ProgramExpression {
    if let symbol = ["+", "-", "*", "/"].first(where: { reader.takes($0 + "=") }) {
      return .binary(symbol, .name(name, position), try reader.expression(), position)
    }
    try reader.require("=")
    return try reader.expression()
  }

  /// surrogate(u) = the derivative of a spike at u = left - right of its comparison.
  private mutating func declareSurrogate(
    _ reader: inout ProgramReader, _ position: TextPosition
  ) throws(ArcuateError) {
    guard surrogateResult == nil else {
      throw ArcuateError(.malformed, "a second surrogate", at: "\(position)")
    }
    let (name, place) = try reader.name()
    guard !Self.reserved.contains(name) else {
      throw ArcuateError(.malformed, "\"\(name)\" cannot be declared", at: "\(place)")
    }
    try reader.require(")")
    try reader.require("=")
    let expression = try reader.expression()
    let outer = (code, meanings, assigned, inputs)
    code = ProgramCode()
    // Parameters may be used; states and values are those of a step, not of a derivative.
    meanings = meanings.filter { if case .constant = $0.value { true } else { false } }
    assigned.formUnion(outer.1.keys.filter { meanings[$0] == nil } + ["x"])
    meanings[name] = .value(.input(0), .number)
    inputs = [name]
    let result = try operand(meaning(expression, .number), .number, expression.position)
    let isOther = code.instructions.contains {
      $0.operation.isRandom || $0.operation.isOfLayer || $0.operands.contains(.spikesBefore)
    }
    guard !isOther, result != .spikesBefore else {
      throw ArcuateError(
        .malformed, "a surrogate depends on \(name) and parameters alone", at: "\(position)")
    }
    (surrogate, surrogateResult) = (code, result)
    let added = meanings.filter { entry in
      if case .constant(.parameter) = entry.value { outer.1[entry.key] == nil } else { false }
    }
    (code, meanings, assigned, inputs) = outer
    for (name, meaning) in added { meanings[name] = meaning }
  }

  // MARK: Expressions

  mutating func constant(
    _ expression: ProgramExpression, _ what: String
  ) throws(ArcuateError) -> ConstantExpression {
    guard case .constant(let constant) = try meaning(expression, nil) else {
      throw ArcuateError(
        .malformed, "\(what) is made of numbers and parameters alone", at: "\(expression.position)")
    }
    return constant
  }

  private mutating func meaning(
    _ expression: ProgramExpression, _ wanted: ProgramType?
  ) throws(ArcuateError) -> Meaning {
    switch expression {
    case .number(let number, _): return .constant(.number(number))
    case .name(let name, let position): return try meaning(of: name, position)
    case .unary(let symbol, let inner, let position):
      return try unary(symbol, meaning(inner, symbol == "!" ? .condition : wanted), position)
    case .binary(let symbol, let left, let right, let position):
      return try binary(symbol, left, right, wanted, position)
    case .conditional(let condition, let first, let second, let position):
      return try conditional(condition, first, second, wanted, position)
    case .call(let name, let arguments, let position):
      return try call(name, arguments, wanted, position)
    }
  }

  private mutating func meaning(
    of name: String, _ position: TextPosition
  ) throws(ArcuateError) -> Meaning {
    if let known = meanings[name] { return known }
    if name == "dt" { return .constant(.timeStep) }
    if name == "spikes_before" { return .value(.spikesBefore, .number) }
    if name == "x", inputs.isEmpty {
      (inputs, takesX) = (["x"], true)
      meanings["x"] = .value(.input(0), .number)
      return meanings["x"]!
    }
    if assigned.contains(name) || Self.emissions.contains(name) || Self.reserved.contains(name) {
      throw ArcuateError(
        .malformed, "\"\(name)\" is used before it has a value", at: "\(position)")
    }
    // What nothing assigns is a parameter.
    try addParameter(name, nil, position)
    return meanings[name]!
  }

  private mutating func unary(
    _ symbol: String, _ inner: Meaning, _ position: TextPosition
  ) throws(ArcuateError) -> Meaning {
    if symbol == "!" {
      let operand = try operand(inner, .condition, position)
      return try add(.not, [operand], .condition, position)
    }
    switch inner {
    case .constant(let constant): return try folded(.unary(.negative, constant), position)
    case .value(let operand, .number): return try add(.negative, [operand], .number, position)
    case .value(let operand, .integer):
      return try add(.negativeInteger, [operand], .integer, position)
    case .value(_, .condition):
      return try add(.negative, [operand(inner, .number, position)], .number, position)
    }
  }

  private mutating func binary(
    _ symbol: String, _ left: ProgramExpression, _ right: ProgramExpression,
    _ wanted: ProgramType?, _ position: TextPosition
  ) throws(ArcuateError) -> Meaning {
    if symbol == "&&" || symbol == "||" {
      let a = try operand(meaning(left, .condition), .condition, left.position)
      let b = try operand(meaning(right, .condition), .condition, right.position)
      return try add(symbol == "&&" ? .and : .or, [a, b], .condition, position)
    }
    let inner = ProgramSymbols.compares(symbol) ? nil : wanted
    let a = try meaning(left, inner)
    let b = try meaning(right, inner)
    if case .constant(let x) = a, case .constant(let y) = b {
      guard let operation = ConstantExpression.Binary(rawValue: symbol) else {
        throw ArcuateError(
          .malformed, "\"\(symbol)\" of two constants is the same at every step",
          at: "\(position)")
      }
      return try folded(.binary(operation, x, y), position)
    }
    if symbol == "**" { return try power(a, b, position) }
    let type = try common(a, b, symbol, position)
    let operands = [try operand(a, type, left.position), try operand(b, type, right.position)]
    guard let found = ProgramSymbols.binary(symbol, type) else {
      throw ArcuateError(
        .malformed,
        type == .integer && symbol == "/"
          ? "integers are not divided: shift them (>>), or take number()"
          : "\"\(symbol)\" takes \(type == .integer ? "numbers, not integers" : "integers: take integer()")",
        at: "\(position)")
    }
    let result = try add(
      found.operation, found.isSwapped ? operands.reversed() : operands,
      ProgramSymbols.compares(symbol) ? .condition : type, position)
    guard symbol == "!=", case .value(let equal, _) = result else { return result }
    return try add(.not, [equal], .condition, position)
  }

  /// x ** n for n = 2, 3, 4: products from the left.
  private mutating func power(
    _ base: Meaning, _ exponent: Meaning, _ position: TextPosition
  ) throws(ArcuateError) -> Meaning {
    guard case .constant(.number(let n)) = exponent, [2, 3, 4].contains(n),
      case .value(let x, let type) = base, type != .condition
    else {
      throw ArcuateError(
        .malformed, "the exponent of a value is 2, 3 or 4: use exp(y * log(x))", at: "\(position)")
    }
    var product = base
    for _ in 1..<Int(bounding: Double(n), 2...4) {
      guard case .value(let left, _) = product else { break }
      product = try add(
        type == .number ? .multiply : .multiplyIntegers, [left, x], type, position)
    }
    return product
  }

  private mutating func conditional(
    _ condition: ProgramExpression, _ first: ProgramExpression, _ second: ProgramExpression,
    _ wanted: ProgramType?, _ position: TextPosition
  ) throws(ArcuateError) -> Meaning {
    let chosen = try operand(meaning(condition, .condition), .condition, condition.position)
    let a = try meaning(first, wanted)
    let b = try meaning(second, wanted)
    var type = ProgramType.number
    if case .constant = a, case .constant = b {
      if wanted == .integer { type = .integer }
    } else {
      type = try common(a, b, "? :", position)
    }
    return try add(
      type == .number ? .select : .selectIntegers,
      [chosen, try operand(a, type, first.position), try operand(b, type, second.position)], type,
      position)
  }

  /// The type of two operands: constants and conditions, which are 1 or 0, take that of the other.
  private func common(
    _ a: Meaning, _ b: Meaning, _ symbol: String, _ position: TextPosition
  ) throws(ArcuateError) -> ProgramType {
    let types = [a, b].compactMap { meaning -> ProgramType? in
      if case .value(_, let type) = meaning, type != .condition { type } else { nil }
    }
    if types.count == 2, types[0] != types[1] {
      throw ArcuateError(
        .malformed,
        "\"\(symbol)\" has \(types[0].noun) on its left and \(types[1].noun) on its right: convert "
          + "one by number() or integer()", at: "\(position)")
    }
    return types.first ?? .number
  }

  private mutating func call(
    _ name: String, _ arguments: [ProgramExpression], _ wanted: ProgramType?,
    _ position: TextPosition
  ) throws(ArcuateError) -> Meaning {
    guard let function = ProgramSymbols.functions[name] else {
      throw ArcuateError(
        .malformed, "there is no function \"\(name.prefix(40))\"", at: "\(position)")
    }
    guard arguments.count == function.count else {
      throw ArcuateError(
        .malformed,
        "\(name) takes \(function.count) argument\(function.count == 1 ? "" : "s"), "
          + "not \(arguments.count)",
        at: "\(position)")
    }
    var values: [Meaning] = []
    for argument in arguments { values.append(try meaning(argument, nil)) }
    let constants = values.compactMap { if case .constant(let c) = $0 { c } else { nil } }
    if !values.isEmpty, constants.count == values.count, let folded = function.constant {
      return try self.folded(folded(constants), position)
    }
    switch name {
    case "integer", "number":
      let type = try common(values[0], values[0], name, position)
      if type.rawValue == name { return values[0] }
      let x = try operand(values[0], type, position)
      return try add(
        type == .number ? .integer : .number, [x], type == .number ? .integer : .number, position)
    case "winners":
      let score = try operand(values[0], .number, arguments[0].position)
      guard constants.count == 1, case .constant = values[1] else {
        throw ArcuateError(
          .malformed, "winners takes a number and how many win, a constant", at: "\(position)")
      }
      let count = try operand(values[1], .integer, arguments[1].position)
      return try add(.winners, [score, count], .condition, position)
    case "total":
      return try add(
        .total, [operand(values[0], .number, arguments[0].position)], .number, position)
    default: break
    }
    var type = ProgramType.number
    if values.count == 2 {
      type = try common(values[0], values[1], name, position)
    } else if let first = values.first {
      type = try common(first, first, name, position)
    }
    guard let operation = type == .integer ? function.integers : function.numbers else {
      throw ArcuateError(
        .malformed, "\(name) takes numbers, not \(type.rawValue)s", at: "\(position)")
    }
    var operands: [ProgramOperand] = []
    for (value, argument) in zip(values, arguments) {
      operands.append(try operand(value, type, argument.position))
    }
    return try add(operation, operands, type, position)
  }

  /// An expression of constants.
  private func folded(
    _ expression: ConstantExpression, _ position: TextPosition
  ) throws(ArcuateError) -> Meaning {
    guard expression.size <= Self.mostOfConstant else {
      throw ArcuateError(
        .limitExceeded,
        "a constant is made of \(Self.mostOfConstant) numbers, names and operations at most",
        at: "\(position)")
    }
    return .constant(expression)
  }

  // MARK: Instructions

  private mutating func add(
    _ operation: ProgramOperation, _ operands: [ProgramOperand], _ type: ProgramType,
    _ position: TextPosition
  ) throws(ArcuateError) -> Meaning {
    guard code.instructions.count < Self.mostInstructions else {
      throw ArcuateError(
        .limitExceeded, "a program has \(Self.mostInstructions) instructions at most",
        at: "\(position)")
    }
    code.instructions.append(ProgramInstruction(operation, operands, type, at: position))
    return .value(.result(code.instructions.count - 1), type)
  }

  mutating func operand(
    _ meaning: Meaning, _ type: ProgramType, _ position: TextPosition
  ) throws(ArcuateError) -> ProgramOperand {
    switch meaning {
    case .value(let operand, let own):
      if own == .condition, type != .condition {
        let choices = try [1, 0].map { number throws(ArcuateError) in
          try self.operand(.constant(.number(number)), type, position)
        }
        let chosen = try add(
          type == .number ? .select : .selectIntegers, [operand] + choices, type, position)
        return try self.operand(chosen, type, position)
      }
      guard own == type else {
        throw ArcuateError(
          .malformed, "\(type.noun) is expected, not \(own.noun)", at: "\(position)")
      }
      return operand
    case .constant(let expression):
      guard type != .condition else {
        throw ArcuateError(
          .malformed, "a condition is expected, not a constant", at: "\(position)")
      }
      if case .number(let number) = expression, type == .integer {
        guard Int32(exactly: number) != nil else {
          throw ArcuateError(
            .malformed, "\(number) is not a whole number of 32 bits", at: "\(position)")
        }
      }
      let known = code.constants.firstIndex { $0.expression == expression && $0.type == type }
      if let known { return .constant(known) }
      guard code.constants.count < Self.mostConstants else {
        throw ArcuateError(
          .limitExceeded, "a program has \(Self.mostConstants) constants at most",
          at: "\(position)")
      }
      code.constants.append(ProgramConstant(expression, type, at: position))
      return .constant(code.constants.count - 1)
    }
  }

  // MARK: Results

  /// The values of the states after the step.
  mutating func finalStates() throws(ArcuateError) -> [ProgramOperand] {
    var finals: [ProgramOperand] = []
    for state in states {
      guard let meaning = meanings[state.name] else { continue }
      finals.append(try operand(meaning, state.type, state.position))
    }
    return finals
  }

  /// What the program emits.
  mutating func emission() throws(ArcuateError) -> NeuronProgram.Emission {
    let found = Self.emissions.filter { meanings[$0] != nil }
    guard let name = found.first, let meaning = meanings[name], let position = emitted[name] else {
      throw ArcuateError(.malformed, "a program assigns what it emits: spike, count or value")
    }
    guard found.count == 1 else {
      throw ArcuateError(
        .malformed, "a program emits one thing, not \(found.joined(separator: " and "))",
        at: "\(emitted[found[1]] ?? position)")
    }
    switch name {
    case "spike": return .spike(try operand(meaning, .condition, position))
    case "count": return .count(try operand(meaning, .number, position))
    default: return .value(try operand(meaning, .number, position))
    }
  }
}

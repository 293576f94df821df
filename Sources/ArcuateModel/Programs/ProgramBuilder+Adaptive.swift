import ArcuateCore

// Parameters that change while a session adapts.

extension ProgramBuilder {
  static let mostAdaptive = 8

  mutating func declareAdaptive(_ reader: inout ProgramReader) throws(ArcuateError) {
    let position = reader.position
    let name = try declareParameter(&reader)
    guard adaptive.count < Self.mostAdaptive else {
      throw ArcuateError(
        .limitExceeded, "a program has \(Self.mostAdaptive) adaptive parameters at most",
        at: "\(position)")
    }
    let index = parameters.count - 1
    let operand = try operand(.constant(.parameter(index)), .number, position)
    guard case .constant(let constant) = operand else { return }
    adaptive.append(.init(parameter: index, constant: constant))
    // Declared as a value, so that expressions that contain it are not folded into constants.
    meanings[name] = .value(operand, .number)
  }

  /// theta = a * theta + b * spike, with constants a and b: what happens after the step, once for all
  /// streams.
  mutating func change(
    _ k: Int, _ name: String, _ expression: ProgramExpression, _ position: TextPosition
  ) throws(ArcuateError) {
    func wrong(_ position: TextPosition) -> ArcuateError {
      ArcuateError(
        .malformed,
        "the adaptive parameter \"\(name)\" becomes a constant times itself plus a constant times "
          + "spike or count", at: "\(position)")
    }
    guard adaptive[k].line == nil else {
      throw ArcuateError(
        .malformed, "the adaptive parameter \"\(name)\" is assigned twice", at: "\(position)")
    }
    var keepsItself = false
    var rest = expression
    var terms: [ProgramExpression] = []
    while case .binary("+", let left, let right, _) = rest {
      terms.append(right)
      rest = left
    }
    terms.append(rest)
    for term in terms {
      guard let (factor, subject) = product(term) else { throw wrong(term.position) }
      var constant: Int?
      if let factor {
        constant = try index(of: self.constant(factor, "a factor"), factor.position)
      }
      switch subject {
      case name where !keepsItself:
        keepsItself = true
        adaptive[k].factor = constant
      case "spike", "count":
        guard emitted[subject] != nil, adaptive[k].perSpike == nil else {
          throw wrong(term.position)
        }
        adaptive[k].perSpike = constant
        if constant == nil { adaptive[k].perSpike = try index(of: .number(1), term.position) }
      default: throw wrong(term.position)
      }
    }
    guard keepsItself else { throw wrong(expression.position) }
    adaptive[k].line = position.line
  }

  /// The factor and the name of a product of a constant and a name; nil for other terms.
  private func product(_ term: ProgramExpression) -> (factor: ProgramExpression?, name: String)? {
    switch term {
    case .name(let name, _): return (nil, name)
    case .binary("*", let factor, .name(let name, _), _) where isSubject(name):
      return (factor, name)
    case .binary("*", .name(let name, _), let factor, _) where isSubject(name):
      return (factor, name)
    default: return nil
    }
  }

  private func isSubject(_ name: String) -> Bool {
    name == "spike" || name == "count"
      || adaptive.contains { parameters[$0.parameter].name == name }
  }

  private mutating func index(
    of constant: ConstantExpression, _ position: TextPosition
  ) throws(ArcuateError) -> Int? {
    guard case .constant(let index) = try operand(.constant(constant), .number, position) else {
      return nil
    }
    return index
  }
}

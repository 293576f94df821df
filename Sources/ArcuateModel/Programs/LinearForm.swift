import ArcuateCore

/// A program that is a linear recurrence with a threshold, as the kinds of NIR are:
///
///     i = currentDecay i + currentGain x
///     v = decay v + gain (i or x) + offset
///     a spike where v > threshold, or >=, which resets v
///
/// What a program leaves out is nil, which changes nothing: a factor of 1, an offset of -0.
package struct LinearForm: Equatable {
  package enum Reset: Equatable {
    case none
    case toValue(ConstantExpression)
    /// What a spike takes off.
    case subtract(ConstantExpression)
  }

  package var decay, gain, offset, currentDecay, currentGain: ConstantExpression?
  /// Nil for neurons that emit their membrane.
  package var threshold: ConstantExpression?
  package var reset = Reset.none
  package var orEqual = false
  package var hasSynapse = false
  /// Whether the membrane integrates the current from before the step.
  package var usesOldCurrent = false
  /// The membrane and the current before the first step.
  package var initial = ConstantExpression.number(0)
  package var initialCurrent = ConstantExpression.number(0)

  private let program: NeuronProgram

  package static func == (a: LinearForm, b: LinearForm) -> Bool {
    a.expressions == b.expressions && a.reset == b.reset && a.hasShape(of: b)
      && a.initial == b.initial && a.initialCurrent == b.initialCurrent
  }

  /// The expressions that need not be there.
  var expressions: [ConstantExpression?] {
    [decay, gain, offset, currentDecay, currentGain, threshold]
  }

  func hasShape(of other: LinearForm) -> Bool {
    orEqual == other.orEqual && hasSynapse == other.hasSynapse
      && usesOldCurrent == other.usesOldCurrent
  }

  /// Nil for every other program.
  package init?(_ program: NeuronProgram) {
    self.program = program
    let states = program.states
    guard program.inputs.count == 1, program.adaptive.isEmpty, (1...2).contains(states.count),
      states.allSatisfy({ $0.type == .number })
    else { return nil }
    hasSynapse = states.count == 2
    initial = states[0].initial
    if hasSynapse { initialCurrent = states[1].initial }
    var membrane: ProgramOperand
    switch program.emission {
    case .count: return nil
    case .value(let operand):
      membrane = operand
      guard program.finals[0] == membrane else { return nil }
    case .spike(let spike):
      guard let comparison = instruction(spike),
        comparison.operation == .greater || comparison.operation == .greaterEqual,
        let level = constant(comparison.operands[1])
      else { return nil }
      threshold = level
      orEqual = comparison.operation == .greaterEqual
      membrane = comparison.operands[0]
      guard let found = resetting(program.finals[0], membrane, spike) else { return nil }
      reset = found
    }
    guard readMembrane(membrane) else { return nil }
    if hasSynapse, !readCurrent(program.finals[1]) { return nil }
  }

  // MARK: Instructions

  private func instruction(_ operand: ProgramOperand) -> ProgramInstruction? {
    if case .result(let r) = operand { program.code.instructions[r] } else { nil }
  }

  private func constant(_ operand: ProgramOperand) -> ConstantExpression? {
    guard case .constant(let k) = operand, program.code.constants[k].type == .number else {
      return nil
    }
    return program.code.constants[k].expression
  }

  /// The operands of an operation on two numbers.
  private func operands(
    _ operand: ProgramOperand, _ operation: ProgramOperation
  ) -> (ProgramOperand, ProgramOperand)? {
    guard let found = instruction(operand), found.operation == operation else { return nil }
    return (found.operands[0], found.operands[1])
  }

  /// A constant times something, in either order.
  private func product(
    _ operand: ProgramOperand
  ) -> (factor: ConstantExpression, of: ProgramOperand)? {
    guard let (a, b) = operands(operand, .multiply) else { return nil }
    if let factor = constant(a) { return (factor, b) }
    return constant(b).map { ($0, a) }
  }

  /// What the spike does to the membrane.
  private func resetting(
    _ final: ProgramOperand, _ membrane: ProgramOperand, _ spike: ProgramOperand
  ) -> Reset? {
    if final == membrane { return Reset.none }
    if let choice = instruction(final), choice.operation == .select,
      choice.operands[0] == spike, choice.operands[2] == membrane
    {
      if let value = constant(choice.operands[1]) { return .toValue(value) }
      if let (a, b) = operands(choice.operands[1], .subtract), a == membrane {
        return constant(b).map { .subtract($0) }
      }
    }
    // v - spike * drop
    if let (a, b) = operands(final, .subtract), a == membrane, let (drop, ones) = product(b),
      let choice = instruction(ones), choice.operation == .select, choice.operands[0] == spike,
      constant(choice.operands[1]) == .number(1), constant(choice.operands[2]) == .number(0)
    {
      return .subtract(drop)
    }
    return nil
  }

  /// Whether this is `state`, or a constant times it.
  private func isState(_ operand: ProgramOperand, _ state: Int) -> (ConstantExpression?, Bool) {
    if operand == .state(state) { return (nil, true) }
    if let (factor, inner) = product(operand), inner == .state(state) { return (factor, true) }
    return (nil, false)
  }

  private mutating func readMembrane(_ operand: ProgramOperand) -> Bool {
    guard let (a, b) = operands(operand, .add) else { return false }
    var sum = (a, b)
    if let last = constant(b) ?? constant(a) {
      offset = last
      guard let inner = operands(constant(b) != nil ? a : b, .add) else { return false }
      sum = inner
    }
    for (left, right) in [sum, (sum.1, sum.0)] {
      let (factor, isMembrane) = isState(left, 0)
      guard isMembrane else { continue }
      decay = factor
      let (drive, source) = product(right).map { ($0.factor, $0.of) } ?? (nil, right)
      gain = drive
      if !hasSynapse { return source == .input(0) }
      usesOldCurrent = source == .state(1)
      return usesOldCurrent || source == program.finals[1]
    }
    return false
  }

  private mutating func readCurrent(_ operand: ProgramOperand) -> Bool {
    guard let sum = operands(operand, .add) else { return false }
    for (left, right) in [sum, (sum.1, sum.0)] {
      let (factor, isCurrent) = isState(left, 1)
      guard isCurrent else { continue }
      currentDecay = factor
      if right == .input(0) { return true }
      guard let (drive, source) = product(right), source == .input(0) else { return false }
      currentGain = drive
      return true
    }
    return false
  }
}

extension LinearForm {
  /// What the parameters of this form are in another one, by index; nil if the other differs.
  func match(_ other: LinearForm) -> [Int: ConstantExpression]? {
    guard hasShape(of: other) else { return nil }
    var values: [Int: ConstantExpression] = [:]
    for (a, b) in zip(expressions, other.expressions) {
      guard let a, let b else {
        if a == nil, b == nil { continue }
        return nil
      }
      guard a.match(b, &values) else { return nil }
    }
    switch (reset, other.reset) {
    case (.none, .none): break
    case (.toValue(let a), .toValue(let b)), (.subtract(let a), .subtract(let b)):
      guard a.match(b, &values) else { return nil }
    default: return nil
    }
    guard initial.match(other.initial, &values), initialCurrent == other.initialCurrent else {
      return nil
    }
    return values
  }
}

extension ConstantExpression {
  /// Whether another expression is this one with something in the place of each parameter.
  fileprivate func match(
    _ other: ConstantExpression, _ values: inout [Int: ConstantExpression]
  ) -> Bool {
    switch (self, other) {
    case (.parameter(let index), _):
      if let known = values[index] { return known == other }
      values[index] = other
      return true
    case (.number(let a), .number(let b)): return a == b
    case (.timeStep, .timeStep): return true
    case (.unary(let f, let a), .unary(let g, let b)): return f == g && a.match(b, &values)
    case (.binary(let f, let a, let b), .binary(let g, let c, let d)):
      return f == g && a.match(c, &values) && b.match(d, &values)
    default: return false
    }
  }
}

import ArcuateCore
import ArcuateModel
import ArcuateRuntime

/// The backward step of a program, derived instruction by instruction: itself instructions, which
/// compute the step again and then sweep back through it.
///
/// Inputs of the backward step are, in this order, those of the program, the states before the step,
/// the gradient of what it emits and, where the program counts them, the spikes of the step before.
/// Its states are the gradients of the program's states, which it carries from step to step, the
/// gradients of constants, which it adds to, and the gradients of the inputs.
///
/// A condition has no derivative: where it chooses a number or is emitted, the surrogate stands in
/// for it, at the left less the right of its comparison. `floor` counts as its argument.
struct ProgramGradient {
  /// The constants whose gradients are computed.
  let learned: [Int]
  private(set) var instructions: [ProgramInstruction]
  private(set) var constants: [ProgramConstant]
  private(set) var finals: [ProgramOperand] = []
  let inputCount: Int

  private let program: NeuronProgram
  private let surrogate: NeuronProgram.Surrogate
  /// Whether gradients flow through the conditions of `c ? a : b`, not only through emitted spikes.
  private let throughReset: Bool
  private var position = TextPosition(line: 1, column: 1)
  private var gradients: [ProgramOperand: ProgramOperand] = [:]
  /// Of conditions: how the loss changes with each as a number.
  private var ofConditions: [Int: ProgramOperand] = [:]

  /// Throws. `cannotCompile` with line and column for what has no gradient.
  init(
    _ program: NeuronProgram, surrogate: NeuronProgram.Surrogate, learned: [Int],
    throughReset: Bool
  ) throws(ArcuateError) {
    self.program = program
    self.surrogate = surrogate
    self.learned = learned
    self.throughReset = throughReset
    constants = program.code.constants
    instructions = []
    inputCount = program.inputs.count + program.states.count + 2
    for instruction in program.code.instructions {
      guard instruction.type != .integer, !instruction.operation.isOfLayer,
        instruction.operation != .number
      else {
        throw ArcuateError(
          .cannotCompile,
          instruction.operation.isOfLayer
            ? "\(instruction.operation) has no gradient" : "integers have no gradient",
          at: "\(instruction.position)")
      }
      var own = instruction
      own.operands = instruction.operands.map(recorded)
      instructions.append(own)
    }
    if let state = program.states.first(where: { $0.type == .integer }) {
      throw ArcuateError(.cannotCompile, "integers have no gradient", at: "\(state.position)")
    }
    sweep()
  }

  /// An operand of the program as the backward step has it.
  private func recorded(_ operand: ProgramOperand) -> ProgramOperand {
    switch operand {
    case .state(let k): .input(program.inputs.count + k)
    case .spikesBefore: .input(inputCount - 1)
    case .input, .constant, .result: operand
    }
  }

  private mutating func sweep() {
    for k in program.states.indices { addGradient(.state(k), to: program.finals[k]) }
    let emitted = ProgramOperand.input(program.inputs.count + program.states.count)
    switch program.emission {
    case .spike(.result(let r)): addToCondition(emitted, r)
    case .spike: break
    case .count(let operand), .value(let operand): addGradient(emitted, to: operand)
    }
    for r in program.code.instructions.indices.reversed() {
      let instruction = program.code.instructions[r]
      position = instruction.position
      if instruction.type == .condition {
        if let gradient = ofConditions[r] { sweepCondition(instruction, r, gradient) }
      } else if let gradient = gradients[.result(r)] {
        sweep(instruction, r, gradient)
      }
    }
    finals = program.states.indices.map { gradient(of: .state($0)) }
    for (n, k) in learned.enumerated() {
      let sum = ProgramOperand.state(program.states.count + n)
      finals.append(gradients[.constant(k)].map { add(.add, [sum, $0]) } ?? sum)
    }
    for k in program.inputs.indices { finals.append(gradient(of: .input(k))) }
  }

  private mutating func gradient(of operand: ProgramOperand) -> ProgramOperand {
    gradients[operand] ?? constant(0)
  }

  private mutating func sweep(_ n: ProgramInstruction, _ r: Int, _ g: ProgramOperand) {
    let x = n.operands.map(recorded)
    switch n.operation {
    case .add:
      addGradient(g, to: n.operands[0])
      addGradient(g, to: n.operands[1])
    case .subtract:
      addGradient(g, to: n.operands[0])
      if isWanted(n.operands[1]) { addGradient(add(.negative, [g]), to: n.operands[1]) }
    case .multiply:
      if isWanted(n.operands[0]) { addGradient(add(.multiply, [g, x[1]]), to: n.operands[0]) }
      if isWanted(n.operands[1]) { addGradient(add(.multiply, [g, x[0]]), to: n.operands[1]) }
    case .divide:
      let quotient = add(.divide, [g, x[1]])
      addGradient(quotient, to: n.operands[0])
      if isWanted(n.operands[1]) {
        let product = add(.multiply, [quotient, .result(r)])
        addGradient(add(.negative, [product]), to: n.operands[1])
      }
    case .negative: addGradient(add(.negative, [g]), to: n.operands[0])
    case .abs:
      let isNegative = add(.greater, [constant(0), x[0]])
      addGradient(add(.select, [isNegative, add(.negative, [g]), g]), to: n.operands[0])
    case .min, .max:
      let isFirst = add(.greater, n.operation == .max ? [x[0], x[1]] : [x[1], x[0]])
      addGradient(add(.select, [isFirst, g, constant(0)]), to: n.operands[0])
      addGradient(add(.select, [isFirst, constant(0), g]), to: n.operands[1])
    case .floor: addGradient(g, to: n.operands[0])
    case .sqrt:
      let double = add(.add, [.result(r), .result(r)])
      addGradient(add(.divide, [g, double]), to: n.operands[0])
    case .exp: addGradient(add(.multiply, [g, .result(r)]), to: n.operands[0])
    case .log: addGradient(add(.divide, [g, x[0]]), to: n.operands[0])
    case .tanh:
      let square = add(.multiply, [.result(r), .result(r)])
      let slope = add(.subtract, [constant(1), square])
      addGradient(add(.multiply, [g, slope]), to: n.operands[0])
    case .select:
      guard case .result(let condition) = n.operands[0] else { return }
      let isTrue = ProgramOperand.result(condition)
      if isWanted(n.operands[1]) {
        addGradient(add(.select, [isTrue, g, constant(0)]), to: n.operands[1])
      }
      if isWanted(n.operands[2]) {
        addGradient(add(.select, [isTrue, constant(0), g]), to: n.operands[2])
      }
      if throughReset {
        let difference = add(.subtract, [x[1], x[2]])
        addToCondition(add(.multiply, [g, difference]), condition)
      }
    case .uniform, .normal: break
    // Conditions are swept elsewhere; integers and winners are refused.
    case .greater, .greaterEqual, .equal, .and, .or, .not, .addIntegers, .subtractIntegers,
      .multiplyIntegers, .negativeInteger, .absInteger, .minIntegers, .maxIntegers, .shiftLeft,
      .shiftRight, .greaterIntegers, .greaterEqualIntegers, .equalIntegers, .selectIntegers,
      .integer, .number, .winners, .total:
      break
    }
  }

  private mutating func sweepCondition(_ n: ProgramInstruction, _ r: Int, _ g: ProgramOperand) {
    switch n.operation {
    case .greater, .greaterEqual:
      let x = n.operands.map(recorded)
      let slope = slope(at: add(.subtract, [x[0], x[1]]))
      let product = add(.multiply, [g, slope])
      addGradient(product, to: n.operands[0])
      if isWanted(n.operands[1]) { addGradient(add(.negative, [product]), to: n.operands[1]) }
    case .and, .or:
      guard case .result(let a) = n.operands[0], case .result(let b) = n.operands[1] else { return }
      for (own, other) in [(a, b), (b, a)] {
        let passes: [ProgramOperand] = n.operation == .and ? [g, constant(0)] : [constant(0), g]
        addToCondition(add(.select, [.result(other)] + passes), own)
      }
    case .not:
      guard case .result(let a) = n.operands[0] else { return }
      addToCondition(add(.negative, [g]), a)
    // Two numbers that are equal stay so for no change.
    default: break
    }
  }

  /// The surrogate at a number.
  private mutating func slope(at x: ProgramOperand) -> ProgramOperand {
    var results: [ProgramOperand] = []
    var constants: [ProgramOperand] = []
    for constant in surrogate.code.constants { constants.append(self.constant(constant)) }
    func own(_ operand: ProgramOperand) -> ProgramOperand {
      switch operand {
      case .input: x
      case .constant(let k): constants[k]
      case .result(let r): results[r]
      case .state, .spikesBefore: operand
      }
    }
    for n in surrogate.code.instructions {
      results.append(add(n.operation, n.operands.map(own), n.type))
    }
    return own(surrogate.result)
  }

  // MARK: Instructions

  /// Whether a gradient of this operand is used.
  private func isWanted(_ operand: ProgramOperand) -> Bool {
    if case .constant(let k) = operand { learned.contains(k) } else { operand != .spikesBefore }
  }

  private mutating func addGradient(_ gradient: ProgramOperand, to operand: ProgramOperand) {
    guard isWanted(operand) else { return }
    gradients[operand] = gradients[operand].map { add(.add, [$0, gradient]) } ?? gradient
  }

  private mutating func addToCondition(_ gradient: ProgramOperand, _ condition: Int) {
    ofConditions[condition] =
      ofConditions[condition].map { add(.add, [$0, gradient]) } ?? gradient
  }

  private mutating func add(
    _ operation: ProgramOperation, _ operands: [ProgramOperand], _ type: ProgramType? = nil
  ) -> ProgramOperand {
    let type = type ?? (operation == .greater ? .condition : .number)
    instructions.append(ProgramInstruction(operation, operands, type, at: position))
    return .result(instructions.count - 1)
  }

  private mutating func constant(_ number: Double) -> ProgramOperand {
    constant(ProgramConstant(.number(number), .number, at: position))
  }

  private mutating func constant(_ constant: ProgramConstant) -> ProgramOperand {
    let known = constants.firstIndex {
      $0.expression == constant.expression && $0.type == constant.type
    }
    // The constants of the program itself have gradients of their own.
    if let known, known >= program.code.constants.count { return .constant(known) }
    constants.append(constant)
    return .constant(constants.count - 1)
  }
}

import ArcuateCore
import ArcuateModel

/// A program whose conditions are smooth numbers with the surrogates as derivatives, for finite
/// differences to check gradients.
struct SmoothProgram {
  private(set) var code: ProgramCode
  private let program: NeuronProgram
  private let surrogate: Surrogate
  /// What each instruction of the program became.
  private var results: [ProgramOperand] = []

  /// Throws. `cannotCompile` for a surrogate without an antiderivative that programs can compute.
  init(_ program: NeuronProgram, _ surrogate: Surrogate) throws(ArcuateError) {
    self.program = program
    self.surrogate = surrogate
    code = ProgramCode(constants: program.code.constants, instructions: [])
    for n in program.code.instructions { results.append(try smooth(n)) }
  }

  /// The smooth program as one that runs, and whose gradient is the other's.
  func smoothed() -> NeuronProgram {
    let emission: NeuronProgram.Emission =
      switch program.emission {
      case .spike(let operand), .count(let operand): .count(own(operand))
      case .value(let operand): .value(own(operand))
      }
    return NeuronProgram(
      program, code: code, finals: program.finals.map(own), emission: emission)
  }

  private func own(_ operand: ProgramOperand) -> ProgramOperand {
    if case .result(let r) = operand { results[r] } else { operand }
  }

  private mutating func smooth(_ n: ProgramInstruction) throws(ArcuateError) -> ProgramOperand {
    let x = n.operands.map(own)
    switch n.operation {
    case .greater, .greaterEqual: return try step(add(.subtract, x, n), n)
    case .equal: return constant(0, n)
    case .and: return add(.multiply, x, n)
    case .or:
      return add(.subtract, [add(.add, x, n), add(.multiply, x, n)], n)
    case .not: return add(.subtract, [constant(1, n), x[0]], n)
    case .select:
      let difference = add(.subtract, [x[1], x[2]], n)
      return add(.add, [x[2], add(.multiply, [x[0], difference], n)], n)
    case .floor: return x[0]
    default: return add(n.operation, x, n)
    }
  }

  /// The antiderivative of the surrogate, zero at zero.
  private mutating func step(
    _ x: ProgramOperand, _ n: ProgramInstruction
  ) throws(ArcuateError) -> ProgramOperand {
    func number(_ value: Float) -> ProgramOperand { constant(Double(value), n) }
    switch surrogate {
    case .box(let width, let height):
      let inside = add(.min, [add(.max, [x, number(-width)], n), number(width)], n)
      return add(.multiply, [inside, number(height)], n)
    case .fastSigmoid(let slope):
      let base = add(.multiply, [add(.abs, [x], n), number(slope)], n)
      return add(.divide, [x, add(.add, [base, number(1)], n)], n)
    case .triangle, .arctan, .spikeTime:
      throw ArcuateError(.cannotCompile, "this surrogate has no smooth program")
    }
  }

  private mutating func add(
    _ operation: ProgramOperation, _ operands: [ProgramOperand], _ n: ProgramInstruction
  ) -> ProgramOperand {
    code.instructions.append(ProgramInstruction(operation, operands, .number, at: n.position))
    return .result(code.instructions.count - 1)
  }

  private mutating func constant(_ number: Double, _ n: ProgramInstruction) -> ProgramOperand {
    code.constants.append(ProgramConstant(.number(number), .number, at: n.position))
    return .constant(code.constants.count - 1)
  }
}

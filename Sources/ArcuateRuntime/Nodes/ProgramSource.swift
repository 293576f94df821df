import ArcuateCore
import ArcuateKernels
import ArcuateModel

extension ProgramLowering {
  /// The input of the lowering: a program, or the backward step that training derives from one.
  package struct Source {
    package var instructions: [ProgramInstruction]
    /// Bits of each constant: one, or one for each neuron.
    package var constants: [[UInt32]]
    package var inputs: Int
    /// Constants that are read as rows behind the inputs.
    package var adaptive: [Int] = []
    package var states: [ProgramType]
    /// The values of the states after the step.
    package var finals: [ProgramOperand]
    package var emission: NeuronProgram.Emission?
    /// The operand that is emitted, if there is one.
    var emitted: [ProgramOperand] { emission.map { [$0.operand] } ?? [] }
    /// The state whose changes are counted.
    package var membrane = 0

    package init(
      instructions: [ProgramInstruction], constants: [[UInt32]], inputs: Int,
      states: [ProgramType], finals: [ProgramOperand], emission: NeuronProgram.Emission?
    ) {
      self.instructions = instructions
      self.constants = constants
      self.inputs = inputs
      self.states = states
      self.finals = finals
      self.emission = emission
    }

    package init(_ program: NeuronProgram, _ constants: [[UInt32]]) {
      self.init(
        instructions: program.code.instructions, constants: constants,
        inputs: program.inputs.count, states: program.states.map(\.type),
        finals: program.finals, emission: program.emission)
      membrane = program.membrane
    }
  }
}

extension ProgramOperation {
  /// The kernel's operation; those of the whole layer are never run.
  var lane: LaneOperation {
    switch self {
    case .add: .add
    case .subtract: .subtract
    case .multiply: .multiply
    case .divide: .divide
    case .negative: .negative
    case .abs: .abs
    case .min: .min
    case .max: .max
    case .floor: .floor
    case .sqrt: .sqrt
    case .exp: .exp
    case .log: .log
    case .tanh: .tanh
    case .greater: .greater
    case .greaterEqual: .greaterEqual
    case .equal: .equal
    case .and: .and
    case .or: .or
    case .not: .not
    case .select, .selectIntegers: .select
    case .addIntegers: .addIntegers
    case .subtractIntegers: .subtractIntegers
    case .multiplyIntegers: .multiplyIntegers
    case .negativeInteger: .negativeInteger
    case .absInteger: .absInteger
    case .minIntegers: .minIntegers
    case .maxIntegers: .maxIntegers
    case .shiftLeft: .shiftLeft
    case .shiftRight: .shiftRight
    case .greaterIntegers: .greaterIntegers
    case .greaterEqualIntegers: .greaterEqualIntegers
    case .equalIntegers: .equalIntegers
    case .integer: .toInteger
    case .number: .toNumber
    case .uniform: .uniform
    case .normal: .normal
    case .winners, .total: .copy
    }
  }
}

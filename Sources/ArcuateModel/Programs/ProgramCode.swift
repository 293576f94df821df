import ArcuateCore

/// What the lanes of a value hold.
package enum ProgramType: String, Sendable {
  /// float32.
  case number
  /// int32, which wraps around.
  case integer
  /// True or false.
  case condition

  /// In a message.
  var noun: String { self == .integer ? "an integer" : "a \(rawValue)" }
}

/// A computation on every neuron of a layer.
///
/// Numbers. Each is rounded once, as IEEE 754 says, or as `docs/neuron-programs.md` says for `exp`,
/// `log`, `tanh` and `normal`.
package enum ProgramOperation: UInt8, Sendable, CaseIterable {
  // Of numbers.
  case add, subtract, multiply, divide, negative, abs, min, max, floor, sqrt, exp, log, tanh
  // Of numbers to conditions.
  case greater, greaterEqual, equal
  // Of conditions.
  case and, or, not
  /// The second operand where the first is true, else the third.
  case select
  // Of integers.
  case addIntegers, subtractIntegers, multiplyIntegers, negativeInteger, absInteger, minIntegers
  case maxIntegers, shiftLeft, shiftRight
  case greaterIntegers, greaterEqualIntegers, equalIntegers
  /// The second operand where the first is true, else the third.
  case selectIntegers
  /// To an integer, towards zero; what is beyond its range becomes the nearest.
  case integer
  /// To a number.
  case number
  /// Random numbers, uniform in [0, 1) and normal; they have no operands.
  case uniform, normal
  /// True for the neurons with the largest numbers, of which the second operand says how many; of
  /// equal ones the first.
  case winners
  /// The sum of a number over all neurons of the layer, in their order.
  case total

  /// Whether it draws random numbers.
  package var isRandom: Bool { self == .uniform || self == .normal }
  /// Whether it reads the whole layer.
  package var isOfLayer: Bool { self == .winners || self == .total }
}

/// What an operation reads.
package enum ProgramOperand: Sendable, Hashable {
  /// The index of an input, of a state as it was before the step, of a constant, of an instruction.
  case input(Int)
  case state(Int)
  case constant(Int)
  case result(Int)
  /// How many neurons of the layer spiked in the step before.
  case spikesBefore
}

/// A position in a text, from 1 on.
package struct TextPosition: Sendable, Hashable {
  package var line: Int
  package var column: Int

  package init(line: Int, column: Int) {
    self.line = line
    self.column = column
  }
}

extension TextPosition: CustomStringConvertible {
  package var description: String { "line \(line), column \(column)" }
}

/// One operation with its operands.
package struct ProgramInstruction: Sendable, Equatable {
  package var operation: ProgramOperation
  package var operands: [ProgramOperand]
  package var type: ProgramType
  package var position: TextPosition

  package init(
    _ operation: ProgramOperation, _ operands: [ProgramOperand], _ type: ProgramType,
    at position: TextPosition
  ) {
    self.operation = operation
    self.operands = operands
    self.type = type
    self.position = position
  }
}

/// A constant of a program, rounded to float32 or a whole number.
package struct ProgramConstant: Sendable, Equatable {
  package var expression: ConstantExpression
  /// `number` or `integer`.
  package var type: ProgramType
  package var position: TextPosition

  package init(_ expression: ConstantExpression, _ type: ProgramType, at position: TextPosition) {
    self.expression = expression
    self.type = type
    self.position = position
  }
}

/// What a program does in a step, in the order in which it is written.
package struct ProgramCode: Sendable, Equatable {
  package var constants: [ProgramConstant] = []
  package var instructions: [ProgramInstruction] = []

  package init(constants: [ProgramConstant] = [], instructions: [ProgramInstruction] = []) {
    self.constants = constants
    self.instructions = instructions
  }
}

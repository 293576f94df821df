import ArcuateCore

/// What a neuron does in a step, written as text (docs/neuron-programs.md):
///
///     state v = v_reset, w = 0
///     v = decay * v + gain * x - w
///     spike = v > threshold
///     v = spike ? v_reset : v
///     w = rho * w + b * spike
///
/// Lines are computed in order, for every neuron of a layer, in float32 or, where states are
/// integers, in int32. What is made of numbers, parameters and `dt` alone is computed once in double
/// precision and rounded. A name that nothing assigns is a parameter; `x` is the input.
public struct NeuronProgram: Sendable, Equatable {
  /// A number that a neuron keeps from step to step.
  package struct State: Sendable, Equatable {
    package var name: String
    /// `number` or `integer`.
    package var type: ProgramType
    package var initial: ConstantExpression
    package var position: TextPosition
  }

  /// A number of a layer, or one of each neuron.
  package struct Parameter: Sendable, Equatable {
    package var name: String
    /// The default.
    package var standard: Double?
    package var position: TextPosition
  }

  /// A parameter that changes while a session adapts: one number of each neuron, which all streams
  /// share and a reset keeps.
  package struct Adaptive: Sendable, Equatable {
    package var parameter: Int
    /// The constant that the instructions read where the number is.
    package var constant: Int
    /// What it is multiplied by after each step, and what each emitted spike adds then: indices of
    /// constants; nil changes nothing.
    package var factor, perSpike: Int?
    /// The line that changes it.
    package var line: Int?
  }

  /// What other nodes see.
  package enum Emission: Sendable, Equatable {
    /// 1 where a condition is true.
    case spike(ProgramOperand)
    /// A number of spikes.
    case count(ProgramOperand)
    /// A number that is no spike.
    case value(ProgramOperand)

    package var operand: ProgramOperand {
      switch self {
      case .spike(let operand), .count(let operand), .value(let operand): operand
      }
    }
  }

  public let text: String
  package let inputs: [String]
  package let parameters: [Parameter]
  package let adaptive: [Adaptive]
  package let states: [State]
  package let code: ProgramCode
  /// The values of the states after the step.
  package let finals: [ProgramOperand]
  package let emission: Emission
  /// The derivative of a spike at input 0, the left less the right of its comparison; nil leaves it to
  /// training.
  package let surrogate: Surrogate?

  /// A derivative as a program.
  package struct Surrogate: Sendable, Equatable {
    package var code: ProgramCode
    package var result: ProgramOperand
  }

  /// Throws. `malformed` or `limitExceeded` with line and column.
  public init(_ text: String) throws(ArcuateError) {
    var builder = try ProgramBuilder(text)
    emission = try builder.emission()
    finals = try builder.finalStates()
    self.text = text
    inputs = builder.inputs
    parameters = builder.parameters
    adaptive = builder.adaptive
    states = builder.states
    code = builder.code
    if let code = builder.surrogate, let result = builder.surrogateResult {
      surrogate = Surrogate(code: code, result: result)
    } else {
      surrogate = nil
    }
  }

  /// Another computation with the same declarations.
  package init(
    _ program: NeuronProgram, code: ProgramCode, finals: [ProgramOperand], emission: Emission
  ) {
    text = program.text
    inputs = program.inputs
    parameters = program.parameters
    adaptive = program.adaptive
    states = program.states
    surrogate = program.surrogate
    self.code = code
    self.finals = finals
    self.emission = emission
  }

  /// The names of the parameters, in the order in which they are declared or used.
  public var parameterNames: [String] { parameters.map(\.name) }
  /// The names of the states, in the order of their declarations.
  public var stateNames: [String] { states.map(\.name) }
  /// The names of the inputs.
  public var inputNames: [String] { inputs }

  /// The lines of the text, for terminals: without control characters, which comments may have.
  package var printableLines: [String] {
    text.split(separator: "\n", omittingEmptySubsequences: false).map { line in
      String(
        String.UnicodeScalarView(line.unicodeScalars.filter { $0.value >= 32 && $0.value != 127 }))
    }
  }

  /// The same program with adaptive parameters that stay as they are.
  package func frozen() -> NeuronProgram {
    let changes = Set(adaptive.compactMap(\.line))
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    let kept = lines.indices.filter { !changes.contains($0 + 1) }.map { lines[$0] }
    // Without these lines it is a program as before.
    return changes.isEmpty ? self : (try? NeuronProgram(kept.joined(separator: "\n"))) ?? self
  }

  /// Whether what it emits are spikes.
  package var spikes: Bool { if case .value = emission { false } else { true } }

  /// The state that is the membrane: the one that is compared for a spike, or else the first.
  package var membrane: Int {
    guard case .spike(.result(let spike)) = emission else { return 0 }
    let comparison = code.instructions[spike]
    guard [.greater, .greaterEqual].contains(comparison.operation) else { return 0 }
    let compared = comparison.operands[0]
    return finals.firstIndex { final in
      if final == compared { return true }
      guard case .result(let r) = final else { return false }
      let choice = code.instructions[r]
      return choice.operation == .select && choice.operands[0] == .result(spike)
        && choice.operands[2] == compared
    } ?? 0
  }

  /// Whether the step length is part of it.
  package var usesTimeStep: Bool {
    code.constants.contains { $0.expression.usesTimeStep }
      || states.contains { $0.initial.usesTimeStep }
  }

  /// Whether what it emits depends on states alone, so that it is known before the step's input.
  package var isEarly: Bool {
    var known: [Bool] = []
    func isKnown(_ operand: ProgramOperand) -> Bool {
      switch operand {
      case .state, .constant: true
      case .input, .spikesBefore: false
      case .result(let r): known[r]
      }
    }
    for instruction in code.instructions {
      known.append(!instruction.operation.isRandom && instruction.operands.allSatisfy(isKnown))
    }
    return isKnown(emission.operand)
  }

  /// Whether the index of a neuron in its layer is part of it.
  package var numbersNeurons: Bool {
    code.instructions.contains { $0.operation.isRandom || $0.operation.isOfLayer }
  }
}

extension NeuronProgram {
  /// The constants and initial states of some neurons, as the bits of float32 or int32.
  package struct Numbers: Sendable, Equatable {
    /// One, or one for each neuron.
    package var constants: [[UInt32]]
    package var initial: [[UInt32]]
  }

  /// Computes constants and initial states.
  ///
  /// Needs. A value for each parameter without a default.
  /// Throws. `invalidModel` naming what is not finite, or no whole number of 32 bits.
  package func numbers(
    _ values: [String: [Float]], count: Int, dt_s: Double
  ) throws(ArcuateError) -> Numbers {
    try numbers(environments(values, count: count, dt_s: dt_s))
  }

  /// The same in environments. Throws. As above.
  package func numbers(
    _ environments: [ConstantExpression.Environment]
  ) throws(ArcuateError) -> Numbers {
    Numbers(
      constants: try constants(code.constants, environments),
      initial: try states.map { state throws(ArcuateError) in
        try bits(state.initial, state.type, environments, state.position)
      })
  }

  /// The bits of constants: one, or one for each environment.
  package func constants(
    _ constants: [ProgramConstant], _ environments: [ConstantExpression.Environment]
  ) throws(ArcuateError) -> [[UInt32]] {
    try constants.map { constant throws(ArcuateError) in
      try bits(constant.expression, constant.type, environments, constant.position)
    }
  }

  /// What constants are computed from: one environment for all neurons, or one for each.
  package func environments(
    _ values: [String: [Float]], count: Int, dt_s: Double
  ) -> [ConstantExpression.Environment] {
    let lists = parameters.map { parameter -> [Double] in
      values[parameter.name].map { $0.map(Double.init) } ?? [parameter.standard ?? 0]
    }
    let width = lists.contains { $0.count > 1 } ? count : 1
    return (0..<width).map { n in
      .init(dt_s: dt_s, parameters: lists.map { $0.count == 1 ? $0[0] : $0[n] })
    }
  }

  private func bits(
    _ expression: ConstantExpression, _ type: ProgramType,
    _ environments: [ConstantExpression.Environment], _ position: TextPosition
  ) throws(ArcuateError) -> [UInt32] {
    let used = expression.parameters.isEmpty ? environments[..<1] : environments[...]
    return try used.map { environment throws(ArcuateError) in
      let value = expression.value(environment)
      if type == .integer {
        guard let whole = Int32(exactly: value) else {
          throw ArcuateError(
            .invalidModel, "the constant is \(value), not a whole number of 32 bits",
            at: "\(position)")
        }
        return UInt32(bitPattern: whole)
      }
      guard Float(value).isFinite else {
        throw ArcuateError(
          .invalidModel, "the constant is \(value), which float32 cannot hold", at: "\(position)")
      }
      return Float(value).bitPattern
    }
  }
}

import ArcuateCore

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// An expression of numbers, parameters and the step length, which is computed in double precision,
/// once for each neuron, when a program is compiled.
package indirect enum ConstantExpression: Sendable, Equatable {
  case number(Double)
  /// The step length, in seconds.
  case timeStep
  /// By its index in the program.
  case parameter(Int)
  case unary(Unary, ConstantExpression)
  case binary(Binary, ConstantExpression, ConstantExpression)

  package enum Unary: String, Sendable, CaseIterable {
    case negative = "-"
    case abs, floor, sqrt, exp, log, tanh
    /// Rounded to float32, as a value is.
    case number
  }

  package enum Binary: String, Sendable {
    case add = "+"
    case subtract = "-"
    case multiply = "*"
    case divide = "/"
    case power = "**"
    case min, max
  }

  /// What an expression is computed from.
  package struct Environment {
    package var dt_s: Double
    /// Of one neuron.
    package var parameters: [Double]

    package init(dt_s: Double, parameters: [Double]) {
      self.dt_s = dt_s
      self.parameters = parameters
    }
  }

  /// The value and its derivative by one parameter.
  package typealias Dual = (value: Double, slope: Double)

  package func value(_ environment: Environment) -> Double {
    dual(environment, by: nil).value
  }

  /// The value, and the derivative by the parameter with index `parameter`.
  package func dual(_ environment: Environment, by parameter: Int?) -> Dual {
    switch self {
    case .number(let number): return (number, 0)
    case .timeStep: return (environment.dt_s, 0)
    case .parameter(let index):
      return (environment.parameters[index], index == parameter ? 1 : 0)
    case .unary(let operation, let a):
      return operation.dual(a.dual(environment, by: parameter))
    case .binary(let operation, let a, let b):
      return operation.dual(
        a.dual(environment, by: parameter), b.dual(environment, by: parameter))
    }
  }

  /// Whether the step length is part of it.
  package var usesTimeStep: Bool {
    switch self {
    case .number, .parameter: false
    case .timeStep: true
    case .unary(_, let a): a.usesTimeStep
    case .binary(_, let a, let b): a.usesTimeStep || b.usesTimeStep
    }
  }

  /// How many numbers, names and operations it is made of; one that is used twice counts twice.
  package var size: Int {
    switch self {
    case .number, .timeStep, .parameter: 1
    case .unary(_, let a): 1 + a.size
    case .binary(_, let a, let b): 1 + a.size + b.size
    }
  }

  /// The parameters in it, by index.
  package var parameters: Set<Int> {
    switch self {
    case .number, .timeStep: []
    case .parameter(let index): [index]
    case .unary(_, let a): a.parameters
    case .binary(_, let a, let b): a.parameters.union(b.parameters)
    }
  }
}

extension ConstantExpression {
  /// The expression as a text with as few brackets as it needs; `names` are those of the parameters.
  package func text(_ names: [String]) -> String { written(names).text }

  /// A text, and how strongly its outermost operator binds.
  private func written(_ names: [String]) -> (text: String, strength: Int) {
    func inner(_ part: ConstantExpression, atLeast strength: Int) -> String {
      let (text, own) = part.written(names)
      return own < strength ? "(\(text))" : text
    }
    switch self {
    case .number(let number):
      let whole = Int(exactly: number)
      return (whole.map { "\($0)" } ?? "\(number)", number < 0 ? 2 : 4)
    case .timeStep: return ("dt", 4)
    case .parameter(let index): return (names[index], 4)
    case .unary(.negative, let a): return ("-" + inner(a, atLeast: 2), 2)
    case .unary(let function, let a): return ("\(function.rawValue)(\(a.text(names)))", 4)
    case .binary(let operation, let a, let b):
      let symbol = operation.rawValue
      switch operation {
      case .add, .subtract:
        return ("\(inner(a, atLeast: 0)) \(symbol) \(inner(b, atLeast: 1))", 0)
      case .multiply, .divide:
        return ("\(inner(a, atLeast: 1)) \(symbol) \(inner(b, atLeast: 2))", 1)
      case .power: return ("\(inner(a, atLeast: 4)) ** \(inner(b, atLeast: 2))", 3)
      case .min, .max: return ("\(symbol)(\(a.text(names)), \(b.text(names)))", 4)
      }
    }
  }
}

extension ConstantExpression.Unary {
  fileprivate func dual(_ a: ConstantExpression.Dual) -> ConstantExpression.Dual {
    let (x, d) = a
    switch self {
    case .negative: return (-x, -d)
    case .abs: return (x.magnitude, x < 0 ? -d : d)
    case .floor: return (x.rounded(.down), 0)
    case .sqrt:
      let root = x.squareRoot()
      return (root, d == 0 ? 0 : d / (2 * root))
    case .exp:
      let power = _exp(x)
      return (power, d * power)
    case .log: return (_log(x), d == 0 ? 0 : d / x)
    case .tanh:
      let y = _tanh(x)
      return (y, d * (1 - y * y))
    case .number: return (Double(Float(x)), d)
    }
  }
}

extension ConstantExpression.Binary {
  fileprivate func dual(
    _ a: ConstantExpression.Dual, _ b: ConstantExpression.Dual
  ) -> ConstantExpression.Dual {
    let (x, y) = (a.value, b.value)
    switch self {
    case .add: return (x + y, a.slope + b.slope)
    case .subtract: return (x - y, a.slope - b.slope)
    case .multiply: return (x * y, a.slope * y + x * b.slope)
    case .divide: return (x / y, (a.slope - x / y * b.slope) / y)
    case .power:
      let power = _pow(x, y)
      let base = a.slope == 0 ? 0 : a.slope * y * _pow(x, y - 1)
      return (power, base + (b.slope == 0 ? 0 : b.slope * power * _log(x)))
    case .min: return x < y ? a : b
    case .max: return x > y ? a : b
    }
  }
}

// The cases have the names of these functions.
private func _exp(_ x: Double) -> Double { exp(x) }
private func _log(_ x: Double) -> Double { log(x) }
private func _tanh(_ x: Double) -> Double { tanh(x) }
private func _pow(_ x: Double, _ y: Double) -> Double { pow(x, y) }

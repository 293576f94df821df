import ArcuateCore

/// Texts of random neuron programs with every operation, of numbers and of integers.
package struct RandomProgram {
  private var random: CounterRandom
  private var at: UInt64 = 0
  private var numbers: [String] = ["x", "p", "q", "0.5", "1.25", "2 * p"]
  private var integers: [String] = []
  private var conditions: [String] = []

  package init(seed: UInt64) { random = CounterRandom(seed: seed) }

  private mutating func pick(_ count: Int) -> Int {
    at += 1
    return Int(random.words(stream: 77, step: at, index: 0)[0] % UInt32(count))
  }

  private mutating func one(_ of: [String]) -> String { of[pick(of.count)] }

  private mutating func number(_ depth: Int) -> String {
    guard depth > 0 else { return one(numbers) }
    switch pick(20) {
    case 0...2: return "(\(number(depth - 1)) + \(number(depth - 1)))"
    case 3...4: return "(\(number(depth - 1)) - \(number(depth - 1)))"
    case 5...8: return "(\(number(depth - 1)) * \(number(depth - 1)))"
    case 9: return "(\(number(depth - 1)) / (1.5 + abs(\(number(depth - 1)))))"
    case 10: return "-\(number(depth - 1))"
    case 11: return "max(\(number(depth - 1)), \(number(depth - 1)))"
    case 12: return "min(\(number(depth - 1)), \(number(depth - 1)))"
    case 13: return "floor(\(number(depth - 1)))"
    case 14: return "exp(min(\(number(depth - 1)), 2))"
    case 15: return "log(1 + abs(\(number(depth - 1))))"
    case 16: return "tanh(\(number(depth - 1)))"
    case 17: return "sqrt(abs(\(number(depth - 1))))"
    case 18: return integers.isEmpty ? one(numbers) : "number(\(one(integers)))"
    default:
      return "(\(condition(depth - 1)) ? \(number(depth - 1)) : \(number(depth - 1)))"
    }
  }

  private mutating func integer(_ depth: Int) -> String {
    guard depth > 0, !integers.isEmpty else {
      return pick(3) == 0 ? "integer(\(number(1)) + x)" : one(integers + ["integer(x * 4)"])
    }
    switch pick(9) {
    case 0...1: return "(\(integer(depth - 1)) + \(integer(depth - 1)))"
    case 2: return "(\(integer(depth - 1)) - \(integer(depth - 1)))"
    case 3: return "(\(integer(depth - 1)) * 3)"
    case 4: return "(\(integer(depth - 1)) >> 2)"
    case 5: return "(\(integer(depth - 1)) << 1)"
    case 6: return "min(\(integer(depth - 1)), abs(\(integer(depth - 1))))"
    case 7: return "-\(integer(depth - 1))"
    default:
      return "(\(condition(depth - 1)) ? \(integer(depth - 1)) : \(integer(depth - 1)))"
    }
  }

  private mutating func condition(_ depth: Int) -> String {
    if depth > 0, pick(4) == 0 {
      switch pick(3) {
      case 0: return "(\(condition(depth - 1)) && \(condition(depth - 1)))"
      case 1: return "(\(condition(depth - 1)) || \(condition(depth - 1)))"
      default: return "!\(condition(depth - 1))"
      }
    }
    if !conditions.isEmpty, pick(3) == 0 { return one(conditions) }
    let symbol = one([">", ">=", "<", "<=", "==", "!="])
    if !integers.isEmpty, pick(3) == 0 { return "(\(one(integers)) \(symbol) \(integer(0)))" }
    return "(\(number(depth)) + x \(symbol) \(number(depth)))"
  }

  /// A program with parameters p and q, the input x, and up to three states.
  package mutating func text() -> String {
    var lines: [String] = ["state v = 0.25"]
    numbers.append("v")
    if pick(2) == 0 {
      lines.append("state w = p, u = -1")
      numbers += ["w", "u"]
    }
    if pick(3) == 0 {
      lines.append("state integer k = 3")
      integers.append("k")
    }
    for n in 0..<(1 + pick(4)) {
      switch pick(5) {
      case 0:
        lines.append("c\(n) = \(condition(1))")
        conditions.append("c\(n)")
      case 1 where numbers.contains("w"): lines.append("w = \(number(2))")
      case 2 where !integers.isEmpty: lines.append("k = \(integer(2))")
      case 3 where numbers.contains("w"): lines.append("u = 0.5 * u + \(number(1))")
      default:
        lines.append("a\(n) = \(number(2)) + x")
        numbers.append("a\(n)")
      }
    }
    switch pick(6) {
    case 0: lines += ["v = 0.5 * v + \(number(1))", "value = v"]
    case 1: lines += ["v = 0.5 * v + \(number(1))", "count = floor(min(abs(v), 9))"]
    case 2: lines += ["spike = \(condition(1))", "v = \(number(2))"]
    case 3: lines += ["v = tanh(\(number(2)))", "spike = v >= 0.3", "v = spike ? v - 0.3 : v"]
    default:
      lines += ["v = 0.5 * v + \(number(1))", "spike = v > q", "v = spike ? p : v"]
      if numbers.contains("w") { lines.append("w = 0.9 * w + 0.1 * spike") }
    }
    return lines.joined(separator: "\n")
  }
}

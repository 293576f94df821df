import ArcuateCore
import ArcuateKernels
import ArcuateModel

/// A neuron program evaluated number by number, in the order in which it is written.
package struct SlowProgram {
  private let neuron: ProgramNeuron
  private let count: Int
  private let numbers: NeuronProgram.Numbers
  /// [state][neuron], as bits.
  package private(set) var states: [[UInt32]]
  private var spikesBefore: Float = 0
  private var step: UInt64 = 0
  /// Of the random numbers: the index of the node in its model, and the stream.
  private let stream: UInt32

  package init(
    _ neuron: ProgramNeuron, count: Int, dt_s: Double, node: Int = 1, stream: Int = 0
  ) throws(ArcuateError) {
    self.neuron = neuron
    self.count = count
    self.stream = UInt32(node << 16 | stream)
    numbers = try neuron.program.numbers(
      neuron.parameters.mapValues(\.floats), count: count, dt_s: dt_s)
    states = numbers.initial.map { bits in
      bits.count == 1 ? [UInt32](repeating: bits[0], count: count) : bits
    }
  }

  /// What the neurons emit for one row of each input.
  package mutating func step(_ inputs: [[Float]]) -> [Float] {
    let program = neuron.program
    var results: [[UInt32]] = []
    func read(_ operand: ProgramOperand, _ n: Int) -> UInt32 {
      switch operand {
      case .input(let k): return inputs[k][n].bitPattern
      case .state(let k): return states[k][n]
      case .constant(let k):
        let bits = numbers.constants[k]
        return bits[bits.count == 1 ? 0 : n]
      case .result(let r): return results[r][n]
      case .spikesBefore: return spikesBefore.bitPattern
      }
    }
    let random = CounterRandom(seed: neuron.seed)
    var draws: UInt32 = 0
    for instruction in program.code.instructions {
      let seeded = CounterRandom(
        seed: UInt64(random.key0) | UInt64(random.key1 &+ draws) << 32)
      if instruction.operation.isRandom { draws += 1 }
      if instruction.operation == .winners {
        let scores = (0..<count).map { Float(bitPattern: read(instruction.operands[0], $0)) }
        let most = Int(read(instruction.operands[1], 0))
        let order = scores.indices.filter { !scores[$0].isNaN }.sorted {
          scores[$0] != scores[$1] ? scores[$0] > scores[$1] : $0 < $1
        }
        let winners = Set(order.prefix(most))
        results.append((0..<count).map { winners.contains($0) ? .max : 0 })
        continue
      }
      if instruction.operation == .total {
        var sum: Float = 0
        for n in 0..<count { sum += Float(bitPattern: read(instruction.operands[0], n)) }
        results.append([UInt32](repeating: sum.bitPattern, count: count))
        continue
      }
      results.append(
        (0..<count).map { n in
          let x = instruction.operands.map { read($0, n) } + [0, 0, 0]
          switch instruction.operation {
          case .uniform, .normal:
            let u = Reference.uniform(seeded, stream: stream, step: step, neuron: n)
            return instruction.operation == .uniform
              ? u.bitPattern : Reference.normal(uniform: u).bitPattern
          default: return SlowProgram.lane(instruction.operation, x[0], x[1], x[2])
          }
        })
    }
    let emitted = (0..<count).map { n -> Float in
      let bits = read(program.emission.operand, n)
      if case .spike = program.emission { return bits != 0 ? 1 : 0 }
      return Float(bitPattern: bits)
    }
    let after = program.finals.map { final in (0..<count).map { read(final, $0) } }
    states = after
    spikesBefore = emitted.reduce(0, +)
    step += 1
    return emitted
  }

  private static func lane(
    _ operation: ProgramOperation, _ a: UInt32, _ b: UInt32, _ c: UInt32
  ) -> UInt32 {
    let (x, y) = (Float(bitPattern: a), Float(bitPattern: b))
    let (i, j) = (Int32(bitPattern: a), Int32(bitPattern: b))
    func condition(_ value: Bool) -> UInt32 { value ? .max : 0 }
    switch operation {
    case .add: return (x + y).bitPattern
    case .subtract: return (x - y).bitPattern
    case .multiply: return (x * y).bitPattern
    case .divide: return (x / y).bitPattern
    case .negative: return a ^ 0x8000_0000
    case .abs: return abs(x).bitPattern
    case .min: return x < y ? a : b
    case .max: return x > y ? a : b
    case .floor: return x.rounded(.down).bitPattern
    case .sqrt: return x.squareRoot().bitPattern
    case .exp: return Reference.exp(x).bitPattern
    case .log: return Reference.log(x).bitPattern
    case .tanh: return Reference.tanh(x).bitPattern
    case .greater: return condition(x > y)
    case .greaterEqual: return condition(x >= y)
    case .equal: return condition(x == y)
    case .and: return a & b
    case .or: return a | b
    case .not: return ~a
    case .select, .selectIntegers: return a != 0 ? b : c
    case .addIntegers: return UInt32(bitPattern: i &+ j)
    case .subtractIntegers: return UInt32(bitPattern: i &- j)
    case .multiplyIntegers: return UInt32(bitPattern: i &* j)
    case .negativeInteger: return UInt32(bitPattern: 0 &- i)
    case .absInteger: return UInt32(bitPattern: i < 0 ? 0 &- i : i)
    case .minIntegers: return UInt32(bitPattern: min(i, j))
    case .maxIntegers: return UInt32(bitPattern: max(i, j))
    case .shiftLeft: return UInt32(bitPattern: i << (j & 31))
    case .shiftRight: return UInt32(bitPattern: i >> (j & 31))
    case .greaterIntegers: return condition(i > j)
    case .greaterEqualIntegers: return condition(i >= j)
    case .equalIntegers: return condition(i == j)
    case .integer: return UInt32(bitPattern: Reference.integer(x))
    case .number: return Float(i).bitPattern
    case .uniform, .normal, .winners, .total: return a
    }
  }
}

import ArcuateCore
import ArcuateKernelTypes

/// The cases of the kernel of neuron programs: each instruction alone, with operands of every kind.
enum ProgramCases {
  static let all: [KernelCases] = [instruction]

  /// Sizes around vectors and tiles; the last number says which operands are single numbers.
  private static let instruction = KernelCases(
    kernel: .laneProgram,
    extents: [
      [1, 15, 16, 17, 255, 256, 257, 515], Array(0..<LaneOperation.allCases.count),
      [0, 5, 13, 15, 31],
    ]
  ) { (extents, draw) throws(ArcuateError) in
    let (count, uniform) = (extents[0], extents[2])
    let operation = LaneOperation.allCases[extents[1]]
    // Of those that were listed by an instruction before it.
    if operation == .resetListed { return nil }
    let single = (0..<5).map { uniform >> $0 & 1 == 1 }
    let rows = single.map { isSingle in
      (0..<(isSingle ? 1 : count)).map { _ in operand(operation, &draw) }
    }
    let old = (0..<count).map { _ in operand(operation, &draw) }
    let layer = try oneInstruction(operation, count, single, rows)
    let state = try scratch(Float.self, layer.stateCount)
    for n in 0..<count { state[n] = Float(bitPattern: old[n]) }
    let output = try scratch(Float.self, count)
    let list = try scratch(UInt32.self, count)
    defer { withExtendedLifetime((state, output, list)) {} }
    let random = LaneRandom(key0: 1, key1: 2, stream: 3, step: 4)
    let (changed, nonzero) = layer.step(
      inputs: { _ in state.row }, state: state.row, scratch: state.row.part(0, 0),
      output: output.row, list: list.row, random: random)
    let numbers = CounterRandom(seed: 1 | (2 + 7) << 32)
    var (expectedChanges, expectedList): (Int, [UInt32]) = (0, [])
    for n in 0..<count {
      var x = (0..<5).map { rows[$0][single[$0] ? 0 : n] }
      if operation == .uniform || operation == .normal {
        x[0] = Reference.uniform(numbers, stream: 3, step: 4, neuron: n).bitPattern
      }
      let expected = Reference.lane(operation, x[0], x[1], x[2], x[3], x[4])
      let isState = !emits(operation)
      let found = (isState ? state[n] : output[n]).bitPattern
      guard same(found, expected) else {
        return "neuron \(n) is \(found), expected \(expected) of \(x)"
      }
      let (new, before) = (Float(bitPattern: expected), Float(bitPattern: old[n]))
      switch operation {
      case .commit, .fireGreater, .fireGreaterEqual: expectedChanges += new != before ? 1 : 0
      case .commitIntegers: expectedChanges += expected != old[n] ? 1 : 0
      default: break
      }
      let (left, right) = (Float(bitPattern: x[0]), Float(bitPattern: x[1]))
      let isListed =
        switch operation {
        case .spike, .count: new != 0
        case .fireGreater: left > right
        case .fireGreaterEqual: left >= right
        default: false
        }
      if isListed { expectedList.append(UInt32(n)) }
    }
    if changed != expectedChanges { return "\(changed) changed, expected \(expectedChanges)" }
    let listed = (0..<Int(nonzero.count)).map { list[$0] }
    if layer.output == .spikes, listed != expectedList {
      return "\(listed) are listed, not \(expectedList)"
    }
    for n in count..<layer.stride where output[n] != 0 || state[n] != 0 { return "padding speaks" }
    return nil
  }

  private static func emits(_ operation: LaneOperation) -> Bool {
    [.spike, .count, .value].contains(operation)
  }

  /// NaN are alike, whatever their bits.
  private static func same(_ a: UInt32, _ b: UInt32) -> Bool {
    a == b || (Float(bitPattern: a).isNaN && Float(bitPattern: b).isNaN)
  }

  /// Bits of what an operation takes.
  private static func operand(_ operation: LaneOperation, _ draw: inout Draw) -> UInt32 {
    let u = draw.uniform()
    switch operation {
    case .and, .or, .not, .spike: return u < 0.3 ? .max : 0
    case .select: return u < 0.5 ? .max : 0
    case .addIntegers, .subtractIntegers, .multiplyIntegers, .negativeInteger, .absInteger,
      .minIntegers, .maxIntegers, .shiftLeft, .shiftRight, .greaterIntegers,
      .greaterEqualIntegers, .equalIntegers, .toNumber, .commitIntegers:
      if u < 0.1 { return [0, 1, .max, 0x8000_0000, 0x7FFF_FFFF][Int(u * 50)] }
      return u < 0.5 ? UInt32(u * 10) : UInt32(draw.uniform() * 65536) << 16 | UInt32(u * 65536)
    case .count: return (u < 0.3 ? (u * 10).rounded() : 0).bitPattern
    default:
      if u < 0.1 {
        let special: [Float] = [
          0, -0.0, .infinity, -.infinity, .nan, 0x1p-140, 1e30, -1e30, 90, -90,
        ]
        return special[Int(u * 100)].bitPattern
      }
      return (u < 0.3 ? (u * 10).rounded() : (draw.uniform() * 8 - 4)).bitPattern
    }
  }

  /// A layer with one instruction, whose target is the state.
  private static func oneInstruction(
    _ operation: LaneOperation, _ count: Int, _ single: [Bool], _ rows: [[UInt32]]
  ) throws(ArcuateError) -> ProgramLayer {
    var (constants, parameters): ([UInt32], [[UInt32]]) = ([], [])
    let operands = single.indices.map { k -> LaneOperand in
      if single[k] {
        constants.append(rows[k][0])
        return LaneOperand(LaneOperand.constants, Int32(constants.count - 1))
      }
      parameters.append(rows[k])
      return LaneOperand(
        LaneOperand.parameters, Int32((parameters.count - 1) * ((count + 15) & ~15) / 16))
    }
    var sizes = ProgramLayer.Sizes()
    (sizes.inputs, sizes.states) = (0, 1)
    let isListed = [.spike, .count, .fireGreater, .fireGreaterEqual].contains(operation)
    let instruction = LaneInstruction(
      operation, target: LaneOperand(LaneOperand.states, 0), operands[0], operands[1], operands[2],
      operands[3], operands[4], site: 7)
    return try ProgramLayer(
      count: count, sizes: sizes, output: isListed ? .spikes : .values,
      parts: [.init([instruction], ending: .step)], constants: constants, parameters: parameters)
  }
}

import ArcuateCore
import ArcuateKernels
import ArcuateModel

/// An instruction before its rows are known.
struct ProgramItem {
  var operation: LaneOperation
  var operands: [ProgramOperand]
  /// The instruction of the program whose value it is.
  var result: Int
  var site: UInt32 = 0
  /// What follows the instructions before it, for the whole layer.
  var layerStep: LayerStep?

  enum LayerStep {
    case winners(count: Int)
    case total
  }
}

/// Which instructions of the kernel compute a program: what nothing uses is left out, and what the
/// kernel computes at once becomes one instruction.
struct ProgramSelection {
  private(set) var items: [ProgramItem] = []
  /// Whether the number of spikes of the step before is read.
  private(set) var countsSpikes = false
  private let program: ProgramLowering.Source

  /// Throws. `cannotCompile`.
  init(_ program: ProgramLowering.Source) throws(ArcuateError) {
    self.program = program
    try selectInstructions()
    orderOperands()
    combine()
  }

  /// How often each result is used, by items and by what is read in the end.
  static func uses(_ items: [ProgramItem], _ ends: [ProgramOperand]) -> [Int: Int] {
    var counts: [Int: Int] = [:]
    for case .result(let r) in items.flatMap(\.operands) + ends { counts[r, default: 0] += 1 }
    return counts
  }

  /// What is read when all is computed.
  private var ends: [ProgramOperand] {
    program.finals + program.emitted
  }

  private mutating func selectInstructions() throws(ArcuateError) {
    let code = program.instructions
    var isUsed = [Bool](repeating: false, count: code.count)
    func mark(_ operands: [ProgramOperand]) {
      for case .result(let r) in operands { isUsed[r] = true }
    }
    mark(ends)
    for r in code.indices.reversed() where isUsed[r] { mark(code[r].operands) }
    // Random numbers are told apart by their order in the text.
    var draws: UInt32 = 0
    for r in code.indices {
      defer { if code[r].operation.isRandom { draws += 1 } }
      guard isUsed[r] else { continue }
      let instruction = code[r]
      var item = ProgramItem(
        operation: instruction.operation.lane, operands: instruction.operands, result: r,
        site: draws)
      if instruction.operation == .winners {
        guard case .constant(let k) = instruction.operands[1], program.constants[k].count == 1
        else {
          throw ArcuateError(
            .cannotCompile, "how many neurons win is one number", at: "\(instruction.position)")
        }
        let most = Int32(bitPattern: program.constants[k][0])
        guard most > 0 else {
          throw ArcuateError(
            .cannotCompile, "\(most) winners: at least 1 is needed", at: "\(instruction.position)")
        }
        item.layerStep = .winners(count: Int(most))
        item.operands = [instruction.operands[0]]
      } else if instruction.operation == .total {
        item.layerStep = .total
      }
      items.append(item)
    }
    countsSpikes =
      items.contains { $0.operands.contains(.spikesBefore) }
      || ends.contains(.spikesBefore)
  }

  /// Puts the constant factor of a product first, and the constant of a sum or maximum last, where the
  /// kernel keeps it in a register.
  private mutating func orderOperands() {
    func isConstant(_ operand: ProgramOperand) -> Bool {
      if case .constant = operand { true } else { false }
    }
    for i in items.indices where items[i].operands.count == 2 {
      let operands = items[i].operands
      switch items[i].operation {
      case .multiply where isConstant(operands[1]) && !isConstant(operands[0]),
        .add where isConstant(operands[0]) && !isConstant(operands[1]):
        items[i].operands = operands.reversed()
      default: break
      }
    }
  }

  /// Makes one instruction of a product and the sum it goes to, and of a comparison and its choice.
  private mutating func combine() {
    let uses = ProgramSelection.uses(items, ends)
    var at: [Int: Int] = [:]
    for (i, item) in items.enumerated() { at[item.result] = i }
    var removed: Set<Int> = []
    /// The item of an operand that has no other use.
    func single(_ operand: ProgramOperand, _ operations: [LaneOperation]) -> Int? {
      guard case .result(let r) = operand, uses[r] == 1, let i = at[r],
        operations.contains(items[i].operation), !removed.contains(i)
      else { return nil }
      return i
    }
    for i in items.indices {
      let operands = items[i].operands
      switch items[i].operation {
      case .add:
        let left = single(operands[0], [.multiply])
        let right = single(operands[1], [.multiply])
        if let left, let right, left != right {
          items[i].operation = .twoProducts
          items[i].operands = items[left].operands + items[right].operands
          removed.formUnion([left, right])
        } else if let product = left ?? right {
          let other = operands[left != nil ? 1 : 0]
          let factors = items[product].operands
          removed.insert(product)
          if let sum = single(other, [.multiplyAdd]) {
            // (e + a b) + c d
            let inner = items[sum].operands
            items[i].operation = .addTwoProducts
            items[i].operands = Array(inner[..<2]) + factors + [inner[2]]
            removed.insert(sum)
          } else if let sum = single(factors[1], [.add]) {
            // (b + c) a + d
            items[i].operation = .sumTimesAdd
            items[i].operands = [factors[0]] + items[sum].operands + [other]
            removed.insert(sum)
          } else {
            items[i].operation = .multiplyAdd
            items[i].operands = factors + [other]
          }
        }
      case .subtract:
        if let product = single(operands[0], [.multiply]) {
          items[i].operation = .multiplySubtract
          items[i].operands = items[product].operands + [operands[1]]
          removed.insert(product)
        } else if let product = single(operands[1], [.multiply]) {
          items[i].operation = .subtractProduct
          items[i].operands = items[product].operands + [operands[0]]
          removed.insert(product)
        }
      case .select:
        if let condition = single(operands[0], [.greater, .greaterEqual]) {
          items[i].operation =
            items[condition].operation == .greater ? .selectGreater : .selectGreaterEqual
          items[i].operands = items[condition].operands + operands[1...]
          removed.insert(condition)
        }
      default: break
      }
    }
    items = items.indices.filter { !removed.contains($0) }.map { items[$0] }
  }
}

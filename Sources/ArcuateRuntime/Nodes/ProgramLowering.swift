import ArcuateCore
import ArcuateKernels
import ArcuateModel

/// Turns a program into instructions of the kernel.
///
/// What nothing uses is left out, pairs that the kernel computes at once become one instruction, rows
/// are used again, and values are stored where they are needed last. No number changes by it.
package struct ProgramLowering {
  /// What is lowered: a program, or what training derives from one.
  package struct Source {
    package var instructions: [ProgramInstruction]
    /// Bits of each constant: one, or one for each neuron.
    package var constants: [[UInt32]]
    package var inputs: Int
    package var states: [ProgramType]
    /// The values of the states after the step.
    package var finals: [ProgramOperand]
    package var emission: NeuronProgram.Emission?

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
    }
  }

  /// An instruction before its rows are known.
  private struct Item {
    var operation: LaneOperation
    var operands: [ProgramOperand]
    /// The instruction of the program whose value it is.
    var result: Int
    var site: UInt32 = 0
    /// How many win.
    var winners: Int?
  }

  private let program: Source
  /// The values of the states after the step, but for what a spike does to them.
  private var finals: [ProgramOperand]
  private let count: Int
  private var items: [Item] = []
  private var constants: [UInt32] = []
  private var parameters: [[UInt32]] = []
  private var constantRows: [LaneOperand] = []
  private var sizes = ProgramLayer.Sizes()
  /// Where results are.
  private var rows: [Int: LaneOperand] = [:]
  private var parts: [ProgramLayer.Part] = []
  private var current: [LaneInstruction] = []
  private var freeRows: [Int32] = []

  /// Of `count` neurons.
  package init(_ program: Source, count: Int) {
    self.program = program
    finals = program.finals
    self.count = count
    sizes.inputs = program.inputs
    sizes.states = program.states.count
  }

  /// Throws. `cannotCompile`, `outOfMemory`.
  package consuming func layer() throws(ArcuateError) -> ProgramLayer {
    placeConstants()
    try selectInstructions()
    orderOperands()
    combine()
    assign()
    placeScratch()
    return try ProgramLayer(
      count: count, sizes: sizes, output: output, parts: parts, constants: constants,
      parameters: parameters)
  }

  private var output: ProgramLayer.Output {
    switch program.emission {
    case .spike, .count: .spikes
    case .value: .values
    case nil: .nothing
    }
  }

  private mutating func placeConstants() {
    let stride = Int32((count + 15) / 16)
    for bits in program.constants {
      if bits.allSatisfy({ $0 == bits[0] }) {
        constantRows.append(LaneOperand(LaneOperand.constants, Int32(constants.count)))
        constants.append(bits[0])
      } else {
        constantRows.append(
          LaneOperand(LaneOperand.parameters, Int32(parameters.count) * stride))
        parameters.append(bits)
      }
    }
    if constants.isEmpty { constants.append(0) }
  }

  // MARK: Which instructions

  /// How often each result is used.
  private func uses() -> [Int: Int] {
    var counts: [Int: Int] = [:]
    for case .result(let r) in items.flatMap(\.operands) + ends { counts[r, default: 0] += 1 }
    return counts
  }

  /// What is read when all is computed.
  private var ends: [ProgramOperand] {
    finals + (program.emission.map { [$0.operand] } ?? [])
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
      var item = Item(
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
        item.winners = Int(most)
        item.operands = [instruction.operands[0]]
      }
      items.append(item)
    }
    sizes.countsSpikes =
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
    let uses = uses()
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

  // MARK: Where values are

  /// A spike that resets the first state, in one instruction: its comparison and the value after it.
  private struct Fire {
    var operation: LaneOperation
    var value, threshold, reset: ProgramOperand
    /// What other states become in the neurons that spike, and only there.
    var listed: [(state: Int, value: ProgramOperand)]
    /// Results that need not be computed.
    var replaced: Set<Int>
  }

  private mutating func fire() -> Fire? {
    guard case .spike(.result(let spike)) = program.emission, let final = finals.first,
      case .result(let choice) = final,
      let comparison = items.first(where: { $0.result == spike }),
      let select = items.first(where: { $0.result == choice }),
      comparison.operation == .greater || comparison.operation == .greaterEqual,
      select.operation == .select, select.operands[0] == .result(spike),
      select.operands[2] == comparison.operands[0]
    else { return nil }
    let uses = uses()
    guard uses[choice] == 1 else { return nil }
    var fire = Fire(
      operation: comparison.operation == .greater ? .fireGreater : .fireGreaterEqual,
      value: comparison.operands[0], threshold: comparison.operands[1], reset: select.operands[1],
      listed: [], replaced: [choice])
    for k in finals.indices.dropFirst() {
      guard case .result(let r) = finals[k], uses[r] == 1,
        let other = items.first(where: { $0.result == r }), other.operation == .select,
        other.operands[0] == .result(spike), other.operands[1].isKept
      else { continue }
      fire.listed.append((k, other.operands[1]))
      finals[k] = other.operands[2]
      fire.replaced.insert(r)
    }
    // The comparison may be needed elsewhere, too.
    if uses[spike] == 2 + fire.listed.count { fire.replaced.insert(spike) }
    return fire
  }

  private mutating func assign() {
    let fire = fire()
    if let fire { items.removeAll { fire.replaced.contains($0.result) } }
    let finals = finals
    // What the end of the step reads.
    var last: [ProgramOperand] = Array(finals.dropFirst(fire == nil ? 0 : 1))
    last +=
      fire.map { [$0.value, $0.threshold, $0.reset] + $0.listed.map(\.value) }
      ?? (program.emission.map { [$0.operand] } ?? [])
    var lastUse: [ProgramOperand: Int] = [:]
    for (i, item) in items.enumerated() { for operand in item.operands { lastUse[operand] = i } }
    for operand in last { lastUse[operand] = items.count }
    // A winner's row, and what is computed before it and used after it, outlives a tile.
    let barriers = items.indices.filter { items[$0].winners != nil }
    for (i, item) in items.enumerated() {
      let result = ProgramOperand.result(item.result)
      let end = lastUse[result] ?? i
      let isWide = item.winners != nil || barriers.contains { i < $0 && $0 <= end }
      let isListed = fire?.listed.contains { $0.value == result } ?? false
      let state = finals.indices.dropFirst().first { k in
        !isListed && finals[k] == result && lastUse[.state(k)] ?? -1 <= i && !isWide
          && finals.count { $0 == result } == 1
      }
      if let winners = item.winners {
        let target = Int32(sizes.wideRows)
        sizes.wideRows += 1
        rows[item.result] = wide(target)
        let score = wideRow(item.operands[0])
        parts.append(
          .init(current, ending: .winners(of: score, into: Int(target), count: winners)))
        current = []
        continue
      }
      let operands = item.operands.map(row)
      // Operands that end here give their rows to the result: each lane is read before it is written.
      for operand in Set(item.operands) where lastUse[operand] == i { release(operand) }
      let target: LaneOperand
      if let state {
        target = self.state(state)
      } else if isWide {
        target = wide(Int32(sizes.wideRows))
        sizes.wideRows += 1
      } else {
        target = takeRow()
      }
      rows[item.result] = target
      emit(item.operation, target, operands, site: item.site)
      if lastUse[result] == nil { release(result) }
    }
    finish(fire)
    parts.append(.init(current, ending: .step))
  }

  /// Stores the states and emits.
  private mutating func finish(_ fire: Fire?) {
    let finals = finals
    var values: [LaneOperand] = finals.indices.map { k in
      k == 0 && fire != nil ? .none : row(finals[k])
    }
    // A state that another takes over, or that is emitted, is copied before it is written.
    var emitted = fire == nil ? program.emission.map { row($0.operand) } ?? .none : .none
    func isWritten(_ j: Int) -> Bool { finals[j] != .state(j) }
    for k in values.indices {
      guard case .state(let j) = finals[k], j != k, isWritten(j) else { continue }
      let copy = takeRow()
      emit(.copy, copy, [values[k]])
      values[k] = copy
    }
    if fire == nil, case .state(let j)? = program.emission?.operand, isWritten(j) {
      let copy = takeRow()
      emit(.copy, copy, [emitted])
      emitted = copy
    }
    var fired = fire.map { [$0.value, $0.threshold, $0.reset].map(row) } ?? []
    if let fire {
      for (n, operand) in [fire.value, fire.threshold, fire.reset].enumerated() {
        guard case .state(let j) = operand, j != 0, isWritten(j) else { continue }
        let copy = takeRow()
        emit(.copy, copy, [fired[n]])
        fired[n] = copy
      }
    }
    for k in finals.indices.dropFirst() where isWritten(k) && values[k] != state(k) {
      emit(.copy, state(k), [values[k]])
    }
    if let fire {
      emit(fire.operation, state(0), fired)
      for (k, value) in fire.listed { emit(.resetListed, state(k), [row(value)]) }
      return
    }
    if !finals.isEmpty, isWritten(0) {
      emit(
        program.states[0] == .integer ? .commitIntegers : .commit, state(0), [values[0]])
    }
    switch program.emission {
    case .spike: emit(.spike, .none, [emitted])
    case .count: emit(.count, .none, [emitted])
    case .value: emit(.value, .none, [emitted])
    case nil: break
    }
  }

  private mutating func emit(
    _ operation: LaneOperation, _ target: LaneOperand, _ operands: [LaneOperand], site: UInt32 = 0
  ) {
    func operand(_ n: Int) -> LaneOperand { n < operands.count ? operands[n] : .none }
    current.append(
      LaneInstruction(
        operation, target: target, operand(0), operand(1), operand(2), operand(3), operand(4),
        site: site))
  }

  // MARK: Rows

  private var stride: Int32 { Int32((count + 15) / 16) }
  private func state(_ k: Int) -> LaneOperand {
    LaneOperand(LaneOperand.states, Int32(k) * stride)
  }
  private func wide(_ row: Int32) -> LaneOperand { LaneOperand(LaneOperand.rows, row * stride) }

  private func row(_ operand: ProgramOperand) -> LaneOperand {
    switch operand {
    case .input(let k): LaneOperand(LaneOperand.inputs + Int32(k), 0)
    case .state(let k): state(k)
    case .constant(let k): constantRows[k]
    case .spikesBefore: LaneOperand(LaneOperand.shared, 0)
    case .result(let r): rows[r]!
    }
  }

  /// The wide row that holds an operand, where it is copied if it is elsewhere.
  private mutating func wideRow(_ operand: ProgramOperand) -> Int {
    let row = row(operand)
    if row.base == LaneOperand.rows { return Int(row.offset / stride) }
    let own = Int32(sizes.wideRows)
    sizes.wideRows += 1
    current.append(LaneInstruction(.copy, target: wide(own), row))
    return Int(own)
  }

  /// A row of a tile, by its number.
  private mutating func takeRow() -> LaneOperand {
    if let free = freeRows.popLast() { return LaneOperand(LaneOperand.scratch, free) }
    sizes.scratchRows += 1
    return LaneOperand(LaneOperand.scratch, Int32(sizes.scratchRows - 1))
  }

  /// Makes offsets of the numbers of rows, which are as long as a tile.
  private mutating func placeScratch() {
    let size = Int32(sizes.tile / 16)
    func place(_ operand: inout LaneOperand) {
      if operand.base == LaneOperand.scratch { operand.offset *= size }
    }
    for p in parts.indices {
      for i in parts[p].instructions.indices {
        place(&parts[p].instructions[i].target)
        place(&parts[p].instructions[i].a)
        place(&parts[p].instructions[i].b)
        place(&parts[p].instructions[i].c)
        place(&parts[p].instructions[i].d)
        place(&parts[p].instructions[i].e)
      }
    }
  }

  private mutating func release(_ operand: ProgramOperand) {
    guard case .result(let r) = operand, let row = rows[r], row.base == LaneOperand.scratch else {
      return
    }
    freeRows.append(row.offset)
  }
}

extension ProgramOperand {
  /// Whether it is the same before and after states are written.
  fileprivate var isKept: Bool {
    switch self {
    case .constant, .input, .result, .spikesBefore: true
    case .state: false
    }
  }
}

extension ProgramOperation {
  /// The kernel's operation; that of winners is never run.
  fileprivate var lane: LaneOperation {
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
    case .winners: .copy
    }
  }
}

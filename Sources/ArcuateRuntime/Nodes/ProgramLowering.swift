import ArcuateCore
import ArcuateKernels
import ArcuateModel

/// Turns a program into instructions of the kernel.
///
/// What nothing uses is left out, pairs that the kernel computes at once become one instruction, rows
/// are used again, and values are stored where they are needed last. No number changes by it.
package struct ProgramLowering {
  private let program: Source
  /// The values of the states after the step, but for what a spike does to them.
  private var finals: [ProgramOperand]
  private let count: Int
  private var items: [ProgramItem] = []
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
    sizes.inputs = program.inputs + program.adaptive.count
    sizes.states = program.states.count
  }

  /// Throws. `cannotCompile`, `outOfMemory`.
  package consuming func layer() throws(ArcuateError) -> ProgramLayer {
    placeConstants()
    let selection = try ProgramSelection(program)
    items = selection.items
    sizes.countsSpikes = selection.countsSpikes
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
    for (k, bits) in program.constants.enumerated() {
      if let row = program.adaptive.firstIndex(of: k) {
        constantRows.append(LaneOperand(LaneOperand.inputs + Int32(program.inputs + row), 0))
      } else if bits.allSatisfy({ $0 == bits[0] }) {
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

  /// What is read when all is computed.
  private var ends: [ProgramOperand] {
    finals + program.emitted
  }

  // MARK: Where values are

  /// A spike that resets the membrane, in one instruction: its comparison and the value after it.
  private struct Fire {
    var operation: LaneOperation
    var value, threshold, reset: ProgramOperand
    /// What other states become in the neurons that spike, and only there.
    var listed: [(state: Int, value: ProgramOperand)]
    /// Results that need not be computed.
    var replaced: Set<Int>
  }

  private mutating func fire() -> Fire? {
    guard case .spike(.result(let spike)) = program.emission,
      finals.indices.contains(program.membrane),
      case .result(let choice) = finals[program.membrane],
      let comparison = items.first(where: { $0.result == spike }),
      let select = items.first(where: { $0.result == choice }),
      comparison.operation == .greater || comparison.operation == .greaterEqual,
      select.operation == .select, select.operands[0] == .result(spike),
      select.operands[2] == comparison.operands[0]
    else { return nil }
    let uses = ProgramSelection.uses(items, ends)
    guard uses[choice] == 1 else { return nil }
    var fire = Fire(
      operation: comparison.operation == .greater ? .fireGreater : .fireGreaterEqual,
      value: comparison.operands[0], threshold: comparison.operands[1], reset: select.operands[1],
      listed: [], replaced: [choice])
    for k in finals.indices where k != program.membrane {
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
    var last: [ProgramOperand] = finals.indices.filter { fire == nil || $0 != program.membrane }.map
    { finals[$0] }
    last +=
      fire.map { [$0.value, $0.threshold, $0.reset] + $0.listed.map(\.value) }
      ?? program.emitted
    var lastUse: [ProgramOperand: Int] = [:]
    for (i, item) in items.enumerated() { for operand in item.operands { lastUse[operand] = i } }
    for operand in last { lastUse[operand] = items.count }
    // The row of a step of the layer, and what is computed before it and used after it, outlives a tile.
    let barriers = items.indices.filter { items[$0].layerStep != nil }
    for (i, item) in items.enumerated() {
      let result = ProgramOperand.result(item.result)
      let end = lastUse[result] ?? i
      let isWide = item.layerStep != nil || barriers.contains { i < $0 && $0 <= end }
      let isListed = fire?.listed.contains { $0.value == result } ?? false
      let state = finals.indices.first { k in
        k != program.membrane && !isListed && finals[k] == result && lastUse[.state(k)] ?? -1 <= i
          && !isWide
          && finals.count { $0 == result } == 1
      }
      if let layerStep = item.layerStep {
        let target = Int32(sizes.wideRows)
        sizes.wideRows += 1
        rows[item.result] = wide(target)
        let score = wideRow(item.operands[0])
        let ending: ProgramLayer.Ending =
          switch layerStep {
          case .winners(let count): .winners(of: score, into: Int(target), count: count)
          case .total: .total(of: score, into: Int(target))
          }
        parts.append(.init(current, ending: ending))
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
      k == program.membrane && fire != nil ? .none : row(finals[k])
    }
    // A state that another takes over, or that is emitted, is copied before it is written.
    var emitted = fire == nil ? program.emission.map { row($0.operand) } ?? .none : .none
    func isWritten(_ j: Int) -> Bool { finals[j] != .state(j) }
    for k in values.indices {
      guard case .state(let j) = finals[k], j != k, isWritten(j) else { continue }
      values[k] = copied(values[k])
    }
    if fire == nil, case .state(let j)? = program.emission?.operand, isWritten(j) {
      emitted = copied(emitted)
    }
    var fired = fire.map { [$0.value, $0.threshold, $0.reset].map(row) } ?? []
    if let fire {
      for (n, operand) in [fire.value, fire.threshold, fire.reset].enumerated() {
        guard case .state(let j) = operand, j != program.membrane, isWritten(j) else { continue }
        fired[n] = copied(fired[n])
      }
    }
    for k in finals.indices
    where k != program.membrane && isWritten(k) && values[k] != state(k) {
      emit(.copy, state(k), [values[k]])
    }
    if let fire {
      emit(fire.operation, state(program.membrane), fired)
      for (k, value) in fire.listed { emit(.resetListed, state(k), [row(value)]) }
      return
    }
    let k = program.membrane
    if !finals.isEmpty, isWritten(k) {
      emit(
        program.states[k] == .integer ? .commitIntegers : .commit, state(k), [values[k]])
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

  /// A row of a tile with the same values.
  private mutating func copied(_ row: LaneOperand) -> LaneOperand {
    let copy = takeRow()
    emit(.copy, copy, [row])
    return copy
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

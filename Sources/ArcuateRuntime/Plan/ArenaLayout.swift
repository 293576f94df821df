import ArcuateCore
import ArcuateKernels
import ArcuateModel

/// Lays the rows of all signals out in a session's memory.
struct ArenaLayout {
  private(set) var steps: [NodeStep]
  private(set) var groups: [NodeGroup]
  private(set) var slots: [Slot]
  /// The slots of the ports.
  private let inputs: [Int]
  private let outputs: [Int]
  private let options: CompileOptions
  private let plasticity: PlasticityPlan?

  /// State and delay lines are given; the rest is found.
  var size = ArenaSize()
  private(set) var stages = Stages.none
  private(set) var tiling: Tiling

  init(
    steps: [NodeStep], groups: [NodeGroup], slots: [Slot], inputs: [Int], outputs: [Int],
    options: CompileOptions, plasticity: PlasticityPlan?
  ) {
    self.steps = steps
    self.groups = groups
    self.slots = slots
    self.inputs = inputs
    self.outputs = outputs
    self.options = options
    self.plasticity = plasticity
    size.batch = options.batch
    size.threads = options.threads
    size.nodes = steps.count
    // One line more, since what lists the beginnings of pixels has one more than these.
    size.widest = (slots.map(\.stride).max() ?? 0) + 16
    size.block = ArenaLayout.block(options, groups, plasticity)
    tiling = Tiling(
      steps: steps, groups: groups, widest: size.widest, block: size.block, options: options,
      hasStages: false)
  }

  /// Steps that run before the next block: part of one frame, or several frames of one step.
  private static func block(
    _ options: CompileOptions, _ groups: [NodeGroup], _ plasticity: PlasticityPlan?
  ) -> Int {
    // Whole windows of the cycles that run in windows.
    let window = groups.compactMap { $0.population?.window }.min() ?? 1
    let largest = Window.mostSteps / window * window
    // What adapts at every step runs step by step.
    let isAlone =
      options.stepsPerFrame == 1 && options.frameState == .reset
      || plasticity?.changesEverySteps == true
    let most = isAlone ? 1 : largest
    return options.stepsPerFrame > 1 ? min(options.stepsPerFrame, most) : most
  }

  /// Throws. `limitExceeded` if a session would need too much memory.
  mutating func arrange() throws(ArcuateError) {
    for (p, i) in inputs.enumerated() { slots[i].port = p }
    // Windows and rules want rows for all steps of a block.
    let isTiled = plasticity == nil && !groups.contains { $0.population != nil }
    if isTiled {
      findListOnlySlots()
      if options.numerics == .fast { findSumsInPlace() }
      stages = Stages(steps: steps, groups: groups, slots: slots, options: options)
    }
    tiling = Tiling(
      steps: steps, groups: groups, widest: size.widest, block: size.block, options: options,
      hasStages: !stages.groups.isEmpty)
    findScratch()
    var aliases: [Int: Int] = [:]
    for step in steps where step.isAlias { aliases[step.output] = step.sources[0].slot }
    if isTiled { findPassingSlots(aliases) }
    try place(aliases)
    for (own, other) in aliases { slots[own] = slots[other] }
  }

  /// Finds the rows of zeros and ones that are read as lists alone.
  private mutating func findListOnlySlots() {
    for step in steps {
      let slot = slots[step.output]
      slots[step.output].isListOnly =
        slot.listed && slot.history == nil && !slot.constant && step.emission.isOnes
    }
    for step in steps {
      let isReadByList = step.readsLists && step.sources.count == 1
      for source in step.sources where !isReadByList { slots[source.slot].isListOnly = false }
    }
    for i in outputs { slots[i].isListOnly = false }
    // One row in another order, whose only reader is the node itself.
    for step in steps where step.sources.count == 1 {
      guard let gather = step.gather else { continue }
      slots[gather].isListOnly =
        slots[gather].listed && !slots[gather].constant
        && step.node.listUse.contains(.sufficient)
    }
  }

  /// Finds convolutions whose only readers are neurons that add in place and have no other input.
  private mutating func findSumsInPlace() {
    for (g, group) in groups.enumerated() where !group.isCyclic {
      for i in group.range where i > 0 {
        guard let source = steps[i].sources.first?.slot, steps[i - 1].output == source,
          let both = InPlaceNeuronNode(steps[i - 1], steps[i]), !slots[source].constant,
          !outputs.contains(source),
          steps.count(where: { step in step.sources.contains { $0.slot == source } }) == 1
        else { continue }
        slots[source].isInPlace = true
        steps[i] = steps[i].replacing(both)
      }
      groups[g] = NodeGroup(
        range: group.range, steps: Array(steps[group.range]), isCyclic: false, population: nil,
        recurrence: nil)
    }
  }

  /// Finds the rows that nobody reads after their tile.
  private mutating func findPassingSlots(_ aliases: [Int: Int]) {
    for i in slots.indices {
      slots[i].isPassing = !slots[i].constant && slots[i].history == nil
    }
    for i in outputs { slots[aliases[i] ?? i].isPassing = false }
    // What passes from thread to thread stays until all of a block are done with it.
    let stageOf = Dictionary(
      uniqueKeysWithValues: stages.groups.enumerated().flatMap { s, range in
        range.flatMap { groups[$0].range }.map { (steps[$0].output, s) }
      })
    for step in steps {
      for source in step.sources where stageOf[source.slot] != stageOf[step.output] {
        slots[aliases[source.slot] ?? source.slot].isPassing = false
      }
    }
  }

  /// The sizes of scratch.
  private mutating func findScratch() {
    let populations = groups.compactMap(\.population)
    size.population = .init(
      isUsed: !populations.isEmpty, scratch: populations.map(\.scratchCount).max() ?? 0,
      flat: populations.map(\.flatCount).max() ?? 0, tiles: populations.map(\.tiles).max() ?? 0,
      byteCount: populations.reduce(0) { $0 + $1.byteCount(threads: options.threads) })
    size.plastic = plasticity?.size ?? .init()
    size.stages = stages.groups.count
    let scratch = steps.map(\.node.scratchCount).max() ?? 0
    size.nodeScratch = (scratch + 15) & ~15
    let most = min(SpikeRows.most, tiling.most, size.block * options.batch)
    size.spikeRows = .init(
      inputs: size.widest, most: (most + 15) & ~15,
      hasBytes: steps.contains { $0.node.weightByteCount == 1 },
      anyOrder: options.numerics == .fast)
    size.maskedPort = inputs.firstIndex { slots[$0].isListOnly }
    if let port = size.maskedPort {
      size.maskedCount = slots[inputs[port]].count
      size.maskedRows = min(
        4 * size.block * options.batch, (4 << 20) / max(size.maskedCount / 8, 1))
    }
  }

  /// Gives every slot its offsets.
  private mutating func place(_ aliases: [Int: Int]) throws(ArcuateError) {
    for i in slots.indices where aliases[i] == nil {
      let count = slots[i].rows(
        block: size.block, batch: options.batch, tileRows: tiling.rows * options.threads)
      slots[i].values = size.values
      slots[i].lists = size.lists
      slots[i].counts = size.rows
      size.values += count * slots[i].stride
      // A cache line belongs to one node, since each may have a thread of its own.
      size.rows += (count + 7) & ~7
      if slots[i].listed { size.lists += count * slots[i].stride }
      let all =
        size.values + size.lists + size.rows + size.state + size.sparseLists + size.sparseCounts
        + size.plastic.factors
      guard all * 4 <= 1 << 36 else {
        throw ArcuateError(
          .limitExceeded, "a session of batch \(options.batch) would need more than 64 GiB")
      }
    }
  }
}

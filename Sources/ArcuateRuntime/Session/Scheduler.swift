import ArcuateCore
import ArcuateKernels
import Synchronization

/// Runs the nodes of a plan: a block of steps in tiles, node by node.
///
/// Streams are independent, so that threads take a share of them each; with fewer streams than
/// threads, they share the outputs of large linear layers, or the nodes.
final class Scheduler: SharedWork {
  let plan: Plan
  let arena: Arena
  private let groups: [NodeGroup]
  /// The slots that carry rows from one block to the next.
  private let historySlots: [Slot]

  /// Whether weights and thresholds change.
  var adapts = false
  /// Whether the nodes that are constant over a frame are due.
  var computesConstants = true
  /// Steps in the block being run, and the streams and steps of a tile of it.
  private(set) var blockSteps = 0
  private(set) var tile = (streams: 1, steps: 1)
  /// Recordings of nodes.
  var probes: [Probe] = [] {
    didSet { arena.isRecorded = !probes.isEmpty }
  }
  /// What the call that runs goes by, and whether a thread has left something out for it.
  var cancellation: Cancellation?
  private let isStopped = Atomic(false)
  /// Nil where threads do not share the nodes.
  private let stages: StageRun?

  /// Throws. `outOfMemory`.
  init(_ plan: Plan, _ arena: Arena) throws(ArcuateError) {
    self.plan = plan
    self.arena = arena
    groups = plan.groups
    historySlots = plan.slots.filter { $0.history != nil }
    stages = plan.stages.groups.isEmpty ? nil : try StageRun(plan.stages)
  }

  /// Runs every node over the steps of a block whose input rows are ready.
  /// Throws. `canceled`; the streams are then at different steps.
  func runBlock(_ count: Int) throws(ArcuateError) {
    if count != blockSteps { layTiles(count) }
    let batch = arena.batch
    for slot in historySlots { loadHistory(slot) }
    if let team = arena.team, batch > 1 {
      team.run(self)
    } else if let team = arena.team, let stages, tile.steps < count {
      stages.runBlock(self, team, isForced: plan.options.alwaysStages)
    } else {
      runTiles(0..<batch, worker: 0)
    }
    if isEnding(0) {
      isStopped.store(false, ordering: .relaxed)
      throw Cancellation.canceled
    }
    for slot in historySlots { saveHistory(slot, count) }
    if adapts { plan.plasticity?.adapt(arena) }
    // Cannot overflow in a lifetime; a trap would end the host all the same.
    for stream in 0..<batch { arena.stepCounts[stream] = arena.now(count, stream) }
    for probe in probes { probe.advance(count) }
  }

  /// A worker's share of the streams.
  func run(worker: Int, _: Arena) {
    let streams = streams(of: worker)
    if !streams.isEmpty { runTiles(streams, worker: worker) }
  }

  /// Whether the call is to end, asked by a worker: what is left of the block is then left out.
  func isEnding(_ worker: Int) -> Bool {
    guard let cancellation else { return false }
    if isStopped.load(ordering: .relaxed) { return true }
    // Worker 0 is the thread of the call.
    guard worker == 0 ? cancellation.poll() : cancellation.isRequested else { return false }
    isStopped.store(true, ordering: .relaxed)
    return true
  }

  private func loadHistory(_ slot: Slot) {
    for stream in 0..<arena.batch {
      arena.row(slot, -1, stream).copy(from: arena.stateRow(slot.history, slot.stride, stream))
      arena.listRow(slot, -1, stream)
    }
  }

  private func saveHistory(_ slot: Slot, _ count: Int) {
    for stream in 0..<arena.batch {
      arena.stateRow(slot.history, slot.stride, stream).copy(
        from: arena.row(slot, count - 1, stream))
    }
  }

  /// Finds the rows of tiles in a block of `count` steps.
  private func layTiles(_ count: Int) {
    blockSteps = count
    tile = plan.tiling.tile(blockSteps: count)
    for t in 0..<count { arena.stepRows[t] = t % tile.steps * tile.streams }
    for worker in 0..<plan.options.threads {
      let streams = streams(of: worker)
      for b in streams {
        arena.streamRows[b] =
          worker * plan.tiling.rows + (b - streams.lowerBound) % tile.streams
      }
    }
  }

  /// The streams that a worker takes, where they are shared out.
  private func streams(of worker: Int) -> Range<Int> {
    let (batch, threads) = (arena.batch, plan.options.threads)
    guard batch > 1 else { return worker == 0 ? 0..<batch : 0..<0 }
    return batch * worker / threads..<batch * (worker + 1) / threads
  }

  /// Runs every node over some rows before the next rows.
  func runTiles(_ streams: Range<Int>, worker: Int) {
    var first = streams.lowerBound
    while first < streams.upperBound {
      let end = min(first + tile.streams, streams.upperBound)
      var step = 0
      while step < blockSteps {
        let after = min(step + tile.steps, blockSteps)
        run(groups.indices, Window(step..<after, first..<end, worker: worker))
        step = after
      }
      first = end
    }
  }

  /// Runs some groups of nodes over a window.
  func run(_ range: Range<Int>, _ window: Window) {
    for i in range {
      if isEnding(window.worker) { return }
      let group = groups[i]
      if !group.isCyclic {
        for step in group.steps { run(step, window) }
      } else if let population = group.population, !isRecorded(group) {
        population.run(window, arena)
      } else if let recurrence = group.recurrence, window.streams.count == 1,
        !arena.sharesLayers, probes.isEmpty
      {
        recurrence.run(window, arena)
      } else {
        for t in window.steps {
          let one = window.at(t)
          for step in group.earlySteps { step.node.emitEarly(step, one, arena) }
          for step in group.steps { run(step, one) }
        }
      }
    }
  }

  private func run(_ step: NodeStep, _ all: Window) {
    let output = arena.slots[step.output]
    var window = all
    if output.constant {
      // A constant node has one row, due when its frame begins.
      guard computesConstants && all.steps.lowerBound == 0 else { return }
      window.steps = 0..<1
    }
    if step.gathers { step.gather(window, arena) }
    if probes.isEmpty {
      step.node.run(step, window, arena)
    } else {
      runRecorded(step, window)
    }
    let emission = step.emission
    if !emission.isListed || emission.isSpikes {
      for t in window.steps {
        for b in window.streams {
          if !emission.isListed { arena.listRow(output, t, b) }
          if emission.isSpikes {
            arena.count(.spikes, step.index, b, UInt64(arena.nonzero(output, t, b)[0].count))
          }
        }
      }
    }
    if emission.isCounted {
      for b in window.streams { arena.count(.rows, step.index, b, UInt64(window.steps.count)) }
    }
    if !probes.isEmpty { recordOutput(step, window, output) }
  }

  // MARK: Probes

  private func isRecorded(_ group: NodeGroup) -> Bool {
    probes.contains { group.range.contains($0.step) }
  }

  /// Runs a node, step by step if some of its state is recorded.
  private func runRecorded(_ step: NodeStep, _ window: Window) {
    guard probes.contains(where: { $0.step == step.index && $0.quantity.state != nil }) else {
      return step.node.run(step, window, arena)
    }
    let width = arena.slots[step.output].stride
    for t in window.steps {
      step.node.run(step, window.at(t), arena)
      for probe in probes where probe.step == step.index {
        guard let state = probe.quantity.state, let rows = step.node.recordable(state) else {
          continue
        }
        for b in window.streams {
          probe.row(t, b)?.copy(
            from: arena.state.row.part(rows.offset + b * rows.stride, width))
        }
      }
    }
  }

  /// Hands the rows a node emitted to the probes that record it.
  private func recordOutput(_ step: NodeStep, _ window: Window, _ output: Slot) {
    for probe in probes where probe.step == step.index && probe.quantity == .output {
      // A constant node's one row stands for every step of the block.
      for t in output.constant ? 0..<blockSteps : window.steps {
        for b in window.streams {
          arena.fillRow(output, t, b)
          probe.row(t, b)?.copy(from: arena.row(output, t, b))
        }
      }
    }
  }
}

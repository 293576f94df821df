import ArcuateCore
import CShims

/// Runs blocks with a share of the nodes on each thread, a tile behind the thread before it.
final class StageRun: SharedWork {
  private let groups: [Range<Int>]
  /// How many tiles of a block each stage has done, a cache line each.
  private let progress: View<UInt32>
  private var choice = StageChoice()
  /// The scheduler of the block that runs.
  private var scheduler: Scheduler?

  /// Throws. `outOfMemory`.
  init(_ stages: Stages) throws(ArcuateError) {
    groups = stages.groups
    let words = stages.groups.count * 16
    progress = try AlignedBuffer(byteCount: words * 4).view(start: 0, count: words)
  }

  /// Runs a block by stages or by one thread, whichever has been faster.
  ///
  /// Where processors are shared with others, stages wait for each other most of the time.
  func runBlock(_ scheduler: Scheduler, _ team: Team, isForced: Bool) {
    self.scheduler = scheduler
    defer { self.scheduler = nil }
    if isForced { return runStages(team) }
    let start = cshims_nanoseconds()
    if choice.takesStages { runStages(team) } else { scheduler.runTiles(0..<1, worker: 0) }
    choice.record(
      nanoseconds: Double(cshims_nanoseconds() - start), steps: scheduler.blockSteps)
  }

  private func runStages(_ team: Team) {
    progress.row.fill(0)
    team.run(self)
  }

  /// A stage's part: tile after tile, each when the stage before has done it.
  func run(worker stage: Int, _: Arena) {
    guard stage < groups.count, let scheduler else { return }
    // SAFETY: a word for each stage; only the shim touches them.
    let words = progress.pointer
    var (done, step): (UInt32, Int) = (0, 0)
    while step < scheduler.blockSteps {
      let after = min(step + scheduler.tile.steps, scheduler.blockSteps)
      if stage > 0 { cshims_reach(words + (stage - 1) * 16, done + 1) }
      scheduler.run(groups[stage], Window(step..<after, 0..<1, worker: stage))
      done += 1
      cshims_store(words + stage * 16, done)
      step = after
    }
  }
}

import ArcuateCore
import CShims

extension Session {
  /// Whether the block that begins is run by stages: they have nothing to do at the same time with a
  /// single tile, and wait for each other all the time where they share a processor.
  var takesStages: Bool {
    !plan.stages.groups.isEmpty && tile.steps < blockSteps && hasProcessors
  }

  /// Runs the nodes over a block, every stage on a thread of its own.
  func runStages(_ workers: Workers) {
    progress.row.fill(0)
    job = .stages
    runsStages = true
    workers.run()
    runsStages = false
  }

  /// A stage's part: tile after tile, each when the stage before has done it.
  func runStage(_ stage: Int) {
    guard stage < plan.stages.groups.count else { return }
    // SAFETY: a word for each stage; only the shim touches them.
    let words = progress.pointer
    var (done, step): (UInt32, Int) = (0, 0)
    while step < blockSteps {
      let after = min(step + tile.steps, blockSteps)
      if stage > 0 { cshims_reach(words + (stage - 1) * 16, done + 1) }
      runNodes(plan.stages.groups[stage], step..<after, 0..<1, stage)
      done += 1
      cshims_store(words + stage * 16, done)
      step = after
    }
  }
}

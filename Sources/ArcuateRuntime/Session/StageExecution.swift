import ArcuateCore
import CShims

extension Session {
  /// Whether stages have something to do at the same time in the block that begins.
  var hasStages: Bool { !plan.stages.groups.isEmpty && tile.steps < blockSteps }

  /// Runs a block by stages or by one thread, whichever has been faster.
  func runByChoice(_ workers: ThreadPool) {
    if plan.options.alwaysStages { return runStages(workers) }
    let start = cshims_nanoseconds()
    if stageChoice.takesStages { runStages(workers) } else { runTiles(0..<1, worker: 0) }
    stageChoice.record(nanoseconds: Double(cshims_nanoseconds() - start), steps: blockSteps)
  }

  /// Runs the nodes over a block, every stage on a thread of its own.
  private func runStages(_ workers: ThreadPool) {
    progress.row.fill(0)
    job = .stages
    workers.run()
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

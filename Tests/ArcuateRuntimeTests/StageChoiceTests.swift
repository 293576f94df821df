import ArcuateRuntime
import Testing

/// Which way blocks take, when ways take as long as these tests say.
@Suite struct StageChoiceTests {
  /// Runs some blocks and returns how many of them went by stages.
  private func run(
    _ choice: inout StageChoice, _ blocks: Int, staged: Double, serial: Double
  ) -> Int {
    (0..<blocks).count { _ in
      let isStaged = choice.takesStages
      choice.record(nanoseconds: 32 * (isStaged ? staged : serial), steps: 32)
      return isStaged
    }
  }

  @Test func theFasterWayIsTaken() {
    var choice = StageChoice()
    #expect(run(&choice, 1000, staged: 60, serial: 100) > 950)
    choice = StageChoice()
    #expect(run(&choice, 1000, staged: 400, serial: 100) < 50)
    // Ways that are alike are both tried now and then.
    choice = StageChoice()
    #expect((100...990).contains(run(&choice, 1000, staged: 99, serial: 100)))
  }

  @Test func oneSlowBlockChangesNothing() {
    var choice = StageChoice()
    _ = run(&choice, 60, staged: 60, serial: 100)
    #expect(choice.takesStages)
    _ = run(&choice, 1, staged: 9000, serial: 100)
    #expect(choice.takesStages)
  }

  @Test func changesAreNoticed() {
    var choice = StageChoice()
    _ = run(&choice, 5000, staged: 60, serial: 100)
    // Somebody else takes the processor: at once.
    #expect(run(&choice, 100, staged: 400, serial: 100) < 20)
    // And leaves it again: after a while.
    #expect(run(&choice, 5000, staged: 60, serial: 100) > 2000)
  }
}

/// Whether blocks are better run by stages or by one thread, by what they took.
///
/// Stages that share a processor, with each other or with somebody else, wait for each other most of the
/// time, and whether they do changes while a session lives. Both ways give the same bits.
package struct StageChoice {
  /// Nanoseconds of a step by stages and by one thread; 0 where that is not known.
  private var staged = 0.0
  private var serial = 0.0
  /// Blocks until the slower way is tried again, and how many these were last time.
  private var left = 0
  private var pause = StageChoice.leastPause
  /// Blocks of a trial that have run, and the fastest of them.
  private var tried = 0
  private var fastest = Double.infinity

  private static let leastPause = 32
  private static let mostPause = 2048
  private static let trial = 4

  package init() {}

  private var prefersStages: Bool { staged <= serial }

  /// The way that the next block takes.
  package var takesStages: Bool {
    if staged == 0 || serial == 0 { return staged == 0 }
    return left > 0 ? prefersStages : !prefersStages
  }

  /// What a block took by the way that was to be taken.
  package mutating func record(nanoseconds: Double, steps: Int) {
    let isStaged = takesStages
    let one = nanoseconds / Double(steps)
    guard left == 0 else {
      // A block in which the system did something else says little.
      func joined(_ before: Double) -> Double { (3 * before + min(one, 2 * before)) / 4 }
      if isStaged { staged = joined(staged) } else { serial = joined(serial) }
      left -= 1
      if prefersStages != isStaged {
        (left, pause) = (StageChoice.leastPause, StageChoice.leastPause)
      }
      return
    }
    tried += 1
    fastest = min(fastest, one)
    guard tried == StageChoice.trial else { return }
    if isStaged { staged = fastest } else { serial = fastest }
    (tried, fastest) = (0, .infinity)
    guard serial > 0 else { return }
    // What is far slower is tried less and less often.
    let isFar = max(staged, serial) > 1.25 * min(staged, serial)
    pause = isFar ? min(2 * pause, StageChoice.mostPause) : StageChoice.leastPause
    left = pause
  }
}

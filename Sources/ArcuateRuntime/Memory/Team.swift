import ArcuateCore

/// Work that all threads of a session do together, each its share.
protocol SharedWork: AnyObject {
  func run(worker: Int, _ arena: Arena)
}

/// The threads of a session, and what they do at once.
final class Team {
  private unowned let arena: Arena
  private var work: (any SharedWork)?
  private var pool: ThreadPool!

  /// Throws. `outOfMemory` if the system has no more threads.
  init(_ threads: Int, _ arena: Arena) throws(ArcuateError) {
    self.arena = arena
    pool = try ThreadPool(threads) { [unowned self] worker in
      self.work!.run(worker: worker, self.arena)
    }
  }

  /// Throws. `invalidState` in a child of `fork`, where the threads do not exist.
  func requireThreads() throws(ArcuateError) { try pool.requireThreads(of: "session") }

  /// Runs `work` on every thread; returns when all are done.
  func run(_ work: any SharedWork) {
    self.work = work
    pool.run()
    self.work = nil
  }

  /// Whether threads spin between rounds.
  func setSpinning(_ isSpinning: Bool) { pool.setSpinning(isSpinning) }
}

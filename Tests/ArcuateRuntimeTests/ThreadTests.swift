import Arcuate
import ArcuateTestSupport
import Foundation
import Testing

/// One plan, eight sessions, eight threads: what each gives is what one alone gives.
@Suite struct ThreadTests {
  @Test(arguments: [1, 2]) func oneEightEight(threadsEach: Int) throws {
    let family = Family.recurrent
    let model = family.draw(11)
    let input = EquivalenceTests.input(model, family, 11)
    let plan = try EquivalenceTests.session(model, .init(threads: threadsEach)).plan
    let expected = try plan.makeSession().run(frames: EquivalenceTests.frames, input)
    let results = Results(count: 8)
    DispatchQueue.concurrentPerform(iterations: 8) { n in
      do {
        let session = try plan.makeSession()
        for _ in 0..<5 {
          session.reset()
          results.put(try session.run(frames: EquivalenceTests.frames, input), at: n)
          try session.restore(Bytes(session.save()))
          _ = try session.totalCounters()
        }
      } catch {
        results.put([], at: n)
      }
    }
    for n in 0..<8 { #expect(results.all[n] == expected) }
  }

  private final class Results: @unchecked Sendable {
    private let lock = NSLock()
    private(set) var all: [[[Float]]]
    init(count: Int) { all = .init(repeating: [], count: count) }
    func put(_ result: [[Float]], at n: Int) { lock.withLock { all[n] = result } }
  }
}

import Testing

@testable import ArcuateBench

/// The floor against sums done by hand, on a machine that is made up.
@Suite struct FloorTests {
  private let caches = Caches(level1: 1_000, level2: 10_000, level3: 100_000)

  private func ceilings(threads: Int = 1) -> Ceilings {
    Ceilings(
      threads: threads,
      read: [.level1: 1_000, .level2: 500, .level3: 100, .dram: 10], rows: 5, multiplyAdd: 8_000)
  }

  private func floor(
    touched: Double, network: Double, added: Double, membranes: Double = 0, threads: Int = 1
  ) -> Floor {
    Floor(
      .init(touchedBytes: touched, networkBytes: network, addedBytes: added, membranes: membranes),
      ceilings(threads: threads), caches)
  }

  @Test func readingTakesTheSpeedOfTheLevelThatHoldsTheNetwork() {
    for (network, level, seconds) in [
      (1_000.0, Ceilings.Level.level1, 0.6), (1_001, .level2, 1.2), (10_000, .level2, 1.2),
      (100_000, .level3, 6), (100_001, .dram, 60),
    ] {
      let floor = floor(touched: 600, network: network, added: 0)
      #expect(floor.level == level)
      #expect(abs(floor.reading_s - seconds) < 1e-12)
      #expect(floor.seconds == floor.reading_s)
      #expect(floor.bound == "reading \(level.rawValue)")
    }
  }

  @Test func addingTakesTheSpeedOfTheFirstLevel() {
    // 3000 bytes of weights and 250 membranes of 4 bytes, at 1000 bytes a second.
    let floor = floor(touched: 600, network: 900, added: 3_000, membranes: 250)
    #expect(abs(floor.adding_s - 4) < 1e-12)
    #expect(floor.seconds == floor.adding_s)
    #expect(floor.bound == "adding")
  }

  @Test func theLargerCounts() {
    #expect(floor(touched: 600, network: 200_000, added: 3_000).bound == "reading DRAM")
    #expect(floor(touched: 20, network: 200_000, added: 3_000).bound == "adding")
  }

  @Test func onlyPrivateCachesCountForEachThread() {
    #expect(floor(touched: 1, network: 20_000, added: 0, threads: 2).level == .level2)
    #expect(floor(touched: 1, network: 20_001, added: 0, threads: 2).level == .level3)
    #expect(floor(touched: 1, network: 200_000, added: 0, threads: 2).level == .dram)
  }

  @Test func theMedianOfRounds() {
    let benchCase = BenchCase(
      workload: SpeechWorkload(isSmall: true), workloadName: "speech", element: .float32,
      steps: 10, batch: 1, threads: 1, numerics: .exact)
    var found = BenchMeasurement(benchCase: benchCase)
    #expect(found.median == 0)
    found.rounds = [3, 1, 2]
    #expect(found.median == 2)
    found.rounds = [4, 3, 1, 2]
    #expect(found.median == 2.5)
  }
}

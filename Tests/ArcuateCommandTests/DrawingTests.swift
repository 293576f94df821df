import Arcuate
import Testing

@testable import arcuate_cli

/// What is drawn for `arcuate bench`.
@Suite struct DrawingTests {
  @Test(arguments: [1, 2, 77] as [UInt64])
  func normalsHaveTheirMeanAndDeviation(seed: UInt64) {
    let values = Drawing(seed: seed).normals(.frames, 3, count: 20_000, deviation: 0.5)
    let mean = values.reduce(0, +) / 20_000
    let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 20_000
    // Five standard errors of each.
    #expect(abs(mean) < 5 * 0.5 / 20_000.0.squareRoot().asFloat)
    #expect(abs(variance - 0.25) < 5 * 0.25 * (2 / 20_000 as Float).squareRoot())
  }

  @Test func aSeedIsANetwork() throws {
    for type in Workloads.all {
      let workload = type.init(isSmall: true)
      let first = try workload.draw(Drawing(seed: 5))
      #expect(first == (try workload.draw(Drawing(seed: 5))), "\(type.name)")
      #expect(first != (try workload.draw(Drawing(seed: 6))), "\(type.name)")
    }
  }

  /// On inputs that the gains were not set with.
  @Test(arguments: [1, 9] as [UInt64])
  func neuronsFireAtTheStatedRates(seed: UInt64) throws {
    let stated: [String: [(String, ClosedRange<Double>)]] = [
      "speech": [("neurons0", 0.06...0.1), ("neurons1", 0.06...0.1)],
      "recurrent": [("hidden", 0.02...0.1)],
      "events": [("neurons0", 0.02...0.08), ("neurons1", 0.02...0.1)],
    ]
    for type in Workloads.all {
      let workload = type.init(isSmall: true)
      let drawing = Drawing(seed: seed)
      let steps = workload.lengths[0]
      let plan = try workload.draw(drawing).compile(
        workload.options(steps: steps, batch: 16, threads: 1))
      let session = try plan.makeSession()
      let input = workload.input(drawing, call: 0, steps: steps, batch: 16)
      _ = try session.run(frames: workload.frames(steps: steps), [input])
      for (node, range) in try #require(stated[type.name]) {
        let counters = try session.counters(of: node)
        let index = try #require(plan.nodeNames.firstIndex(of: node))
        let places = Double(counters.rows) * Double(plan.nodeShapes[index].count)
        let rate = Double(counters.spikes) / places
        #expect(range.contains(rate), "\(type.name) \(node), seed \(seed): \(rate)")
      }
    }
  }

  @Test func narrowWeightsAreNear() throws {
    let wide = try Drawing(seed: 3).weights(0, [7, 33])
    let half = try wide.narrowed(to: .bfloat16)
    let byte = try wide.narrowed(to: .int8)
    for (i, value) in wide.floats.enumerated() {
      #expect(abs(half.floats[i] - value) <= abs(value) / 256)
      #expect(abs(byte.floats[i] - value) <= byte.scales[i / 33] * 0.501)
    }
    for row in 0..<7 {
      let largest = byte.bytes.array[row * 33..<(row + 1) * 33]
        .map { Int(Int8(bitPattern: $0)).magnitude }.max()
      #expect(largest == 127)
    }
  }
}

extension Double {
  fileprivate var asFloat: Float { Float(self) }
}

import Arcuate
import Testing

@testable import ArcuateBench

/// The networks and inputs of `arcuate-bench`.
@Suite struct WorkloadTests {
  @Test(arguments: [1, 2, 77] as [UInt64])
  func normalsHaveTheirMeanAndDeviation(seed: UInt64) {
    let values = RandomSource(seed: seed).normals(.frames, 3, count: 20_000, deviation: 0.5)
    let mean = values.reduce(0, +) / 20_000
    let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 20_000
    // Five standard errors of each.
    #expect(abs(mean) < 5 * 0.5 / 20_000.0.squareRoot().asFloat)
    #expect(abs(variance - 0.25) < 5 * 0.25 * (2 / 20_000 as Float).squareRoot())
  }

  @Test func aSeedIsANetwork() throws {
    for type in Workloads.all {
      let workload = type.init(isSmall: true)
      let first = try workload.makeModel(RandomSource(seed: 5))
      #expect(first == (try workload.makeModel(RandomSource(seed: 5))), "\(type.name)")
      #expect(first != (try workload.makeModel(RandomSource(seed: 6))), "\(type.name)")
    }
  }

  /// Connections as in a graph in which each is there by itself with the same probability.
  @Test(arguments: [3, 8] as [UInt64])
  func connectionsAreRandom(seed: UInt64) throws {
    let model = try DelaysWorkload<DelaysSizes.Largest>(isSmall: true).makeModel(
      RandomSource(seed: seed))
    guard case .sparse(let lists) = try #require(model["synapses"]).op else {
      Issue.record("no lists")
      return
    }
    #expect(model.check().checked != nil)
    let n = 1000
    #expect(lists.pre == n && lists.post == n)
    // Five standard errors of counts of 1000 * 1000 * 0.1.
    #expect(abs(lists.count - 100_000) < 1500)
    var incoming = [Int](repeating: 0, count: n)
    for source in 0..<n {
      let row = lists.row(source).map { lists.postIndices[$0] }
      #expect(zip(row, row.dropFirst()).allSatisfy { $0 < $1 })
      for target in row { incoming[target] += 1 }
      let base: Float = 0.06 * (source < 800 ? 1 : -4.6)
      for k in lists.row(source) {
        #expect((0.4999...1.5001).contains(lists.weight.value(at: k) / base))
      }
    }
    // Binomial with 1000 tries of probability 0.1, everywhere in the row: variance 90.
    for part in stride(from: 0, to: n, by: 250) {
      let mean = Double(incoming[part..<part + 250].reduce(0, +)) / 250
      #expect(abs(mean - 100) < 5 * (90.0 / 250).squareRoot(), "seed \(seed), part \(part)")
    }
    let spread = incoming.reduce(0.0) { $0 + (Double($1) - 100) * (Double($1) - 100) } / 1000
    #expect((70...115).contains(spread))
  }

  /// On inputs that the gains were not set with.
  @Test(arguments: [1, 9] as [UInt64])
  func neuronsFireAtTheStatedRates(seed: UInt64) throws {
    let stated: [String: [(String, ClosedRange<Double>)]] = [
      "speech": [("neurons0", 0.06...0.1), ("neurons1", 0.06...0.1)],
      "recurrent": [("hidden", 0.02...0.1)],
      "events": [("neurons0", 0.02...0.08), ("neurons1", 0.02...0.1)],
      "delays-4k-2": [("neurons", 0.0002...0.003)], "delays-4k-10": [("neurons", 0.0002...0.003)],
    ]
    for type in Workloads.all {
      let workload = type.init(isSmall: true)
      let random = RandomSource(seed: seed)
      let steps = workload.lengths[0]
      let plan = try workload.makeModel(random).compile(
        workload.options(steps: steps, batch: 16, threads: 1))
      let session = try plan.makeSession()
      let input = workload.input(random, call: 0, steps: steps, batch: 16)
      _ = try session.run(frames: workload.frames(steps: steps), [input])
      for (node, range) in try #require(stated[type.name]) {
        let counters = try session.counters(of: node)
        let index = try #require(plan.nodeNames.firstIndex(of: node))
        let neuronSteps = Double(counters.rows) * Double(plan.nodeShapes[index].count)
        let rate = Double(counters.spikes) / neuronSteps
        #expect(range.contains(rate), "\(type.name) \(node), seed \(seed): \(rate)")
      }
    }
  }

  @Test func narrowWeightsAreNear() throws {
    let wide = try RandomSource(seed: 3).weights(0, [7, 33])
    let model = Model.chain([
      ("input", .input(shape: [33])), ("weights", .linear(Linear(weight: wide))),
      ("output", .output(shape: [7])),
    ])
    func narrowed(to element: Tensor.Element) throws -> Tensor {
      guard case .linear(let linear) = try model.quantized(to: element).model["weights"]?.op else {
        throw ArcuateError(.notFound, "the weights are gone")
      }
      return linear.weight
    }
    let half = try narrowed(to: .bfloat16)
    let byte = try narrowed(to: .int8)
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

import ArcuateCore
import ArcuateModel
import ArcuateRuntime
import Testing

@testable import ArcuateTraining

@Suite struct OptimizerTests {
  /// Parameters that follow given gradients, beside the same in double precision.
  private func follow(
    _ options: OptimizerOptions, steps: Int = 6, by rule: (inout Twin, Double, Double, Int) -> Void
  ) throws {
    let start = GradientCase.random(20, 90)
    let parameter = try Parameter(
      "w", Tensor(start, shape: Shape([4, 5])), isTrained: true, isMatrix: true)
    let optimizer = try Optimizer(options, [parameter], seed: 1)
    let pool = try ThreadPool(1)
    var twins = start.map { Twin(w: Double($0)) }
    for step in 0..<steps {
      let gradient = GradientCase.random(20, 91 + UInt32(step))
      for i in 0..<4 {
        for j in 0..<5 { parameter.gradient[j * parameter.stride + i] = gradient[i * 5 + j] }
      }
      #expect(parameter.readGradient() == gradient)
      try optimizer.advance(try optimizer.gradientNorm(), pool)
      for i in twins.indices {
        rule(&twins[i], Double(gradient[i]), Double(options.rate), step + 1)
      }
    }
    for (value, twin) in zip(parameter.read(), twins) {
      #expect(abs(Double(value) - twin.w) < 1e-5)
    }
  }

  struct Twin {
    var w: Double
    var m = 0.0
    var v = 0.0
    var top = 0.0
  }

  @Test func descentWithMomentum() throws {
    var options = OptimizerOptions()
    options.kind = .sgd
    options.rate = 0.1
    options.weightDecay = 0.01
    try follow(options) { twin, g, rate, _ in twin.w -= rate * (g + 0.01 * twin.w) }
    for nesterov in [false, true] {
      options.momentum = 0.9
      options.nesterov = nesterov
      try follow(options) { twin, g, rate, _ in
        let d = g + 0.01 * twin.w
        twin.m = 0.9 * twin.m + d
        twin.w -= rate * (nesterov ? d + 0.9 * twin.m : twin.m)
      }
    }
  }

  @Test func adamAndItsKin() throws {
    for (kind, amsgrad) in [(OptimizerOptions.Kind.adam, false), (.adam, true), (.adamw, false)] {
      var options = OptimizerOptions()
      options.kind = kind
      options.amsgrad = amsgrad
      options.rate = 0.05
      options.weightDecay = 0.02
      try follow(options) { twin, gradient, rate, t in
        let g = kind == .adam ? gradient + 0.02 * twin.w : gradient
        if kind == .adamw { twin.w -= rate * 0.02 * twin.w }
        twin.m = 0.9 * twin.m + 0.1 * g
        twin.v = 0.999 * twin.v + 0.001 * g * g
        twin.top = amsgrad ? max(twin.top, twin.v) : twin.v
        let size = (twin.top / (1 - power(0.999, t))).squareRoot()
        twin.w -= rate * twin.m / (1 - power(0.9, t)) / (size + 1e-8)
      }
    }
    var options = OptimizerOptions()
    options.kind = .adamax
    options.rate = 0.05
    try follow(options) { twin, g, rate, t in
      twin.m = 0.9 * twin.m + 0.1 * g
      twin.v = max(0.999 * twin.v, abs(g) + 1e-8)
      twin.w -= rate / (1 - power(0.9, t)) * twin.m / twin.v
    }
  }

  private func power(_ base: Double, _ t: Int) -> Double { (0..<t).reduce(1) { p, _ in p * base } }

  @Test func schedules() {
    typealias S = OptimizerOptions.Schedule
    #expect(S.constant.factor(1000) == 1)
    #expect(S.decay(factor: 0.5, steps: 10).factor(9) == 1)
    #expect(S.decay(factor: 0.5, steps: 10).factor(20) == 0.25)
    #expect(S.milestones([3, 5], factor: 0.1).factor(2) == 1)
    #expect(abs(S.milestones([3, 5], factor: 0.1).factor(5) - 0.01) < 1e-6)
    #expect(abs(S.cosine(steps: 10).factor(5) - 0.5) < 1e-6)
    #expect(S.cosine(steps: 10).factor(20) < 1e-6)
    #expect(S.linear(steps: 4).factor(1) == 0.75)
  }

  @Test func gradientsAreClipped() throws {
    var options = OptimizerOptions()
    options.kind = .sgd
    options.rate = 1
    options.clipNorm = 1
    let parameter = try Parameter("w", Tensor(vector: [0, 0]), isTrained: true)
    let optimizer = try Optimizer(options, [parameter], seed: 1)
    (parameter.gradient[0], parameter.gradient[1]) = (3, 4)
    let norm = try optimizer.gradientNorm()
    #expect(norm == 5)
    try optimizer.advance(norm, try ThreadPool(1))
    #expect(abs(parameter.read()[0] + 0.6) < 1e-6 && abs(parameter.read()[1] + 0.8) < 1e-6)
  }

  /// Noise has the deviation that was asked for, fades, and does not depend on threads.
  @Test(arguments: OptimizerOptions.Noise.Kind.allCases)
  func noiseIsWhatItSays(_ kind: OptimizerOptions.Noise.Kind) throws {
    var results: [[Float]] = []
    for threads in [1, 3] {
      var options = OptimizerOptions()
      options.kind = .sgd
      options.rate = 0
      options.noise = .init(kind, sigma: 0.1, fadesAt: 10)
      let parameter = try Parameter(
        "w", .filled(2, shape: Shape([50, 40])), isTrained: true, isMatrix: true)
      let optimizer = try Optimizer(options, [parameter], seed: 7)
      let pool = try ThreadPool(threads)
      try optimizer.advance(try optimizer.gradientNorm(), pool)
      let moved = parameter.read().map { kind == .additive ? Double($0) - 2 : Double($0) / 2 - 1 }
      let mean = moved.reduce(0, +) / 2000
      let deviation = (moved.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 2000).squareRoot()
      // One step of ten has faded by a tenth.
      #expect(abs(mean) < 0.01 && abs(deviation - 0.09) < 0.01, "\(mean) \(deviation)")
      for _ in 0..<20 { try optimizer.advance(try optimizer.gradientNorm(), pool) }
      let after = parameter.read()
      try optimizer.advance(try optimizer.gradientNorm(), pool)
      #expect(parameter.read() == after)
      results.append(after)
    }
    #expect(results[0] == results[1])
  }
}

import ArcuateCore
import Testing

@testable import ArcuateTraining

@Suite struct LossTests {
  struct Case: CustomTestStringConvertible, Sendable {
    let kind: Loss.Kind
    let readout: Loss.Readout
    var isTraining = true
    var testDescription: String { "\(kind) of \(readout)\(isTraining ? "" : ", evaluated")" }
  }

  static let cases =
    Loss.Kind.allCases.flatMap { kind in
      // A gate is for one answer a sample.
      Loss.Readout.allCases.filter { !(kind.isGated && $0 == .every) }.map {
        Case(kind: kind, readout: $0)
      }
    }
    + [Loss.Kind.stochmax, .stochmaxNaive].map { Case(kind: $0, readout: .sum, isTraining: false) }

  /// Gradients against central differences, within a window of the steps.
  @Test(arguments: cases)
  func gradientsAgreeWithFiniteDifferences(_ one: Case) throws {
    let (samples, steps, width) = (3, 4, 5)
    let loss = Loss(one.kind, readout: one.readout, window: 1..<4, weight: 1.5)
    // Within 0 ... 1, as probabilities are; sums of steps leave it, so they are small.
    var outputs = (0..<3).map { port in
      GradientCase.random(samples * steps * width, 270 + UInt32(port)).map { 0.16 + 0.1 * $0 }
    }
    let target: Target =
      one.kind == .count
      ? .values(GradientCase.random(samples * width, 80)) : .labels([4, 0, 2])
    func evaluate() throws -> (BatchResult, [[Float]]) {
      var gradients = outputs.map { [Float](repeating: 0, count: $0.count) }
      let result = try loss.evaluate(
        outputs, samples: samples, steps: steps, width: width, target: target,
        gradients: &gradients, uniform: { 0.3 + 0.05 * Float($0 % 7) },
        isTraining: one.isTraining)
      return (result, gradients)
    }
    let (_, gradients) = try evaluate()
    #expect(gradients[0].contains { $0 != 0 })
    var kinks = 0
    for port in 0..<(one.kind.isGated ? 3 : 1) {
      for i in 0..<outputs[port].count {
        if one.readout != .maximum, i / width % steps == 0 {
          #expect(gradients[port][i] == 0, "the first step is outside of the window")
        }
        let step: Float = 2e-3
        let middle = try evaluate().0.loss
        outputs[port][i] += step
        let high = try evaluate().0.loss
        outputs[port][i] -= 2 * step
        let low = try evaluate().0.loss
        outputs[port][i] += step
        // Where another step is as large, the two sides differ.
        let sides = [(middle - low) / Double(step), (high - middle) / Double(step)]
        if abs(sides[0] - sides[1]) > 0.05 { kinks += 1 }
        let room = 2e-2 * max(1, abs(sides[0]))
        let range = (sides.min()! - room)...(sides.max()! + room)
        // In training, DropMax's posterior takes the first head's value as given.
        if one.kind == .stochmax && port == 1 && one.isTraining { continue }
        #expect(
          range.contains(Double(gradients[port][i])),
          "output \(port)[\(i)]: \(gradients[port][i]), not \(sides)")
      }
    }
    #expect(kinks <= 6)
  }

  /// Whatever is sampled, the label's gate is open while learning, and all that the loss of the naive mask
  /// asks of the others is to close.
  @Test(arguments: [Loss.Kind.stochmax, .stochmaxNaive])
  func theGateOfTheLabelIsOpen(_ kind: Loss.Kind) throws {
    for sampled: Float in [0.001, 0.5, 0.999] {
      var gradients = [[Float]](repeating: [0, 0, 0], count: 3)
      let result = try Loss(kind).evaluate(
        [[2, 0, 1], [-3, 0.2, 0.1], [-3, 0.1, 0]], samples: 1, steps: 1, width: 3,
        target: .labels([0]), gradients: &gradients, uniform: { _ in sampled })
      #expect(result.loss.isFinite)
      #expect(gradients[0][0] > -1, "with a closed gate its share would be nothing")
      if kind == .stochmaxNaive {
        #expect(gradients[1][0] == 0)
        // A gate that stands wide open or shut has no slope left.
        let least: Float = sampled == 0.5 ? .leastNonzeroMagnitude : 0
        #expect(gradients[1][1] >= least && gradients[1][2] >= least)
        #expect(gradients[2] == [0, 0, 0])
      }
    }
  }

  @Test func bitsOfAMistakeAreNamed() throws {
    var gradients: [[Float]] = [[0, 0]]
    for target in [Target.labels([2]), .labels([-1]), .labels([0, 1]), .values([1])] {
      #expect(throws: ArcuateError.self) {
        _ = try Loss().evaluate(
          [[0, 0]], samples: 1, steps: 1, width: 2, target: target, gradients: &gradients)
      }
    }
    #expect(gradients == [[0, 0]])
  }
}

extension Loss.Kind {
  fileprivate var isGated: Bool { self == .stochmax || self == .stochmaxNaive }
}

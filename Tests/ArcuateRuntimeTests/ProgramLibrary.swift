import Arcuate
import ArcuateModel
import ArcuateTestSupport
import Foundation

/// How to run a program of the library.
extension ProgramLibrary {
  static let top = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()

  /// What a layer emits and its first state after each step, which is empty for integers: [step][neuron].
  static func run(
    _ program: NeuronProgram, _ inputs: [[[Float]]], parameters: [String: Tensor] = [:],
    dt_s: Double = 1e-3
  ) throws -> (emitted: [[Float]], state: [[Float]]) {
    let (steps, count) = (inputs[0].count, inputs[0][0].count)
    var model = try ProgramTests.model(
      .program(ProgramNeuron(program, parameters: parameters)), count, inputs: inputs.count)
    model.dt_s = dt_s
    let session = try model.compile().makeSession()
    let isNumber = program.states.first?.type == .number
    let probe = isNumber ? try session.makeProbe("neurons", .membrane, capacity: steps) : nil
    let emitted = try session.run(frames: steps, inputs.map { $0.flatMap { $0 } })[0]
    func rows(_ values: [Float]) -> [[Float]] {
      stride(from: 0, to: values.count, by: count).map { Array(values[$0..<$0 + count]) }
    }
    return (rows(emitted), rows(probe?.values() ?? []))
  }

  /// The program, but it emits its state v, which a probe cannot record if it is an integer.
  static func showing(_ text: String) throws -> NeuronProgram {
    let renamed = text.replacing(try Regex("\\b(spike|count)\\b")) { "\($0.output[0].substring!)_" }
    return try NeuronProgram(renamed + "\nvalue = number(v)\n")
  }

  /// Inputs between `low` and `high`: [step][neuron].
  static func inputs(
    _ steps: Int, _ count: Int, _ low: Float, _ high: Float, stream: UInt32 = 0
  ) -> [[Float]] {
    let random = CounterRandom(seed: 11)
    return (0..<steps).map { t in
      (0..<count).map {
        low + (high - low) * random.uniform(stream: stream, step: UInt64(t), index: UInt32($0))
      }
    }
  }
}

import Arcuate
import ArcuateTestSupport
import Testing

/// Rows of zeros and ones that are there as lists alone: nobody can tell.
@Suite struct BareRowsTests {
  private static let batch = 3
  private static let size = 70
  /// More than a call keeps as bits.
  private static let frames = 300

  private static func session() throws -> Session {
    var dice = Dice(5)
    func linear(_ outputs: Int, _ inputs: Int, _ scale: Float) throws -> Operator {
      let weights = (0..<outputs * inputs).map { _ in dice.uniform(-scale, scale) }
      return .linear(Linear(weight: try Tensor(weights, shape: Shape([outputs, inputs]))))
    }
    func neurons() -> Operator {
      .neuron(
        Neuron(
          .integrateAndFire, resistance: Tensor(scalar: 1), threshold: Tensor(scalar: 0.5),
          resetValue: Tensor(scalar: 0)))
    }
    var model = Model.chain([
      ("in", .input(shape: try Shape([size]))), ("a", try linear(40, size, 1)), ("n", neurons()),
      ("b", try linear(9, 40, 1)), ("out", .output(shape: try Shape([9]))),
    ])
    model.dt_s = 1e-3
    var options = CompileOptions()
    options.batch = batch
    return try model.compile(options).makeSession()
  }

  /// Rows of spikes of all densities, of which some have other numbers.
  private static func input() -> [Float] {
    var dice = Dice(6)
    return (0..<frames * batch).flatMap { r in
      let density: Float = [0, 0.03, 0.2, 0.9][r % 4]
      return (0..<size).map { _ in
        dice.uniform() < density ? (r % 7 == 0 ? dice.uniform(-1, 1) : 1) : 0
      }
    }
  }

  @Test func stepsAndProbesSeeTheSame() throws {
    let input = Self.input()
    let whole = try Self.session()
    let expected = try whole.run(frames: Self.frames, [input])[0]
    #expect(expected.contains { $0 != 0 })

    // Step by step, which keeps no more than a row.
    let steps = try Self.session()
    let row = Self.batch * Self.size
    var parts: [Float] = []
    for t in 0..<Self.frames { parts += try steps.step([Array(input[t * row..<(t + 1) * row])])[0] }
    #expect(parts == expected)
    #expect(try steps.totalCounters() == whole.totalCounters())

    let watched = try Self.session()
    let (inputs, spikes) = (
      try watched.makeProbe("in", capacity: Self.frames),
      try watched.makeProbe("n", capacity: Self.frames)
    )
    #expect(try watched.run(frames: Self.frames, [input])[0] == expected)
    #expect(inputs.values() == input)
    #expect(spikes.values().allSatisfy { $0 == 0 || $0 == 1 })
    let count = spikes.values().reduce(0, +)
    let counted = try watched.counters(of: "n").spikes
    #expect(count > 0 && UInt64(count) == counted)
  }

  /// A number that is not finite is named wherever it stands, and nothing has happened.
  @Test func whatIsNotFiniteIsNamed() throws {
    let input = Self.input()
    let session = try Self.session()
    _ = try session.run(frames: Self.frames, [input])
    let state = session.save()
    for place in [0, 4, Self.size * 5 + 69, input.count - 1] {
      var wrong = input
      wrong[place] = place % 2 == 0 ? .nan : -.infinity
      #expect {
        try session.run(frames: Self.frames, [wrong])
      } throws: { "\($0)".contains("number \(place) is not finite") }
      #expect(session.save() == state)
    }
  }
}

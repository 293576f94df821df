import Arcuate
import Testing

/// What cannot be taken is refused with a sentence that names the field, its value and its range.
@Suite struct RefusalTests {
  /// A leaky integrator behind a weight, which needs dt.
  static func model(dt_s: Double? = 1e-3, weight: [Float] = [1, 1, 1, 1]) throws -> Model {
    var model = Model.chain([
      ("input", .input(shape: [2])),
      ("weight", .linear(Linear(weight: try Tensor(weight, shape: [2, 2])))),
      ("leaky", .neuron(Neuron(.li, tauMembrane: Tensor(vector: [0.02, 0.02])))),
      ("output", .output(shape: [2])),
    ])
    model.dt_s = dt_s
    return model
  }

  func refusal(_ code: ArcuateError.Code, _ body: () throws -> Void) -> String {
    let error = #expect(throws: ArcuateError.self) { try body() }
    #expect(error?.code == code)
    return error?.description ?? ""
  }

  @Test func aStepOfUnknownLength() throws {
    let model = try Self.model(dt_s: nil)
    let notes = model.check().findings.filter { $0.message.contains("--dt") }
    #expect(notes.map(\.location) == ["node \"leaky\""] && notes.map(\.severity) == [.note])
    let sentence = refusal(.cannotCompile) { _ = try model.compile() }
    for word in ["leaky", "--dt", "dt=", "dt_s"] { #expect(sentence.contains(word)) }
    var options = CompileOptions()
    options.dt_s = 1e-3
    #expect(try model.compile(options).findings.isEmpty)
    #expect(try Self.model().check().findings.isEmpty)
  }

  @Test(arguments: [-1e-3, 0, 9e-13, 1.1e6, .infinity, .nan])
  func lengthsOfAStep(dt_s: Double) throws {
    var options = CompileOptions()
    options.dt_s = dt_s
    #expect(
      refusal(.invalidArgument) { _ = try Self.model().compile(options) }
        == "dt_s must be 1e-12 ... 1000000.0, got \(dt_s)")
    #expect(
      refusal(.invalidModel) { _ = try Self.model(dt_s: dt_s).compile() }.contains("1000000.0"))
  }

  @Test func optionsOutOfRange() throws {
    let model = try Self.model()
    let fields: [(String, WritableKeyPath<CompileOptions, Int>, Int)] = [
      ("steps_per_frame", \.stepsPerFrame, 1_000_000), ("batch", \.batch, 65_535),
      ("threads", \.threads, 256),
    ]
    for (field, path, most) in fields {
      for value in [0, -1, most + 1, .max] {
        var options = CompileOptions()
        options[keyPath: path] = value
        #expect(
          refusal(.invalidArgument) { _ = try model.compile(options) }
            == "\(field) must be 1 ... \(most), got \(value)")
      }
    }
  }

  @Test func aWeightThatIsNotFinite() throws {
    let model = try Self.model(weight: [1, 2, .nan, 4])
    #expect(refusal(.invalidModel) { _ = try model.compile() }.contains("not finite at [1, 0]"))
  }

  @Test func eventsOutsideOrOutOfOrder() throws {
    let session = try Self.model().compile().makeSession()
    func event(_ step: UInt32, _ stream: UInt16, _ port: UInt16, _ index: UInt32) -> Event {
      Event(step: step, stream: stream, port: port, index: index, value: 1)
    }
    for (wrong, sentence) in [
      (event(3, 0, 0, 0), "event 1: step 3 is not within 0 ..< 3"),
      (event(0, 0, 0, 0), "event 1: step 0 comes after step 1"),
      (event(1, 1, 0, 0), "event 1: stream 1 is not within 0 ..< 1"),
      (event(1, 0, 2, 0), "event 1: port 2 is not within 0 ..< 1"),
      (event(1, 0, 0, 2), "event 1: index 2 is not within 0 ..< 2"),
    ] {
      let said = refusal(.invalidArgument) {
        _ = try session.runEvents([event(1, 0, 0, 0), wrong], steps: 3)
      }
      #expect(said.hasPrefix(sentence))
    }
  }

  @Test func memoryThatCannotBeHad() throws {
    let session = try Self.model().compile().makeSession()
    let said = refusal(.limitExceeded) { _ = try session.makeProbe("leaky", capacity: .max) }
    #expect(said.contains("2^34"))
  }
}

import Arcuate
import Testing

/// A small file may state delays that need gigabytes: memory follows the inputs, and there is a limit.
@Suite struct SessionLimitTests {
  /// One input to `outputs` outputs, through connections with these delays.
  static func delayed(_ delays: [Float]) throws -> Model {
    let count = delays.count
    var model = Model.chain([
      ("input", .input(shape: [1])),
      (
        "synapses",
        .sparse(
          SparseLinear(
            post: count, pre: 1, rowStarts: IndexArray([0, UInt32(count)]),
            postIndices: IndexArray((0..<count).map { UInt32($0) }),
            weight: Tensor(vector: [Float](repeating: 2, count: count)),
            delay_s: Tensor(vector: delays)))
      ), ("output", .output(shape: [count])),
    ])
    model.dt_s = 1e-3
    return model
  }

  /// It was 8.2 GB, nearly all of them for lists with space for 2048 inputs.
  @Test func oneConnectionWithAMillionStepsOfDelay() throws {
    let plan = try Self.delayed([1000]).compile()
    #expect(plan.arenaByteCount < 150_000_000)
    let session = try plan.makeSession()
    let spike = Event(step: 0, stream: 0, port: 0, index: 0, value: 1)
    let arrived = try session.runEvents([spike], steps: 1_000_002)
    #expect(arrived.map(\.step) == [1_000_000] && arrived.map(\.value) == [2])
  }

  @Test func delaysThatDifferAreRefused() throws {
    let model = try Self.delayed([0, 1000])
    let error = #expect(throws: ArcuateError.self) { try model.compile() }
    #expect(error?.code == .limitExceeded && error?.location == "node \"synapses\"")
    let sentence = error?.message ?? ""
    for part in [
      "would need 85", " bytes, of which this node needs 85899", "delays of 0 to 1000000 steps",
      "raise max_session_bytes, which is 4294967296",
    ] { #expect(sentence.contains(part), "\(sentence)") }
  }

  @Test func theLimitIsAnOption() throws {
    let model = try Self.delayed([0, 1])
    var options = CompileOptions()
    let needed = try model.compile().arenaByteCount
    options.maxSessionBytes = needed
    _ = try model.compile(options)
    options.maxSessionBytes = needed - 1
    let error = #expect(throws: ArcuateError.self) { try model.compile(options) }
    #expect(error?.code == .limitExceeded)
    #expect(error?.message.contains("\(needed) bytes") == true)
    for wrong in [0, 4095, 1 << 36 + 1, .max, -1] {
      options.maxSessionBytes = wrong
      let error = #expect(throws: ArcuateError.self) { try model.compile(options) }
      #expect(
        error?.message == "max_session_bytes must be 4096 ... \(1 << 36), got \(wrong)")
    }
  }
}

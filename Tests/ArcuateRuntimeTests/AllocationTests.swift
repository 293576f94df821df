import AllocationCounter
import Arcuate
import ArcuateTestSupport
import Testing

#if DEBUG
  private let isOptimised = false
#else
  private let isOptimised = true
#endif

/// After creation a session allocates nothing, on any of its threads.
///
/// The promise is that of an optimised build: `swift test -c release -Xswiftc -enable-testing --filter AllocationTests`.
@Suite(
  .serialized, .enabled(if: allocation_counter_works() != 0, "needs a build that can count"),
  .enabled(if: isOptimised, "needs -c release"))
struct AllocationTests {
  /// What `body` allocates on this thread and the workers of `session`.
  static func allocations(_ session: Session, _ body: () throws -> Void) rethrows -> UInt64 {
    func join(_ counted: Bool) {
      allocation_counter_join(counted ? 1 : 0)
      session.onWorkers { _ in allocation_counter_join(counted ? 1 : 0) }
    }
    join(true)
    let before = allocation_counter_total()
    defer { join(false) }
    try body()
    return allocation_counter_total() - before
  }

  @Test func countsWhatIsAllocated() throws {
    let session = try EquivalenceTests.session(Family.dense.draw(1))
    var arrays: [[Int]] = []
    let count = Self.allocations(session) {
      for i in 1...10 { arrays.append([Int](repeating: i, count: 100)) }
    }
    #expect(count >= 10 && arrays.count == 10)
  }

  @Test(arguments: Family.allCases, [1, 2, 4])
  func runningAllocatesNothing(family: Family, threads: Int) throws {
    let model = family.draw(3)
    let all = EquivalenceTests.input(model, family, 3)
    for (batch, steps) in [(3, 1), (1, 4)] {
      let session = try EquivalenceTests.session(
        model, .init(threads: threads, batch: batch, stepsPerFrame: steps, output: .sum))
      _ = try session.makeProbe(session.plan.nodeNames.last!, capacity: 4)
      let plan = session.plan
      let frames = 5
      let input = plan.inputs.indices.map {
        Array(all[$0].prefix(plan.inputCount(port: $0, frames: frames)))
      }
      let counts = plan.outputs.indices.map { plan.outputCount(port: $0, frames: frames) }
      let events = [Event(step: 0, index: 0, value: 1), Event(step: 3, index: 1, value: 1)]
      var room = [Event](repeating: Event(step: 0, index: 0), count: 4000)
      var snapshot = [UInt8](repeating: 0, count: session.snapshotByteCount)
      var count: UInt64 = 0
      try InputPorts.with(input) { inputs in
        _ = try OutputPorts.collect(counts: counts) { outputs in
          // The first call may allocate what the language makes once, such as type metadata.
          try session.run(frames: frames, inputs: inputs, outputs: outputs)
          count = try Self.allocations(session) {
            for _ in 0..<3 { try session.run(frames: frames, inputs: inputs, outputs: outputs) }
            session.reset()
          }
        }
      }
      #expect(count == 0, "run: \(count) allocations, batch \(batch)")
      let step = plan.inputs.indices.map {
        Array(all[$0].prefix(batch * plan.inputs[$0].shape.count))
      }
      try InputPorts.with(step) { inputs in
        let sizes = plan.outputs.map { batch * $0.shape.count }
        _ = try OutputPorts.collect(counts: sizes) { outputs in
          try session.step(inputs: inputs, outputs: outputs)
          count = try Self.allocations(session) {
            for _ in 0..<5 { try session.step(inputs: inputs, outputs: outputs) }
          }
        }
      }
      #expect(count == 0, "step: \(count) allocations, batch \(batch)")
      try events.withUnsafeBufferPointer { events in
        try room.withUnsafeMutableBufferPointer { room in
          _ = try session.runEvents(events, steps: 6, into: room)
          count = try Self.allocations(session) {
            for _ in 0..<3 { _ = try session.runEvents(events, steps: 6, into: room) }
          }
        }
      }
      #expect(count == 0, "events: \(count) allocations, batch \(batch)")
      count = try snapshot.withUnsafeMutableBytes { bytes in
        try session.save(into: bytes)
        return try Self.allocations(session) { try session.save(into: bytes) }
      }
      #expect(count == 0, "save: \(count) allocations")
    }
  }

  @Test(arguments: [1, 3])
  func learningAllocatesNothing(threads: Int) throws {
    let trace = Trace(tau_s: 0.02, arrival: .set)
    var rule = PlasticRule(
      post: "cells",
      [
        .init(.pre, pre: .value, post: .trace(trace, before: true), rate: -0.01),
        .init(.post, pre: .trace(trace, before: false), post: .value, rate: 0.1),
      ])
    (rule.low, rule.high, rule.columnSum) = (0, 1, 20)
    var error = PlasticRule(
      post: "answer", [.init(.step, pre: .value, post: .one, rate: 0.1)])
    error.modulator = .init(.error(node: "answer", teacher: "label"), .each)
    error.scaling = .maximum(decay: 0.9, rate: 0.01)
    var framed = PlasticRule(
      post: "cells", [.init(.post, pre: .sinceReset(trace), post: .one, rate: 1)])
    framed.application = .frame
    framed.modulator = .init(
      .error(node: "answer", teacher: "label"), .random(seed: 1, amplitude: 1))
    for first in [rule, framed] {
      var cell = Cell(size: 400)
      cell.tauMembrane_s = 0.02
      cell.adaptation = 0.05
      cell.winners = 3
      cell.refractory_s = 0.002
      var model = Model.chain([
        ("in", .input(shape: try Shape([300]))), ("code", .encoder(.bernoulli(gain: 0.5, seed: 1))),
        (
          "w",
          .plastic(
            .linear(
              PlasticLinear(
                weight: .filled(0.05, shape: try Shape([400, 300])), rule: first)))
        ),
        ("cells", .program(cell.neuron)),
        (
          "v",
          .plastic(
            .linear(
              PlasticLinear(weight: .filled(0.1, shape: try Shape([10, 400])), rule: error)))
        ),
        ("answer", .activation(.tanh)), ("out", .output(shape: try Shape([10]))),
      ])
      model.dt_s = 1e-3
      let (count, session) = try allocationsOfLearning(model, threads: threads, inputs: 300)
      #expect(count == 0, "\(count) allocations")
      #expect(try session.adapted("w") != [Float](repeating: 0.05, count: 120_000))
    }
  }

  @Test(arguments: [1, 2])
  func learningKernelsAllocatesNothing(threads: Int) throws {
    var rule = PlasticRule(
      post: "cells",
      [
        .init(.step, pre: .trace(Trace(tau_s: 0.01), before: false), post: .one, rate: 0.1)
      ])
    rule.modulator = .init(.error(node: "answer", teacher: "label"), .random(seed: 1, amplitude: 1))
    rule.learnsBias = true
    rule.low = -1
    let kernels = Convolution(
      weight: .filled(0.05, shape: try Shape([4, 3, 3, 3])), stride: [2, 1],
      padding: .explicit([1, 0]), dilation: [1, 1])
    var model = Model.chain([
      ("in", .input(shape: try Shape([3, 10, 10]))),
      ("code", .encoder(.bernoulli(gain: 0.5, seed: 1))),
      ("w", .plastic(.convolution(PlasticConvolution(kernels, rule: rule)))),
      ("cells", .program(Cell(size: 4 * 5 * 8).neuron)), ("flat", .flatten(Flatten())),
      ("answer", .linear(Linear(weight: .filled(0.1, shape: try Shape([10, 160]))))),
      ("out", .output(shape: try Shape([10]))),
    ])
    model.dt_s = 1e-3
    let (count, session) = try allocationsOfLearning(model, threads: threads, inputs: 300)
    #expect(count == 0, "\(count) allocations")
    let learned = try session.adapted("w")
    #expect(learned != [Float](repeating: 0.05, count: 108))
    let (_, alone) = try allocationsOfLearning(model, threads: 1, inputs: 300)
    #expect(try alone.adapted("w") == learned)
  }

  /// How often four streams of ten labels allocate while they learn, after the first frame.
  private func allocationsOfLearning(
    _ model: Model, threads: Int, inputs: Int
  ) throws -> (UInt64, Session) {
    var options = CompileOptions()
    options.batch = 4
    options.threads = threads
    options.stepsPerFrame = 6
    options.frameState = .reset
    let session = try model.compile(options).makeSession()
    session.adapts = true
    let label = [Float](repeating: 0.5, count: 40)
    let input = [[Float](repeating: 0.7, count: 4 * inputs)]
    var count: UInt64 = 1
    try InputPorts.with(input) { inputs in
      _ = try OutputPorts.collect(counts: [40]) { outputs in
        try label.withUnsafeBufferPointer { label in
          try session.setSignal("label", label)
          try session.run(frames: 1, inputs: inputs, outputs: outputs)
          count = try Self.allocations(session) {
            for _ in 0..<3 {
              try session.setSignal("label", label)
              try session.run(frames: 1, inputs: inputs, outputs: outputs)
            }
          }
        }
      }
    }
    return (count, session)
  }
}

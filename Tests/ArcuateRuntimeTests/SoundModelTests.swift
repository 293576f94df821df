import Arcuate
import ArcuateTestSupport
import Foundation
import Testing

/// Models that are drawn without regard to whether they make sense, under every option: the check
/// finds an error, or every operation succeeds or throws an `ArcuateError`. What ends the process
/// fails the whole run; ARCUATE_TEST_MODELS=n draws n times as many, from ARCUATE_TEST_SEED on, the
/// file that ARCUATE_TEST_TRACE names tells the seed at which it ended, and the folder
/// ARCUATE_TEST_DUMP gets the models.
@Suite struct SoundModelTests {
  private static let environment = ProcessInfo.processInfo.environment
  private static let count =
    (TestSize.isQuick ? 100 : 300) * (environment["ARCUATE_TEST_MODELS"].flatMap { Int($0) } ?? 1)
  private static let first = environment["ARCUATE_TEST_SEED"].flatMap { UInt64($0) } ?? 1

  /// How often each operation succeeded, and each way in which it did not.
  final class Tally {
    var counts: [String: Int] = [:]
    var examples: [String: UInt64] = [:]
    var seed: UInt64 = 0
    /// Of the latest failure.
    var message = ""

    @discardableResult
    func note<T>(_ what: String, _ body: () throws -> T) -> T? {
      do {
        let result = try body()
        counts[what, default: 0] += 1
        return result
      } catch {
        guard let error = error as? ArcuateError else {
          Issue.record("seed \(seed): \(what) throws \(error)")
          return nil
        }
        let key = "\(what): \(error.code)"
        counts[key, default: 0] += 1
        if examples[key] == nil { examples[key] = seed }
        message = "\(error)"
        if error.message.isEmpty { Issue.record("seed \(seed): \(what) has no message") }
        return nil
      }
    }
  }

  private static func options(_ dice: inout Dice, _ model: Model) -> CompileOptions {
    func one<T>(_ of: [T]) -> T { of[dice.integer(0...of.count - 1)] }
    var options = CompileOptions()
    options.batch = one([1, 1, 2, 3, 17])
    options.threads = one([1, 2, 2, 3, 5])
    options.numerics = one([.exact, .fast])
    options.alwaysStages = one([true, false])
    if dice.uniform() < 0.7 { options.stepsPerFrame = one([1, 2, 3]) }
    if dice.uniform() < 0.5 { options.frameState = one(CompileOptions.FrameState.allCases) }
    if dice.uniform() < 0.5 { options.frameInput = one(CompileOptions.FrameInput.allCases) }
    if dice.uniform() < 0.5 { options.frameOutput = one(CompileOptions.FrameOutput.allCases) }
    if model.dt_s == nil, dice.uniform() < 0.8 { options.dt_s = 1e-3 }
    return options
  }

  @Test func everyModelIsRefusedOrAnswers() throws {
    let tally = Tally()
    let trace = Self.environment["ARCUATE_TEST_TRACE"].flatMap { path in
      FileManager.default.createFile(atPath: path, contents: nil)
        ? FileHandle(forWritingAtPath: path) : nil
    }
    for seed in Self.first..<Self.first + UInt64(Self.count) {
      if let trace {
        try trace.seek(toOffset: 0)
        try trace.write(contentsOf: Data("\(seed)          \n".utf8))
      }
      tally.seed = seed
      try Self.use(RandomModel.draw(seed), seed, tally)
    }
    print("\(Self.count) models from seed \(Self.first):")
    for (what, count) in tally.counts.sorted(by: { $0.key < $1.key }) {
      print("  \(count) \(what)" + (tally.examples[what].map { ", first of seed \($0)" } ?? ""))
    }
    // Enough of everything happened.
    for what in ["run", "train", "snapshot", "int8", "safetensors", "probe", "events"] {
      #expect(tally.counts[what, default: 0] > Self.count / 100, "\(what)")
    }
    #expect(tally.counts["converted", default: 0] > 0)
  }

  private static func use(_ model: Model, _ seed: UInt64, _ tally: Tally) throws {
    var dice = Dice(seed ^ 0x5EED)
    let (checked, findings) = model.check()
    let errors = findings.filter { $0.severity == .error }
    #expect((checked == nil) == !errors.isEmpty, "seed \(seed): \(findings)")
    tally.note(checked == nil ? "refused by the check" : "sound") {}
    if let first = errors.first, environment["ARCUATE_TEST_REASONS"] != nil {
      let words = first.message.split(separator: " ").filter {
        !$0.contains { "0123456789\"".contains($0) }
      }
      tally.note("  refused: " + words.prefix(6).joined(separator: " ")) {}
    }
    let options = options(&dice, model)

    let bytes = tally.note("safetensors") { try ModelFormat.safetensors.encode(model) }
    if let bytes {
      if let folder = environment["ARCUATE_TEST_DUMP"] {
        try Data(bytes).write(to: URL(filePath: "\(folder)/\(seed).safetensors"))
      }
      let again = tally.note("safetensors again") { try ModelFile.parse(Bytes(bytes)).model }
      if checked != nil { #expect(again != nil, "seed \(seed): \(tally.message)") }
    }
    if let bytes = tally.note("nir", { try ModelFormat.nir.encode(model) }) {
      let again = tally.note("nir again") { try ModelFile.parse(Bytes(bytes)).model }
      #expect(again != nil, "seed \(seed): \(tally.message)")
    }
    let folded = tally.note("folded") { try model.foldingBatchNorm() }
    let narrow = tally.note("int8") { try model.quantized(to: .int8).model }
    tally.note("converted") { try model.converted(conversion(&dice)) }

    for (name, model) in [("", model), ("folded ", folded), ("int8 ", narrow)] {
      guard let model, name.isEmpty || dice.uniform() < 0.3 else { continue }
      guard let plan = tally.note(name + "compile", { try model.compile(options) }) else {
        if name.isEmpty, errors.isEmpty { expectReason(model, options, seed) }
        continue
      }
      if !errors.isEmpty { Issue.record("seed \(seed): compiles in spite of \(errors)") }
      if name.isEmpty { try run(plan, model, seed, &dice, tally) }
      if !name.isEmpty { tally.note(name + "session") { try plan.makeSession() } }
    }
    train(model, options, &dice, tally)
  }

  /// A model that the check calls sound is refused for what the check cannot know alone.
  private static func expectReason(_ model: Model, _ options: CompileOptions, _ seed: UInt64) {
    let error = #expect(throws: ArcuateError.self) { try model.compile(options) }
    let isOption =
      model.metadata["steps_per_frame"] != nil || model.dt_s == nil
      || error?.code == .limitExceeded || error?.code == .cannotCompile
      // Constants of programs are known with the step length.
      || error?.message.hasSuffix("which float32 cannot hold") == true
    #expect(isOption, "seed \(seed): the check finds no error, but compiling says \(error!)")
  }

  private static func conversion(_ dice: inout Dice) -> ConversionOptions {
    var options = ConversionOptions()
    options.balancing = .model
    if dice.uniform() < 0.3 { options.readout = .mean }
    if dice.uniform() < 0.3 { (options.input, options.steps) = (.singleShot, 8) }
    if dice.uniform() < 0.3 { (options.bias, options.steps) = (.once, 8) }
    return options
  }

  private static func run(
    _ plan: Plan, _ model: Model, _ seed: UInt64, _ dice: inout Dice, _ tally: Tally
  ) throws {
    #expect(!"\(plan)".isEmpty)
    guard let session = tally.note("session", { try plan.makeSession() }) else { return }
    func inputs(_ frames: Int) -> [[Float]] {
      plan.inputs.indices.map {
        dice.signal(
          plan.inputCount(port: $0, frames: frames), density: 0.5, spikes: dice.uniform() < 0.5)
      }
    }
    for (name, width) in plan.signals where dice.uniform() < 0.8 {
      tally.note("signal") {
        try session.setSignal(name, [Float](repeating: 0.5, count: width * plan.options.batch))
      }
    }
    session.adapts = dice.uniform() < 0.8
    let probe = tally.note("probe") {
      try session.makeProbe(plan.nodeNames[dice.integer(0...plan.nodeNames.count - 1)], capacity: 9)
    }
    for frames in [1, 5, 0, 2] {
      tally.note("run") { try session.run(frames: frames, inputs(frames)) }
    }
    _ = probe?.values()
    tally.note("step") { try session.step(inputs(1)) }
    tally.note("events") {
      try session.runEvents(
        plan.inputs.indices.filter { plan.inputs[$0].shape.count > 0 }.map {
          Event(step: 0, stream: 0, port: UInt16($0), index: 0)
        }, steps: 3)
    }
    let saved = session.save()
    let other = tally.note("clone") { try session.clone() }
    let data = inputs(2)
    let one = tally.note("run") { try session.run(frames: 2, data) }
    if let other, let two = tally.note("run", { try other.run(frames: 2, data) }) {
      #expect(
        one?.map { $0.map(\.bitPattern) } == two.map { $0.map(\.bitPattern) },
        "seed \(seed): a clone differs")
    }
    tally.note("snapshot") { try session.restore(Bytes(saved)) }
    if let three = tally.note("run", { try session.run(frames: 2, data) }) {
      #expect(
        one?.map { $0.map(\.bitPattern) } == three.map { $0.map(\.bitPattern) },
        "seed \(seed): a restored session differs")
    }
    session.normalize()
    tally.note("consolidate") { try session.consolidate() }
    session.restoreWeights()
    tally.note("adapted model") { try session.adaptedModel() }
    session.reset()
    tally.note("counters") { try session.totalCounters() }
  }

  private static func train(
    _ model: Model, _ options: CompileOptions, _ dice: inout Dice, _ tally: Tally
  ) {
    var training = TrainingOptions()
    training.gradient.batch = min(options.batch, 3)
    training.gradient.threads = options.threads
    training.gradient.dt_s = options.dt_s
    training.gradient.steps = dice.integer(1...3)
    training.mode = dice.uniform() < 0.2 ? .tandem : .direct
    if dice.uniform() < 0.2 { training.gradient.trained = ["tau", "v_threshold", "r"] }
    if dice.uniform() < 0.2 { training.gradient.input = .every }
    if dice.uniform() < 0.5 { training.losses = [(0, Loss(.meanSquare))] }
    guard
      let trainer = tally.note("trainer", { try Trainer(model, training) }),
      trainer.network.outputCount > 0
    else { return }
    let batch = trainer.batch
    let inputs = (0..<trainer.network.inputCount).map {
      dice.signal(batch * trainer.sampleWidth($0), density: 0.7, spikes: false)
    }
    let labels = Target.labels([Int](repeating: 0, count: batch))
    let values = Target.values(
      [Float](repeating: 0.5, count: batch * trainer.network.outputWidth(0)))
    for _ in 0..<2 {
      tally.note("train") { try trainer.trainStep(inputs, dice.uniform() < 0.5 ? labels : values) }
    }
    tally.note("evaluate") { try trainer.evaluate(inputs, labels, samples: batch) }
    tally.note("predict") { try trainer.predict(inputs, samples: 1) }
    tally.note("trained model") { try trainer.model() }
  }
}

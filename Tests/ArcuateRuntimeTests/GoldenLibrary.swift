import Arcuate
import ArcuateTestSupport
import Foundation
import Testing

/// How a case is compiled, and by its name what it is called in the file.
struct Setting {
  var batch = 1
  var threads = 1
  var steps = 1
  var isFast = false
  /// Whether every frame starts from rest.
  var resets = false
  /// Whether a frame enters at its first step only.
  var isFirstOnly = false
  var output = CompileOptions.FrameOutput.last
  var semantics: NeuronSemantics?
  var alwaysStages = false

  var name: String {
    var words = ["b\(batch)", "t\(threads)"]
    if steps > 1 { words.append("s\(steps)") }
    if resets { words.append("reset") }
    if isFirstOnly { words.append("first") }
    if output != .last { words.append(output.rawValue) }
    if alwaysStages { words.append("stages") }
    return words.joined(separator: " ")
  }
}

/// The names of the library that these tests use, in one place.
enum Library {
  static var instructions: String { Instructions.current.rawValue }
  /// Whether these are the best that the processor has.
  static var usesBestInstructions: Bool { Instructions.current == Instructions.available.last }

  static func session(_ model: Model, _ setting: Setting) throws -> Session {
    var options = CompileOptions()
    options.dt_s = 1e-3
    options.batch = setting.batch
    options.threads = setting.threads
    options.stepsPerFrame = setting.steps
    options.numerics = setting.isFast ? .fast : .exact
    options.frameState = setting.resets ? .reset : .keep
    options.frameInput = setting.isFirstOnly ? .first : .hold
    options.frameOutput = setting.output
    options.semantics = setting.semantics
    options.alwaysStages = setting.alwaysStages
    return try model.compile(options).makeSession()
  }

  static func another(_ session: Session) throws -> Session { try session.plan.makeSession() }
  static func clone(_ session: Session) throws -> Session { try session.clone() }

  static func run(_ session: Session, frames: Int, _ inputs: [[Float]]) throws -> [[Float]] {
    try session.run(frames: frames, inputs)
  }
  static func step(_ session: Session, _ inputs: [[Float]]) throws -> [[Float]] {
    try session.step(inputs)
  }
  static func runEvents(_ session: Session, _ events: [Event], steps: Int) throws -> [Event] {
    try session.runEvents(events, steps: steps)
  }
  static func reset(_ session: Session, stream: Int? = nil) throws {
    if let stream { try session.reset(stream: stream) } else { session.reset() }
  }
  static func save(_ session: Session) -> [UInt8] { session.save() }
  static func restore(_ session: Session, _ bytes: [UInt8]) throws {
    try session.restore(Bytes(bytes))
  }

  static func batch(_ session: Session) -> Int { session.plan.options.batch }
  /// Numbers of one stream at one step, for each input port.
  static func inputSizes(_ session: Session) -> [Int] { session.plan.inputs.map(\.shape.count) }
  static func nodeNames(_ session: Session) -> [String] { session.plan.nodeNames }
  static func nodeKinds(_ session: Session) -> [String] { session.plan.nodeKinds }
  static func explain(_ session: Session) -> String { session.plan.explain() }

  /// Counters of every node and stream that are the same however rows are summed, and of the ways
  /// that rows took, which depend on the instruction set.
  static func counters(_ session: Session) throws -> (work: [[UInt64]], ways: [[UInt64]]) {
    var (work, ways): ([[UInt64]], [[UInt64]]) = ([], [])
    for node in nodeNames(session) {
      for stream in 0..<batch(session) {
        let c = try session.counters(of: node, stream: stream)
        work.append([
          c.spikes, c.macs, c.acs, c.denseOperations, c.neuronUpdates, c.rows, c.weightBytes,
        ])
        ways.append([c.denseRows, c.sharedRows, c.manyRows, c.tiledRows])
      }
    }
    return (work, ways)
  }

  /// Recordings of all that every node has.
  static func probes(_ session: Session, steps: Int) throws -> [() -> [Float]] {
    nodeNames(session).flatMap { node in
      Probe.Quantity.allCases.compactMap { quantity in
        guard let probe = try? session.makeProbe(node, quantity, capacity: steps) else {
          return nil
        }
        return { probe.values() }
      }
    }
  }

  // Learning on the spot.
  static func setLearning(_ session: Session, _ learns: Bool) { session.adapts = learns }
  static func setRate(_ session: Session, _ rate: Float) throws {
    try session.setAdaptationRate(rate)
  }
  static func signals(_ session: Session) -> [(name: String, width: Int)] { session.plan.signals }
  static func teach(_ session: Session, _ name: String, _ values: [Float]) throws {
    try session.setSignal(name, values)
  }
  static func withdraw(_ session: Session, _ name: String) throws { try session.clearSignal(name) }
  /// Weights, those of each stream, and thresholds: of one node or of all.
  static func learned(_ session: Session, of name: String? = nil) -> [[Float]] {
    (name.map { [$0] } ?? nodeNames(session)).flatMap { node in
      [false, true].compactMap { try? session.adapted(node, fast: $0) }
    }
  }
  static func learnedModel(_ session: Session) throws -> Model { try session.adaptedModel() }
  static func frozen(_ model: Model) -> Model { model.frozen() }
  static func forget(_ session: Session) { session.restoreWeights() }
  /// What a frame begins and ends with, for hosts that run steps.
  static func endFrame(_ session: Session) {
    session.normalize()
    try! session.consolidate()
  }

  // Models.
  static func file(_ model: Model) throws -> [UInt8] { try SafetensorsFile.encode(model) }
  static func narrow(
    _ model: Model, _ element: Tensor.Element, on frames: [[Float]]? = nil, count: Int = 0
  ) throws -> Model {
    var options = QuantizationOptions()
    if let frames {
      var compiling = CompileOptions()
      compiling.dt_s = 1e-3
      options.calibration = SampleFrames(frames: count, inputs: frames, options: compiling)
    }
    return try model.quantized(to: element, options).model
  }
  /// The spiking network that a conversion gives, and the scales that it chose.
  static func convert(
    _ model: Model, _ options: ConversionOptions, on frames: [[Float]], count: Int
  ) throws -> (model: Model, scales: [Float]) {
    let result = try model.converted(
      options, on: SampleFrames(frames: count, inputs: frames))
    return (result.model, result.report.layers.map(\.scale))
  }

  // Trainers.
  static func trainer(_ model: Model, _ options: TrainingOptions) throws -> Trainer {
    try Trainer(model, options)
  }
  /// Numbers of one sample, for each input.
  static func sampleSizes(_ trainer: Trainer) -> [Int] {
    (0..<trainer.network.inputCount).map { trainer.sampleWidth($0) }
  }
  static func answerSize(_ trainer: Trainer, _ port: Int) -> Int {
    trainer.network.outputWidth(port)
  }
  /// What a step of learning came to, each number as bits, and the norm of its gradient.
  static func learn(
    _ trainer: Trainer, _ inputs: [[Float]], _ target: Target
  ) throws -> (bits: [UInt64], gradient: Double) {
    let r = try trainer.trainStep(inputs, target)
    let bits = [
      r.loss.bitPattern, UInt64(r.correct), UInt64(r.samples), UInt64(r.spikes),
      UInt64(r.additions), UInt64(r.products), r.gradientNorm.bitPattern,
    ]
    return (bits, r.gradientNorm)
  }
  static func predict(_ trainer: Trainer, _ inputs: [[Float]], samples: Int) throws -> [[Float]] {
    try trainer.predict(inputs, samples: samples)
  }
  static func parameters(_ trainer: Trainer) -> [(name: String, values: [Float])] {
    trainer.network.parameters.map { ($0.name, $0.read()) }
  }
  static func spikingModel(_ trainer: Trainer) throws -> Model { try trainer.spikingModel() }
}

import Arcuate
import ArcuateTestSupport
import Foundation
import Testing

/// Whether networks still give the bits that were recorded in Tests/golden/expected.txt.
///
/// A line of that file has a name and 64-bit hashes of what a case gave:
///
/// | line             | columns                                       | equal for            |
/// |------------------|-----------------------------------------------|----------------------|
/// | exact NAME       | outputs, counters, snapshot of a session      | all instruction sets |
/// | ways SET NAME    | counters of the ways that rows took           | one instruction set  |
/// | fast SET NAME    | all of these, with fast numerics              | one instruction set  |
/// | explain SET NAME | the plan in words                             | one instruction set  |
/// | learn NAME       | losses, parameters, predictions of a trainer  | all instruction sets |
/// | file NAME        | the model as a file                           | all instruction sets |
///
///     swift test --filter Golden                                    compares
///     ARCUATE_INSTRUCTIONS=avx2 swift test --filter Golden          with narrower instructions
///     ARCUATE_GOLDEN_RECORD=1 swift test --filter Golden            writes the lines anew
///     ARCUATE_GOLDEN_RECORD=explain swift test --filter Golden      those of explain alone
///
/// Lines of other instruction sets stay as they are when lines are written; on a machine whose set
/// has none, what depends on it is skipped. Plans in words of some cases are written beside, to
/// Tests/golden/explain.txt, which is for people.
///
/// Needs. No other test changes the instruction set meanwhile: run all tests with --no-parallel.
@Suite(.serialized) struct GoldenTests {
  static let found = Cases.all()
  /// What is written: all lines ("1") or "explain"; nil where nothing is.
  static let recording = ProcessInfo.processInfo.environment["ARCUATE_GOLDEN_RECORD"]
    .flatMap { ["1", "explain"].contains($0) ? $0 : nil }
  static let expected = GoldenFile.settled(found, recording: recording)
  static let set = Library.instructions
  static let isKnown =
    recording != nil || GoldenFile.read().keys.contains { $0.hasPrefix("explain \(set) ") }

  /// Reports every line that begins with one of `kinds` and is not as recorded.
  private func compare(_ kinds: [String]) {
    func isOurs(_ key: String) -> Bool { kinds.contains { key.hasPrefix($0 + " ") } }
    let (mine, recorded) = (
      Self.found.lines.filter { isOurs($0.key) }, Self.expected.filter { isOurs($0.key) }
    )
    #expect(!mine.isEmpty)
    var complaints: [String] = []
    for (key, columns) in mine {
      guard let before = recorded[key] else {
        complaints.append("\(key): is not in the file")
        continue
      }
      if before == columns { continue }
      // Columns are a name and a hash each.
      let (old, new) = (before.split(separator: " "), columns.split(separator: " "))
      let differing = stride(from: 0, to: new.count - 1, by: 2).filter {
        !old.indices.contains($0 + 1) || old[$0 + 1] != new[$0 + 1]
      }
      complaints.append(
        "\(key): other \(differing.map { String(new[$0]) }.joined(separator: ", "))")
    }
    for key in recorded.keys where mine[key] == nil { complaints.append("\(key): was not run") }
    for complaint in complaints.sorted().prefix(40) { Issue.record("\(complaint)") }
    if complaints.count > 40 { Issue.record("and \(complaints.count - 40) more lines") }
  }

  @Test func everyCaseRunsAndSaysSomething() {
    for failure in Self.found.failures { Issue.record("\(failure)") }
  }

  @Test func everyKindOfNodeIsAmongThem() {
    #expect(Self.found.kinds == Set(Cases.everyKind))
  }

  @Test func exactBitsAreAsRecorded() { compare(["exact"]) }

  @Test func learnedBitsAreAsRecorded() { compare(["learn"]) }

  @Test func filesAreAsRecorded() { compare(["file"]) }

  @Test(.enabled(if: isKnown, "expected.txt has no lines of the instructions in use"))
  func fastBitsAreAsRecorded() { compare(["ways \(Self.set)", "fast \(Self.set)"]) }

  @Test(.enabled(if: isKnown, "expected.txt has no lines of the instructions in use"))
  func plansAreExplainedAsRecorded() { compare(["explain \(Self.set)"]) }
}

// MARK: - What is asked of the library

/// How a case is compiled, and by its name what it is called in the file.
private struct Setting {
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
private enum Library {
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
  static func setRate(_ session: Session, _ rate: Float) throws { try session.setAdaptationRate(rate) }
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
    session.consolidate()
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

// MARK: - The file

/// A number of 64 bits that changes with whatever was added, in order.
///
/// FNV-1a over words, with a shift so that high bits reach the low ones.
private struct Sum {
  private var value: UInt64 = 0xCBF2_9CE4_8422_2325
  /// Whether no number but zero was added.
  private(set) var isSilent = true
  /// Whether some number is none, whose bits nobody promises.
  private(set) var hasNaN = false

  var hex: String {
    let digits = String(value, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }

  mutating func add(_ word: UInt64) {
    value = (value ^ word) &* 0x100_0000_01B3
    value ^= value >> 32
  }
  mutating func add(_ numbers: [Float]) {
    add(UInt64(numbers.count))
    for number in numbers {
      add(UInt64(number.bitPattern))
      if number != 0 { isSilent = false }
      if number.isNaN { hasNaN = true }
    }
  }
  mutating func add(_ rows: [[Float]]) {
    add(UInt64(rows.count))
    for row in rows { add(row) }
  }
  mutating func add(_ rows: [[UInt64]]) {
    add(UInt64(rows.count))
    for row in rows { for word in row { add(word) } }
  }
  /// Bytes as little-endian words, the last one filled up with zeros.
  mutating func add(_ bytes: [UInt8]) {
    add(UInt64(bytes.count))
    let whole = bytes.count & ~7
    bytes.withUnsafeBytes { raw in
      for at in stride(from: 0, to: whole, by: 8) {
        add(UInt64(littleEndian: raw.loadUnaligned(fromByteOffset: at, as: UInt64.self)))
      }
    }
    var last: UInt64 = 0
    for (i, byte) in bytes[whole...].enumerated() { last |= UInt64(byte) << UInt64(8 * i) }
    add(last)
  }
  mutating func add(_ text: String) { add(Array(text.utf8)) }
}

/// The lines of Tests/golden/expected.txt, by their names.
private enum GoldenFile {
  static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().appendingPathComponent("golden")
  static let path = folder.appendingPathComponent("expected.txt")

  static func read() -> [String: String] {
    guard let text = try? String(contentsOf: path, encoding: .utf8) else { return [:] }
    var lines: [String: String] = [:]
    for line in text.split(separator: "\n") where !line.hasPrefix("#") {
      guard let colon = line.range(of: ": ") else { continue }
      lines[String(line[..<colon.lowerBound])] = String(line[colon.upperBound...])
    }
    return lines
  }

  /// What is to be compared with: the file as it is, or as it is after it was written.
  static func settled(_ cases: Cases, recording: String?) -> [String: String] {
    var lines = read()
    guard let recording else { return lines }
    let set = Library.instructions
    let keyed = ["explain", "ways", "fast"].map { "\($0) \(set) " }
    let common = ["exact ", "learn ", "file "]
    let replaced = recording == "explain" ? [keyed[0]] : keyed + common
    func isReplaced(_ key: String) -> Bool { replaced.contains { key.hasPrefix($0) } }
    lines = lines.filter { !isReplaced($0.key) }
    for (key, columns) in cases.lines where isReplaced(key) { lines[key] = columns }
    let head = "# Hashes of what networks give; written and explained by GoldenTests.swift.\n"
    let text = head + lines.map { "\($0.key): \($0.value)\n" }.sorted().joined()
    do {
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      try text.write(to: path, atomically: true, encoding: .utf8)
      // Of one instruction set, so that the file says the same whoever records last.
      if Library.usesBestInstructions {
        try cases.texts.joined(separator: "\n").write(
          to: folder.appendingPathComponent("explain.txt"), atomically: true, encoding: .utf8)
      }
    } catch { Issue.record("\(path.path): \(error)") }
    return lines
  }
}

// MARK: - The cases

/// Why a case would show little.
private enum Unexpected: Error {
  case silence, nothingLearned
}

/// All lines that this build gives.
struct Cases {
  private(set) var lines: [String: String] = [:]
  private(set) var failures: [String] = []
  private(set) var kinds = Set<String>()
  /// Plans in words of a few cases, for people.
  private(set) var texts: [String] = []

  /// Every name that `Operator.kindName` gives.
  static let everyKind = [
    "Input", "Output", "Linear", "Affine", "SparseLinear", "Scale", "Conv1d", "Conv2d", "SumPool2d",
    "AvgPool2d", "MaxPool2d", "SpikeMaxPool2d", "Flatten", "Delay", "Threshold", "I", "IF", "LI",
    "LIF", "CubaLI", "CubaLIF", "NIRGraph", "ReLU", "Sigmoid", "Tanh", "Softmax", "LogSoftmax",
    "BatchNorm", "Concatenation", "Multiplication", "Normalization", "BernoulliEncoder",
    "RateEncoder", "SignedBernoulliEncoder", "SingleShotEncoder", "CountDecoder", "RateDecoder",
    "MeanDecoder", "PlasticLinear", "PlasticConv1d", "PlasticConv2d", "Cell", "Trace", "Winners",
    "Projection",
  ]

  /// Cases whose plans are kept in words.
  private static let explained = [
    "dense 1 b3 t2", "hybrid 1 b1 t1 fast", "population 1 b1 t2", "recurrent 1 b1 t3 stages",
    "convolution 1 b2 t1 s10 reset sum", "rule error random b3 t2 s4",
  ]

  static func all() -> Cases {
    var cases = Cases()
    cases.addFamilies()
    cases.addFrames()
    cases.addPieces()
    cases.addNarrowWeights()
    cases.addSemantics()
    cases.addOtherNodes()
    cases.addLargeLayers()
    cases.addRules()
    cases.addCells()
    cases.addLessons()
    cases.addConversions()
    cases.addTrainers()
    return cases
  }

  // MARK: One case

  /// Runs `body` with a session of the model and keeps the lines of what it gave.
  private mutating func add(
    _ name: String, _ model: Model, _ setting: Setting = .init(), play: String = "",
    _ body: (Session, inout Sum) throws -> Void
  ) {
    let full = [name, setting.name, play].filter { !$0.isEmpty }.joined(separator: " ")
    let set = Library.instructions
    do {
      let session = try Library.session(model, setting)
      var outputs = Sum()
      try body(session, &outputs)
      if outputs.isSilent { failures.append("\(full): nothing but zeros") }
      if outputs.hasNaN { failures.append("\(full): is no number") }
      let (work, ways) = try Library.counters(session)
      var (counters, snapshot, way) = (Sum(), Sum(), Sum())
      counters.add(work)
      way.add(ways)
      snapshot.add(Library.save(session))
      if setting.isFast {
        put(
          "fast \(set) \(full)",
          "outputs \(outputs.hex) counters \(counters.hex) ways \(way.hex) snapshot \(snapshot.hex)"
        )
      } else {
        put(
          "exact \(full)",
          "outputs \(outputs.hex) counters \(counters.hex) snapshot \(snapshot.hex)")
        if ways.contains(where: { $0.contains { $0 != 0 } }) {
          put("ways \(set) \(full)", "ways \(way.hex)")
        }
      }
      kinds.formUnion(Library.nodeKinds(session))
      for node in model.nodes {
        // Made flat before it runs.
        if case .graph = node.op { kinds.insert(node.op.kindName) }
      }
      explain(name, setting, session)
    } catch { failures.append("\(full): \(error)") }
  }

  /// Keeps the line of the plan in words, once for each model and setting.
  private mutating func explain(_ name: String, _ setting: Setting, _ session: Session) {
    let title = "\(name) \(setting.name)" + (setting.isFast ? " fast" : "")
    let key = "explain \(Library.instructions) \(title)"
    guard lines[key] == nil else { return }
    let text = Library.explain(session)
    var sum = Sum()
    sum.add(text)
    lines[key] = "text \(sum.hex)"
    if Cases.explained.contains(title) { texts.append("== \(title)\n\n\(text)") }
  }

  private mutating func put(_ key: String, _ columns: String) {
    if lines[key] != nil { failures.append("\(key): two cases of that name") }
    lines[key] = columns
  }

  private mutating func addFile(_ name: String, _ model: Model) {
    do {
      var sum = Sum()
      sum.add(try Library.file(model))
      put("file \(name)", "bytes \(sum.hex)")
    } catch { failures.append("\(name): \(error)") }
  }

  // MARK: Inputs

  /// For each input port [frames][batch][shape]; frames differ in how many numbers are zero.
  private static func input(
    _ session: Session, frames: Int, seed: UInt64, spikes: Bool,
    densities: [Float] = [0.05, 0.3, 0.8]
  ) -> [[Float]] {
    var dice = Dice(seed &+ 1000)
    return Library.inputSizes(session).map { size in
      (0..<frames).flatMap { frame in
        dice.signal(
          size * Library.batch(session), density: densities[frame % densities.count],
          spikes: spikes)
      }
    }
  }

  private static func part(
    _ session: Session, _ input: [[Float]], _ range: Range<Int>
  ) -> [[Float]] {
    zip(input, Library.inputSizes(session)).map { values, size in
      let row = size * Library.batch(session)
      return Array(values[range.lowerBound * row..<range.upperBound * row])
    }
  }

  /// Runs all frames in calls of so many each.
  private static func play(
    _ session: Session, _ sum: inout Sum, seed: UInt64, spikes: Bool, chunks: [Int] = [21]
  ) throws {
    let input = input(session, frames: chunks.reduce(0, +), seed: seed, spikes: spikes)
    var done = 0
    for chunk in chunks {
      sum.add(
        try Library.run(session, frames: chunk, part(session, input, done..<done + chunk)))
      done += chunk
    }
  }

  /// The same for a family; where it takes longer until something comes out, in longer calls.
  private static func play(
    _ session: Session, _ sum: inout Sum, _ family: Family, seed: UInt64, chunks: [Int] = [21]
  ) throws {
    let times = family == .sparse ? 4 : 1
    try play(
      session, &sum, seed: seed, spikes: family.takesSpikes, chunks: chunks.map { $0 * times })
  }

  // MARK: Families

  private mutating func addFamilies() {
    for family in Family.allCases {
      for seed in [1, 2] as [UInt64] {
        let (model, name) = (family.draw(seed), "\(family) \(seed)")
        addFile(name, model)
        for (batch, threads, isFast) in [
          (1, 1, false), (1, 2, false), (3, 1, false), (3, 2, false), (1, 1, true), (1, 2, true),
          (3, 1, true), (3, 2, true),
        ] {
          add(name, model, Setting(batch: batch, threads: threads, isFast: isFast)) {
            try Cases.play($0, &$1, family, seed: seed)
          }
        }
      }
    }
  }

  private mutating func addFrames() {
    for family in Family.allCases {
      for setting in [
        Setting(batch: 2, steps: 10, resets: true, output: .sum),
        Setting(batch: 1, threads: 2, steps: 3, isFirstOnly: true, output: .every),
        Setting(batch: 1, steps: 40, resets: true, isFirstOnly: true, output: .mean),
        Setting(batch: 2, steps: 4, isFast: true, output: .mean),
      ] {
        add("\(family) 1", family.draw(1), setting) {
          try Cases.play($0, &$1, family, seed: 1, chunks: [2, 1])
        }
      }
    }
    for resets in [false, true] {
      for isFirstOnly in [false, true] {
        for output in CompileOptions.FrameOutput.allCases {
          add(
            "counting 3", Family.counting.draw(3),
            Setting(
              batch: 2, threads: 2, steps: 5, resets: resets, isFirstOnly: isFirstOnly,
              output: output)
          ) { try Cases.play($0, &$1, seed: 3, spikes: false, chunks: [1, 3]) }
        }
        // Frames of one step.
        add(
          "ports 3", Family.ports.draw(3),
          Setting(batch: 2, resets: resets, isFirstOnly: isFirstOnly)
        ) {
          try Cases.play($0, &$1, seed: 3, spikes: false, chunks: [4, 3])
        }
      }
    }
  }

  /// Runs that are not one call: several calls, steps, events, probes, snapshots, stages.
  private mutating func addPieces() {
    for family in Family.allCases {
      let (model, name, spikes) = (family.draw(1), "\(family) 1", family.takesSpikes)
      for setting in [
        Setting(batch: 3), Setting(threads: 2), Setting(batch: 3, isFast: true),
        Setting(threads: 2, isFast: true),
      ] {
        add(name, model, setting, play: "in pieces") { session, sum in
          try Cases.play(session, &sum, family, seed: 4, chunks: [1, 7, 2])
          for seed in [5, 6] as [UInt64] {
            sum.add(
              try Library.step(
                session,
                Cases.input(session, frames: 1, seed: seed, spikes: spikes, densities: [0.5])))
          }
          try Library.reset(session, stream: setting.batch - 1)
          try Cases.play(session, &sum, family, seed: 7, chunks: [5])
        }
        add(name, model, setting, play: "probed") { session, sum in
          let probes = try Library.probes(session, steps: 9)
          try Cases.play(session, &sum, family, seed: 8, chunks: [8, 4])
          for probe in probes { sum.add(probe()) }
        }
      }
      add(name, model, Setting(batch: 3), play: "by events") { session, sum in
        let steps = 15
        let input = Cases.input(session, frames: steps, seed: 9, spikes: spikes)
        var events: [Event] = []
        for frame in 0..<steps {
          for (port, values) in Cases.part(session, input, frame..<frame + 1).enumerated() {
            let size = Library.inputSizes(session)[port]
            for (at, value) in values.enumerated() where value != 0 {
              events.append(
                Event(
                  step: UInt32(frame), stream: UInt16(at / size), port: UInt16(port),
                  index: UInt32(at % size), value: value))
            }
          }
        }
        for event in try Library.runEvents(session, events, steps: steps) {
          sum.add([
            [UInt64(event.step), UInt64(event.stream), UInt64(event.port), UInt64(event.index)]
          ])
          sum.add([event.value])
        }
      }
      add(name, model, Setting(batch: 3, threads: 2), play: "restored") { session, sum in
        let first = try Library.another(session)
        try Cases.play(first, &sum, family, seed: 10, chunks: [6])
        try Library.restore(session, Library.save(first))
        try Cases.play(session, &sum, family, seed: 11, chunks: [6])
        try Library.reset(session)
        try Cases.play(session, &sum, family, seed: 12, chunks: [6])
      }
      for setting in [
        Setting(threads: 3, alwaysStages: true), Setting(threads: 2, steps: 6, alwaysStages: true),
      ] {
        add(name, model, setting) {
          try Cases.play($0, &$1, family, seed: 13, chunks: [17, 4])
        }
      }
    }
  }

  private mutating func addNarrowWeights() {
    for family in Family.weighted {
      for element in [Tensor.Element.int8, .bfloat16] {
        let name = "\(family) 1 \(element)"
        do {
          let model = try Library.narrow(family.draw(1), element)
          addFile(name, model)
          for setting in [
            Setting(batch: 3), Setting(threads: 2), Setting(batch: 3, isFast: true),
          ] {
            add(name, model, setting) {
              try Cases.play($0, &$1, family, seed: 14)
            }
          }
        } catch { failures.append("\(name): \(error)") }
      }
    }
    for family in [Family.dense, .hybrid] {
      let name = "\(family) 2 calibrated"
      do {
        let whole = family.draw(2)
        let sample = Cases.input(
          try Library.session(whole, .init()), frames: 6, seed: 15, spikes: family.takesSpikes)
        let model = try Library.narrow(whole, .int8, on: sample, count: 6)
        addFile(name, model)
        add(name, model) { try Cases.play($0, &$1, family, seed: 15) }
      } catch { failures.append("\(name): \(error)") }
    }
  }

  /// Every way of making a step of a neuron, a line for each kind; presets for whole networks.
  private mutating func addSemantics() {
    for preset in NeuronSemantics.Preset.allCases {
      for family in [Family.recurrent, .convolution, .nested] {
        let setting = Setting(batch: 2, semantics: NeuronSemantics(preset))
        add("\(family) 1 as \(preset)", family.draw(1), setting) {
          try Cases.play($0, &$1, seed: 16, spikes: true)
        }
      }
    }
    var all: [NeuronSemantics] = []
    for integrator in NeuronSemantics.Integrator.allCases {
      for reset in NeuronSemantics.Reset.allCases {
        for timing in NeuronSemantics.ResetTiming.allCases {
          var one = NeuronSemantics()
          (one.integrator, one.reset, one.resetTiming) = (integrator, reset, timing)
          // The other settings, each often enough.
          let n = all.count
          one.comparison = n % 2 == 0 ? .greater : .greaterOrEqual
          one.spikeTiming = n / 2 % 3 == 0 ? .nextStep : .sameStep
          one.feedbackStart = n / 3 % 2 == 0 ? .zero : .response
          one.integratorGain = n / 5 % 2 == 0 ? .r : .dtR
          one.multiSpike = n % 7 == 0
          one.clampsBelow = n % 4 == 0
          all.append(one)
        }
      }
    }
    for kind in Neuron.Kind.allCases {
      for isFast in [false, true] {
        var dice = Dice(17)
        let model = Cases.loop(&dice, kind)
        add("neurons \(kind.rawValue)", model, Setting(isFast: isFast)) { session, sum in
          try Cases.play(session, &sum, seed: 17, spikes: false)
          for (n, semantics) in all.enumerated() {
            let setting = Setting(batch: 1 + n % 2, isFast: isFast, semantics: semantics)
            let other = try Library.session(model, setting)
            try Cases.play(other, &sum, seed: UInt64(n), spikes: n % 2 == 0, chunks: [8])
            sum.add(Library.save(other))
            sum.add(try Library.counters(other).work)
          }
        }
      }
    }
  }

  /// Neurons that see their own output of the step before.
  private static func loop(_ dice: inout Dice, _ kind: Neuron.Kind) -> Model {
    var neuron = dice.neuron(kind, [9])
    neuron.initial = dice.tensor([9], -0.2, 0.4)
    var model = Model.chain([
      ("in", .input(shape: [4])), ("w", .linear(Linear(weight: dice.tensor([9, 4], -1, 2)))),
      ("n", .neuron(neuron)), ("out", .output(shape: [9])),
    ])
    model.nodes.append(
      .init(
        "back",
        .linear(Linear(weight: dice.tensor([9, 9], -0.2, 0.2), bias: dice.tensor([9], 0, 0.1)))))
    model.edges += [.init("n", "back"), .init("back", "n")]
    return model
  }

  /// Nodes that no family has.
  private mutating func addOtherNodes() {
    var dice = Dice(18)
    func line(
      _ out: Int, _ inputs: Int, _ stride: Int, _ padding: Convolution.Padding, groups: Int = 1
    )
      -> Operator
    {
      .convolution(
        Convolution(
          weight: dice.tensor([out, inputs / groups, 3], -1, 1),
          bias: dice.tensor([out], -0.1, 0.2),
          stride: [stride], padding: padding, dilation: [stride == 1 ? 2 : 1], groups: groups))
    }
    var model = Model.chain([
      // [4, 12] -> [6, 12] -> [4, 6] -> [5, 4]
      ("in", .input(shape: [4, 12])), ("c1", line(6, 4, 1, .same)),
      ("level", .threshold(dice.tensor([6, 12], -0.3, 0.6))),
      ("c2", line(4, 6, 2, .explicit([1]), groups: 2)), ("c3", line(5, 4, 1, .valid)),
      ("flat", .flatten(Flatten(start: 0, end: 1))),
      ("w", .linear(Linear(weight: dice.tensor([6, 10], -1, 1)))),
      ("log", .activation(.logSoftmax)), ("x", .output(shape: [6])),
    ])
    model.nodes += [
      .init("draw", .encoder(.bernoulli(gain: 0.4, seed: 19))),
      .init("signed", .encoder(.signedBernoulli(gain: 0.4, seed: 20))),
      .init("both", .concatenation), .init("rate", .decoder(.rate)),
      .init("norm", .normalization(Normalization(target: 0.7))),
      .init("each", .linear(Linear(weight: dice.tensor([7, 12], -1, 1)))),
      .init(
        "own",
        .linear(
          Linear(weight: dice.tensor([8, 3, 7], -1, 1), bias: dice.tensor([3], 0, 1)))),
      .init("y", .output(shape: [8, 3])), .init("cuba", .neuron(dice.neuron(.cubaLI, [8, 3]))),
      .init("again", .delay(Tensor(scalar: 0.002))), .init("z", .output(shape: [8, 3])),
    ]
    model.edges += [
      ("in", "draw"), ("in", "signed"), ("draw", "both"), ("signed", "both"), ("both", "rate"),
      ("rate", "norm"), ("norm", "each"), ("each", "own"), ("own", "y"), ("own", "cuba"),
      ("cuba", "again"), ("again", "z"),
    ].map { .init($0.0, $0.1) }
    addFile("others", model)
    for setting in [
      Setting(batch: 3), Setting(threads: 2), Setting(batch: 2, isFast: true),
      Setting(batch: 2, steps: 3, resets: true),
    ] {
      add("others", model, setting) { try Cases.play($0, &$1, seed: 18, spikes: false) }
    }
    // A network in which nothing depends on time.
    let still = Model.chain([
      ("in", .input(shape: [10])), ("w", .linear(Linear(weight: dice.tensor([12, 10], -1, 1)))),
      ("relu", .activation(.relu)), ("v", .linear(Linear(weight: dice.tensor([4, 12], -1, 1)))),
      ("soft", .activation(.softmax)), ("out", .output(shape: [4])),
    ])
    for setting in [Setting(batch: 3), Setting(steps: 4), Setting(isFast: true)] {
      add("still", still, setting) { try Cases.play($0, &$1, seed: 21, spikes: false) }
    }
  }

  // MARK: Large layers

  /// A tensor whose numbers are made quickly.
  private static func quick(_ shape: Shape, _ scale: Float) -> Tensor {
    var state: UInt32 = 12345
    let values = (0..<shape.count).map { _ -> Float in
      state = state &* 1_664_525 &+ 1_013_904_223
      return (Float(state >> 16) / 32768 - 1) * scale
    }
    return try! Tensor(values, shape: shape)
  }

  /// Layers that are large enough for the ways that small ones never take.
  private mutating func addLargeLayers() {
    func spiking(_ n: Int, _ k: Int) -> Model {
      var dice = Dice(22)
      return .chain([
        ("in", .input(shape: [n])),
        ("w", .linear(Linear(weight: Cases.quick([k, n], 0.3), bias: Cases.quick([k], 0.1)))),
        ("lif", .neuron(dice.neuron(.lif, []))),
        ("v", .linear(Linear(weight: Cases.quick([20, k], 0.3)))),
        ("li", .neuron(dice.neuron(.li, []))), ("out", .output(shape: [20])),
      ])
    }
    func play(_ name: String, _ model: Model, _ setting: Setting, _ densities: [Float]) {
      add(name, model, setting) { session, sum in
        let frames = densities.count
        let input = Cases.input(
          session, frames: frames, seed: 23, spikes: true, densities: densities)
        sum.add(try Library.run(session, frames: frames, input))
      }
    }
    // Weights beyond the nearer caches: rows share their reading, or take them block by block.
    let far = spiking(640, 656)
    play("far", far, Setting(batch: 5), [0.05, 0.2, 0.5])
    play("far", far, Setting(batch: 100, threads: 2), [0.02, 0.15])
    play("far", far, Setting(batch: 100, isFast: true), [0.15])
    for (name, element, model) in [
      ("near", Tensor.Element.int8, spiking(150, 160)), ("near", .bfloat16, spiking(150, 160)),
      ("far", .bfloat16, spiking(900, 912)),
    ] {
      guard let narrow = try? Library.narrow(model, element) else {
        failures.append("\(name) \(element): has no narrow weights")
        continue
      }
      play("\(name) \(element)", narrow, Setting(batch: 100), [0.02, 0.2])
      play("\(name) \(element)", narrow, Setting(batch: 4, threads: 2), [0.05, 0.6])
      play("\(name) \(element)", narrow, Setting(batch: 4, isFast: true), [0.05, 0.6])
    }
    // One that threads share by its outputs.
    play("shared", spiking(1024, 1040), Setting(threads: 2), [0.03, 0.5])
    // Images that are summed by windows, into membranes with fast numerics.
    var dice = Dice(24)
    func kernels(_ from: Int, _ to: Int) -> Operator {
      .convolution(
        Convolution(
          weight: dice.tensor([to, from, 3, 3], -0.3, 0.4), stride: [1, 1],
          padding: .explicit([1, 1]), dilation: [1, 1]))
    }
    var images = Model.chain([
      ("in", .input(shape: [8, 9, 10])), ("a", kernels(8, 64)),
      ("n", .neuron(Neuron(.integrateAndFire, threshold: Tensor(scalar: 1), resetValue: Tensor(scalar: 0)))),
      ("b", kernels(64, 16)),
      ("m", .neuron(Neuron(.integrateAndFire, threshold: Tensor(scalar: 1), resetValue: Tensor(scalar: 0)))),
      ("out", .output(shape: [16, 9, 10])),
    ])
    images.semantics.integratorGain = .r
    images.semantics.reset = .subtract
    for setting in [
      Setting(batch: 2), Setting(isFast: true),
      Setting(threads: 2, isFast: true, alwaysStages: true),
    ] { play("images", images, setting, [0.05, 0.15, 0.3, 0.9]) }
    // A cycle of several tiles of neurons, in windows.
    let count = 2100
    var cycle = Model.chain([
      ("in", .input(shape: [4])),
      ("w", .sparse(dice.sparse(4, count, scale: 2, delay_ms: 0...2, each: true))),
      ("n", .neuron(dice.neuron(.cubaLIF, []))), ("out", .output(shape: [count])),
    ])
    cycle.nodes += [
      .init(
        "back", .sparse(dice.sparse(count, count, density: 0.004, delay_ms: 3...8, each: true))),
      .init("other", .sparse(dice.sparse(count, count, density: 0.004, delay_ms: 4...4))),
    ]
    cycle.edges += [("n", "back"), ("back", "n"), ("n", "other"), ("other", "n")].map {
      .init($0.0, $0.1)
    }
    for setting in [Setting(), Setting(batch: 2, threads: 2)] {
      add("tiles", cycle, setting) {
        try Cases.play($0, &$1, seed: 25, spikes: false, chunks: [20, 9])
      }
    }
  }

  // MARK: Learning on the spot

  private static let quickTrace = Trace(tau_s: 0.02, arrival: .set)
  private static let slowTrace = Trace(tau_s: 0.04, arrival: .add, gain: 0.3)
  private static let doubleTrace = Trace(
    tau_s: 0.01, gain: 0.5, second_s: 0.03, secondGain: 0.2, lags: true)

  /// Rules with every event, factor, modulator, decay, scaling and application at least once.
  private static func rules(_ dice: inout Dice) -> [(name: String, rule: PlasticRule)] {
    typealias Term = PlasticRule.Term
    func rule(_ terms: [Term], _ change: (inout PlasticRule) -> Void = { _ in }) -> PlasticRule {
      var rule = PlasticRule(post: "cells", terms)
      change(&rule)
      return rule
    }
    let depression = Term(.pre, pre: .value, post: .trace(quickTrace, before: true), rate: -0.01)
    let potentiation = Term(
      .post, pre: .trace(quickTrace, before: false), post: .trace(slowTrace, before: true),
      rate: 0.1)
    let hebb = Term(.step, pre: .value, post: .value, rate: 0.05)
    let traced = Term(.step, pre: .trace(doubleTrace, before: false), post: .value, rate: 0.2)
    let error = PlasticRule.Modulator.Source.error(node: "answer", teacher: "label")
    var all: [(String, PlasticRule)] = [
      ("stdp", rule([depression, potentiation]) { ($0.low, $0.high) = (0, 1) }),
      (
        "pair",
        rule([
          depression, .init(.post, pre: .trace(slowTrace, before: true), post: .value, rate: 0.05),
        ]) {
          ($0.low, $0.high, $0.columnSum) = (0, 1, 3)
        }
      ),
      (
        "mixed",
        rule([depression, potentiation, .init(.step, pre: .value, post: .one, rate: 1e-4)])
      ),
      ("bias", rule([traced]) { $0.learnsBias = true }),
      (
        "reward",
        rule([
          .init(
            .step, pre: .trace(slowTrace, before: false), post: .trace(slowTrace, before: false),
            rate: 0.05),
          .init(.step, pre: .previous, post: .previous, rate: -0.02),
        ]) {
          $0.modulator = .init(.signal("reward"), .all)
          ($0.low, $0.high) = (-1, 1)
        }
      ),
      ("one", rule([.init(.post, pre: .one, post: .value, rate: 0.01), hebb])),
      ("node", rule([.init(.step, pre: .node("in"), post: .value, rate: 0.02)])),
      ("late", rule([hebb]) { $0.firstStep = 5 }),
      ("decay", rule([hebb]) { $0.decay = .weight(0.01) }),
      ("oja", rule([hebb]) { $0.decay = .oja(0.05) }),
      ("maximum", rule([hebb]) { $0.scaling = .maximum(decay: 0.95, rate: 0.01) }),
      (
        "square",
        rule([traced]) { ($0.scaling, $0.learnsBias) = (.square(decay: 0.9, rate: 0.01), true) }
      ),
      (
        "signal each",
        rule([hebb]) { $0.modulator = .init(.signal("wanted"), .each) }
      ),
      (
        "error each",
        rule([.init(.step, pre: .value, post: .one, rate: 0.05)]) {
          $0.modulator = .init(.error(node: "cells", teacher: "label"), .each)
          ($0.modulator!.deadZone, $0.modulator!.limit, $0.modulator!.scale) = (0.2, 0.8, 1.5)
        }
      ),
      (
        "compartments",
        rule([traced]) {
          $0.modulator = .init(.signal("zones"), .compartments([0, 1, 2, 0, 1, 2, 0]))
        }
      ),
      ("node each", rule([hebb]) { $0.modulator = .init(.node("cells"), .each) }),
      (
        "node compartments",
        rule([traced]) {
          $0.modulator = .init(.node("answer"), .compartments([0, 1, 2, 3, 3, 2, 1]))
        }
      ),
      (
        "error matrix",
        rule([traced]) { $0.modulator = .init(error, .matrix(dice.tensor([7, 4], -1, 1))) }
      ),
      (
        "error random",
        rule([traced, depression]) { $0.modulator = .init(error, .random(seed: 7, amplitude: 0.5)) }
      ),
      ("error transpose", rule([traced]) { $0.modulator = .init(error, .transpose(of: "v")) }),
      (
        "frame since reset",
        rule([.init(.post, pre: .sinceReset(doubleTrace), post: .one, rate: 0.5)]) {
          $0.application = .frame
          $0.modulator = .init(error, .random(seed: 8, amplitude: 1))
        }
      ),
      (
        "frame scaled",
        rule([hebb, depression]) {
          ($0.application, $0.scaling) = (.frame, .maximum(decay: 0.9, rate: 0.02))
          ($0.columnSum, $0.learnsBias) = (4, true)
        }
      ),
      (
        "frame square",
        rule([.init(.post, pre: .trace(slowTrace, before: true), post: .one, rate: 0.1)]) {
          ($0.application, $0.scaling) = (.frame, .square(decay: 0.9, rate: 0.02))
          $0.modulator = .init(error, .transpose(of: "v"))
        }
      ),
    ]
    for (name, surrogate) in [
      ("box", Surrogate.box(width: 0.5, height: 1)), ("triangle", .triangle(width: 1, height: 0.3)),
      ("fast sigmoid", .fastSigmoid(slope: 10)), ("arctan", .arctan(slope: 2)),
    ] {
      all.append(
        (
          "surrogate \(name)",
          rule([
            .init(
              .step, pre: .trace(slowTrace, before: false), post: .surrogate(surrogate), rate: 0.05)
          ]) {
            $0.modulator = .init(error, .transpose(of: "v"))
          }
        ))
    }
    for (name, trace) in [
      ("euler", Trace(tau_s: 0.01, gain: 0.5, isEuler: true)),
      ("double", Trace(tau_s: 0.01, gain: 0.5, second_s: 0.02, isEuler: true)),
    ] {
      all.append(
        (
          "trace \(name)",
          rule([.init(.step, pre: .trace(trace, before: true), post: .value, rate: 0.1)])
        ))
    }
    return all
  }

  /// in -> spikes -> w, which learns -> cells -> v -> tanh "answer".
  private static func learner(
    _ rule: PlasticRule, _ cell: Cell? = nil, alpha: Tensor? = nil, plasticReadout: Bool = false
  ) -> Model {
    var dice = Dice(26)
    let weight = dice.tensor([7, 13], 0.05, 0.6)
    let bias = rule.learnsBias ? dice.tensor([7], 0, 0.01) : nil
    let readout = dice.tensor([4, 7], -0.5, 0.5)
    var model = Model.chain([
      ("in", .input(shape: [13])), ("code", .encoder(.bernoulli(gain: 0.6, seed: 27))),
      ("w", .plastic(.linear(PlasticLinear(weight: weight, bias: bias, alpha: alpha, rule: rule)))),
      ("cells", .plastic(.cell(cell ?? usualCell))), ("out", .output(shape: [7])),
    ])
    var reading = PlasticRule(post: "answer", [.init(.step, pre: .value, post: .one, rate: 0.05)])
    reading.modulator = .init(.error(node: "answer", teacher: "label"), .each)
    model.nodes += [
      .init(
        "v",
        plasticReadout
          ? .plastic(.linear(PlasticLinear(weight: readout, rule: reading)))
          : .linear(Linear(weight: readout))),
      .init("answer", .activation(.tanh)), .init("said", .output(shape: [4])),
    ]
    model.edges += [("cells", "v"), ("v", "answer"), ("answer", "said")].map { .init($0.0, $0.1) }
    return model
  }

  private static var usualCell: Cell {
    var cell = Cell(size: 7)
    cell.tauMembrane_s = 0.02
    cell.threshold = Tensor(scalar: 0.8)
    cell.refractory_s = 0.002
    cell.adaptation = 0.05
    return cell
  }

  /// Runs frames of spikes while signals are given, then some without learning.
  private static func lesson(_ session: Session, _ sum: inout Sum) throws {
    let before = Library.learned(session, of: "w")
    Library.setLearning(session, true)
    var dice = Dice(28)
    for part in 0..<5 {
      for (name, width) in Library.signals(session) where part != 3 {
        try Library.teach(
          session, name, dice.tensor([width * Library.batch(session)], -1, 1).floats)
      }
      try play(session, &sum, seed: UInt64(part), spikes: true, chunks: [3, 2])
      if part == 1 { try Library.reset(session, stream: 0) }
      if part == 2 { try Library.setRate(session, 0.5) }
      if part == 3 { try Library.reset(session) }
    }
    if sum.isSilent { throw Unexpected.silence }
    if Library.learned(session, of: "w") == before { throw Unexpected.nothingLearned }
    sum.add(Library.learned(session))
    Library.setLearning(session, false)
    try play(session, &sum, seed: 29, spikes: true, chunks: [3])
  }

  private mutating func addRules() {
    var dice = Dice(30)
    for (name, rule) in Cases.rules(&dice) {
      let model = Cases.learner(rule)
      addFile("rule \(name)", model)
      for setting in [Setting(), Setting(batch: 3, threads: 2, steps: 4, output: .every)] {
        add("rule \(name)", model, setting) { try Cases.lesson($0, &$1) }
      }
    }
    // Weights of a stream beside those that stay.
    for (name, alpha) in [
      ("one alpha", Tensor(scalar: 0.5)), ("alphas", dice.tensor([7, 13], 0, 1)),
    ] {
      for (decay, word) in [
        (PlasticRule.Decay.oja(0.1), "oja"), (.weight(0.1), "weight"), (.none, "none"),
      ] {
        var rule = PlasticRule(post: "cells", [.init(.step, pre: .value, post: .value, rate: 0.3)])
        rule.decay = decay
        add("fast weights, \(name), \(word)", Cases.learner(rule, alpha: alpha), Setting(batch: 2))
        {
          try Cases.lesson($0, &$1)
        }
      }
    }
    // The transpose of weights that learn themselves, frames that start from rest, fast numerics.
    var back = PlasticRule(
      post: "cells",
      [.init(.step, pre: .trace(Cases.slowTrace, before: false), post: .value, rate: 0.1)])
    back.modulator = .init(.error(node: "answer", teacher: "label"), .transpose(of: "v"))
    let both = Cases.learner(back, plasticReadout: true)
    for setting in [
      Setting(batch: 2, steps: 6, resets: true, output: .sum), Setting(batch: 4, threads: 2),
      Setting(batch: 2, isFast: true),
    ] { add("two rules", both, setting) { try Cases.lesson($0, &$1) } }
    addKernels(&dice)
  }

  /// Convolutions that learn, of one axis and two.
  private mutating func addKernels(_ dice: inout Dice) {
    typealias Term = PlasticRule.Term
    let error = PlasticRule.Modulator.Source.error(node: "answer", teacher: "label")
    let slow = Cases.slowTrace
    for (name, term, scaling) in [
      ("value", Term(.step, pre: .value, post: .value, rate: 0.02), PlasticRule.Scaling.none),
      ("trace", Term(.step, pre: .trace(slow, before: false), post: .one, rate: 0.02), .none),
      (
        "surrogate", Term(.step, pre: .value, post: .surrogate(.fastSigmoid(slope: 5)), rate: 0.05),
        .maximum(decay: 0.9, rate: 0.01)
      ),
    ] {
      var rule = PlasticRule(post: "cells", [term])
      (rule.scaling, rule.low, rule.high, rule.learnsBias) = (scaling, -1, 1, true)
      if name != "value" { rule.modulator = .init(error, .random(seed: 31, amplitude: 1)) }
      for axes in [1, 2] {
        let shape: Shape = axes == 1 ? [2, 9] : [2, 6, 6]
        let kernel: Shape = axes == 1 ? [3, 2, 3] : [3, 2, 3, 2]
        let output: Shape = axes == 1 ? [3, 7] : [3, 6, 3]
        let convolution = Convolution(
          weight: dice.tensor(kernel, -0.2, 0.6), bias: dice.tensor([3], 0, 0.1),
          stride: axes == 1 ? [1] : [1, 2], padding: .explicit(axes == 1 ? [0] : [1, 0]),
          dilation: axes == 1 ? [1] : [1, 1])
        var cell = Cell(size: output.count)
        cell.threshold = Tensor(scalar: 0.5)
        let model = Model.chain([
          ("in", .input(shape: shape)), ("code", .encoder(.bernoulli(gain: 0.5, seed: 32))),
          ("w", .plastic(.convolution(PlasticConvolution(convolution, rule: rule)))),
          ("cells", .plastic(.cell(cell))), ("flat", .flatten(Flatten())),
          ("answer", .linear(Linear(weight: dice.tensor([4, output.count], -0.3, 0.3)))),
          ("out", .output(shape: [4])),
        ])
        addFile("kernels \(axes) \(name)", model)
        for setting in [Setting(), Setting(batch: 3, threads: 2, steps: 3, output: .every)] {
          add("kernels \(axes) \(name)", model, setting) { try Cases.lesson($0, &$1) }
        }
      }
    }
  }

  /// Cells with every setting, and the other nodes around rules.
  private mutating func addCells() {
    func cell(_ change: (inout Cell) -> Void) -> Cell {
      var cell = Cases.usualCell
      change(&cell)
      return cell
    }
    let rule = PlasticRule(post: "cells", [.init(.step, pre: .value, post: .value, rate: 0.01)])
    let all: [(String, Cell)] = [
      ("plain", cell { ($0.tauMembrane_s, $0.adaptation, $0.refractory_s) = (nil, 0, 0) }),
      ("winners", cell { ($0.winners, $0.silences) = (2, true) }),
      ("winner", cell { ($0.winners, $0.orEqual, $0.lateral) = (1, true, 0.3) }),
      ("lateral", cell { ($0.lateral, $0.tauLateral_s) = (0.4, 0.005) }),
      ("recovery", cell { ($0.recovery, $0.tauRecovery_s) = (0.3, 0.01) }),
      ("synapse", cell { ($0.tauSynapse_s, $0.gain, $0.rest) = (0.005, 0.5, 0.05) }),
      (
        "conductance",
        cell {
          ($0.excitation, $0.inhibition, $0.lateral) = (3, -1, 0.5)
          ($0.tauSynapse_s, $0.tauLateral_s) = (0.003, 0.004)
        }
      ),
      ("euler", cell { ($0.isEuler, $0.tauAdaptation_s) = (true, 0.05) }),
      ("subtract", cell { ($0.reset, $0.tauAdaptation_s, $0.refractory_s) = (.subtract, 0.02, 0) }),
      ("no reset", cell { ($0.reset, $0.resetValue) = (.none, 0.1) }),
      (
        "vectors",
        cell {
          var dice = Dice(33)
          ($0.threshold, $0.theta) = (dice.tensor([7], 0.3, 1), dice.tensor([7], 0, 0.2))
          $0.resetValue = -0.1
        }
      ),
    ]
    for (name, cell) in all {
      let model = Cases.learner(rule, cell)
      addFile("cell \(name)", model)
      for setting in [Setting(), Setting(batch: 3, threads: 2, steps: 3, output: .sum)] {
        add("cell \(name)", model, setting) { try Cases.lesson($0, &$1) }
      }
    }
    var around = Cases.learner(rule)
    around.nodes += [
      .init("trace", .plastic(.trace(Cases.doubleTrace))),
      .init("plain trace", .plastic(.trace(Cases.quickTrace))),
      .init("winners", .plastic(.winners(count: 3))),
      .init(
        "few",
        .plastic(.projection(Projection(post: 5, pre: 13, seed: 9, amplitude: 0.5, fanIn: 3)))),
      .init("full", .plastic(.projection(Projection(post: 5, pre: 7, seed: 10, amplitude: 0.5)))),
      .init("x", .output(shape: [13])), .init("y", .output(shape: [5])),
    ]
    around.edges += [
      ("code", "trace"), ("trace", "winners"), ("winners", "x"), ("in", "plain trace"),
      ("plain trace", "few"), ("few", "y"), ("cells", "full"), ("full", "y"),
    ].map { .init($0.0, $0.1) }
    addFile("around", around)
    for setting in [Setting(batch: 2), Setting(steps: 4), Setting(batch: 2, isFast: true)] {
      add("around", around, setting) { try Cases.lesson($0, &$1) }
    }
  }

  /// What a host does besides running: snapshots, forgetting, models of what was learned.
  private mutating func addLessons() {
    var dice = Dice(34)
    for (name, rule) in Cases.rules(&dice) where ["stdp", "reward", "frame scaled"].contains(name) {
      let setting = Setting(batch: 2, steps: 3)
      add("rule \(name)", Cases.learner(rule), setting, play: "by hand") { session, sum in
        let first = try Library.another(session)
        try Cases.lesson(first, &sum)
        try Library.restore(session, Library.save(first))
        for (name, _) in Library.signals(session) { try Library.withdraw(session, name) }
        try Cases.lesson(session, &sum)
        Library.setLearning(session, true)
        for seed in 0..<4 as Range<UInt64> {
          sum.add(
            try Library.step(
              session, Cases.input(session, frames: 1, seed: seed, spikes: true, densities: [0.4])))
        }
        Library.endFrame(session)
        let copy = try Library.clone(session)
        Library.forget(session)
        sum.add(Library.learned(session))
        try Cases.lesson(copy, &sum)
        let learned = try Library.learnedModel(copy)
        for model in [learned, Library.frozen(learned)] {
          let other = try Library.session(model, setting)
          try Cases.play(other, &sum, seed: 35, spikes: true, chunks: [4])
          sum.add(Library.save(other))
        }
        try Cases.play(session, &sum, seed: 36, spikes: true, chunks: [4])
      }
    }
  }

  // MARK: Conversion

  private mutating func addConversions() {
    var dice = Dice(37)
    func linear(_ from: Int, _ to: Int) -> Operator {
      .linear(Linear(weight: dice.tensor([to, from], -1, 1), bias: dice.tensor([to], -0.5, 0.5)))
    }
    func image(_ from: Int, _ to: Int) -> Operator {
      .convolution(
        Convolution(
          weight: dice.tensor([to, from, 3, 3], -1, 1), bias: dice.tensor([to], -0.5, 0.5),
          stride: [1, 1], padding: .same, dilation: [1, 1]))
    }
    let norm = BatchNorm(
      mean: dice.tensor([4], -0.2, 0.2), variance: dice.tensor([4], 0.5, 2),
      gamma: dice.tensor([4], 0.5, 1.5), beta: dice.tensor([4], -0.1, 0.3))
    let layers = Model.chain([
      ("in", .input(shape: [8])), ("w1", linear(8, 12)), ("r1", .activation(.relu)),
      ("w2", linear(12, 9)), ("r2", .activation(.relu)), ("w3", linear(9, 4)),
      ("soft", .activation(.softmax)), ("out", .output(shape: [4])),
    ])
    let images = Model.chain([
      ("in", .input(shape: [2, 6, 4])), ("c1", image(2, 4)), ("norm", .batchNorm(norm)),
      ("r1", .activation(.relu)),
      ("max", .pooling(Pooling(kind: .maximum, kernel: [2, 2], stride: [2, 2]))),
      ("c2", image(4, 3)), ("r2", .activation(.relu)),
      ("mean", .pooling(Pooling(kind: .average, kernel: [3, 1], stride: [3, 1]))),
      ("flat", .flatten(Flatten())), ("w", linear(6, 4)), ("out", .output(shape: [4])),
    ])
    var skips = Model.chain([
      ("in", .input(shape: [8])), ("w1", linear(8, 8)), ("r1", .activation(.relu)),
      ("w2", linear(8, 8)), ("r2", .activation(.relu)), ("both", .concatenation),
      ("w3", linear(16, 3)), ("out", .output(shape: [3])),
    ])
    skips.edges += [.init("r1", "r2"), .init("r1", "both")]
    func options(_ change: (inout ConversionOptions) -> Void) -> ConversionOptions {
      var options = ConversionOptions()
      options.steps = 12
      options.seed = 38
      change(&options)
      return options
    }
    let choices: [(String, ConversionOptions)] = [
      ("data", options { $0.balancing = .data(percentile: 95) }),
      ("model", options { ($0.balancing, $0.initialPotential) = (.model, 0.5) }),
      ("norm", options { ($0.balancing, $0.sharesScales) = (.spikeNorm(factor: 0.8), false) }),
      ("once", options { ($0.input, $0.bias) = (.singleShot, .once) }),
      ("drawn", options { ($0.input, $0.readout, $0.comparison) = (.bernoulli, .mean, .greater) }),
    ]
    for (kind, model) in [("layers", layers), ("images", images), ("skips", skips)] {
      for (choice, options) in choices {
        let name = "converted \(kind) \(choice)"
        do {
          let sample = Cases.input(
            try Library.session(model, .init()), frames: 5, seed: 39, spikes: false,
            densities: [0.9])
          let (spiking, scales) = try Library.convert(model, options, on: sample, count: 5)
          addFile(name, spiking)
          for isFast in [false, true] {
            add(name, spiking, Setting(steps: 12, isFast: isFast, resets: true)) { session, sum in
              sum.add(try Library.run(session, frames: 5, sample))
              if sum.isSilent { throw Unexpected.silence }
              sum.add(scales)
            }
          }
        } catch { failures.append("\(name): \(error)") }
      }
    }
  }

  // MARK: Trainers

  /// Three steps of learning from drawn samples, and the line of what they came to.
  private mutating func learn(
    _ name: String, _ model: Model, values: Bool = false,
    _ change: (inout TrainingOptions) -> Void = { _ in }
  ) {
    var (losses, parameters, predictions) = (Sum(), Sum(), Sum())
    do {
      try Cases.learn(model, values: values, change, &losses, &parameters, &predictions)
    } catch { failures.append("learn \(name): \(error)") }
    put(
      "learn \(name)",
      "losses \(losses.hex) parameters \(parameters.hex) predictions \(predictions.hex)")
  }

  @discardableResult
  private static func learn(
    _ model: Model, values: Bool = false, _ change: (inout TrainingOptions) -> Void,
    _ losses: inout Sum, _ parameters: inout Sum, _ predictions: inout Sum
  ) throws -> Trainer {
    var options = TrainingOptions()
    options.gradient.batch = 4
    options.gradient.steps = 5
    options.gradient.dt_s = 1e-3
    options.gradient.seed = 40
    options.optimizer.rate = 1e-2
    change(&options)
    let trainer = try Library.trainer(model, options)
    var dice = Dice(41)
    let batch = options.gradient.batch
    func draw() -> [[Float]] {
      Library.sampleSizes(trainer).map { dice.signal(batch * $0, density: 0.8, spikes: false) }
    }
    let width = Library.answerSize(trainer, options.losses[0].port)
    var largest = 0.0
    for _ in 0..<3 {
      let inputs = draw()
      let target =
        values
        ? Target.values((0..<batch * width).map { _ in dice.uniform() })
        : .labels((0..<batch).map { _ in dice.integer(0...width - 1) })
      let (result, gradient) = try Library.learn(trainer, inputs, target)
      largest = max(largest, gradient)
      losses.add([result])
    }
    if largest == 0 { throw Unexpected.nothingLearned }
    for (name, numbers) in Library.parameters(trainer) {
      parameters.add(name)
      parameters.add(numbers)
    }
    predictions.add(try Library.predict(trainer, draw(), samples: batch))
    return trainer
  }

  private mutating func addTrainers() {
    var dice = Dice(42)
    func linear(_ from: Int, _ to: Int) -> Operator {
      .linear(
        Linear(weight: dice.tensor([to, from], -0.8, 0.8), bias: dice.tensor([to], -0.2, 0.2)))
    }
    func norm(_ n: Int) -> Operator {
      .batchNorm(
        BatchNorm(
          mean: dice.tensor([n], -0.2, 0.2), variance: dice.tensor([n], 0.5, 2),
          gamma: dice.tensor([n], 0.5, 1.5), beta: dice.tensor([n], -0.1, 0.3)))
    }
    func image(_ from: Int, _ to: Int, groups: Int = 1) -> Operator {
      .convolution(
        Convolution(
          weight: dice.tensor([to, from / groups, 3, 3], -0.6, 0.6),
          bias: dice.tensor([to], 0, 0.2),
          stride: [1, 1], padding: .explicit([1, 1]), dilation: [1, 1], groups: groups))
    }
    func recurrent(_ neuron: Neuron) -> Model {
      var model = Model.chain([
        ("in", .input(shape: [6])), ("a", linear(6, 9)), ("n", .neuron(neuron)),
        ("b", linear(9, 3)), ("li", .neuron(dice.neuron(.li, [3]))), ("out", .output(shape: [3])),
      ])
      model.nodes.append(.init("back", linear(9, 9)))
      model.edges += [.init("n", "back"), .init("back", "n")]
      return model
    }
    let everything: Set = [
      "tau", "tau_mem", "tau_syn", "r", "v_leak", "v_threshold", "v_reset", "w_in", "v_initial",
    ]
    var starting = dice.neuron(.cubaLIF, [9])
    starting.initial = dice.tensor([9], -0.1, 0.2)
    let cuba = recurrent(starting)
    let lif = recurrent(dice.neuron(.lif, [9]))

    for threads in [1, 2] {
      learn("recurrent t\(threads)", cuba) {
        ($0.gradient.threads, $0.gradient.input, $0.gradient.trained) = (
          threads, .every, everything
        )
        ($0.gradient.surrogate, $0.optimizer.rate) = (.arctan(slope: 2), 1e-4)
        $0.gradient.dropout = ["n": 0.3]
      }
    }
    for (name, surrogate) in [
      ("box", Surrogate.box(width: 0.5, height: 1)), ("triangle", .triangle(width: 1, height: 0.3)),
      ("fast sigmoid", .fastSigmoid(slope: 4)), ("arctan", .arctan(slope: 2)),
      ("spike time", .spikeTime(alpha: 0.3, beta: 0.1)),
    ] { learn("surrogate \(name)", lif) { $0.gradient.surrogate = surrogate } }
    for (name, change) in [
      ("detached time", { $0.detachesTime = true }), ("around reset", { $0.throughReset = false }),
      ("frozen", { $0.frozen = ["a", "back"] }), ("first", { $0.input = .first }),
      ("detached edge", { $0.detached = [.init("back", "n")] }),
    ] as [(String, (inout GradientOptions) -> Void)] {
      learn("lif \(name)", lif) {
        change(&$0.gradient)
        $0.gradient.surrogate = .fastSigmoid(slope: 4)
      }
    }
    // Every way of making a step, in one line each kind.
    for kind in Neuron.Kind.allCases {
      var (losses, parameters, predictions) = (Sum(), Sum(), Sum())
      for integrator in NeuronSemantics.Integrator.allCases {
        for reset in NeuronSemantics.Reset.allCases {
          for isLate in [false, true] {
            var model = recurrent(dice.neuron(kind, [9]))
            (model.semantics.integrator, model.semantics.reset) = (integrator, reset)
            if isLate {
              (model.semantics.resetTiming, model.semantics.spikeTiming) = (.nextStep, .nextStep)
            }
            model.semantics.integratorGain = .r
            do {
              try Cases.learn(
                model,
                {
                  ($0.gradient.trained, $0.gradient.surrogate) = (everything, .arctan(slope: 2))
                  $0.optimizer.rate = 1e-4
                }, &losses, &parameters, &predictions)
            } catch { failures.append("learn neurons \(kind) \(integrator) \(reset): \(error)") }
          }
        }
      }
      put(
        "learn neurons \(kind.rawValue)",
        "losses \(losses.hex) parameters \(parameters.hex) predictions \(predictions.hex)")
    }
    let images = Model.chain([
      ("in", .input(shape: [2, 6, 6])), ("c1", image(2, 4)), ("norm", norm(4)),
      ("relu", .activation(.relu)),
      ("max", .pooling(Pooling(kind: .maximum, kernel: [2, 2], stride: [2, 2]))),
      ("c2", image(4, 6, groups: 2)), ("lif", .neuron(dice.neuron(.lif, []))),
      (
        "mean",
        .pooling(Pooling(kind: .average, kernel: [2, 2], stride: [1, 1], padding: [1, 0]))
      ),
      ("flat", .flatten(Flatten())), ("w", linear(48, 3)), ("out", .output(shape: [3])),
    ])
    for threads in [1, 2] {
      learn("images t\(threads)", images) {
        $0.gradient.threads = threads
        ($0.optimizer.kind, $0.optimizer.momentum, $0.optimizer.nesterov) = (.sgd, 0.9, true)
        ($0.optimizer.weightDecay, $0.optimizer.clipNorm) = (0.01, 0.5)
      }
    }
    for (name, change) in [
      ("sgd decay", { ($0.kind, $0.schedule) = (.sgd, .decay(factor: 0.5, steps: 1)) }),
      ("adam amsgrad", { ($0.amsgrad, $0.schedule) = (true, .milestones([1, 2], factor: 0.3)) }),
      ("adamax", { ($0.kind, $0.schedule, $0.clipValue) = (.adamax, .cosine(steps: 4), 0.01) }),
      ("adamw", { ($0.kind, $0.schedule, $0.weightDecay) = (.adamw, .linear(steps: 4), 0.1) }),
      ("added noise", { $0.noise = .init(.additive, sigma: 0.01, fadesAt: 4) }),
      ("times noise", { $0.noise = .init(.multiplicative, sigma: 0.1) }),
    ] as [(String, (inout OptimizerOptions) -> Void)] {
      learn("optimizer \(name)", lif) {
        change(&$0.optimizer)
        $0.gradient.surrogate = .fastSigmoid(slope: 4)
      }
    }
    for kind in Loss.Kind.allCases where kind != .stochmax && kind != .stochmaxNaive {
      for readout in Loss.Readout.allCases {
        var model = lif
        if kind == .binaryCrossEntropy {
          model.nodes[4].op = .activation(.sigmoid)
        }
        let isTop = kind == .crossEntropy || readout == .maximum
        // Numbers within 0 ... 1 where the loss asks for these.
        guard kind != .binaryCrossEntropy || readout != .sum else { continue }
        learn("loss \(kind.rawValue) \(readout.rawValue)", model, values: !isTop) {
          $0.losses = [(0, Loss(kind, readout: readout, window: 1..<5, weight: 0.5))]
        }
      }
    }
    let heads = Model(
      nodes: [
        .init("in", .input(shape: [6])), .init("a", linear(6, 9)), .init("t", .activation(.tanh)),
        .init("y", linear(9, 3)), .init("p", linear(9, 3)), .init("q", linear(9, 3)),
        .init("o0", .output(shape: [3])), .init("o1", .output(shape: [3])),
        .init("o2", .output(shape: [3])),
      ],
      edges: [
        ("in", "a"), ("a", "t"), ("t", "y"), ("t", "p"), ("t", "q"), ("y", "o0"), ("p", "o1"),
        ("q", "o2"),
      ].map { .init($0.0, $0.1) })
    for kind in [Loss.Kind.stochmax, .stochmaxNaive] {
      learn("loss \(kind.rawValue)", heads) { $0.losses = [(0, Loss(kind, readout: .last))] }
    }
    learn("several losses", heads) {
      $0.losses = [(0, Loss()), (1, Loss(.crossEntropy, readout: .last, weight: 0.3))]
    }
    addTandem(&dice)
    addFastWeights(&dice)
    addGates(&dice)
  }

  /// An artificial network that learns beside its spiking twin, and the twin as a session runs it.
  private mutating func addTandem(_ dice: inout Dice) {
    func linear(_ from: Int, _ to: Int) -> Operator {
      .linear(
        Linear(weight: dice.tensor([to, from], -0.8, 0.8), bias: dice.tensor([to], -0.2, 0.2)))
    }
    let norm = BatchNorm(
      mean: dice.tensor([10], -0.2, 0.2), variance: dice.tensor([10], 0.5, 2),
      gamma: dice.tensor([10], 0.5, 1.5), beta: dice.tensor([10], -0.1, 0.3))
    let model = Model.chain([
      ("in", .input(shape: [7])), ("a", linear(7, 10)), ("norm", .batchNorm(norm)),
      ("x", .activation(.relu)), ("b", linear(10, 8)), ("y", .activation(.relu)),
      ("c", linear(8, 3)), ("out", .output(shape: [3])),
    ])
    func change(_ options: inout TrainingOptions) {
      options.mode = .tandem
      options.gradient.steps = 8
      options.optimizer.kind = .adamax
    }
    learn("tandem", model, change)
    do {
      var (a, b, c) = (Sum(), Sum(), Sum())
      let trainer = try Cases.learn(model, change, &a, &b, &c)
      add("tandem twin", try Library.spikingModel(trainer), Setting(steps: 8, resets: true)) {
        try Cases.play($0, &$1, seed: 43, spikes: false, chunks: [4])
      }
    } catch { failures.append("tandem: \(error)") }
  }

  private mutating func addFastWeights(_ dice: inout Dice) {
    for (name, decay) in [
      ("oja", PlasticRule.Decay.oja(0.7)), ("weight", .weight(0.2)), ("none", .none),
    ] {
      var rule = PlasticRule(post: "y", [.init(.step, pre: .value, post: .value, rate: 0.7)])
      rule.decay = decay
      let model = Model.chain([
        ("in", .input(shape: [6])),
        ("a", .linear(Linear(weight: dice.tensor([5, 6], -0.8, 0.8)))),
        (
          "x",
          .plastic(
            .linear(
              PlasticLinear(
                weight: dice.tensor([4, 5], -0.5, 0.5), alpha: dice.tensor([4, 5], 0.2, 1),
                rule: rule)))
        ), ("y", .activation(.softmax)),
        ("b", .linear(Linear(weight: dice.tensor([3, 4], -0.8, 0.8)))),
        ("out", .output(shape: [3])),
      ])
      learn("fast weights \(name)", model) {
        ($0.gradient.input, $0.optimizer.kind) = (.every, .adamw)
        if name == "oja" { $0.gradient.plasticSteps = 2 }
      }
    }
  }

  /// Nodes of other kinds that gradients go through, with weights that two nodes share.
  private mutating func addGates(_ dice: inout Dice) {
    func linear(_ from: Int, _ to: Int) -> Operator {
      .linear(
        Linear(weight: dice.tensor([to, from], -0.8, 0.8), bias: dice.tensor([to], -0.2, 0.2)))
    }
    var model = Model.chain([
      ("in", .input(shape: [5])), ("shot", .encoder(.singleShot(gain: 1.5))), ("a", linear(5, 5)),
      ("tanh", .activation(.tanh)), ("times", .multiplication), ("cat", .concatenation),
      ("scale", .scale(dice.tensor([10], 0.5, 1.5))), ("b", linear(10, 5)),
      ("late", .delay(Tensor(vector: [0, 1e-3, 2e-3, 1e-3, 3e-3]))),
      ("lif", .neuron(dice.neuron(.lif, [5]))), ("mean", .decoder(.mean)), ("c", linear(5, 3)),
      ("log", .activation(.logSoftmax)), ("out", .output(shape: [3])),
    ])
    model.nodes += [.init("a2", model["a"]!.op), .init("sigmoid", .activation(.sigmoid))]
    model.edges += [("in", "a2"), ("a2", "sigmoid"), ("sigmoid", "times"), ("in", "cat")].map {
      .init($0.0, $0.1)
    }
    for ties in [[], [["a", "a2"]]] {
      learn("gates" + (ties.isEmpty ? "" : " tied"), model) {
        ($0.gradient.ties, $0.gradient.input) = (ties, .every)
        $0.gradient.surrogate = .triangle(width: 1, height: 1)
      }
    }
  }
}

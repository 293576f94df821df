import Arcuate
import ArcuateTestSupport
import Foundation
import Testing

/// Why a case would show little.
enum Unexpected: Error {
  case silence, nothingLearned
}

/// All lines that this build gives.
struct Cases {
  var lines: [String: String] = [:]
  var failures: [String] = []
  var kinds = Set<String>()
  /// Plans in words of a few cases, for people.
  var texts: [String] = []

  /// Every name that `Operator.kindName` gives.
  static let everyKind = [
    "Input", "Output", "Linear", "Affine", "SparseLinear", "Scale", "Conv1d", "Conv2d", "SumPool2d",
    "AvgPool2d", "MaxPool2d", "SpikeMaxPool2d", "Flatten", "Delay", "Threshold", "I", "IF", "LI",
    "LIF", "CubaLI", "CubaLIF", "NIRGraph", "ReLU", "Sigmoid", "Tanh", "Softmax", "LogSoftmax",
    "BatchNorm", "GroupNorm", "GRU", "Concatenation", "Multiplication", "Normalization",
    "BernoulliEncoder",
    "RateEncoder", "SignedBernoulliEncoder", "SingleShotEncoder", "CountDecoder", "RateDecoder",
    "MeanDecoder", "PlasticLinear", "PlasticConv1d", "PlasticConv2d", "NeuronProgram", "Trace",
    "Winners",
    "Projection",
  ]

  /// Cases whose plans are kept in words.
  static let explained = [
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
  mutating func add(
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
  mutating func explain(_ name: String, _ setting: Setting, _ session: Session) {
    let title = "\(name) \(setting.name)" + (setting.isFast ? " fast" : "")
    let key = "explain \(Library.instructions) \(title)"
    guard lines[key] == nil else { return }
    let text = Library.explain(session)
    var sum = Sum()
    sum.add(text)
    lines[key] = "text \(sum.hex)"
    if Cases.explained.contains(title) { texts.append("== \(title)\n\n\(text)") }
  }

  mutating func put(_ key: String, _ columns: String) {
    if lines[key] != nil { failures.append("\(key): two cases of that name") }
    lines[key] = columns
  }

  mutating func addFile(_ name: String, _ model: Model) {
    do {
      var sum = Sum()
      sum.add(try Library.file(model))
      put("file \(name)", "bytes \(sum.hex)")
    } catch { failures.append("\(name): \(error)") }
  }

  // MARK: Inputs

  /// For each input port [frames][batch][shape]; frames differ in how many numbers are zero.
  static func input(
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

  static func part(
    _ session: Session, _ input: [[Float]], _ range: Range<Int>
  ) -> [[Float]] {
    zip(input, Library.inputSizes(session)).map { values, size in
      let row = size * Library.batch(session)
      return Array(values[range.lowerBound * row..<range.upperBound * row])
    }
  }

  /// Runs all frames in calls of so many each.
  static func play(
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
  static func play(
    _ session: Session, _ sum: inout Sum, _ family: Family, seed: UInt64, chunks: [Int] = [21]
  ) throws {
    let times = family == .sparse ? 4 : 1
    try play(
      session, &sum, seed: seed, spikes: family.takesSpikes, chunks: chunks.map { $0 * times })
  }
}

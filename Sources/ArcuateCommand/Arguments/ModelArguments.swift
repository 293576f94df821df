import Arcuate
import ArcuateConsole
import ArcuateData
import ArgumentParser

extension NeuronSemantics.Preset: ExpressibleByArgument {}
extension CompileOptions.FrameState: ExpressibleByArgument {}
extension CompileOptions.FrameInput: ExpressibleByArgument {}
extension CompileOptions.FrameOutput: ExpressibleByArgument {}

/// What a model file does not say about its neurons.
struct ReadingOptions: ParsableArguments {
  @Option(help: "Read the neurons as this exporter means them; by default as the file says.")
  var preset: NeuronSemantics.Preset?

  @Option(
    parsing: .unconditional,
    help: "Seconds per step, 1e-12 to 1e6; by default as the file says.")
  var dt: Double?

  @Option(
    name: .long,
    help: ArgumentHelp(
      "One field of the neurons' semantics, such as reset=subtract; may be given several times.",
      valueName: "field=value"))
  var semantics: [String] = []

  @Flag(help: "Show notes on what was read, not only what was mended.")
  var verbose = false

  func validate() throws {
    if let dt, !Model.stepLengths.contains(dt) {
      throw ValidationError("--dt must be from 1e-12 to 1e6 seconds")
    }
  }

  /// The model in the file; what was mended on the way is said on the standard error.
  func loadForUse(_ path: String, strict: Bool = false) throws -> Model {
    let (model, findings) = try load(path, strict: strict)
    for finding in findings where verbose || finding.severity > .note {
      say("arcuate: \(finding)")
    }
    return model
  }

  /// The model in the file, and what was noticed on the way.
  func load(_ path: String, strict: Bool = false) throws -> (model: Model, findings: [Finding]) {
    var (model, findings) = try ModelFile.read(
      path, .init(strict: strict, preset: preset, dt_s: dt))
    for setting in semantics {
      guard let equals = setting.firstIndex(of: "="), equals != setting.startIndex else {
        throw ArcuateError(.invalidArgument, "\"\(setting)\" is not field=value", at: "--semantics")
      }
      try within("--semantics") {
        try model.semantics.set(
          String(setting[..<equals]), to: String(setting[setting.index(after: equals)...]))
      }
    }
    return (model, findings)
  }
}

/// How a model is to be run.
struct CompileArguments: ParsableArguments {
  @Option(
    parsing: .unconditional,
    help: """
      Steps for one frame, 1 to 1000000; by default steps_per_frame of the model's metadata, or 1.
      """)
  var stepsPerFrame: Int?

  @Option(help: "State between frames; by default frame_state of the model's metadata, or keep.")
  var frameState: CompileOptions.FrameState?

  @Option(
    help: """
      Hold a frame's input over its steps, or give it at the first step only; by default \
      frame_input of the model's metadata, or hold.
      """)
  var frameInput: CompileOptions.FrameInput?

  @Option(
    help: """
      What of a frame's steps comes out; by default frame_output of the model's metadata, or last.
      """)
  var frameOutput: CompileOptions.FrameOutput?

  @Option(
    parsing: .unconditional,
    help: "Independent streams that run side by side, 1 to 65535; by default 1.")
  var batch: Int?

  @Option(parsing: .unconditional, help: "Threads, 1 to 256.")
  var threads = 1

  @Option(help: "exact: the same bits whatever the batch and threads; fast: sums fused and in any order.")
  var numerics = CompileOptions.Numerics.exact

  func validate() throws {
    for (name, value, most) in [
      ("--steps-per-frame", stepsPerFrame, 1_000_000), ("--batch", batch, 65_535),
      ("--threads", threads, 256),
    ] {
      if let value, !(1...most).contains(value) {
        throw ValidationError("\(name) must be from 1 to \(most), not \(value)")
      }
    }
  }

  /// A session of the plan. Throws. `outOfMemory` saying for what.
  func session(_ plan: Plan) throws -> Session {
    do {
      return try plan.makeSession()
    } catch var error as ArcuateError where error.code == .outOfMemory {
      let batch = plan.options.batch
      error.message +=
        " for a session of batch \(batch)" + (batch > 1 ? "; a smaller batch needs less" : "")
      throw error
    }
  }

  /// These options, completed by what the model's metadata states.
  func options(for model: Model) throws -> CompileOptions {
    var options = CompileOptions()
    let notes = MetadataNotes(model)
    options.stepsPerFrame = try stepsPerFrame ?? notes.integer("steps_per_frame") ?? 1
    options.frameState = try frameState ?? notes.choice("frame_state") ?? .keep
    options.frameInput = try frameInput ?? notes.choice("frame_input") ?? .hold
    options.frameOutput = try frameOutput ?? notes.choice("frame_output") ?? .last
    options.batch = batch ?? 1
    options.threads = threads
    options.numerics = numerics
    return options
  }
}

/// What a model's metadata states about its use.
struct MetadataNotes {
  private let metadata: [String: Metadata]

  init(_ model: Model) { metadata = model.metadata }

  /// Throws. `invalidModel` for a note that is not a whole number.
  func integer(_ name: String) throws -> Int? {
    let number: Double? =
      switch metadata[name] {
      case nil: nil
      case .number(let number): number
      case .string(let text): Double(text)
      default: .nan
      }
    guard metadata[name] != nil else { return nil }
    guard let number, let integer = Int(exactly: number) else {
      throw misfit(name, "a whole number")
    }
    return integer
  }

  /// Throws. `invalidModel` for a note that is not among the choices.
  func choice<T: RawRepresentable & CaseIterable>(_ name: String) throws -> T?
  where T.RawValue == String {
    guard let note = metadata[name] else { return nil }
    if case .string(let text) = note, let choice = T(rawValue: text) { return choice }
    throw misfit(name, T.allCases.map(\.rawValue).joined(separator: " or "))
  }

  private func misfit(_ name: String, _ expected: String) -> ArcuateError {
    ArcuateError(
      .invalidModel, "is not \(expected); the option of that name overrides it",
      at: "metadata \"\(name)\"")
  }
}

extension Finding {
  var json: JSON {
    ["severity": .string(severity.rawValue), "place": .string(place), "message": .string(message)]
  }
}

extension Shape {
  var json: JSON { .array(extents.map { .number($0) }) }
}

extension NeuronSemantics {
  /// Every field as text, under its name.
  var fields: [(name: String, value: String)] {
    NeuronSemantics.fieldNames.map { ($0, value(of: $0) ?? "") }
  }

  var json: JSON {
    .object(Dictionary(uniqueKeysWithValues: fields.map { ($0.name, .string($0.value)) }))
  }
}

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

  @Option(parsing: .unconditional, help: "Threads, 1 to 256; by default 1.")
  var threads: Int?

  @Option(
    help: """
      exact: the same bits for every batch and thread count; fast: sums fused and in any order; by \
      default exact.
      """)
  var numerics: CompileOptions.Numerics?

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

  /// These options; what was not given follows the model's metadata.
  func options(for model: Model) throws -> CompileOptions {
    var options = CompileOptions()
    if let stepsPerFrame { options.stepsPerFrame = stepsPerFrame }
    if let frameState { options.frameState = frameState }
    if let frameInput { options.frameInput = frameInput }
    if let frameOutput { options.frameOutput = frameOutput }
    if let batch { options.batch = batch }
    if let threads { options.threads = threads }
    if let numerics { options.numerics = numerics }
    return try options.following(model)
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

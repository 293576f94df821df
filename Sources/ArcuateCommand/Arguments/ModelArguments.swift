import Arcuate
import ArcuateConsole
import ArcuateData
import ArgumentParser

extension CompileOptions.FrameState: ExpressibleByArgument {}
extension CompileOptions.FrameInput: ExpressibleByArgument {}
extension CompileOptions.FrameOutput: ExpressibleByArgument {}

/// Help texts of model files.
enum ModelHelp {
  static let readable = "Model file: \(ModelFormat.readable)."
  static let writable = "Model file to write, \(ModelFormat.writable)."
}

/// Options for reading a model file.
struct ReadingOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Neuron semantics of the library that wrote the file, such as snntorch, or with options "
        + "snntorch:reset=zero; default: as stated in the file.", valueName: "name[:options]"))
  var preset: String?

  @Option(
    parsing: .unconditional,
    help: "Time step in seconds, 1e-12 ... 1e6; default: as stated in the file.")
  var dt: Double?

  @Option(
    name: .long,
    help: ArgumentHelp(
      "Set one field of the neuron semantics, such as reset=subtract; repeatable.",
      valueName: "field=value"))
  var semantics: [String] = []

  @Flag(help: "Show notes about the file, not only repairs.")
  var verbose = false

  func validate() throws {
    try checkRange("--dt", dt, Model.stepLengths)
  }

  /// The model in the file; repairs are reported on standard error.
  func loadForUse(_ path: String, strict: Bool = false) throws -> Model {
    let (model, findings) = try load(path, strict: strict)
    for finding in findings where verbose || finding.severity > .note { note("\(finding)") }
    return model
  }

  /// The model in the file and the findings of the reader.
  func load(_ path: String, strict: Bool = false) throws -> (model: Model, findings: [Finding]) {
    var (model, findings) = try ModelFile.read(
      path,
      .init(strict: strict, preset: try preset.map { try NeuronSemantics(preset: $0) }, dt_s: dt))
    for text in semantics {
      guard let equals = text.firstIndex(of: "="), equals != text.startIndex else {
        throw ArcuateError(.invalidArgument, "\"\(text)\" is not field=value", at: "--semantics")
      }
      try within("--semantics") {
        try model.semantics.set(
          String(text[..<equals]), to: String(text[text.index(after: equals)...]))
      }
    }
    return (model, findings)
  }
}

/// Options for compiling a model.
struct CompileArguments: ParsableArguments {
  @Option(
    parsing: .unconditional,
    help: "Time steps per frame, 1 ... 1000000; default: the model's metadata, or 1.")
  var stepsPerFrame: Int?

  @Option(help: "Neuron state between frames; default: the model's metadata, or keep.")
  var frameState: CompileOptions.FrameState?

  @Option(
    help: """
      Present a frame at every step (hold) or only at the first; default: the model's metadata, or \
      hold.
      """)
  var frameInput: CompileOptions.FrameInput?

  @Option(help: "Output of a frame over its steps; default: the model's metadata, or last.")
  var frameOutput: CompileOptions.FrameOutput?

  @Option(
    parsing: .unconditional,
    help: "Independent streams that run together, 1 ... 65535; default: 1.")
  var batch: Int?

  @Option(parsing: .unconditional, help: "Number of threads, 1 ... 256; default: 1.")
  var threads: Int?

  @Option(
    help: """
      exact: the same bits for every batch and number of threads; fast: fused and reordered sums; \
      default: exact.
      """)
  var numerics: CompileOptions.Numerics?

  @Option(
    parsing: .unconditional,
    help: "Bytes that a session may need, 4096 ... 68719476736; default: 4294967296.")
  var maxSessionBytes: Int?

  func validate() throws {
    var options = CompileOptions()
    options.stepsPerFrame = stepsPerFrame ?? 1
    (options.batch, options.threads) = (batch ?? 1, threads ?? 1)
    if let maxSessionBytes { options.maxSessionBytes = maxSessionBytes }
    try checkOptions(options.check)
  }

  /// A session of the plan; what was repaired or assumed is reported on standard error.
  /// Throws. `outOfMemory` naming the batch.
  func session(_ plan: Plan) throws -> Session {
    for finding in plan.findings where finding.severity > .note { note("\(finding)") }
    do {
      return try plan.makeSession()
    } catch {
      guard error.code == .outOfMemory else { throw error }
      var error = error
      let batch = plan.options.batch
      error.message +=
        " for a session of batch \(batch)" + (batch > 1 ? "; use a smaller batch" : "")
      throw error
    }
  }

  /// These options, with defaults from the model's metadata.
  func options(for model: Model) throws -> CompileOptions {
    var options = CompileOptions()
    if let stepsPerFrame { options.stepsPerFrame = stepsPerFrame }
    if let frameState { options.frameState = frameState }
    if let frameInput { options.frameInput = frameInput }
    if let frameOutput { options.frameOutput = frameOutput }
    if let batch { options.batch = batch }
    if let threads { options.threads = threads }
    if let numerics { options.numerics = numerics }
    if let maxSessionBytes { options.maxSessionBytes = maxSessionBytes }
    return try options.following(model)
  }
}

extension Finding {
  var json: JSON {
    [
      "severity": .string(severity.rawValue), "location": .string(location),
      "message": .string(message),
    ]
  }
}

extension Shape {
  var json: JSON { .array(extents.map { .number($0) }) }
}

extension NeuronSemantics {
  /// Every field that is set, as text with its name.
  var fields: [(name: String, value: String)] {
    NeuronSemantics.fieldNames.compactMap { name in value(of: name).map { (name, $0) } }
  }

  var json: JSON {
    .object(Dictionary(uniqueKeysWithValues: fields.map { ($0.name, .string($0.value)) }))
  }
}

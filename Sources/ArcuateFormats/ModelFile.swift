import ArcuateCore
import ArcuateModel

/// Reads and writes model files of every format, told apart by their first bytes.
public enum ModelFile {
  /// What the file does not say, and how patient to be with what it says.
  public struct ReadOptions: Sendable {
    /// Refuse what would have to be mended.
    public var strict = false
    /// Whose habits to assume of the neurons; nil takes what the file says.
    public var preset: NeuronSemantics.Preset?
    /// Seconds per step, within `Model.stepLengths`; nil takes what the file says.
    public var dt_s: Double?

    public init(
      strict: Bool = false, preset: NeuronSemantics.Preset? = nil, dt_s: Double? = nil
    ) {
      self.strict = strict
      self.preset = preset
      self.dt_s = dt_s
    }
  }

  /// The model in the file at `path`, and what was noticed and mended on the way.
  ///
  /// Needs. A `.safetensors` file stays mapped: see `SafetensorsFile.read`.
  /// Throws. `invalidArgument` for a dt that cannot be; `cannotOpen`, `truncated`, `malformed`,
  /// `unsupportedFormat`, `limitExceeded`, or `invalidModel` where no model can be made of the
  /// file; with `strict` also for every repair.
  public static func read(
    _ path: String, _ options: ReadOptions = .init()
  ) throws -> (model: Model, findings: [Finding]) {
    let bytes = try Files.map(path)
    // Only safetensors tensors stay in the mapping; other files are read, so that one that
    // changes meanwhile does no harm.
    if NIRFile.recognises(bytes) { return try NIRFile.read(path, options) }
    if Nnet3File.recognises(bytes) { return try Nnet3File.read(path, options) }
    return try within(path) { try parse(bytes, options) }
  }

  /// As `read`, from bytes.
  public static func parse(
    _ bytes: Bytes, _ options: ReadOptions = .init()
  ) throws -> (model: Model, findings: [Finding]) {
    if NIRFile.recognises(bytes) { return try NIRFile.parse(bytes, options) }
    if Nnet3File.recognises(bytes) { return try Nnet3File.parse(bytes, options) }
    if SafetensorsFile.recognises(bytes) { return try SafetensorsFile.parse(bytes, options) }
    if LayerText.recognises(bytes) { return try options.settle(try LayerText.model(bytes), []) }
    throw ArcuateError(
      .unsupportedFormat,
      "begins neither as a .nir (HDF5) nor as a .safetensors file nor as a Kaldi nnet3 model nor as "
        + "a list of layers (JSON) does", at: "byte 0")
  }

  /// Writes the model in the format that the ending of `path` names, whole or not at all.
  /// Throws. `invalidArgument` for an ending that names none; `notRepresentable` naming the node
  /// for what the format has no word for; `cannotWrite`.
  public static func write(_ model: Model, to path: String) throws {
    if path.hasSuffix(".nir") { return try NIRFile.write(model, to: path) }
    if path.hasSuffix(".safetensors") { return try SafetensorsFile.write(model, to: path) }
    throw ArcuateError(.invalidArgument, "the name must end in .nir or .safetensors", at: path)
  }
}

extension ModelFile.ReadOptions {
  /// Throws. `invalidArgument` for a dt that cannot be.
  func check() throws {
    guard let dt = dt_s, !Model.stepLengths.contains(dt) else { return }
    throw ArcuateError(
      .invalidArgument,
      "a step of \(dt) s, not within \(Model.stepLengths.lowerBound) ... "
        + "\(Model.stepLengths.upperBound)")
  }

  /// What a reader found, with these options applied.
  /// Throws. `invalidModel` for an error among the findings; with `strict` also for a repair.
  func settle(_ model: Model, _ findings: [Finding]) throws -> (model: Model, findings: [Finding]) {
    let refused = findings.filter { $0.severity == .error || strict && $0.severity == .repair }
    if let first = refused.first {
      let more = refused.count > 1 ? " (and \(refused.count - 1) more)" : ""
      throw ArcuateError(.invalidModel, first.message + more, at: first.place)
    }
    var model = model
    if let preset { model.semantics = NeuronSemantics(preset) }
    if let dt_s { model.dt_s = dt_s }
    return (model, findings)
  }
}

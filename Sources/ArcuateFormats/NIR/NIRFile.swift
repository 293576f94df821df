import ArcuateCore
import ArcuateModel

/// Reads and writes `.nir` files: HDF5 with a graph of the Neuromorphic Intermediate Representation.
public enum NIRFile {
  public struct ReadOptions: Sendable {
    /// Refuse what would have to be mended.
    public var strict = false
    /// What to assume of the neurons; nil takes the file's hints, or NIR's own meaning.
    public var semantics: NeuronSemantics?
    /// Seconds per step; nil takes the file's hint.
    public var dt_s: Double?

    public init(strict: Bool = false, semantics: NeuronSemantics? = nil, dt_s: Double? = nil) {
      self.strict = strict
      self.semantics = semantics
      self.dt_s = dt_s
    }
  }

  /// The model in the file at `path`, and what was noticed and mended on the way.
  /// Throws. `cannotOpen`, `truncated`, `malformed`, `unsupportedFormat`, `limitExceeded`, or
  /// `invalidModel` where no model can be made of it; with `strict` also for every repair.
  public static func read(
    _ path: String, _ options: ReadOptions = .init()
  ) throws -> (model: Model, findings: [Finding]) {
    let bytes = try Files.read(path)
    return try within(path) { try parse(bytes, options) }
  }

  /// As `read`, from bytes.
  public static func parse(
    _ bytes: Bytes, _ options: ReadOptions = .init()
  ) throws -> (model: Model, findings: [Finding]) {
    let reader = try NIRReader(bytes)
    var model = try reader.model()
    let findings = reader.findings
    if let semantics = options.semantics { model.semantics = semantics }
    if let dt = options.dt_s { model.dt_s = dt }
    let refused = findings.filter { $0.severity == .error || options.strict && $0.severity == .repair }
    if let first = refused.first {
      let more = refused.count > 1 ? " (and \(refused.count - 1) more)" : ""
      throw ArcuateError(.invalidModel, first.message + more, at: first.place)
    }
    return (model, findings)
  }

  /// Whether the bytes begin as a `.nir` file does.
  public static func recognises(_ bytes: Bytes) -> Bool { HDF5File.recognises(bytes) }

  /// Writes the model, whole or not at all.
  /// Throws. `notRepresentable` naming the node for what NIR has no word for; `cannotWrite`.
  public static func write(_ model: Model, to path: String) throws {
    try Files.write(try encode(model), to: path)
  }
}

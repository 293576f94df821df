import ArcuateCore
import ArcuateModel

/// Options for reading a model file.
public struct ReadOptions: Sendable {
  /// Refuse a file that needs a repair.
  public var strict = false
  /// The neuron semantics to assume, as by `NeuronSemantics(preset:)`; nil takes those of the file.
  public var preset: NeuronSemantics?
  /// Seconds per step, within `Model.stepLengths`; nil takes those of the file.
  public var dt_s: Double?

  public init(
    strict: Bool = false, preset: NeuronSemantics? = nil, dt_s: Double? = nil
  ) {
    self.strict = strict
    self.preset = preset
    self.dt_s = dt_s
  }

  /// Throws. `invalidArgument` for a `dt_s` out of range.
  func check() throws(ArcuateError) {
    guard let dt_s, !Model.stepLengths.contains(dt_s) else { return }
    throw ArcuateError(
      .invalidArgument,
      "dt_s must be \(Model.stepLengths.lowerBound) ... \(Model.stepLengths.upperBound), "
        + "got \(dt_s)")
  }

  /// The result of a reader, with these options applied.
  /// Throws. `invalidModel` for an error among the findings; with `strict` also for a repair.
  func settle(
    _ found: (model: Model, findings: [Finding])
  ) throws(ArcuateError) -> (model: Model, findings: [Finding]) {
    let refused = found.findings.filter {
      $0.severity == .error || strict && $0.severity == .repair
    }
    if let first = refused.first {
      let more = refused.count > 1 ? " (and \(refused.count - 1) more)" : ""
      throw ArcuateError(.invalidModel, first.message + more, at: first.location)
    }
    var (model, findings) = found
    if preset?.rule?.library == .spyx {
      let repairs = NIRSpyx.rewire(&model)
      if strict, let first = repairs.first {
        throw ArcuateError(.invalidModel, first.message, at: first.location)
      }
      findings += repairs
    }
    if let preset { model.semantics = preset }
    if let dt_s { model.dt_s = dt_s }
    return (model, findings)
  }
}

/// A format of model files: how its files are recognized, read and written.
///
/// `all` is the one list of formats; detection, messages and help texts follow it.
public struct ModelFormat: Sendable {
  typealias Found = (model: Model, findings: [Finding])

  /// A short name for files and reports, which never changes.
  public let identifier: String
  /// The name in messages and help texts.
  public let name: String
  /// Endings of file names, with the period; empty if the format has none of its own.
  public let endings: [String]
  /// Whether tensors may share the bytes of a mapped file.
  let sharesBytes: Bool
  private let isRecognized: @Sendable (Bytes) -> Bool
  private let read: @Sendable (Bytes, ReadOptions) throws(ArcuateError) -> Found
  private let written: (@Sendable (Model) throws(ArcuateError) -> [UInt8])?

  public static let nir = ModelFormat(
    identifier: "nir", name: "NIR (HDF5)", endings: [".nir"], sharesBytes: false,
    isRecognized: { NIRFile.recognizes($0) },
    read: { bytes, _ throws(ArcuateError) in try NIRFile.parse(bytes) },
    written: { model throws(ArcuateError) in
      let bytes = try NIRFile.encode(model)
      // A sound model is read as it was written; one with errors may lack what the reader needs.
      if model.check().checked == nil, !isReadable(bytes) { _ = try model.soundly() }
      return bytes
    })

  private static func isReadable(_ bytes: [UInt8]) -> Bool {
    guard let found = try? NIRFile.parse(Bytes(bytes)) else { return false }
    return (try? ReadOptions().settle(found)) != nil
  }

  public static let safetensors = ModelFormat(
    identifier: "safetensors", name: "safetensors", endings: [".safetensors"], sharesBytes: true,
    isRecognized: { SafetensorsFile.recognizes($0) },
    read: { bytes, _ throws(ArcuateError) in try SafetensorsFile.parse(bytes) },
    written: { model throws(ArcuateError) in try SafetensorsFile.encode(model) })

  public static let nnet3 = ModelFormat(
    identifier: "nnet3", name: "Kaldi nnet3", endings: [], sharesBytes: false,
    isRecognized: { Nnet3File.recognizes($0) },
    read: { bytes, options throws(ArcuateError) in
      try Nnet3File.parse(bytes, frame_s: options.dt_s)
    }, written: nil)

  public static let layers = ModelFormat(
    identifier: "layers", name: "a JSON layer list", endings: [".json"], sharesBytes: false,
    isRecognized: { LayerText.recognizes($0) },
    read: { bytes, _ throws(ArcuateError) in (try LayerText.model(bytes), []) }, written: nil)

  /// In the order in which files are tried.
  public static let all: [ModelFormat] = [nir, safetensors, nnet3, layers]

  /// Bytes that are enough to recognize a format.
  static let startCount = 64

  /// The formats that are read, as a phrase.
  public static let readable = phrase(all.map(\.name))

  /// The endings of the formats that are written, as a phrase.
  public static let writable = phrase(all.filter(\.isWritable).flatMap(\.endings))

  private static func phrase(_ words: [String]) -> String {
    words.count < 2
      ? words.joined() : words.dropLast().joined(separator: ", ") + " or " + words[words.count - 1]
  }

  /// The format of the file that begins with these bytes.
  /// Throws. `unsupportedFormat` naming the formats that are read.
  public static func detect(_ start: Bytes) throws(ArcuateError) -> ModelFormat {
    guard start.count > 0 else { throw ArcuateError(.unsupportedFormat, "is empty") }
    for format in all where format.recognizes(start) { return format }
    throw ArcuateError(.unsupportedFormat, "unknown format: expected \(readable)")
  }

  /// The format to write a file of this name in.
  /// Throws. `invalidArgument` naming the endings of the formats that are written.
  public static func forWriting(_ path: String) throws(ArcuateError) -> ModelFormat {
    for format in all where format.isWritable {
      for ending in format.endings where path.hasSuffix(ending) { return format }
    }
    throw ArcuateError(.invalidArgument, "the name must end in \(writable)", at: path)
  }

  /// Whether the bytes begin like a file of this format; the first 64 are enough.
  public func recognizes(_ bytes: Bytes) -> Bool { isRecognized(bytes) }

  /// The model in the bytes, and the findings of the reader.
  ///
  /// Tensors of a safetensors file share the bytes.
  /// Throws. As `ModelFile.read`.
  public func parse(
    _ bytes: Bytes, _ options: ReadOptions = .init()
  ) throws(ArcuateError) -> (model: Model, findings: [Finding]) {
    try options.check()
    return try options.settle(try read(bytes, options))
  }

  public var isWritable: Bool { written != nil }

  /// The bytes of a file.
  /// Throws. `notRepresentable` naming the node that the format cannot represent; `invalidModel` with
  /// the first error of the check, if the file could not be read for it; `unsupportedFormat` for a
  /// format that is only read; `limitExceeded`.
  public func encode(_ model: Model) throws(ArcuateError) -> [UInt8] {
    guard let written else {
      throw ArcuateError(.unsupportedFormat, "\(name) is read, but not written")
    }
    return try written(model)
  }
}

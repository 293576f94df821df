import ArcuateCore
import ArcuateModel

/// Reads and writes model files of every format in `ModelFormat.all`.
public enum ModelFile {
  /// The model in the file at `path`, and the findings of its reader.
  ///
  /// The file is opened once; its first bytes decide the format. The tensors of a `.safetensors`
  /// file stay in the mapped file, every other file is read into memory.
  /// Needs. A `.safetensors` file must not be truncated while any of its tensors lives: touching a
  /// page that is gone ends the process with SIGBUS. Renaming another file over it is safe.
  /// Throws. `invalidArgument` for a `dt_s` out of range; `cannotOpen`, `truncated`, `malformed`,
  /// `unsupportedFormat`, `limitExceeded`, or `invalidModel` if the file does not describe a model;
  /// with `strict` also for every repair. The location begins with `path`.
  public static func read(
    _ path: String, _ options: ReadOptions = .init()
  ) throws(ArcuateError) -> (model: Model, findings: [Finding]) {
    let file = try OpenFile(path)
    let format = try within(path) { () throws(ArcuateError) in
      try ModelFormat.detect(try file.start(ModelFormat.startCount))
    }
    let bytes = try format.sharesBytes ? file.map() : file.read()
    return try within(path) { () throws(ArcuateError) in try format.parse(bytes, options) }
  }

  /// As `read`, from bytes, which tensors may go on sharing.
  public static func parse(
    _ bytes: Bytes, _ options: ReadOptions = .init()
  ) throws(ArcuateError) -> (model: Model, findings: [Finding]) {
    try ModelFormat.detect(bytes).parse(bytes, options)
  }

  /// Writes the model in the format that the ending of `path` names, completely or not at all.
  /// Throws. `invalidArgument` for any other ending; `notRepresentable` naming the node that the
  /// format cannot represent; `invalidModel` for a model with an error for which the
  /// file could not be read; `cannotWrite`.
  public static func write(_ model: Model, to path: String) throws(ArcuateError) {
    try Files.write(try ModelFormat.forWriting(path).encode(model), to: path)
  }
}

import ArcuateCore
import ArcuateModel

/// Reads and writes `.safetensors` files that carry an Arcuate graph; README.md beside this file
/// has the layout.
public enum SafetensorsFile {
  /// Keys of the container's metadata.
  static let modelKey = "arcuate.model"
  static let formatKey = "arcuate.format"
  static let format = "1"

  /// The model in the file at `path`, and what was noticed on the way.
  ///
  /// The file is mapped, and float32, bfloat16 and int8 tensors stay in the mapping.
  /// Needs. The file must not be cut short while any of its tensors lives: touching a page that is
  /// gone ends the process with SIGBUS. Replacing the file by renaming another over it is safe.
  /// Throws. As `ModelFile.read`.
  public static func read(
    _ path: String, _ options: ModelFile.ReadOptions = .init()
  ) throws -> (model: Model, findings: [Finding]) {
    let bytes = try Files.map(path)
    return try within(path) { try parse(bytes, options) }
  }

  /// As `read`, from bytes, which the tensors go on sharing.
  public static func parse(
    _ bytes: Bytes, _ options: ModelFile.ReadOptions = .init()
  ) throws -> (model: Model, findings: [Finding]) {
    try options.check()
    let container = try SafetensorsContainer(bytes)
    guard let text = container.metadata[modelKey] else {
      throw ArcuateError(
        .unsupportedFormat,
        "is a safetensors file of \(container.entries.count) tensors without an Arcuate graph: "
          + "its metadata has no \"\(modelKey)\"")
    }
    let stated = container.metadata[formatKey]
    guard stated == format else {
      let version = stated.map { "\"\($0.prefix(40))\"" } ?? "missing"
      throw ArcuateError(
        .unsupportedFormat, "\(formatKey) is \(version); \"\(format)\" is read")
    }
    let graph = try within(modelKey) { try JSONParser.parse(Array(text.utf8)) }
    var reader = SafetensorsReader(container)
    let model = try within(modelKey) { try reader.model(graph) }
    return try options.settle(model, reader.findings)
  }

  /// Whether the bytes begin as a `.safetensors` file does.
  public static func recognises(_ bytes: Bytes) -> Bool { SafetensorsContainer.recognises(bytes) }

  /// Writes the model, whole or not at all. Throws. `cannotWrite`, `limitExceeded`.
  public static func write(_ model: Model, to path: String) throws {
    try Files.write(try encode(model), to: path)
  }

  /// The bytes of a `.safetensors` file. Throws. `limitExceeded` for more than a header can hold.
  public static func encode(_ model: Model) throws -> [UInt8] {
    var writer = SafetensorsWriter()
    let graph = try writer.graph(model, path: "", depth: 0)
    writer.container.metadata = [
      formatKey: format, modelKey: String(decoding: JSON.object(graph).text, as: UTF8.self),
    ]
    return try writer.container.encode()
  }
}

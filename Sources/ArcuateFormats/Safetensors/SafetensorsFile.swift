import ArcuateCore
import ArcuateModel

/// Reads and writes `.safetensors` files that carry an Arcuate graph; docs/safetensors.md has
/// the layout.
public enum SafetensorsFile {
  /// Keys of the container's metadata.
  static let modelKey = "arcuate.model"
  static let formatKey = "arcuate.format"
  static let format = "1"

  /// The model in the bytes, which its tensors share, and what was noticed.
  /// Throws. As `ModelFile.read`.
  public static func parse(_ bytes: Bytes) throws(ArcuateError) -> (
    model: Model, findings: [Finding]
  ) {
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
    let graph = try within(modelKey) { () throws(ArcuateError) in
      try JSONParser.parse(Array(text.utf8))
    }
    var reader = SafetensorsReader(container)
    let model = try within(modelKey) { () throws(ArcuateError) in try reader.model(graph) }
    return (model, reader.findings)
  }

  /// Whether the bytes begin like a `.safetensors` file.
  static func recognizes(_ bytes: Bytes) -> Bool { SafetensorsContainer.recognizes(bytes) }

  /// The bytes of a `.safetensors` file. Throws. `limitExceeded` for more than a header can hold.
  public static func encode(_ model: Model) throws(ArcuateError) -> [UInt8] {
    var writer = SafetensorsWriter()
    let graph = try writer.graph(model, path: "", depth: 0)
    writer.container.metadata = [
      formatKey: format, modelKey: String(decoding: JSON.object(graph).text, as: UTF8.self),
    ]
    return try writer.container.encode()
  }
}

import ArcuateCore
import ArcuateModel

/// Reads and writes `.nir` files: HDF5 with a graph of the Neuromorphic Intermediate Representation.
public enum NIRFile {
  /// The model in the file at `path`, and what was noticed and mended on the way.
  /// Throws. As `ModelFile.read`.
  public static func read(
    _ path: String, _ options: ModelFile.ReadOptions = .init()
  ) throws -> (model: Model, findings: [Finding]) {
    let bytes = try Files.read(path)
    return try within(path) { try parse(bytes, options) }
  }

  /// As `read`, from bytes.
  public static func parse(
    _ bytes: Bytes, _ options: ModelFile.ReadOptions = .init()
  ) throws -> (model: Model, findings: [Finding]) {
    try options.check()
    let reader = try NIRReader(bytes)
    let model = try reader.model()
    return try options.settle(model, reader.findings)
  }

  /// Whether the bytes begin as a `.nir` file does.
  public static func recognises(_ bytes: Bytes) -> Bool { HDF5File.recognises(bytes) }

  /// Writes the model, whole or not at all.
  /// Throws. `notRepresentable` naming the node for what NIR has no word for; `cannotWrite`.
  public static func write(_ model: Model, to path: String) throws {
    try Files.write(try encode(model), to: path)
  }
}

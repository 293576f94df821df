import ArcuateCore
import ArcuateModel

/// Reads and writes `.nir` files: HDF5 with a graph of the Neuromorphic Intermediate
/// Representation.
public enum NIRFile {
  /// The model in the bytes, and what was noticed and repaired.
  /// Throws. As `ModelFile.read`.
  public static func parse(_ bytes: Bytes) throws(ArcuateError) -> (
    model: Model, findings: [Finding]
  ) {
    let reader = try NIRReader(bytes)
    return (try reader.model(), reader.findings)
  }

  /// Whether the bytes begin like a `.nir` file.
  static func recognizes(_ bytes: Bytes) -> Bool { HDF5File.recognizes(bytes) }
}

import ArcuateCore
import ArcuateFormats

/// The arrays of a NumPy `.npz` file: a zip archive of `.npy` files.
public struct NumpyArchive: Sendable {
  /// Names without the ending, in the order of the archive.
  public let names: [String]
  private let archive: ZipArchive

  /// Throws. As `ZipArchive`.
  public init(path: String) throws(ArcuateError) { self.init(try ZipArchive(path: path)) }

  public init(_ bytes: Bytes) throws(ArcuateError) { self.init(try ZipArchive(bytes)) }

  private init(_ archive: ZipArchive) {
    self.archive = archive
    names = archive.entries.map(\.name).filter { $0.hasSuffix(".npy") }.map {
      String($0.dropLast(4))
    }
  }

  /// The array of that name. Throws. `notFound`, and as `NumpyArray.parse`.
  public func array(_ name: String) throws(ArcuateError) -> NumpyArray {
    guard let entry = archive[name + ".npy"] else {
      throw ArcuateError(
        .notFound, "no array \"\(name.prefix(200))\" among \(names.prefix(20))")
    }
    return try within("array \"\(name.prefix(200))\"") { () throws(ArcuateError) in
      try NumpyArray.parse(try archive.read(entry))
    }
  }
}

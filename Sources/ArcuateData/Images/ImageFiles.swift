import ArcuateCore
import ArcuateFormats

/// Reads the PNG files below a folder or in a zip archive, one at a time.
public struct ImageFiles: Sendable {
  /// Paths within the folder or the archive, in ascending order of their bytes.
  public let names: [String]
  private let folder: String
  private let archive: ZipArchive?

  /// Limit on the files of a folder.
  public static let mostFiles = 1 << 24

  /// Throws. `cannotOpen`; `notFound` if there is no PNG file; as `ZipArchive` for an archive.
  public init(_ path: String) throws(ArcuateError) {
    let found: [String]
    if Files.isFolder(path) {
      archive = nil
      folder = path.hasSuffix("/") ? path : path + "/"
      found = try Files.list(path, limit: ImageFiles.mostFiles)
    } else {
      let zip = try ZipArchive(path: path)
      archive = zip
      folder = path
      found = zip.entries.filter { !$0.isFolder }.map(\.name)
    }
    names = found.filter { $0.hasSuffix(".png") || $0.hasSuffix(".PNG") }
      .sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    guard !names.isEmpty else {
      throw ArcuateError(.notFound, "contains no .png file", at: path)
    }
  }

  /// The folder of a file, which may name its class.
  public func folder(_ index: Int) -> Substring {
    precondition(names.indices.contains(index), "file index out of range")
    guard let slash = names[index].lastIndex(of: "/") else { return "" }
    return names[index][..<slash]
  }

  /// Throws. `invalidArgument` for an index out of range, and as `PNGImage`.
  public func image(_ index: Int) throws(ArcuateError) -> PNGImage {
    guard names.indices.contains(index) else {
      throw ArcuateError(.invalidArgument, "file \(index) is not within 0 ..< \(names.count)")
    }
    guard let archive else { return try PNGImage.read(folder + names[index]) }
    guard let entry = archive[names[index]] else {
      throw ArcuateError(.notFound, "contains no \"\(names[index])\"", at: folder)
    }
    return try within(folder) { () throws(ArcuateError) in
      let bytes = try archive.read(entry)
      return try within("entry \"\(entry.name.prefix(200))\"") { () throws(ArcuateError) in
        try PNGImage(bytes)
      }
    }
  }
}

import ArcuateCore

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// The file that a path leads to, so that two paths to one file compare equal.
///
/// An existing file is identified by device and inode, an absent one by its folder and name.
public enum FileIdentity: Hashable, Sendable {
  case file(device: UInt64, inode: UInt64)
  case absent(device: UInt64, inode: UInt64, name: String)

  /// Nil for anything that may be used twice, such as `/dev/null` or a pipe, and for a path that
  /// cannot be reached: opening it will say why.
  public init?(_ path: String) {
    var status = stat()
    if stat(path, &status) == 0 {
      self.init(status)
      return
    }
    guard let target = Files.target(of: path) else { return nil }
    let (folder, name) = Files.split(target)
    guard stat(folder.isEmpty ? "." : folder, &status) == 0 else { return nil }
    self = .absent(
      device: UInt64(truncatingIfNeeded: status.st_dev),
      inode: UInt64(truncatingIfNeeded: status.st_ino), name: name)
  }

  /// The file behind an open descriptor; nil if it is not a regular one.
  public init?(descriptor: Int32) {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { return nil }
    self.init(status)
  }

  private init?(_ status: stat) {
    guard status.st_mode & S_IFMT == S_IFREG else { return nil }
    self = .file(
      device: UInt64(truncatingIfNeeded: status.st_dev),
      inode: UInt64(truncatingIfNeeded: status.st_ino))
  }
}

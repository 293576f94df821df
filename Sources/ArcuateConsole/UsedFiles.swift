import Arcuate

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// The files of a command; refuses to write a file that is also read or written otherwise.
package struct UsedFiles {
  private enum Key: Hashable {
    case file(FileIdentity)
    case standardInput, standardOutput
  }
  private struct Use {
    let role: String
    let path: String
    let isWritten: Bool
  }
  private var uses: [Key: Use] = [:]

  package init() {}

  /// Throws. `invalidArgument` if the file is written, or if standard input is read twice.
  package mutating func read(_ path: String, as role: String) throws {
    let key: Key? =
      path == "-"
      ? FileIdentity(descriptor: STDIN_FILENO).map { .file($0) } ?? .standardInput
      : FileIdentity(path).map { .file($0) }
    try add(key, Use(role: role, path: path, isWritten: false))
  }

  /// Throws. `invalidArgument` if the file is already read or written; `cannotWrite` if its folder
  /// does not exist, which would otherwise only show at the end.
  package mutating func write(_ path: String, as role: String) throws {
    let parent = Files.split(path).folder
    let folder = parent.isEmpty ? "." : parent
    guard path == "-" || access(folder, access(path, F_OK) == 0 ? F_OK : W_OK) == 0 else {
      throw ArcuateError(.cannotWrite, "cannot be written: \(System.reason)", at: path)
    }
    let key: Key? =
      path == "-"
      ? FileIdentity(descriptor: STDOUT_FILENO).map { .file($0) } ?? .standardOutput
      : FileIdentity(path).map { .file($0) }
    try add(key, Use(role: role, path: path, isWritten: true))
  }

  private mutating func add(_ key: Key?, _ use: Use) throws {
    guard let key else { return }
    if let other = uses[key], other.isWritten || use.isWritten || key == .standardInput {
      throw ArcuateError(
        .invalidArgument,
        "the \(other.role) \"\(other.path)\" and the \(use.role) \"\(use.path)\" are the same file")
    }
    uses[key] = use
  }
}

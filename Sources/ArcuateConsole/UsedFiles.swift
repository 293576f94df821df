import Arcuate
import Glibc

/// The files that a command uses, of which none is written that is used otherwise.
package struct UsedFiles {
  private enum Place: Hashable {
    case file(FileIdentity)
    case standardInput, standardOutput
  }
  private struct Use {
    let role: String
    let path: String
    let isWritten: Bool
  }
  private var uses: [Place: Use] = [:]

  package init() {}

  /// Throws. `invalidArgument` if the file is written, or is the standard input once more.
  package mutating func read(_ path: String, as role: String) throws {
    let place: Place? =
      path == "-"
      ? FileIdentity(descriptor: STDIN_FILENO).map { .file($0) } ?? .standardInput
      : FileIdentity(path).map { .file($0) }
    try add(place, Use(role: role, path: path, isWritten: false))
  }

  /// Throws. `invalidArgument` if the file is read or written already; `cannotWrite` if there is no
  /// folder for it, which would only show when all else is done.
  package mutating func write(_ path: String, as role: String) throws {
    let parent = Files.split(path).folder
    let folder = parent.isEmpty ? "." : parent
    guard path == "-" || access(folder, access(path, F_OK) == 0 ? F_OK : W_OK) == 0 else {
      throw ArcuateError(
        .cannotWrite, "cannot be written: \(String(cString: strerror(errno)))", at: path)
    }
    let place: Place? =
      path == "-"
      ? FileIdentity(descriptor: STDOUT_FILENO).map { .file($0) } ?? .standardOutput
      : FileIdentity(path).map { .file($0) }
    try add(place, Use(role: role, path: path, isWritten: true))
  }

  private mutating func add(_ place: Place?, _ use: Use) throws {
    guard let place else { return }
    if let other = uses[place], other.isWritten || use.isWritten || place == .standardInput {
      throw ArcuateError(
        .invalidArgument,
        "the \(other.role) \"\(other.path)\" and the \(use.role) \"\(use.path)\" are the same file")
    }
    uses[place] = use
  }
}

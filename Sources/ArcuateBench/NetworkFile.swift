import Arcuate
import ArcuateConsole

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// A network in a file, to be opened like any other.
///
/// A temporary file is unlinked before `init` returns, so that nothing is left behind.
final class NetworkFile {
  let path: String
  private let file: Int32

  /// Writes to `path`, or if nil to a temporary file. Throws. `cannotWrite`.
  init(_ model: Model, at path: String?) throws {
    if let path {
      try Files.write(try ModelFormat.safetensors.encode(model), to: path)
      self.path = path
      file = -1
      return
    }
    let folder = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
    let name = "\(folder)/arcuate-bench-\(getpid()).safetensors"
    try Files.write(try ModelFormat.safetensors.encode(model), to: name)
    file = open(name, O_RDONLY | O_CLOEXEC)
    let reason = errno
    unlink(name)
    guard file >= 0 else {
      throw ArcuateError(
        .cannotOpen, "cannot be opened: \(String(cString: strerror(reason)))", at: name)
    }
    self.path = "/dev/fd/\(file)"
  }

  deinit { if file >= 0 { close(file) } }
}

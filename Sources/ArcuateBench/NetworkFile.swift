import Arcuate
import ArcuateConsole
import Glibc

/// A drawn network in a file, to be opened as any other is.
///
/// A temporary one has no name any more when `init` returns, so that nothing stays behind.
final class NetworkFile {
  let path: String
  private let file: Int32

  /// Writes to `path`, or for nil to a temporary file. Throws. `cannotWrite`.
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

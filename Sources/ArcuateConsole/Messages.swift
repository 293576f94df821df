import Arcuate
import Glibc

/// The name before every message: the last component of the program's path.
package let programName: String = {
  let path = CommandLine.arguments.first ?? "arcuate"
  return Files.split(path).name
}()

/// What a command prints: written when it is done, so that failing to can be told.
package enum StandardOutput {
  private nonisolated(unsafe) static var text = ""

  package static func add(_ more: String) { text += more }

  /// Throws. `cannotWrite` with the system's reason. Where the reader of a pipe has gone the
  /// process ends as it does by default, without a word.
  package static func flush() throws {
    guard !put(text, to: STDOUT_FILENO) else {
      text = ""
      return
    }
    let reason = errno
    if reason == EPIPE {
      signal(SIGPIPE, SIG_DFL)
      raise(SIGPIPE)
    }
    throw ArcuateError(
      .cannotWrite, "cannot be written: \(String(cString: strerror(reason)))",
      at: "standard output")
  }
}

/// Prints a line on the standard output.
package func show(_ line: String = "") { StandardOutput.add(line + "\n") }

/// Writes one line to the standard error.
package func say(_ line: String) {
  Progress.clear()
  put(line + "\n")
}

/// Writes at once; false, with `errno`, if not all could be written.
@discardableResult
package func put(_ text: String, to file: Int32 = STDERR_FILENO) -> Bool {
  var text = text
  return text.withUTF8 { bytes in
    var done = 0
    while done < bytes.count {
      // SAFETY: the buffer is valid during the call, for `bytes.count - done` bytes from there.
      let wrote = write(file, bytes.baseAddress! + done, bytes.count - done)
      if wrote < 0 && errno == EINTR { continue }
      guard wrote > 0 else { return false }
      done += wrote
    }
    return true
  }
}

package func fail(_ error: ArcuateError) { say("\(programName): error: \(error)") }

package func warn(_ error: ArcuateError) { say("\(programName): warning: \(error)") }

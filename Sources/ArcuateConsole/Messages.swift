import Arcuate

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// The name in front of every message: the last component of the program's path.
package let programName: String = {
  let path = CommandLine.arguments.first ?? "arcuate"
  return Files.split(path).name
}()

/// Standard output, collected and written when the command is done, so that failures are reported.
package enum StandardOutput {
  // SAFETY: only the main thread prints.
  private nonisolated(unsafe) static var text = ""

  package static func add(_ more: String) { text += more }

  /// Throws. `cannotWrite` with the system's reason. If the reader of a pipe is gone, the process ends
  /// by SIGPIPE, without a message.
  package static func flush() throws {
    guard !put(text, to: STDOUT_FILENO) else {
      text = ""
      return
    }
    let number = errno
    if number == EPIPE {
      signal(SIGPIPE, SIG_DFL)
      raise(SIGPIPE)
    }
    throw ArcuateError(
      .cannotWrite, "cannot be written: \(String(cString: strerror(number)))",
      at: "standard output")
  }
}

/// Prints a line on standard output.
package func show(_ line: String = "") { StandardOutput.add(line + "\n") }

/// Writes a line to standard error.
package func say(_ line: String) {
  Progress.clear()
  put(line + "\n")
}

/// Writes a line to standard error, after the program's name.
package func note(_ text: String) { say("\(programName): \(text)") }

package func warn(_ error: ArcuateError) { note("warning: \(error)") }

package func fail(_ error: ArcuateError) { note("error: \(error)") }

/// Writes immediately; false, with `errno`, if not everything could be written.
@discardableResult
package func put(_ text: String, to file: Int32 = STDERR_FILENO) -> Bool {
  var text = text
  return text.withUTF8 { bytes in
    var done = 0
    while done < bytes.count {
      // SAFETY: `bytes.count - done` bytes of the buffer follow, valid during the call.
      let wrote = write(file, bytes.baseAddress! + done, bytes.count - done)
      if wrote < 0 && errno == EINTR { continue }
      guard wrote > 0 else { return false }
      done += wrote
    }
    return true
  }
}

import Arcuate
import ArgumentParser
import Glibc

/// A program at a terminal: parses its arguments, runs, and ends with an exit status.
package protocol ConsoleCommand: ParsableCommand {}

extension ConsoleCommand {
  /// Runs the command that the arguments name and ends the process: 0 for success, 1 for an error with
  /// one message on the standard error, 64 for wrong arguments.
  package static func runToExit() -> Never {
    Interrupt.prepare()
    var status = ExitCode.success
    do {
      try checkArguments()
      var command = try parseAsRoot()
      try command.run()
    } catch let error as ArcuateError {
      fail(error)
      status = .failure
    } catch {
      // Help and the version are thrown, too.
      status = exitCode(for: error)
      let message = fullMessage(for: error)
      if status == .success {
        show(message)
      } else if message.hasPrefix("Error: ") {
        say("\(programName): error: " + message.dropFirst(7))
      } else if !message.isEmpty {
        say(message)
      }
    }
    do {
      try StandardOutput.flush()
    } catch let error as ArcuateError {
      fail(error)
      status = .failure
    } catch {}
    Glibc.exit(status.rawValue)
  }

  /// Throws. `invalidArgument` for an argument that is not UTF-8, since it would be read as another.
  private static func checkArguments() throws {
    for (i, argument) in CommandLine.arguments.enumerated() {
      // SAFETY: there are as many zero-terminated strings as there are arguments.
      guard let bytes = CommandLine.unsafeArgv[i] else { continue }
      if String(validatingCString: bytes) == nil {
        throw ArcuateError(.invalidArgument, "path is not UTF-8", at: "argument \"\(argument)\"")
      }
    }
  }
}

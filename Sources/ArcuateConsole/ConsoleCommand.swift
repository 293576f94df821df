import Arcuate
import ArgumentParser

/// A program for the terminal: parses its arguments, runs, and exits with a status.
package protocol ConsoleCommand: ParsableCommand {}

extension ConsoleCommand {
  /// Runs the command given by the arguments and exits: 0 on success, 1 on failure with one message on
  /// standard error, 64 on wrong usage.
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
      // Help and version arrive here as errors, too.
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
    System.exit(status.rawValue)
  }

  /// Throws. `invalidArgument` for an argument that is not UTF-8: its invalid bytes would be replaced.
  private static func checkArguments() throws {
    for (i, argument) in CommandLine.arguments.enumerated() {
      // SAFETY: there is a zero-terminated string for each argument.
      guard let bytes = CommandLine.unsafeArgv[i] else { continue }
      if String(validatingCString: bytes) == nil {
        throw ArcuateError(.invalidArgument, "path is not UTF-8", at: "argument \"\(argument)\"")
      }
    }
  }
}

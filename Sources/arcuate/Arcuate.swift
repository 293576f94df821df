import Arcuate
import ArgumentParser
import CArcuate
import Glibc

/// The command `arcuate`: its subcommands, and how it ends.
@main
struct ArcuateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "arcuate",
    abstract: "Looks into, runs and converts spiking, artificial and hybrid networks.",
    discussion: """
      EXAMPLES:
        arcuate info digits.nir
        arcuate run net.nir input.npy -o output.npy
        arcuate compute digits.nir scp:feats.scp ark:posteriors.ark

      File names, and the keys of Kaldi tables, are UTF-8.

      Exit status: 0 done, 1 failed (one sentence on the standard error says why), 64 misuse.
      """,
    version: "arcuate \(ARCUATE_VERSION_MAJOR).\(ARCUATE_VERSION_MINOR).\(ARCUATE_VERSION_PATCH)",
    subcommands: [
      Info.self, Check.self, Explain.self, Run.self, Compute.self, Convert.self, Quantize.self,
      Spike.self, Learn.self, Train.self,
      Bench.self,
    ])

  static func main() {
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
        say("arcuate: error: " + message.dropFirst(7))
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

  /// Throws. `invalidArgument` for an argument that is not UTF-8: it would be taken for another.
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

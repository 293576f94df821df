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

      Exit status: 0 done, 1 failed (one sentence on the standard error says why), 64 misuse.
      """,
    version: "arcuate \(ARCUATE_VERSION_MAJOR).\(ARCUATE_VERSION_MINOR).\(ARCUATE_VERSION_PATCH)",
    subcommands: [
      Info.self, Check.self, Explain.self, Run.self, Compute.self, Convert.self,
    ])

  static func main() {
    Interrupt.prepare()
    do {
      var command = try parseAsRoot()
      try command.run()
    } catch let error as ArcuateError {
      fail(error)
      Glibc.exit(1)
    } catch {
      exit(withError: error)
    }
  }
}

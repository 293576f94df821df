import Arcuate
import ArcuateConsole
import ArgumentParser
import CArcuate

/// The command `arcuate`: its subcommands, and how it ends.
@main
struct ArcuateCommand: ConsoleCommand {
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
    ])

  static func main() { runToExit() }
}

import Arcuate
import ArcuateConsole
import ArgumentParser
import CArcuate

/// The command `arcuate`: its subcommands.
@main
struct ArcuateCommand: ConsoleCommand {
  static let configuration = CommandConfiguration(
    commandName: "arcuate",
    abstract: "Inspects, runs, trains and converts spiking, artificial and hybrid networks.",
    discussion: """
      EXAMPLES:
        arcuate info digits.nir
        arcuate run net.nir input.npy -o output.npy
        arcuate compute digits.nir scp:feats.scp ark:posteriors.ark

      File names and the keys of Kaldi tables are UTF-8.

      Exit status: 0 success, 1 failure (one message on standard error), 64 wrong usage.
      """,
    version: "arcuate \(ARCUATE_VERSION_MAJOR).\(ARCUATE_VERSION_MINOR).\(ARCUATE_VERSION_PATCH)",
    subcommands: [
      Info.self, Check.self, Explain.self, Run.self, Compute.self, Export.self, Quantize.self,
      Convert.self, Train.self, Adapt.self, Events.self, RenamedSpike.self, RenamedLearn.self,
      RenamedBench.self,
    ])

  static func main() { runToExit() }
}

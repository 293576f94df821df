import Arcuate
import ArcuateConsole
import ArcuateData
import ArgumentParser

/// `arcuate check`: what there is to say about a model before it runs.
struct Check: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Lists what is wrong with a model, what was mended in reading it, and what to know.",
    usage: "arcuate check [<options>] <model>",
    discussion: """
      Exit status 1 if there is an error: such a model cannot run.

      EXAMPLES:
        arcuate check net.nir
        arcuate check --strict net.nir     (what would have to be mended is an error)
        arcuate check --json net.nir
      """)

  @Argument(help: "A .nir or .safetensors file or a Kaldi nnet3 model.")
  var model: String

  @Flag(help: "Take what had to be mended for an error.")
  var strict = false

  @OptionGroup var reading: ReadingOptions

  @Flag(help: "Print JSON.")
  var json = false

  func run() throws {
    let (model, noticed) = try reading.load(model)
    var findings = noticed + model.check().findings
    if strict {
      for i in findings.indices where findings[i].severity == .repair {
        findings[i].severity = .error
      }
    }
    let errors = findings.filter { $0.severity == .error }.count
    if json {
      printJSON(
        [
          "ok": .bool(errors == 0), "errors": .number(errors),
          "findings": .array(findings.map(\.json)),
        ])
    } else {
      // The worst first; among equals in the order in which they were found.
      for severity in Finding.Severity.allCases.sorted(by: >) {
        for finding in findings where finding.severity == severity { show("\(finding)") }
      }
      let needsStep =
        model.dt_s == nil && (try? model.flattened())?.firstNodeInNeedOfTimeStep != nil
      if errors > 0 {
        show("The model cannot run: \(errors) error\(errors == 1 ? "" : "s").")
      } else {
        show(needsStep ? "The model can run once dt is given." : "The model can run.")
      }
    }
    if errors > 0 { throw ExitCode(1) }
  }
}

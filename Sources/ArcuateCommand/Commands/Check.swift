import Arcuate
import ArcuateConsole
import ArcuateData
import ArgumentParser

/// `arcuate check`: errors, repairs and notes about a model.
struct Check: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Lists errors in a model, repairs made while reading it, notes, and neuron programs.",
    usage: "arcuate check [<options>] <model>",
    discussion: """
      Exit status 1 if there is an error; such a model cannot run.

      EXAMPLES:
        arcuate check net.nir
        arcuate check --strict net.nir     (a repair is an error)
        arcuate check --json net.nir
      """)

  @Argument(help: "\(ModelHelp.readable)")
  var model: String

  @Flag(help: "Treat repairs as errors.")
  var strict = false

  @OptionGroup var reading: ReadingOptions

  @Flag(help: "Print JSON.")
  var json = false

  func run() throws {
    let (model, readerFindings) = try reading.load(model)
    let (checked, modelFindings) = model.check()
    var findings = readerFindings + modelFindings
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
          "programs": (checked?.model ?? model).programDescriptions,
        ])
    } else {
      // By severity, then in the order in which they were found.
      for severity in Finding.Severity.allCases.sorted(by: >) {
        for finding in findings where finding.severity == severity { show("\(finding)") }
      }
      for line in (checked?.model ?? model).programLines { show(line) }
      let needsStep =
        model.dt_s == nil && (try? model.flattened())?.firstNodeInNeedOfTimeStep != nil
      if errors > 0 {
        show("The model cannot run: \(errors) error\(errors == 1 ? "" : "s").")
      } else {
        show(needsStep ? "The model can run with --dt." : "The model can run.")
      }
    }
    if errors > 0 { throw ExitCode(1) }
  }
}

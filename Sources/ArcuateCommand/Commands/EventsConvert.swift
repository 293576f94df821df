import Arcuate
import ArcuateConsole
import ArcuateData
import ArgumentParser

/// `arcuate events convert`: writes a recording in another format.
struct EventsConvert: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "convert",
    abstract: "Writes a recording in another format.",
    usage: "arcuate events convert [<options>] <input> <output>",
    discussion: """
      The ending of the output chooses its format unless --to does: .es, .dat, .aedat4, .bin \
      (N-MNIST), .npz, .csv; .raw is EVT 3.0. Formats with a short clock need --origin first for \
      recordings whose times begin far from 0.

      EXAMPLES:
        arcuate events convert driving.raw driving.aedat4
        arcuate events convert --to evt2 --origin first driving.aedat4 driving.raw
        arcuate events convert --size 1280x720 old.raw old.es
      """)

  @Argument(help: "A recording; - is the standard input.")
  var input: String

  @Argument(help: "The file to write; - is the standard output and needs --to.")
  var output: String

  @OptionGroup var reading: EventReadingOptions

  @Option(
    help: ArgumentHelp(
      "The output's format: \(EventFileWriter.formats.map(\.rawValue).joined(separator: ", ")).",
      valueName: "name"))
  var to: String?

  @Flag(name: .shortAndLong, help: "Show no progress.")
  var quiet = false

  private static let endings: [String: EventFormat] = [
    "es": .eventStream, "dat": .dat, "raw": .evt3, "aedat4": .aedat4, "bin": .nmnist,
    "npz": .npz, "csv": .csv,
  ]

  private func target() throws -> EventFormat {
    if let to { return try EventReadingOptions.named(to, "--to") }
    let ending = output.split(separator: ".").last.map { $0.lowercased() } ?? ""
    guard output.contains("."), let format = EventsConvert.endings[ending] else {
      let known = EventsConvert.endings.keys.sorted().map { "." + $0 }.joined(separator: ", ")
      throw ValidationError(
        "the ending of \(output) is none of \(known): state the format with --to")
    }
    return format
  }

  func validate() throws {
    _ = try reading.options()
    _ = try target()
  }

  func run() throws {
    var used = UsedFiles()
    try used.read(input, as: "input")
    try used.write(output, as: "output")
    let options = try reading.options()
    let (width, height) = try size(options)
    let file = try EventFile(input, options)
    let writer = try EventFileWriter(output, try target(), width: width, height: height)
    let columns = try EventColumns()
    var progress = Progress("events", quiet: quiet)
    while try file.read(into: columns) {
      try writer.write(columns)
      columns.clear()
      progress.update(file.eventCount, fraction: file.fraction)
    }
    try writer.finish()
    Progress.clear()
    for finding in file.findings { note("\(file.name): \(finding)") }
    if !quiet { note("\(writer.eventCount) events, \(width) x \(height)") }
  }

  /// The sensor's size: stated, or the smallest that holds every event, for which a first pass reads
  /// them.
  private func size(_ options: EventOptions) throws -> (Int, Int) {
    if let width = options.width, let height = options.height { return (width, height) }
    if input == "-" {
      throw ValidationError("the standard input is read once: state the sensor with --size")
    }
    let summary = try EventSummary(input, options, quiet: quiet)
    return (
      summary.header?.width ?? summary.right + 1, summary.header?.height ?? summary.bottom + 1
    )
  }
}

import Arcuate
import ArcuateConsole
import ArcuateData
import ArgumentParser

/// `arcuate events`: recordings of event cameras.
struct Events: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Reads and converts recordings of event cameras.",
    discussion: """
      The format is detected from the content, never by the ending: Prophesee EVT 2.0, 2.1 and 3.0 and \
      DAT, Event Stream, N-MNIST, AEDAT 2 to 4, silicon cochleas, CSV, NumPy and HDF5.
      """,
    subcommands: [EventsInfo.self, EventsConvert.self])
}

/// `arcuate events info`: what recordings contain.
struct EventsInfo: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "info",
    abstract: "Prints format, sensor, events, times and findings of recordings.",
    usage: "arcuate events info [<options>] <file> ...",
    discussion: """
      Whole packets of a file that is cut short are read, and a finding says so.

      EXAMPLES:
        arcuate events info driving.raw
        arcuate events info --json a.aedat4 b.es
        cat driving.raw | arcuate events info -
      """)

  @Argument(help: "Recordings; - is the standard input.")
  var files: [String]

  @OptionGroup var reading: EventReadingOptions

  @Flag(help: "Print JSON: a list with an object for each file.")
  var json = false

  @Flag(name: .shortAndLong, help: "Show no progress.")
  var quiet = false

  func validate() throws { _ = try reading.options() }

  func run() throws {
    var used = UsedFiles()
    for path in files { try used.read(path, as: "recording") }
    var list: [JSON] = []
    for path in files {
      let summary = try EventSummary(path, try reading.options(), quiet: quiet)
      if json {
        list.append(summary.json)
      } else {
        if !list.isEmpty { show() }
        list.append(.null)
        summary.write()
      }
    }
    if json { printJSON(.array(list)) }
  }
}

/// Counts and extremes of a recording.
struct EventSummary {
  let name: String
  let header: EventHeader?
  let findings: [Finding]
  private(set) var count = 0
  private(set) var brighter = 0
  private(set) var first: EventRecording.Change?
  private(set) var last: EventRecording.Change?
  private(set) var times: (least: Int64, most: Int64) = (.max, .min)
  /// The largest x and y.
  private(set) var right = 0
  private(set) var bottom = 0

  /// Reads the whole recording.
  init(_ path: String, _ options: EventOptions, quiet: Bool) throws {
    let file = try EventFile(path, options)
    let columns = try EventColumns()
    var progress = Progress("events", quiet: quiet)
    while try file.read(into: columns) {
      let part = columns.extremes
      count += columns.count
      brighter += part.brighter
      (right, bottom) = (max(right, part.right), max(bottom, part.bottom))
      times = (min(times.least, part.least), max(times.most, part.most))
      if first == nil, columns.count > 0 { first = columns[0] }
      if columns.count > 0 { last = columns[columns.count - 1] }
      columns.clear()
      progress.update(count, fraction: file.fraction)
    }
    Progress.clear()
    name = file.name
    header = file.header
    findings = file.findings
  }

  func write() {
    let detail = header.map { $0.detail.isEmpty ? "" : " (\($0.detail))" } ?? ""
    show(name)
    show("format     " + (header?.format.title ?? "?") + detail)
    let size = header.flatMap { header in
      header.width.flatMap { width in header.height.map { "\(width) x \($0)" } }
    }
    show("sensor     " + (size ?? "not stated"))
    show("events     \(count), \(brighter) brighter, \(count - brighter) darker")
    if let first, let last {
      show("pixels     x up to \(right), y up to \(bottom)")
      let span = times.most.subtractingReportingOverflow(times.least).partialValue
      show(
        "time       \(times.least) to \(times.most) us, \(fixed(Double(span) / 1e6, 6)) s")
      show("first      \(words(first))")
      show("last       \(words(last))")
    }
    for finding in findings { show("finding    \(finding)") }
  }

  private func words(_ change: EventRecording.Change) -> String {
    "t \(change.time_us) us, x \(change.x), y \(change.y), \(change.on ? "brighter" : "darker")"
  }

  var json: JSON {
    func event(_ change: EventRecording.Change?) -> JSON {
      change.map {
        [
          "t": .number(Int(clamping: $0.time_us)), "x": .number(Int(widening: $0.x)),
          "y": .number(Int(widening: $0.y)), "p": .number($0.on ? 1 : 0),
        ]
      } ?? .null
    }
    return [
      "file": .string(name), "format": header.map { .string($0.format.rawValue) } ?? .null,
      "detail": header.map { .string($0.detail) } ?? .null,
      "width": header?.width.map { .number($0) } ?? .null,
      "height": header?.height.map { .number($0) } ?? .null,
      "events": .number(count), "brighter": .number(brighter),
      "max_x": count == 0 ? .null : .number(right), "max_y": count == 0 ? .null : .number(bottom),
      "first": event(first), "last": event(last),
      "findings": .array(findings.map { .string("\($0)") }),
    ]
  }
}

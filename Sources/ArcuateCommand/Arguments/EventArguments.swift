import Arcuate
import ArcuateConsole
import ArcuateData
import ArgumentParser

/// Options of the commands that read event recordings.
struct EventReadingOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "The format, for files that do not show it: "
        + "\(EventFormat.allCases.map(\.rawValue).joined(separator: ", ")).",
      valueName: "name"))
  var format: String?

  @Option(
    help: ArgumentHelp(
      "Time 0: file (default), first event, first word of the camera's clock, or a time in us.",
      valueName: "file|first|clock|us"))
  var origin = "file"

  @Option(
    help: ArgumentHelp(
      "Row 0: the top row (default), or as in the file.", valueName: "top|file"))
  var rows = "top"

  @Option(
    help: ArgumentHelp("The sensor's size in place of the file's.", valueName: "width x height"))
  var size: String?

  @Option(
    help: ArgumentHelp(
      "The camera of an AEDAT 2 file: dvs128, davis240, davis346.", valueName: "name"))
  var camera: String?

  @Option(
    name: .customLong("address-bytes"),
    help: ArgumentHelp("Bytes of an address of a silicon cochlea, 2 or 4.", valueName: "count"))
  var addressBytes: Int?

  @Option(
    name: .customLong("tick"),
    help: ArgumentHelp("Unit of a silicon cochlea's clock, in ns.", valueName: "ns"))
  var tick_ns = 1000

  func options() throws -> EventOptions {
    var options = EventOptions()
    if let format { options.format = try EventReadingOptions.named(format, "--format") }
    switch origin {
    case "file": options.timeOrigin = .file
    case "first": options.timeOrigin = .firstEvent
    case "clock": options.timeOrigin = .firstClock
    default:
      guard let offset = Int(text: origin) else {
        throw ValidationError("--origin must be file, first, clock or a time, got \(origin)")
      }
      options.timeOrigin = .offset(Int64(clamping: offset))
    }
    switch rows {
    case "top": options.verticalOrigin = .top
    case "file": options.verticalOrigin = .file
    default: throw ValidationError("--rows must be top or file, got \(rows)")
    }
    if let size {
      let parts = size.split(separator: "x").map { Int(text: $0) }
      guard parts.count == 2, let width = parts[0], let height = parts[1] else {
        throw ValidationError("--size must be WIDTHxHEIGHT, got \(size)")
      }
      (options.width, options.height) = (width, height)
    }
    if let camera {
      guard let known = EventOptions.Camera(rawValue: camera) else {
        throw ValidationError("--camera must be dvs128, davis240 or davis346, got \(camera)")
      }
      options.camera = known
    }
    (options.addressBytes, options.tick_ns) = (addressBytes, tick_ns)
    return options
  }

  static func named(_ name: String, _ option: String) throws -> EventFormat {
    guard let format = EventFormat(rawValue: name) else {
      let names = EventFormat.allCases.map(\.rawValue).joined(separator: ", ")
      throw ValidationError("\(option) must be one of \(names), got \(name)")
    }
    return format
  }
}

import Arcuate
import ArcuateData
import CArcuate

/// What an `arcuate_events *` points to.
final class EventsHandle {
  enum Source {
    case file(EventFile)
    case stream(EventDecoder)
  }
  let source: Source
  /// Decoded events of a stream that have not been read, from `next` on.
  let waiting: EventColumns
  var next = 0
  var isAtEnd = false
  var isDone = false
  var findings: [(severity: Finding.Severity, location: Text, message: Text)] = []

  init(_ source: Source) throws(ArcuateError) {
    self.source = source
    waiting = try EventColumns()
  }

  var header: EventHeader? {
    switch source {
    case .file(let file): file.header
    case .stream(let decoder): decoder.header
    }
  }

  func list() {
    let found =
      switch source {
      case .file(let file): file.findings
      case .stream(let decoder): decoder.findings
      }
    findings = found.map { ($0.severity, Text($0.location), Text($0.message)) }
  }

  /// Appends events to the columns; false if none come before more bytes are fed.
  func read(into columns: EventColumns) throws(ArcuateError) -> Bool {
    switch source {
    case .file(let file): return try file.read(into: columns)
    case .stream(let decoder):
      guard isAtEnd, !isDone else { return false }
      isDone = try decoder.finish(into: columns)
      return columns.count > 0
    }
  }
}

extension EventFormat: HeaderConstant {
  static var constants: ClosedRange<Int32> { ARCUATE_EVENTS_EVT2...ARCUATE_EVENTS_HDF5 }

  init?(c value: Int32) {
    guard let format = EventFormat.allCases.first(where: { $0.c == value }) else { return nil }
    self = format
  }

  /// The constant of the header.
  fileprivate var c: Int32 {
    switch self {
    case .evt2: ARCUATE_EVENTS_EVT2
    case .evt21: ARCUATE_EVENTS_EVT21
    case .evt3: ARCUATE_EVENTS_EVT3
    case .dat: ARCUATE_EVENTS_DAT
    case .eventStream: ARCUATE_EVENTS_ES
    case .nmnist: ARCUATE_EVENTS_NMNIST
    case .aedat2: ARCUATE_EVENTS_AEDAT2
    case .aedat3: ARCUATE_EVENTS_AEDAT3
    case .aedat4: ARCUATE_EVENTS_AEDAT4
    case .cochlea: ARCUATE_EVENTS_COCHLEA
    case .csv: ARCUATE_EVENTS_CSV
    case .npz: ARCUATE_EVENTS_NPZ
    case .hdf5: ARCUATE_EVENTS_HDF5
    }
  }
}

@c @implementation
public func arcuate_events_options_init(
  _ options: UnsafeMutablePointer<arcuate_events_options>?
) {
  options?.pointee = eventDefaults
}

private var eventDefaults: arcuate_events_options {
  var options = arcuate_events_options()
  options.struct_size = MemoryLayout<arcuate_events_options>.size
  return options
}

/// The options of a recording. Throws. `invalidArgument` naming the field.
private func eventOptions(
  _ pointer: UnsafePointer<arcuate_events_options>?
) throws(ArcuateError) -> EventOptions {
  let given = try options(
    pointer, defaults: eventDefaults, least: MemoryLayout<arcuate_events_options>.size, "options")
  var result = EventOptions(format: try EventFormat.optional(c: given.kind, "options->kind"))
  switch given.origin {
  case ARCUATE_EVENTS_ORIGIN_FILE: result.timeOrigin = .file
  case ARCUATE_EVENTS_ORIGIN_FIRST: result.timeOrigin = .firstEvent
  case ARCUATE_EVENTS_ORIGIN_CLOCK: result.timeOrigin = .firstClock
  case ARCUATE_EVENTS_ORIGIN_OFFSET: result.timeOrigin = .offset(given.offset_us)
  default:
    throw notWithin(0...ARCUATE_EVENTS_ORIGIN_OFFSET, given.origin, "options->origin")
  }
  result.verticalOrigin = try boolean(given.file_rows, "options->file_rows") ? .file : .top
  switch given.camera {
  case 0: break
  case 1: result.camera = .dvs128
  case 2: result.camera = .davis240
  case 3: result.camera = .davis346
  default: throw notWithin(0...3, given.camera, "options->camera")
  }
  // The reader checks the ranges of numbers that are given.
  if given.width != 0 { result.width = Int(widening: given.width) }
  if given.height != 0 { result.height = Int(widening: given.height) }
  if given.address_bytes != 0 { result.addressBytes = Int(widening: given.address_bytes) }
  if given.tick_ns != 0 { result.tick_ns = Int(widening: given.tick_ns) }
  return result
}

@c @implementation
public func arcuate_events_open(
  _ path: UnsafePointer<CChar>?, _ options: UnsafePointer<arcuate_events_options>?,
  _ events: UnsafeMutablePointer<OpaquePointer?>?, _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> arcuate_status {
  withError(error) {
    let path = try text(path, "path")
    let result = try required(events, "events")
    let file = try EventFile(path, try eventOptions(options))
    result.pointee = retain(try EventsHandle(.file(file)))
  }
}

@c @implementation
public func arcuate_events_create(
  _ options: UnsafePointer<arcuate_events_options>?,
  _ events: UnsafeMutablePointer<OpaquePointer?>?, _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> arcuate_status {
  withError(error) {
    let result = try required(events, "events")
    let decoder = try EventDecoder(try eventOptions(options))
    result.pointee = retain(try EventsHandle(.stream(decoder)))
  }
}

@c @implementation
public func arcuate_events_free(_ events: OpaquePointer?) { release(EventsHandle.self, events) }

@c @implementation
public func arcuate_events_feed(
  _ events: OpaquePointer?, _ bytes: UnsafeRawPointer?, _ count: Int,
  _ taken: UnsafeMutablePointer<Int>?, _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> arcuate_status {
  withError(error) {
    let handle = try required(object(EventsHandle.self, events), "events")
    let result = try required(taken, "taken")
    let count = try nonNegative(count, "count")
    if count > 0 { _ = try required(bytes, "bytes") }
    guard case .stream(let decoder) = handle.source else {
      throw ArcuateError(.invalidState, "the recording is read from a file")
    }
    guard !handle.isAtEnd else {
      throw ArcuateError(.invalidState, "the end of the recording has been fed")
    }
    if count == 0 {
      handle.isAtEnd = true
      result.pointee = 0
      return
    }
    if handle.next == handle.waiting.count {
      handle.waiting.clear()
      handle.next = 0
    }
    // SAFETY: the caller says that there are `count` bytes.
    result.pointee = try decoder.feed(
      UnsafeRawBufferPointer(start: bytes, count: count), into: handle.waiting)
  }
}

@c @implementation
public func arcuate_events_read(
  _ events: OpaquePointer?, _ t: UnsafeMutablePointer<Int64>?,
  _ x: UnsafeMutablePointer<UInt16>?, _ y: UnsafeMutablePointer<UInt16>?,
  _ p: UnsafeMutablePointer<UInt8>?, _ capacity: Int, _ count: UnsafeMutablePointer<Int>?,
  _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> arcuate_status {
  withError(error) {
    let handle = try required(object(EventsHandle.self, events), "events")
    let (t, x) = (try required(t, "t"), try required(x, "x"))
    let (y, p) = (try required(y, "y"), try required(p, "p"))
    let result = try required(count, "count")
    guard (1...1 << 40).contains(capacity) else {
      throw ArcuateError(
        .invalidArgument, "capacity must be 1 ... 2^40, got \(UInt(bitPattern: capacity))")
    }
    if handle.next == handle.waiting.count {
      handle.waiting.clear()
      handle.next = 0
      if capacity >= 1024 {
        // SAFETY: the caller says that each array has `capacity` elements.
        let columns = EventColumns(unsafe: t, x, y, p, places: min(capacity, 1 << 30))
        _ = try handle.read(into: columns)
        result.pointee = columns.count
        return
      }
      _ = try handle.read(into: handle.waiting)
    }
    let part = min(capacity, handle.waiting.count - handle.next)
    handle.waiting.copy(from: handle.next, part, t, x, y, p)
    handle.next += part
    result.pointee = part
  }
}

@c @implementation
public func arcuate_events_format(_ events: OpaquePointer?) -> arcuate_events_kind {
  object(EventsHandle.self, events)?.header?.format.c ?? ARCUATE_EVENTS_ANY
}

@c @implementation
public func arcuate_events_width(_ events: OpaquePointer?) -> Int {
  object(EventsHandle.self, events)?.header?.width ?? 0
}

@c @implementation
public func arcuate_events_height(_ events: OpaquePointer?) -> Int {
  object(EventsHandle.self, events)?.header?.height ?? 0
}

@c @implementation
public func arcuate_events_progress(_ events: OpaquePointer?) -> Double {
  guard case .file(let file) = object(EventsHandle.self, events)?.source else { return -1 }
  return file.fraction ?? -1
}

@c @implementation
public func arcuate_events_finding_count(_ events: OpaquePointer?) -> Int {
  guard let handle = object(EventsHandle.self, events) else { return 0 }
  handle.list()
  return handle.findings.count
}

private func finding(
  _ events: OpaquePointer?, _ index: Int
) -> (severity: Finding.Severity, location: Text, message: Text)? {
  guard let findings = object(EventsHandle.self, events)?.findings, findings.indices.contains(index)
  else { return nil }
  return findings[index]
}

@c @implementation
public func arcuate_events_finding_severity(
  _ events: OpaquePointer?, _ index: Int
) -> arcuate_severity {
  finding(events, index)?.severity.level.c ?? -1
}

@c @implementation
public func arcuate_events_finding_location(
  _ events: OpaquePointer?, _ index: Int
) -> UnsafePointer<CChar>? {
  finding(events, index)?.location.pointer
}

@c @implementation
public func arcuate_events_finding_message(
  _ events: OpaquePointer?, _ index: Int
) -> UnsafePointer<CChar>? {
  finding(events, index)?.message.pointer
}

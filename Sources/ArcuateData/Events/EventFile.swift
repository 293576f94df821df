import ArcuateCore
import ArcuateFormats
import ArcuateModel

/// Reads an event recording from a file, the standard input or a pipe, part by part.
public final class EventFile {
  public let name: String
  private let reader: ByteReader
  private let decoder: EventDecoder
  private var isAtEnd = false

  /// The recording at `path`; `-` is the standard input. Nothing is read yet.
  /// Throws. `cannotOpen`; `invalidArgument` for an option out of range.
  public init(
    _ path: String, _ options: EventOptions = EventOptions()
  ) throws(ArcuateError) {
    reader = try ByteReader(path)
    name = reader.name
    decoder = try EventDecoder(options)
  }

  /// The header of the recording; nil before the first `read`.
  public var header: EventHeader? { decoder.header }
  /// What was odd so far.
  public var findings: [Finding] { decoder.findings }
  /// Events read so far.
  public var eventCount: Int { decoder.eventCount }
  /// Bytes read so far.
  public var byteCount: Int { decoder.byteCount }
  /// The part of a regular file that was read, from 0 to 1; nil for a pipe.
  public var fraction: Double? { reader.fraction }

  /// Appends events to the columns until they are full or the file ends; false once it has ended and
  /// every event was handed over.
  ///
  /// Throws. As `EventDecoder.feed`, naming the file; `canceled`.
  public func read(into columns: EventColumns) throws(ArcuateError) -> Bool {
    try within(name) { () throws(ArcuateError) in
      let before = columns.count
      while true {
        try Cancellation.check()
        if isAtEnd {
          let isDone = try decoder.finish(into: columns)
          return !isDone || columns.count > before
        }
        var isFull = false
        try reader.takePart { bytes throws(ArcuateError) in
          if bytes.isEmpty {
            isAtEnd = true
            return 0
          }
          let taken = try decoder.feed(bytes, into: columns)
          isFull = taken < bytes.count
          return taken
        }
        // A pipe may be live: its events do not wait for more.
        if isFull || reader.fraction == nil && columns.count > before { return true }
      }
    }
  }

  /// The whole recording in memory.
  ///
  /// The size is the one that the options or the file state, else the smallest that holds the
  /// events.
  /// Throws. As `read`; `limitExceeded` above 2^28 events.
  public static func recording(
    _ path: String, _ options: EventOptions = EventOptions()
  ) throws(ArcuateError) -> (recording: EventRecording, findings: [Finding]) {
    let file = try EventFile(path, options)
    let columns = try EventColumns()
    var changes: [EventRecording.Change] = []
    var (right, bottom) = (0, 0)
    while try file.read(into: columns) {
      guard changes.count + columns.count <= 1 << 28 else {
        throw ArcuateError(.limitExceeded, "has more than 2^28 events", at: path)
      }
      for i in 0..<columns.count {
        let change = columns[i]
        right = max(right, Int(widening: change.x) + 1)
        bottom = max(bottom, Int(widening: change.y) + 1)
        changes.append(change)
      }
      columns.clear()
    }
    let recording = EventRecording(
      width: file.header?.width ?? right, height: file.header?.height ?? bottom, changes: changes)
    return (recording, file.findings)
  }
}

import ArcuateCore
import ArcuateFormats

/// Writes the events of one format.
protocol EventEncoder {
  /// Appends the bytes of the events.
  /// Throws. `notRepresentable` naming the event.
  mutating func encode(_ events: EventColumns, into bytes: inout [UInt8]) throws(ArcuateError)
  /// Appends what follows the last event.
  mutating func finish(into bytes: inout [UInt8]) throws(ArcuateError)
  /// Bytes to be put in place of earlier ones, once the end is known.
  var correction: (bytes: [UInt8], offset: Int)? { get }
}

extension EventEncoder {
  var correction: (bytes: [UInt8], offset: Int)? { nil }
}

/// Writes an event recording, part by part.
public final class EventFileWriter {
  private let writer: ByteWriter
  private var encoder: any EventEncoder
  private var bytes: [UInt8] = []
  private let width: Int
  private let height: Int
  /// Events written so far.
  public private(set) var eventCount = 0

  /// The formats that can be written.
  public static let formats: [EventFormat] = [
    .eventStream, .dat, .evt2, .evt3, .aedat4, .nmnist, .npz, .csv,
  ]

  /// A recording of a sensor of that size at `path`; `-` is the standard output. The file gets its
  /// name in `finish`.
  /// Throws. `cannotWrite`; `unsupportedFormat`; `invalidArgument` for a size out of range.
  public init(
    _ path: String, _ format: EventFormat, width: Int, height: Int
  ) throws(ArcuateError) {
    guard (1...1 << 15).contains(width), (1...1 << 15).contains(height) else {
      throw ArcuateError(
        .invalidArgument, "a sensor of \(width) x \(height) pixels is out of range")
    }
    (self.width, self.height) = (width, height)
    switch format {
    case .eventStream: encoder = EventStreamEncoder(width, height)
    case .dat: encoder = DATEncoder(width, height)
    case .evt2: encoder = EVT2Encoder(width, height)
    case .evt3: encoder = EVT3Encoder(width, height)
    case .aedat4: encoder = AEDAT4Encoder(width, height)
    case .nmnist: encoder = NMNISTEncoder()
    case .npz: encoder = NumpyEventsEncoder()
    case .csv: encoder = CSVEncoder()
    default:
      let names = EventFileWriter.formats.map(\.rawValue).joined(separator: ", ")
      throw ArcuateError(
        .unsupportedFormat, "\(format.title) cannot be written: \(names) can")
    }
    writer = try ByteWriter(path)
  }

  /// Adds the events of the columns.
  /// Throws. `notRepresentable` for an event that the format cannot hold; `cannotWrite`.
  public func write(_ events: EventColumns) throws(ArcuateError) {
    for i in 0..<events.count
    where Int(widening: events.x[i]) >= width || Int(widening: events.y[i]) >= height {
      throw ArcuateError(
        .notRepresentable,
        "pixel (\(events.x[i]), \(events.y[i])) is outside \(width) x \(height)",
        at: "event \(eventCount + i)")
    }
    do {
      try encoder.encode(events, into: &bytes)
    } catch {
      throw error.within(writer.name)
    }
    eventCount += events.count
    try writer.write(bytes)
    bytes.removeAll(keepingCapacity: true)
  }

  /// Writes what is missing and gives the file its name. Throws. `cannotWrite`.
  public func finish() throws(ArcuateError) {
    try encoder.finish(into: &bytes)
    try writer.write(bytes)
    if let (bytes, offset) = encoder.correction { _ = try writer.replace(bytes, at: offset) }
    try ByteWriter.finish([writer])
  }
}

/// The times of a format whose clock has fewer bits than 64.
struct EncodedClock {
  private(set) var last: Int64 = 0
  private var isFirst = true
  private var index = 0

  /// Whether the first event can be at `time`, and another can follow the one before.
  /// Throws. `notRepresentable`.
  mutating func check(
    _ time: Int64, first: Int64, forward: Int64, backward: Int64
  ) throws(ArcuateError) {
    defer {
      (last, isFirst) = (time, false)
      index += 1
    }
    if isFirst {
      guard time >= 0, time < first else {
        throw ArcuateError(
          .notRepresentable,
          "time \(time) us is out of the range of the format:"
            + " the origin of time can be the first event", at: "event \(index)")
      }
      return
    }
    guard time >= 0, time <= last &+ forward, time >= last - backward else {
      throw ArcuateError(
        .notRepresentable, "time \(time) us after \(last) us is out of the range of the format",
        at: "event \(index)")
    }
  }
}

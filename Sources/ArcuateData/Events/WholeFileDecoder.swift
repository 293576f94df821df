import ArcuateCore

/// The events of a file that must be read as a whole, since its parts lie in any order.
protocol WholeFileEvents {
  /// The name of the format with its article, for messages.
  static var formatName: String { get }
  var count: Int { get }
  /// Throws. `truncated`, `malformed`, `unsupportedFormat`, `limitExceeded`.
  init(_ bytes: Bytes) throws(ArcuateError)
  /// Adds events from `start` on while the columns have room, and returns the next one.
  mutating func append(from start: Int, to out: EventColumns) throws(ArcuateError) -> Int
}

/// Collects the bytes of a file, then decodes its events.
struct WholeFileDecoder<Events: WholeFileEvents>: EventBlockDecoder {
  let header: EventHeader
  let room = 1
  /// All of it.
  var needed: Int { WholeFileDecoder.largest }
  private var events: Events?
  private var next = 0

  /// Limit on the bytes of a file.
  private static var largest: Int { 1 << 31 }

  init(_ header: EventHeader) { self.header = header }

  mutating func decode(
    _ bytes: UnsafeRawBufferPointer, at offset: Int, into out: EventColumns,
    _ findings: inout EventFindings
  ) throws(ArcuateError) -> Int {
    guard bytes.count <= WholeFileDecoder.largest else {
      throw ArcuateError(
        .limitExceeded, "\(Events.formatName) file is read as a whole, up to 2 GiB",
        at: "byte \(offset)")
    }
    return 0
  }

  mutating func finish(
    _ rest: UnsafeRawBufferPointer, at offset: Int, into out: EventColumns,
    _ findings: inout EventFindings
  ) throws(ArcuateError) -> Bool {
    if events == nil { events = try Events(try Bytes(allocating: rest)) }
    guard var events else { return true }
    // One copy, so that what is decoded is not copied when it changes.
    self.events = nil
    next = try events.append(from: next, to: out)
    self.events = events
    return next == events.count
  }
}

import ArcuateCore
import ArcuateModel

/// Decodes an event recording from bytes in any cut: the events are the same as from the whole.
///
/// Numbers. Times are microseconds of type Int64, as in the file unless the options give another
/// origin; y counts from the top; polarity is 1 for brighter. The order is the file's.
/// Cost. Memory is bounded by the columns and the largest packet of the format: 64 MiB stored and as
/// much decompressed.
public final class EventDecoder {
  private enum Stage {
    case start
    case lines(EventHeaderLines)
    case body(any EventBlockDecoder)
  }
  private var stage = Stage.start
  private let options: EventOptions
  private var found = EventFindings()
  /// Bytes that were taken and wait for the rest of their record.
  private var pending: [UInt8] = []
  /// The offset in the stream of the first byte that was not decoded.
  private var position = 0
  private var shift: Int64?
  private var last = Int64.min
  /// Events handed over so far.
  public private(set) var eventCount = 0

  /// Throws. `invalidArgument` for an option out of range.
  public init(_ options: EventOptions = EventOptions()) throws(ArcuateError) {
    try options.check()
    self.options = options
  }

  /// The header of the recording; nil until enough bytes have been fed.
  public var header: EventHeader? {
    if case .body(let decoder) = stage { decoder.header } else { nil }
  }

  /// What was odd so far, by kind, each with its first position and its number.
  public var findings: [Finding] { found.list }

  /// Bytes taken so far.
  public var byteCount: Int { position + pending.count }

  /// Decodes bytes that follow those before, appends the events to the columns and returns the
  /// bytes that were taken: all, unless the columns are full.
  ///
  /// Throws. `malformed`, `unsupportedFormat`, `truncated` or `limitExceeded` for a header that
  /// cannot be read, naming the byte. Errors after the header are findings.
  public func feed(
    _ bytes: UnsafeRawBufferPointer, into columns: EventColumns
  ) throws(ArcuateError) -> Int {
    var at = 0
    while true {
      if pending.isEmpty {
        // SAFETY: the rest of bytes that live through the call.
        let rest = UnsafeRawBufferPointer(rebasing: bytes[at...])
        let (taken, isFull) = try decode(rest, columns, isEnd: false)
        at += taken
        if isFull { return at }
        pending.append(contentsOf: bytes[at...])
        return bytes.count
      }
      // Enough to get further, and then the rest is decoded where it lies.
      let old = pending.count
      let part = min(bytes.count - at, max(needed - old, 64))
      pending.append(contentsOf: bytes[at..<at + part])
      let (taken, isFull) = try pending.withUnsafeBytes { waiting in
        Result { () throws(ArcuateError) in try decode(waiting, columns, isEnd: false) }
      }.get()
      if taken >= old {
        pending.removeAll(keepingCapacity: pending.count <= 1 << 20)
        at += taken - old
        if isFull { return at }
      } else {
        pending.removeFirst(taken)
        at += part
        if isFull || at == bytes.count { return at }
      }
    }
  }

  /// Called when no bytes follow, until it returns true: every event has been handed over.
  /// Throws. As `feed`.
  public func finish(into columns: EventColumns) throws(ArcuateError) -> Bool {
    let (taken, isFull) = try pending.withUnsafeBytes { waiting in
      Result { () throws(ArcuateError) in try decode(waiting, columns, isEnd: true) }
    }.get()
    pending.removeFirst(taken)
    if isFull { return false }
    guard case .body(var decoder) = stage else { return true }
    stage = .start
    defer { stage = .body(decoder) }
    let before = columns.count
    let isDone = try pending.withUnsafeBytes { rest in
      Result { () throws(ArcuateError) in
        try decoder.finish(rest, at: position, into: columns, &found)
      }
    }.get()
    settle(columns, from: before, decoder)
    if isDone {
      position += pending.count
      pending = []
    }
    return isDone
  }

  /// Bytes without which there is no progress.
  private var needed: Int {
    switch stage {
    case .start: EventSniffer.most
    case .lines: 1
    case .body(let decoder): decoder.needed
    }
  }

  /// Decodes as far as the bytes and the columns allow.
  private func decode(
    _ bytes: UnsafeRawBufferPointer, _ columns: EventColumns, isEnd: Bool
  ) throws(ArcuateError) -> (taken: Int, isFull: Bool) {
    var at = 0
    while true {
      // SAFETY: the rest of bytes that live through the call.
      let rest = UnsafeRawBufferPointer(rebasing: bytes[at...])
      switch stage {
      case .start:
        switch try EventSniffer.answer(rest, options, isEnd: isEnd) {
        case .more: return (at, false)
        case .lines(let kind): stage = .lines(EventHeaderLines(kind))
        case .decoder(let decoder): stage = .body(decoder)
        }
      case .lines(var lines):
        let taken = lines.take(rest, isEnd: isEnd)
        at += taken
        position += taken
        if lines.isComplete || isEnd {
          if !lines.isComplete, lines.isInsideLine {
            found.note(.truncated, at: position, detail: "the header is incomplete")
          }
          stage = .body(try lines.decoder(options))
        } else {
          stage = .lines(lines)
          return (at, false)
        }
      case .body(var decoder):
        // The stage lets go of the decoder, so that its arrays are not copied.
        stage = .start
        defer { stage = .body(decoder) }
        guard columns.capacity - columns.count >= decoder.room else { return (at, true) }
        let before = columns.count
        let taken = try decoder.decode(rest, at: position, into: columns, &found)
        settle(columns, from: before, decoder)
        at += taken
        position += taken
        return (at, columns.capacity - columns.count < decoder.room)
      }
    }
  }

  /// Checks the events from `start` on and gives them the origin that the options ask for.
  private func settle(_ columns: EventColumns, from start: Int, _ decoder: any EventBlockDecoder) {
    let count = columns.count - start
    if count == 0 { return }
    let header = decoder.header
    let (t, x, y) = (columns.t + start, columns.x + start, columns.y + start)
    // SAFETY: the `count` elements from `start` on are initialized.
    if t[0] < last || EventDecoder.falls(t, count) {
      var (first, steps) = (t[0] < last ? 0 : -1, t[0] < last ? 1 : 0)
      for i in 1..<max(count, 1) where t[i] < t[i - 1] {
        if steps == 0 { first = i }
        steps += 1
      }
      found.note(.backward, place: "event \(eventCount + first)", count: steps)
    }
    last = t[count - 1]
    if let width = header.width, let height = header.height {
      let (right, bottom) = (UInt16(clamping: width), UInt16(clamping: height))
      if EventDecoder.largest(x, count) >= right || EventDecoder.largest(y, count) >= bottom {
        var (first, outside) = (0, 0)
        for i in 0..<count where x[i] >= right || y[i] >= bottom {
          if outside == 0 { first = i }
          outside += 1
        }
        found.note(
          .outside, place: "event \(eventCount + first)", count: outside,
          detail: " of \(width) x \(height) pixels")
      }
      if header.countsFromBottom, options.verticalOrigin == .top {
        for i in 0..<count { y[i] = y[i] < bottom ? bottom &- 1 &- y[i] : y[i] }
      }
    }
    if shift == nil {
      switch options.timeOrigin {
      case .file: shift = 0
      case .firstEvent: shift = t[0]
      case .firstClock: shift = decoder.clockStart ?? 0
      case .offset(let offset): shift = offset
      }
    }
    if let shift, shift != 0 { for i in 0..<count { t[i] &-= shift } }
    eventCount += count
  }

  /// Whether a time is less than the one before.
  private static func falls(_ t: UnsafePointer<Int64>, _ count: Int) -> Bool {
    // SAFETY: vectors are loaded where they lie below `count`.
    let bytes = UnsafeRawPointer(t)
    var i = 1
    var found = SIMDMask<SIMD8<Int64>>(repeating: false)
    while i + 8 <= count {
      let before = bytes.loadUnaligned(fromByteOffset: 8 * (i - 1), as: SIMD8<Int64>.self)
      let now = bytes.loadUnaligned(fromByteOffset: 8 * i, as: SIMD8<Int64>.self)
      found = found .| (now .< before)
      i += 8
    }
    var result = any(found)
    while i < count {
      if t[i] < t[i - 1] { result = true }
      i += 1
    }
    return result
  }

  private static func largest(_ values: UnsafePointer<UInt16>, _ count: Int) -> UInt16 {
    // SAFETY: vectors are loaded where they lie below `count`.
    let bytes = UnsafeRawPointer(values)
    var i = 0
    var most = SIMD16<UInt16>(repeating: 0)
    while i + 16 <= count {
      let next = bytes.loadUnaligned(fromByteOffset: 2 * i, as: SIMD16<UInt16>.self)
      most = pointwiseMax(most, next)
      i += 16
    }
    var result = most.max()
    while i < count {
      result = max(result, values[i])
      i += 1
    }
    return result
  }
}

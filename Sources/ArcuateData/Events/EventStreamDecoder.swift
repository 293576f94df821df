import ArcuateCore

/// Event Stream (`.es`), version 2: a header of 16 bytes, or 20 for sensors with pixels, and events
/// with the time since the one before.
///
/// | kind | first byte | then |
/// |---|---|---|
/// | 0 generic | time (0xFF: 254 µs pass) | bytes of the payload, 7 bits each, lowest first; payload |
/// | 1 dvs | time (7–1), polarity (0); 0xFF: 127 µs pass | x, y (u16) |
/// | 2 atis | time (7–2), polarity (1), exposure (0); 0xFC–0xFF: 63 µs pass (1–0) times | x, y |
/// | 4 color | time (0xFF: 254 µs pass) | x, y, red, green, blue |
///
/// 0xFE passes no time. y counts from the bottom. Events of generic streams have only their times;
/// of colors the polarity is 1.
/// Source. sepia.hpp of neuromorphicsystems/event_stream, version 2.
struct EventStreamDecoder: EventBlockDecoder {
  private enum Kind: UInt8 {
    case generic = 0
    case dvs, atis
    case color = 4
  }
  private(set) var header: EventHeader
  let room = 1
  private var kind: Kind?
  private var time: Int64 = 0
  /// Bytes of a payload that are still to come.
  private var payload = 0
  private var width: UInt16 = 0
  private var height: UInt16 = 0

  init(_ header: EventHeader) { self.header = header }

  var needed: Int {
    switch kind {
    case nil: 20
    case .generic: 1
    case .dvs, .atis: 5
    case .color: 8
    }
  }

  mutating func decode(
    _ bytes: UnsafeRawBufferPointer, at offset: Int, into out: EventColumns,
    _ findings: inout EventFindings
  ) throws(ArcuateError) -> Int {
    guard let kind else { return try start(bytes, at: offset) }
    switch kind {
    case .dvs: return dvs(bytes, into: out)
    case .generic: return generic(bytes, at: offset, into: out, &findings)
    case .atis, .color: return other(bytes, at: offset, into: out, &findings)
    }
  }

  private mutating func start(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws(ArcuateError)
    -> Int
  {
    guard bytes.count >= 16 else { return 0 }
    guard bytes[..<12].elementsEqual("Event Stream".utf8) else {
      throw ArcuateError(.malformed, "does not begin with \"Event Stream\"", at: "byte \(offset)")
    }
    guard bytes[12] == 2 else {
      throw ArcuateError(
        .unsupportedFormat, "version \(bytes[12]) is not supported: 2 is", at: "byte 12")
    }
    guard let found = Kind(rawValue: bytes[15]) else {
      throw ArcuateError(
        .unsupportedFormat, "events of kind \(bytes[15]) are not supported: 0, 1, 2 and 4 are",
        at: "byte 15")
    }
    header.detail = "\(found)"
    if found == .generic {
      kind = found
      return 16
    }
    guard bytes.count >= 20, let start = bytes.baseAddress else { return 0 }
    kind = found
    // SAFETY: there are 20 bytes.
    (width, height) = (start.little(16, UInt16.self), start.little(18, UInt16.self))
    header.width = header.width ?? Int(widening: width)
    header.height = header.height ?? Int(widening: height)
    header.countsFromBottom = true
    return 20
  }

  private mutating func dvs(_ bytes: UnsafeRawBufferPointer, into out: EventColumns) -> Int {
    guard let start = bytes.baseAddress else { return 0 }
    let (t, x, y, p) = (out.t, out.x, out.y, out.p)
    var (i, n, time) = (0, out.count, self.time)
    // SAFETY: five bytes are read only where they lie inside, and `n` is below the capacity.
    let (count, capacity) = (bytes.count, out.capacity)
    while n < capacity, i + 5 <= count {
      let first = start.little(i, UInt8.self)
      if first >= 0xFE {
        time &+= first == 0xFF ? 127 : 0
        i += 1
        continue
      }
      time &+= Int64(truncatingIfNeeded: first >> 1)
      t[n] = time
      x[n] = start.little(i + 1, UInt16.self)
      y[n] = start.little(i + 3, UInt16.self)
      p[n] = first & 1
      n += 1
      i += 5
    }
    while i < count, start.little(i, UInt8.self) >= 0xFE {
      time &+= start.little(i, UInt8.self) == 0xFF ? 127 : 0
      i += 1
    }
    out.count = n
    self.time = time
    return i
  }

  private mutating func generic(
    _ bytes: UnsafeRawBufferPointer, at offset: Int, into out: EventColumns,
    _ findings: inout EventFindings
  ) -> Int {
    var i = 0
    while i < bytes.count {
      if payload > 0 {
        let skip = min(payload, bytes.count - i)
        payload -= skip
        i += skip
        continue
      }
      guard let head = GenericEvents.head(bytes, i) else { return i }
      if let size = head.size {
        guard out.count < out.capacity else { return i }
        time &+= head.time
        out.append(time, 0, 0, 0)
        findings.note(.payloads, at: offset + i)
        payload = size
      } else {
        time &+= head.time
      }
      i += head.length
    }
    return i
  }

  private mutating func other(
    _ bytes: UnsafeRawBufferPointer, at offset: Int, into out: EventColumns,
    _ findings: inout EventFindings
  ) -> Int {
    guard let start = bytes.baseAddress else { return 0 }
    let isColor = kind == .color
    let size = isColor ? 8 : 5
    var i = 0
    while i < bytes.count {
      let first = bytes[i]
      if isColor, first >= 0xFE {
        time &+= first == 0xFF ? 254 : 0
        i += 1
        continue
      }
      if !isColor, first >= 0xFC {
        time &+= 63 * Int64(truncatingIfNeeded: first & 3)
        i += 1
        continue
      }
      guard i + size <= bytes.count, out.count < out.capacity else { return i }
      time &+= Int64(truncatingIfNeeded: isColor ? first : first >> 2)
      // SAFETY: `size` bytes lie inside.
      let (px, py) = (start.little(i + 1, UInt16.self), start.little(i + 3, UInt16.self))
      if isColor {
        findings.note(.colors, at: offset + i)
        out.append(time, px, py, 1)
      } else if first & 1 == 1 {
        findings.note(.exposures, at: offset + i)
      } else {
        out.append(time, px, py, first >> 1 & 1)
      }
      i += size
    }
    return i
  }

  mutating func finish(
    _ rest: UnsafeRawBufferPointer, at offset: Int, into out: EventColumns,
    _ findings: inout EventFindings
  ) throws(ArcuateError) -> Bool {
    guard kind != nil else {
      throw ArcuateError(.truncated, "has \(rest.count) of the 20 bytes of its header")
    }
    if !rest.isEmpty || payload > 0 {
      findings.note(.truncated, at: offset, detail: "the last event is incomplete")
    }
    return true
  }
}

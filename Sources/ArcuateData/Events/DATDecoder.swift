import ArcuateCore

/// Prophesee `.dat`: two bytes, the type of the events and their size, and records of eight bytes,
/// time (u32 µs) and data (u32), little-endian.
///
/// | version | x | y | polarity |
/// |---|---|---|---|
/// | 2 | bits 13–0 | 27–14 | 31–28 |
/// | 1 | bits 8–0 | 16–9 | 17 |
///
/// Types 0x00 and 0x0C are changes of brightness; records of 0x0E are external triggers. A time
/// that falls by more than 2^31 has passed 2^32 µs.
/// Source. docs.prophesee.ai, "DAT file format".
struct DATDecoder: EventBlockDecoder {
  let header: EventHeader
  let room = 1
  var needed: Int { hasType ? 8 : 2 }
  private let version: Int
  private var hasType = false
  private var isTrigger = false
  private var clock = WrappedTime()

  init(_ header: EventHeader, version: Int) {
    self.header = header
    self.version = version
  }

  mutating func decode(
    _ bytes: UnsafeRawBufferPointer, at offset: Int, into out: EventColumns,
    _ findings: inout EventFindings
  ) throws(ArcuateError) -> Int {
    guard let records = bytes.baseAddress, bytes.count >= needed else { return 0 }
    var i = 0
    if !hasType {
      let (type, size) = (bytes[0], bytes[1])
      guard size == 8 else {
        throw ArcuateError(
          .unsupportedFormat, "events of \(size) bytes are not supported: those of 8 are",
          at: "byte \(offset + 1)")
      }
      guard type == 0 || type == 0x0C || type == 0x0E else {
        throw ArcuateError(
          .unsupportedFormat, "event type \(type) is not supported: 0, 12 and 14 are",
          at: "byte \(offset)")
      }
      (hasType, isTrigger, i) = (true, type == 0x0E, 2)
    }
    let end = i + (bytes.count - i) & ~7
    if isTrigger {
      findings.note(.triggers, at: offset + i, count: (end - i) / 8)
      return end
    }
    let (t, x, y, p) = (out.t, out.x, out.y, out.p)
    var n = out.count
    let last = min(end, i + 8 * (out.capacity - n))
    // SAFETY: records below `end` lie inside the bytes, and no more are read than there are free elements.
    if version >= 2 {
      while i < last {
        let (time, data) = (records.little(i, UInt32.self), records.little(i + 4, UInt32.self))
        t[n] = clock.full(time, offset + i)
        x[n] = UInt16(truncatingIfNeeded: data & 0x3FFF)
        y[n] = UInt16(truncatingIfNeeded: data >> 14 & 0x3FFF)
        p[n] = data >> 28 == 0 ? 0 : 1
        n += 1
        i += 8
      }
    } else {
      while i < last {
        let (time, data) = (records.little(i, UInt32.self), records.little(i + 4, UInt32.self))
        t[n] = clock.full(time, offset + i)
        x[n] = UInt16(truncatingIfNeeded: data & 0x1FF)
        y[n] = UInt16(truncatingIfNeeded: data >> 9 & 0xFF)
        p[n] = UInt8(truncatingIfNeeded: data >> 17 & 1)
        n += 1
        i += 8
      }
    }
    out.count = n
    clock.note(&findings)
    return i
  }
}

extension DATDecoder {
  mutating func finish(
    _ rest: UnsafeRawBufferPointer, at offset: Int, into out: EventColumns,
    _ findings: inout EventFindings
  ) throws(ArcuateError) -> Bool {
    if !hasType || !rest.isEmpty {
      findings.note(
        .truncated, at: offset, detail: "\(rest.count) of the \(needed) bytes of a record remain")
    }
    return true
  }
}

/// Times of 32 bits that begin at 0 again: one that falls by more than half the range has passed
/// its end.
struct WrappedTime {
  private var last: UInt32 = 0
  private var passed: Int64 = 0
  private var wraps = (first: 0, count: 0)

  /// The whole time of the record at byte `offset`.
  @inline(__always)
  mutating func full(_ time: UInt32, _ offset: Int) -> Int64 {
    if time < last, last - time > 1 << 31 {
      passed += 1 << 32
      if wraps.count == 0 { wraps.first = offset }
      wraps.count += 1
    }
    last = time
    return passed + Int64(truncatingIfNeeded: time)
  }

  /// Reports how often the end was passed since the last call.
  mutating func note(_ findings: inout EventFindings) {
    findings.note(.overflows, at: wraps.first, count: wraps.count)
    wraps.count = 0
  }
}

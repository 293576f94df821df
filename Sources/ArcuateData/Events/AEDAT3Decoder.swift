import ArcuateCore

/// AEDAT 3.1, after the lines of the header: packets of 28 bytes and events, little-endian.
///
/// | offset | field of a packet |
/// |---|---|
/// | 0 | type (i16): 1 are changes of brightness |
/// | 4, 20 | bytes of an event, events that follow (i32) |
/// | 8, 12 | where the time is in an event; upper bits of all times, from 31 on (i32) |
/// | 16 | capacity of the packet (i32): records after the events are skipped |
///
/// An event has data (u32: valid 0, polarity 1, y 16–2, x 31–17) and a time (i32 µs).
/// Source. iniVation, "AEDAT 3.1 format".
struct AEDAT3Decoder: EventBlockDecoder {
  let header: EventHeader
  let room = 1
  var needed: Int { events > 0 ? 8 : skip > 0 ? 1 : 28 }
  /// Events of the packet that are still to come, and bytes after them to skip.
  private var events = 0
  private var skip = 0
  private var upper: Int64 = 0
  private var isBroken = false

  init(_ header: EventHeader) { self.header = header }

  mutating func decode(
    _ bytes: UnsafeRawBufferPointer, at offset: Int, into out: EventColumns,
    _ findings: inout EventFindings
  ) throws(ArcuateError) -> Int {
    guard let start = bytes.baseAddress else { return 0 }
    var i = 0
    while i < bytes.count {
      if isBroken { return bytes.count }
      if events > 0 {
        let count = min(events, (bytes.count - i) / 8, out.capacity - out.count)
        if count == 0 { return i }
        // SAFETY: `count` records lie inside the bytes and fit into the columns.
        polarity(start + i, count, at: offset + i, into: out, &findings)
        events -= count
        i += 8 * count
        continue
      }
      if skip > 0 {
        let part = min(skip, bytes.count - i)
        skip -= part
        i += part
        continue
      }
      guard bytes.count - i >= 28 else { return i }
      // SAFETY: 28 bytes lie inside.
      open(start + i, at: offset + i, &findings)
      i += 28
    }
    return i
  }

  private mutating func open(
    _ packet: UnsafeRawPointer, at offset: Int, _ findings: inout EventFindings
  ) {
    let type = packet.little(0, Int16.self)
    let size = Int(truncatingIfNeeded: packet.little(4, Int32.self))
    let place = packet.little(8, Int32.self)
    let overflow = packet.little(12, Int32.self)
    let capacity = Int(truncatingIfNeeded: packet.little(16, Int32.self))
    let number = Int(truncatingIfNeeded: packet.little(20, Int32.self))
    guard size >= 0, capacity >= 0, number >= 0, number <= capacity, type >= 0, overflow >= 0 else {
      isBroken = true
      findings.note(.broken, at: offset, detail: "the packet has a negative or wrong size")
      return
    }
    skip = capacity * size
    guard type == 1 else {
      findings.note(.otherPackets, at: offset)
      return
    }
    guard size == 8, place == 4 else {
      findings.note(.badPacket, at: offset, detail: "the packet has events of \(size) bytes, not 8")
      return
    }
    upper = Int64(truncatingIfNeeded: overflow) << 31
    events = number
    skip -= 8 * number
  }

  private func polarity(
    _ records: UnsafeRawPointer, _ count: Int, at offset: Int, into out: EventColumns,
    _ findings: inout EventFindings
  ) {
    let (t, x, y, p) = (out.t, out.x, out.y, out.p)
    var n = out.count
    for i in 0..<count {
      let data = records.little(8 * i, UInt32.self)
      if data & 1 == 0 {
        findings.note(.invalid, at: offset + 8 * i)
        continue
      }
      t[n] = upper + Int64(truncatingIfNeeded: records.little(8 * i + 4, Int32.self))
      x[n] = UInt16(truncatingIfNeeded: data >> 17)
      y[n] = UInt16(truncatingIfNeeded: data >> 2 & 0x7FFF)
      p[n] = UInt8(truncatingIfNeeded: data >> 1 & 1)
      n += 1
    }
    out.count = n
  }

  mutating func finish(
    _ rest: UnsafeRawBufferPointer, at offset: Int, into out: EventColumns,
    _ findings: inout EventFindings
  ) throws(ArcuateError) -> Bool {
    if !isBroken, events > 0 || skip > 0 || !rest.isEmpty {
      findings.note(.truncated, at: offset, detail: "the last packet is incomplete")
    }
    return true
  }
}

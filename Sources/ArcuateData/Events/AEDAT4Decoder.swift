import ArcuateCore

/// AEDAT 4: a header in FlatBuffers and packets, each compressed as a whole.
///
/// "#!AER-DAT4.0\r\n"; the length of the header (u32) and the header, whose fields are the
/// compression (0 none, 1 and 2 LZ4, 3 and 4 Zstandard), the position of the table at the end, and
/// an XML text about the streams. A packet has its stream (i32), its length (i32) and the payload: a
/// FlatBuffer with a size in front and the identifier `EVTS` for events, of 16 bytes each: time
/// (i64 µs), x, y (i16), polarity (u8).
///
/// Packets that cannot be decompressed are left out and reported.
/// Source. iniVation, "AEDAT 4 format", and the schemas of dv-processing.
struct AEDAT4Decoder: EventBlockDecoder {
  private(set) var header: EventHeader
  let room = 1
  private enum State { case start, packet, skipping, afterPackets }
  private var state = State.start
  private var toSkip = 0
  private(set) var needed = 18
  private var compression: Int32 = 0
  /// Where the table at the end begins; `.max` if the header does not say.
  private var dataEnd = Int.max
  /// Streams that the header says have no events.
  private var otherStreams: Set<Int32> = []
  private var packet = LZ4Frame(limit: AEDAT4Decoder.largestPacket)
  /// Events of the packet that are to be handed over: the byte of the next one, and how many.
  private var next = 0
  private var left = 0

  /// Limit on the bytes of a packet, stored or decompressed.
  static let largestPacket = 1 << 26

  init(_ header: EventHeader) { self.header = header }

  mutating func decode(
    _ bytes: UnsafeRawBufferPointer, at offset: Int, into out: EventColumns,
    _ findings: inout EventFindings
  ) throws(ArcuateError) -> Int {
    var i = 0
    while true {
      if left > 0 {
        handOver(out)
        if left > 0 { return i }
      }
      guard i < bytes.count, let start = bytes.baseAddress else { return i }
      let rest = bytes.count - i
      switch state {
      case .afterPackets: return bytes.count
      case .skipping:
        let part = min(toSkip, rest)
        toSkip -= part
        i += part
        if toSkip == 0 { state = .packet }
      case .start:
        // SAFETY: the rest of bytes that live through the call.
        let length = try open(UnsafeRawBufferPointer(rebasing: bytes[i...]))
        if length == 0 { return i }
        i += length
        (state, needed) = (.packet, 8)
      case .packet:
        if offset + i >= dataEnd {
          state = .afterPackets
          continue
        }
        if rest < 8 {
          needed = 8
          return i
        }
        // SAFETY: eight bytes lie inside.
        let stream = start.little(i, Int32.self)
        let length = Int(truncatingIfNeeded: start.little(i + 4, Int32.self))
        guard length >= 0, stream >= 0 else {
          findings.note(
            .broken, at: offset + i, detail: "a packet of stream \(stream) has \(length) bytes")
          (state, dataEnd) = (.afterPackets, 0)
          continue
        }
        if otherStreams.contains(stream) || length > AEDAT4Decoder.largestPacket {
          if length > AEDAT4Decoder.largestPacket {
            findings.note(.badPacket, at: offset + i, detail: "a packet has \(length) bytes")
          } else {
            findings.note(.otherPackets, at: offset + i)
          }
          (state, toSkip) = (length > 0 ? .skipping : .packet, length)
          i += 8
          continue
        }
        if rest < 8 + length {
          needed = 8 + length
          return i
        }
        // SAFETY: the payload lies inside.
        let payload = UnsafeRawBufferPointer(rebasing: bytes[i + 8..<i + 8 + length])
        open(packet: payload, at: offset + i, &findings)
        i += 8 + length
        needed = 8
      }
    }
  }

  /// Reads the header; 0 if it is incomplete.
  private mutating func open(_ bytes: UnsafeRawBufferPointer) throws(ArcuateError) -> Int {
    guard bytes.count >= 18, let start = bytes.baseAddress else { return 0 }
    guard bytes[..<14].elementsEqual("#!AER-DAT4.0\r\n".utf8) else {
      throw ArcuateError(.malformed, "does not begin with \"#!AER-DAT4.0\"", at: "byte 0")
    }
    // SAFETY: 18 bytes lie inside, and then the header does.
    let length = Int(widening: start.little(14, UInt32.self))
    guard length <= 1 << 24 else {
      throw ArcuateError(
        .limitExceeded, "a header of \(length) bytes exceeds 16 MiB", at: "byte 14")
    }
    guard bytes.count >= 18 + length else {
      needed = 18 + length
      return 0
    }
    let table = try FlatTable(
      UnsafeRawBufferPointer(rebasing: bytes[18..<18 + length]), sizePrefixed: false)
    compression = try table.integer(0, Int32.self) ?? 0
    guard (0...4).contains(compression) else {
      throw ArcuateError(
        .unsupportedFormat, "compression \(compression) is not known", at: "byte 18")
    }
    if let position = try table.integer(1, Int64.self), position > 0 {
      dataEnd = Int(clamping: position)
    }
    let streams = AEDAT4Streams(try table.text(2) ?? "")
    otherStreams = streams.others
    header.width = header.width ?? streams.width
    header.height = header.height ?? streams.height
    header.detail =
      ["not compressed", "LZ4", "LZ4", "Zstandard", "Zstandard"][
        Int(clamping: compression)]
    return 18 + length
  }

  /// Decompresses a packet and finds its events.
  private mutating func open(
    packet stored: UnsafeRawBufferPointer, at offset: Int, _ findings: inout EventFindings
  ) {
    do {
      switch compression {
      case 0: try packet.set(stored)
      case 1, 2: try packet.decompress(stored)
      default:
        guard let library = ZstdLibrary.shared else {
          findings.note(.missingLibrary, at: offset, detail: ZstdLibrary.missing)
          return
        }
        try library.decompress(stored, into: &packet, limit: AEDAT4Decoder.largestPacket)
      }
      let found = packet.withBytes { bytes in
        Result { () throws(ArcuateError) in try FlatTable.events(bytes) }
      }
      guard let found = try found.get() else {
        findings.note(.otherPackets, at: offset)
        return
      }
      (next, left) = (found.start, found.count)
    } catch {
      findings.note(.badPacket, at: offset, detail: error.message)
    }
  }

  private mutating func handOver(_ out: EventColumns) {
    let count = min(left, out.capacity - out.count)
    let (t, x, y, p) = (out.t + out.count, out.x + out.count, out.y + out.count, out.p + out.count)
    let from = next
    packet.withBytes { bytes in
      guard let start = bytes.baseAddress else { return }
      var event = start + from
      // SAFETY: the events lie inside the packet, as `FlatTable.events` checked, and `count` of
      // them fit into the columns.
      for i in 0..<count {
        t[i] = event.little(0, Int64.self)
        x[i] = event.little(8, UInt16.self)
        y[i] = event.little(10, UInt16.self)
        p[i] = event.little(12, UInt8.self) == 0 ? 0 : 1
        event += 16
      }
    }
    out.count += count
    next += 16 * count
    left -= count
  }

  mutating func finish(
    _ rest: UnsafeRawBufferPointer, at offset: Int, into out: EventColumns,
    _ findings: inout EventFindings
  ) throws(ArcuateError) -> Bool {
    handOver(out)
    if left > 0 { return false }
    if state == .start {
      throw ArcuateError(.truncated, "ends inside its header", at: "byte \(offset + rest.count)")
    }
    if !rest.isEmpty || state == .skipping {
      findings.note(.truncated, at: offset, detail: "the last packet is incomplete")
    }
    return true
  }
}

import ArcuateCore

/// Prophesee EVT 2.1: words of 64 bits.
///
/// | type, bits 63–60 | content |
/// |---|---|
/// | 0, 1 | darker or brighter: time bits 5–0 (59–54), x (53–43), y (42–32); an event for each set bit of 31–0 |
/// | 8 | bits 33–6 of the time (59–32) |
/// | 10 | an external trigger |
/// | 14, 15 | words of the vendor |
///
/// Some cameras send the halves of a word in the other order; the header says so
/// (`endianness=legacy`), or else the first word of the clock does, before which there are no
/// events. Time as in EVT 2.0.
/// Source. docs.prophesee.ai, "EVT 2.1 format".
struct EVT21Decoder: EventBlockDecoder {
  let header: EventHeader
  let room = 32
  let needed = 8
  private(set) var clockStart: Int64?
  private var clock = EVTClock(bits: 28)
  /// Whether the halves are swapped; nil as long as nothing says.
  private var isSwapped: Bool?

  init(_ header: EventHeader, isSwapped: Bool?) {
    self.header = header
    self.isSwapped = isSwapped
  }

  mutating func decode(
    _ bytes: UnsafeRawBufferPointer, at offset: Int, into out: EventColumns,
    _ findings: inout EventFindings
  ) throws(ArcuateError) -> Int {
    guard let words = bytes.baseAddress else { return 0 }
    let end = bytes.count & ~7
    let table = PixelMasks.positions
    var (i, n) = (0, out.count)
    var base = clock.time << 6
    defer { out.count = n }
    while i < end, n + 32 <= out.capacity {
      // SAFETY: words below `end` lie inside the bytes.
      var word = words.little(i, UInt64.self)
      if isSwapped == nil { isSwapped = EVT21Decoder.order(word) }
      if isSwapped == nil {
        findings.note(.beforeClock, at: offset + i)
        i += 8
        continue
      }
      if isSwapped == true { word = word << 32 | word >> 32 }
      switch word >> 60 {
      case 0, 1:
        guard clock.isKnown else {
          findings.note(.beforeClock, at: offset + i)
          break
        }
        let time = base | Int64(truncatingIfNeeded: word >> 54 & 0x3F)
        let x = UInt16(truncatingIfNeeded: word >> 43 & 0x7FF)
        let y = UInt16(truncatingIfNeeded: word >> 32 & 0x7FF)
        let p = UInt8(truncatingIfNeeded: word >> 60)
        let mask = UInt32(truncatingIfNeeded: word)
        // SAFETY: 32 elements are free.
        n += PixelMasks.writeAll(mask, x, time, y, p, table, out, n)
      case 8:
        let passed = clock.set(UInt32(truncatingIfNeeded: word >> 32 & 0xFFF_FFFF))
        if passed { findings.note(.overflows, at: offset + i) }
        base = clock.time << 6
        clockStart = clockStart ?? base
      case 10: findings.note(.triggers, at: offset + i)
      case 14, 15: findings.note(.vendorWords, at: offset + i)
      default: findings.note(.unknownWords, at: offset + i)
      }
      i += 8
    }
    return i
  }

  /// Whether a word of the clock says that its halves are swapped; nil for another word.
  private static func order(_ word: UInt64) -> Bool? {
    // A word of the clock has nothing in its other half.
    if word >> 60 == 8, word & 0xFFFF_FFFF == 0 { return false }
    if word >> 28 == 8 { return true }
    return nil
  }
}

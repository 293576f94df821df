import ArcuateCore

/// Prophesee EVT 3.0: words of 16 bits.
///
/// | type, bits 15–12 | content |
/// |---|---|
/// | 0 | y (10–0) of the events that follow |
/// | 2 | an event: polarity (11), x (10–0) |
/// | 3 | polarity (11) and x (10–0) of the next vector word |
/// | 4, 5 | an event for each set bit of 12 or 8 pixels, by which x then grows |
/// | 6, 8 | lower and upper 12 bits of the time |
/// | 10 | an external trigger |
/// | 7, 14, 15 | words of the vendor |
///
/// The time is `overflows · 2^24 + upper · 2^12 + lower` as it stands: an upper part that falls by
/// more than half its range counts an overflow, and other backward steps, which cameras make, are
/// kept and reported. Events before the clock and the row are known are left out.
/// Source. docs.prophesee.ai, "EVT 3.0 format".
struct EVT3Decoder: EventBlockDecoder {
  let header: EventHeader
  /// A base and three vector words have 32 pixels.
  let room = 32
  let needed = 2
  private(set) var clockStart: Int64?
  private var clock = EVTClock(bits: 12)
  private var low: UInt16 = 0
  private var row: UInt16 = 0
  private var column: UInt16 = 0
  private var polarity: UInt8 = 0
  private var (knowsLow, knowsRow, knowsColumn) = (false, false, false)

  init(_ header: EventHeader) { self.header = header }

  mutating func decode(
    _ bytes: UnsafeRawBufferPointer, at offset: Int, into out: EventColumns,
    _ findings: inout EventFindings
  ) throws(ArcuateError) -> Int {
    guard let words = bytes.baseAddress else { return 0 }
    let end = bytes.count & ~1
    let table = PixelMasks.positions
    let (ts, xs, ys, ps) = (out.t, out.x, out.y, out.p)
    var (i, n) = (0, out.count)
    var (y, x, p) = (row, column, polarity)
    var time = clock.time << 12 | Int64(truncatingIfNeeded: low)
    var isReady = clock.isKnown && knowsLow && knowsRow
    defer {
      (row, column, polarity, out.count) = (y, x, p, n)
    }
    while i < end {
      // A word has at most 12 events, so that the columns need not be checked for each.
      let block = min(end, i + 2 * ((out.capacity - n) / 12))
      if block == i { break }
      while i < block {
        var word = words.little(i, UInt16.self)
        if isReady {
          // An event or a row, without a branch: they alternate unpredictably.
          // SAFETY: words below `end` lie inside the bytes, `n` below the capacity in the columns.
          while word & 0xD000 == 0 {
            let isEvent = word >> 13
            let keep = 0 &- isEvent
            y = (y & keep) | (word & ~keep & 0x7FF)
            ts[n] = time
            xs[n] = word & 0x7FF
            ys[n] = y
            ps[n] = UInt8(truncatingIfNeeded: word >> 11 & 1)
            n &+= Int(truncatingIfNeeded: isEvent)
            i &+= 2
            if i == block { break }
            word = words.little(i, UInt16.self)
          }
          if i == block { break }
        }
        let content = word & 0xFFF
        switch word >> 12 {
        case 3:
          x = content & 0x7FF
          p = UInt8(truncatingIfNeeded: content >> 11)
          knowsColumn = true
          // Most often 32 pixels follow in words of 12, 12 and 8.
          if isReady, i + 8 <= block {
            let next = words.little(i, UInt64.self)
            if next & 0xF000_F000_F000_0000 == 0x5000_4000_4000_0000 {
              let mask =
                UInt32(truncatingIfNeeded: next >> 16 & 0xFFF)
                | UInt32(truncatingIfNeeded: next >> 32 & 0xFFF) << 12
                | UInt32(truncatingIfNeeded: next >> 48 & 0xFF) << 24
              // SAFETY: a block has 12 elements for each of the four words.
              n += PixelMasks.writeAll(mask, x, time, y, p, table, out, n)
              x &+= 32
              i += 8
              continue
            }
          }
        case 4, 5:
          let isLong = word >> 12 == 4
          if !isReady {
            findings.note(.beforeClock, at: offset + i)
          } else if !knowsColumn {
            findings.note(.withoutBase, at: offset + i)
          } else {
            // SAFETY: there are 12 elements, and `slack` after them.
            let mask = UInt32(truncatingIfNeeded: content)
            n += PixelMasks.write(mask, x, time, y, p, table, out, n)
            if isLong {
              n += PixelMasks.write(mask >> 8 & 0xF, x &+ 8, time, y, p, table, out, n)
            }
          }
          x &+= isLong ? 12 : 8
        case 6:
          (low, knowsLow) = (content, true)
          time = clock.time << 12 | Int64(truncatingIfNeeded: content)
          isReady = clock.isKnown && knowsRow
        case 8:
          let passed = clock.set(UInt32(truncatingIfNeeded: content))
          if passed { findings.note(.overflows, at: offset + i) }
          time = clock.time << 12 | Int64(truncatingIfNeeded: low)
          clockStart = clockStart ?? clock.time << 12
          isReady = knowsLow && knowsRow
        case 0:
          (y, knowsRow) = (content & 0x7FF, true)
          isReady = clock.isKnown && knowsLow
        case 2: findings.note(.beforeClock, at: offset + i)
        case 10: findings.note(.triggers, at: offset + i)
        case 7, 14, 15: findings.note(.vendorWords, at: offset + i)
        default: findings.note(.unknownWords, at: offset + i)
        }
        i += 2
      }
    }
    return i
  }
}

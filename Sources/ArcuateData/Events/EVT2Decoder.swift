import ArcuateCore

/// Prophesee EVT 2.0: words of 32 bits.
///
/// | type, bits 31–28 | content |
/// |---|---|
/// | 0, 1 | an event, darker or brighter: time bits 5–0 (27–22), x (21–11), y (10–0) |
/// | 8 | bits 33–6 of the time |
/// | 10 | an external trigger |
/// | 14, 15 | words of the vendor |
///
/// A time that falls by more than half its range has passed 2^34 µs; other backward steps are kept.
/// Events before the first time word have no time and are left out.
/// Source. docs.prophesee.ai, "EVT 2.0 format".
struct EVT2Decoder: EventBlockDecoder {
  let header: EventHeader
  let room = 1
  let needed = 4
  private(set) var clockStart: Int64?
  private var clock = EVTClock(bits: 28)

  init(_ header: EventHeader) { self.header = header }

  mutating func decode(
    _ bytes: UnsafeRawBufferPointer, at offset: Int, into out: EventColumns,
    _ findings: inout EventFindings
  ) throws(ArcuateError) -> Int {
    guard let words = bytes.baseAddress else { return 0 }
    let end = bytes.count & ~3
    let (t, x, y, p) = (out.t, out.x, out.y, out.p)
    var (i, n) = (0, out.count)
    var base = clock.time << 6
    // SAFETY: words below `end` lie inside the bytes, and `n` below the capacity inside the columns.
    let capacity = out.capacity
    while i < end, n < capacity {
      if clock.isKnown {
        // Most words are events.
        let last = min(end, i + 4 * (capacity - n))
        while i < last {
          let word = words.little(i, UInt32.self)
          if word >= 0x2000_0000 { break }
          t[n] = base | Int64(truncatingIfNeeded: word >> 22 & 0x3F)
          x[n] = UInt16(truncatingIfNeeded: word >> 11 & 0x7FF)
          y[n] = UInt16(truncatingIfNeeded: word & 0x7FF)
          p[n] = UInt8(truncatingIfNeeded: word >> 28)
          n &+= 1
          i &+= 4
        }
        if i == last { continue }
      }
      let word = words.little(i, UInt32.self)
      i += 4
      switch word >> 28 {
      case 8:
        let passed = clock.set(word & 0xFFF_FFFF)
        if passed { findings.note(.overflows, at: offset + i - 4) }
        base = clock.time << 6
        clockStart = clockStart ?? base
      case 0, 1: findings.note(.beforeClock, at: offset + i - 4)
      case 10: findings.note(.triggers, at: offset + i - 4)
      case 14, 15: findings.note(.vendorWords, at: offset + i - 4)
      default: findings.note(.unknownWords, at: offset + i - 4)
      }
    }
    out.count = n
    return i
  }
}

/// The upper bits of a camera's time, which begin at 0 again.
struct EVTClock {
  /// The upper bits, with passed ends of their range added.
  private(set) var time: Int64 = 0
  private(set) var isKnown = false
  private let range: Int64

  init(bits: Int) { range = bits == 12 ? 1 << 12 : 1 << 28 }

  /// Sets the bits; true if they passed the end of their range.
  mutating func set(_ bits: UInt32) -> Bool {
    let next = Int64(truncatingIfNeeded: bits)
    let last = time & (range - 1)
    let passed = isKnown && next < last && last - next > range / 2
    time = time - last + next + (passed ? range : 0)
    isKnown = true
    return passed
  }
}

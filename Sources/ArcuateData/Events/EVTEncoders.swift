import ArcuateCore
import ArcuateFormats

/// The lines before the words of a Prophesee file.
private func lines(_ version: String, _ name: String, _ width: Int, _ height: Int) -> [UInt8] {
  let size = "height=\(height);width=\(width)"
  return Array(
    "% evt \(version)\n% format \(name);\(size)\n% geometry \(width)x\(height)\n% end\n".utf8)
}

private func outside(_ x: UInt16, _ y: UInt16) -> ArcuateError {
  ArcuateError(.notRepresentable, "pixel (\(x), \(y)) exceeds 2047")
}

/// Prophesee EVT 2.0.
struct EVT2Encoder: EventEncoder {
  private var start: [UInt8]
  private var clock = EncodedClock()
  private var high: Int64 = -1

  init(_ width: Int, _ height: Int) { start = lines("2.0", "EVT2", width, height) }

  mutating func encode(_ events: EventColumns, into bytes: inout [UInt8]) throws(ArcuateError) {
    bytes += start
    start = []
    for i in 0..<events.count {
      let time = events.t[i]
      try clock.check(time, first: 1 << 34, forward: 1 << 33 - 64, backward: 1 << 32)
      let (x, y) = (events.x[i], events.y[i])
      guard x < 2048, y < 2048 else { throw outside(x, y) }
      if time >> 6 != high {
        high = time >> 6
        bytes.append(little: 8 << 28 | UInt32(truncatingIfNeeded: high) & 0xFFF_FFFF)
      }
      let pixel = UInt32(truncatingIfNeeded: x) << 11 | UInt32(truncatingIfNeeded: y)
      bytes.append(
        little: UInt32(truncatingIfNeeded: events.p[i] & 1) << 28
          | UInt32(truncatingIfNeeded: time & 63) << 22 | pixel)
    }
  }

  mutating func finish(into bytes: inout [UInt8]) throws(ArcuateError) {
    bytes += start
    start = []
  }
}

/// Prophesee EVT 3.0, without vector words.
struct EVT3Encoder: EventEncoder {
  private var start: [UInt8]
  private var clock = EncodedClock()
  /// What the last words said; −1 for nothing yet.
  private var (high, low, row): (Int64, Int64, Int64) = (-1, -1, -1)

  init(_ width: Int, _ height: Int) { start = lines("3.0", "EVT3", width, height) }

  mutating func encode(_ events: EventColumns, into bytes: inout [UInt8]) throws(ArcuateError) {
    bytes += start
    start = []
    func word(_ type: UInt16, _ content: Int64) {
      bytes.append(little: type << 12 | UInt16(truncatingIfNeeded: content & 0xFFF))
    }
    for i in 0..<events.count {
      let time = events.t[i]
      try clock.check(time, first: 1 << 36, forward: 1 << 36, backward: 1 << 22)
      let (x, y) = (events.x[i], events.y[i])
      guard x < 2048, y < 2048 else { throw outside(x, y) }
      if time >> 12 != high {
        // Readers count an overflow where the bits fall by more than half their range, so that no
        // step may be longer. The first word says where the clock begins.
        if high < 0 {
          high = 0
          word(8, 0)
        }
        while time >> 12 > high + 1024 {
          high += 1024
          word(8, high)
        }
        if time >> 12 != high {
          high = time >> 12
          word(8, high)
        }
      }
      if time & 0xFFF != low {
        low = time & 0xFFF
        word(6, low)
      }
      if Int64(truncatingIfNeeded: y) != row {
        row = Int64(truncatingIfNeeded: y)
        word(0, row)
      }
      word(2, Int64(truncatingIfNeeded: x) | Int64(truncatingIfNeeded: events.p[i] & 1) << 11)
    }
  }

  mutating func finish(into bytes: inout [UInt8]) throws(ArcuateError) {
    bytes += start
    start = []
  }
}

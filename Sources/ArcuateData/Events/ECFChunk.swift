import ArcuateCore
import ArcuateFormats

/// A chunk of events in Prophesee's event compression format, the HDF5 filter 0x8ECF.
///
/// | part | content |
/// |---|---|
/// | head | u32: events (31–2), a, b |
/// | times | u64: the first time; bytes with a step (7–4) and the number of events at the new time (3–0), 15: in the u16 that follows; while the step is 15, bits 3–0 are the next nibble of a longer step, lowest first |
/// | a = 1 | words of 24 bits, four in three u32, of the second and third the lower bits first: y (22–12), x (11–1), polarity (0) |
/// | rows, a = 0 | u16: y (15–5) and the number of events (4–0), 31: in the u16 that follows |
/// | b = 1 | words of 12 bits, four in three u16 in the same way: x (11–1), polarity (0) |
/// | b = 0 | u16: x (15–5), and bits 4–0 for events at x + 1 to x + 5; then bytes with a polarity (7) and the number of events (6–0), 127: in the u16 that follows |
///
/// Source. The filter that prophesee.ai publishes as hdf5_ecf.
struct ECFChunk {
  private(set) var t: [Int64] = []
  private(set) var x: [UInt16] = []
  private(set) var y: [UInt16] = []
  private(set) var p: [UInt8] = []
  private let bytes: Bytes
  private let count: Int
  private var at = 4

  static let filter: UInt16 = 0x8ECF
  /// Limit of the format on the events of a chunk.
  static let mostEvents = 65_535

  /// Throws. `truncated`, `malformed`.
  init(_ bytes: Bytes) throws(ArcuateError) {
    self.bytes = bytes
    let head: UInt32 = try bytes.integer(at: 0)
    count = Int(widening: head >> 2)
    guard count <= ECFChunk.mostEvents else {
      throw ArcuateError(.malformed, "\(count) events in a chunk, more than 65535")
    }
    try times()
    if head & 2 != 0 {
      try packedWords()
    } else {
      try rows()
      if head & 1 != 0 {
        try packedColumns()
      } else {
        try maskedColumns()
        try polarities()
      }
    }
  }

  private mutating func byte() throws(ArcuateError) -> UInt8 {
    at += 1
    return try bytes.byte(at: at - 1)
  }

  private mutating func word() throws(ArcuateError) -> UInt16 {
    at += 2
    return try bytes.integer(at: at - 2)
  }

  private mutating func times() throws(ArcuateError) {
    var time = Int64(bitPattern: try bytes.integer(UInt64.self, at: at))
    at += 8
    t.reserveCapacity(count)
    while t.count < count {
      let value = try byte()
      var (step, low) = (value >> 4, value & 15)
      if step == 15 {
        var (longer, weight) = (0 as Int64, 1 as Int64)
        while step == 15 {
          longer &+= Int64(truncatingIfNeeded: low) &* weight
          weight &*= 16
          let next = try byte()
          (step, low) = (next >> 4, next & 15)
        }
        time &+= longer
        // The byte after a longer step is read as any other.
        at -= 1
        continue
      }
      time &+= Int64(truncatingIfNeeded: step)
      let events = low == 15 ? Int(widening: try word()) : Int(widening: low)
      try ECFChunk.append(time, events, to: &t, count, at)
    }
  }

  private mutating func rows() throws(ArcuateError) {
    y.reserveCapacity(count)
    while y.count < count {
      let value = try word()
      let events = value & 31 == 31 ? Int(widening: try word()) : Int(widening: value & 31)
      try ECFChunk.append(value >> 5, events, to: &y, count, at)
    }
  }

  private mutating func polarities() throws(ArcuateError) {
    p.reserveCapacity(count)
    while p.count < count {
      let value = try byte()
      let events = value & 127 == 127 ? Int(widening: try word()) : Int(widening: value & 127)
      try ECFChunk.append(value >> 7, events, to: &p, count, at)
    }
  }

  private mutating func maskedColumns() throws(ArcuateError) {
    x.reserveCapacity(count + 5)
    while x.count < count {
      let value = try word()
      let column = value >> 5
      x.append(column)
      if value & 16 != 0 { x.append(column + 1) }
      if value & 8 != 0 { x.append(column + 2) }
      if value & 4 != 0 { x.append(column + 3) }
      if value & 2 != 0 { x.append(column + 4) }
      if value & 1 != 0 { x.append(column + 5) }
    }
    x.removeLast(x.count - count)
  }

  private mutating func packedColumns() throws(ArcuateError) {
    while x.count < count {
      let (a, b, c) = (try word(), try word(), try word())
      for value in [a >> 4, a & 15 | (b >> 8) << 4, b & 0xFF | (c >> 12) << 8, c]
      where x.count < count {
        x.append(UInt16(truncatingIfNeeded: value >> 1 & 0x7FF))
        p.append(UInt8(truncatingIfNeeded: value & 1))
      }
    }
  }

  private mutating func packedWords() throws(ArcuateError) {
    while x.count < count {
      let (a, b, c): (UInt32, UInt32, UInt32) = (
        try bytes.integer(at: at), try bytes.integer(at: at + 4), try bytes.integer(at: at + 8)
      )
      at += 12
      for value in [a >> 8, a & 0xFF | (b >> 16) << 8, b & 0xFFFF | (c >> 24) << 16, c]
      where x.count < count {
        y.append(UInt16(truncatingIfNeeded: value >> 12 & 0x7FF))
        x.append(UInt16(truncatingIfNeeded: value >> 1 & 0x7FF))
        p.append(UInt8(truncatingIfNeeded: value & 1))
      }
    }
  }

  private static func append<T>(
    _ value: T, _ events: Int, to list: inout [T], _ count: Int, _ at: Int
  ) throws(ArcuateError) {
    guard events <= count - list.count else {
      throw ArcuateError(.malformed, "runs of more than \(count) events", at: "byte \(at)")
    }
    list.append(contentsOf: repeatElement(value, count: events))
  }
}

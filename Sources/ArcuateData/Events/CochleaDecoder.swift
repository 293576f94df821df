import ArcuateCore

/// The addresses of a silicon cochlea without a header: an address of 2 or 4 bytes and a time of 4,
/// big-endian.
///
/// x has the lower 16 bits of the address, y the upper ones, and the polarity is its lowest bit.
/// Times are multiplied by the tick and rounded down to microseconds.
/// Source. pyNAVIS, raw `.aedat` files.
struct CochleaDecoder: EventBlockDecoder {
  let header: EventHeader
  let room = 1
  var needed: Int { addressBytes + 4 }
  private let addressBytes: Int
  private let tick_ns: Int64
  private var clock = WrappedTime()

  init(_ header: EventHeader, addressBytes: Int, tick_ns: Int) {
    self.header = header
    self.addressBytes = addressBytes
    self.tick_ns = Int64(truncatingIfNeeded: tick_ns)
  }

  mutating func decode(
    _ bytes: UnsafeRawBufferPointer, at offset: Int, into out: EventColumns,
    _ findings: inout EventFindings
  ) throws(ArcuateError) -> Int {
    guard let start = bytes.baseAddress else { return 0 }
    let size = needed
    let (t, x, y, p) = (out.t, out.x, out.y, out.p)
    var (i, n) = (0, out.count)
    // SAFETY: whole records lie inside the bytes, and `n` is below the capacity.
    while i + size <= bytes.count, n < out.capacity {
      let address =
        addressBytes == 2
        ? UInt32(truncatingIfNeeded: start.big(i, UInt16.self)) : start.big(i, UInt32.self)
      let time = clock.full(start.big(i + addressBytes, UInt32.self), offset + i)
      t[n] = tick_ns == 1000 ? time : CochleaDecoder.microseconds(time, tick_ns)
      x[n] = UInt16(truncatingIfNeeded: address)
      y[n] = UInt16(truncatingIfNeeded: address >> 16)
      p[n] = UInt8(truncatingIfNeeded: address & 1)
      if address > 0xFFFF { findings.note(.wideAddresses, at: offset + i) }
      n += 1
      i += size
    }
    out.count = n
    clock.note(&findings)
    return i
  }

  private static func microseconds(_ ticks: Int64, _ tick_ns: Int64) -> Int64 {
    let (product, overflow) = ticks.multipliedReportingOverflow(by: tick_ns)
    return overflow ? ticks / 1000 &* tick_ns : product / 1000
  }
}

import ArcuateCore

/// The records of N-MNIST and N-Caltech101 `.bin` files: five bytes without a header.
///
/// x; y; polarity (bit 7) and time bits 22 to 16; time bits 15 to 8; time bits 7 to 0, in
/// microseconds. A record with y = 240 marks an overflow of the clock: 2^13 µs are added to every
/// later time.
/// Source. Orchard, Jayawant, Cohen, Thakor, "Converting static image datasets to spiking
/// neuromorphic datasets using saccades", Frontiers in Neuroscience 2015.
struct NMNISTDecoder: EventBlockDecoder {
  let header: EventHeader
  let room = 1
  let needed = 5
  private var passed: Int64 = 0

  init(_ header: EventHeader) { self.header = header }

  mutating func decode(
    _ bytes: UnsafeRawBufferPointer, at offset: Int, into out: EventColumns,
    _ findings: inout EventFindings
  ) throws(ArcuateError) -> Int {
    guard let start = bytes.baseAddress else { return 0 }
    let (t, x, y, p) = (out.t, out.x, out.y, out.p)
    var (i, n) = (0, out.count)
    // SAFETY: whole records lie inside the bytes, and `n` is below the capacity.
    while i + 5 <= bytes.count, n < out.capacity {
      let row = start.little(i + 1, UInt8.self)
      if row == 240 {
        passed += 1 << 13
        findings.note(.overflows, at: offset + i)
        i += 5
        continue
      }
      let word = start.big(i + 1, UInt32.self)
      t[n] = passed + Int64(truncatingIfNeeded: word & 0x7F_FFFF)
      x[n] = UInt16(truncatingIfNeeded: start.little(i, UInt8.self))
      y[n] = UInt16(truncatingIfNeeded: row)
      p[n] = UInt8(truncatingIfNeeded: word >> 23 & 1)
      n += 1
      i += 5
    }
    out.count = n
    return i
  }
}

import ArcuateCore

/// AEDAT 2.0 and 2.1, after the lines of the header: an address (u32) and a time (u32 µs),
/// big-endian.
///
/// | camera | x | y | polarity |
/// |---|---|---|---|
/// | DVS128 | 127 − bits 7–1 | bits 14–8 | 1 − bit 0 |
/// | DAVIS240, DAVIS346 | width − 1 − bits 21–12 | bits 30–22 | bit 11 |
///
/// y counts from the bottom. Of a DAVIS, addresses with bit 31 are samples of images and motion, and
/// those with bit 10 external events. A time that falls by more than 2^31 has passed 2^32 µs.
/// Source. jAER, `DavisChip` and `DVS128`.
struct AEDAT2Decoder: EventBlockDecoder {
  let header: EventHeader
  let room = 1
  let needed = 8
  private let camera: EventOptions.Camera
  private var clock = WrappedTime()

  init(_ header: EventHeader, camera: EventOptions.Camera) {
    var header = header
    header.width = header.width ?? camera.size.width
    header.height = header.height ?? camera.size.height
    header.countsFromBottom = true
    header.detail = camera.rawValue
    self.header = header
    self.camera = camera
  }

  mutating func decode(
    _ bytes: UnsafeRawBufferPointer, at offset: Int, into out: EventColumns,
    _ findings: inout EventFindings
  ) throws(ArcuateError) -> Int {
    guard let start = bytes.baseAddress else { return 0 }
    let (t, x, y, p) = (out.t, out.x, out.y, out.p)
    let isDavis = camera != .dvs128
    let right = UInt32(truncatingIfNeeded: camera.size.width - 1)
    var (i, n) = (0, out.count)
    // SAFETY: whole records lie inside the bytes, and `n` is below the capacity.
    while i + 8 <= bytes.count, n < out.capacity {
      let (address, time) = (start.big(i, UInt32.self), start.big(i + 4, UInt32.self))
      i += 8
      // The clock goes on through what is left out.
      t[n] = clock.full(time, offset + i - 8)
      if isDavis {
        guard address & 0x8000_0400 == 0 else {
          findings.note(address >> 31 == 1 ? .samples : .external, at: offset + i - 8)
          continue
        }
        x[n] = UInt16(truncatingIfNeeded: right &- (address >> 12 & 0x3FF))
        y[n] = UInt16(truncatingIfNeeded: address >> 22 & 0x1FF)
        p[n] = UInt8(truncatingIfNeeded: address >> 11 & 1)
      } else {
        guard address & 0xFFFF_8000 == 0 else {
          findings.note(.external, at: offset + i - 8)
          continue
        }
        x[n] = UInt16(truncatingIfNeeded: 127 - (address >> 1 & 0x7F))
        y[n] = UInt16(truncatingIfNeeded: address >> 8 & 0x7F)
        p[n] = UInt8(truncatingIfNeeded: ~address & 1)
      }
      n += 1
    }
    out.count = n
    clock.note(&findings)
    return i
  }
}

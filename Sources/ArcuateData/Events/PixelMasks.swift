/// Expands masks of pixels, eight at a time.
///
/// Entry m has the numbers of the set bits of m, one in each byte from the lowest on.
enum PixelMasks {
  // SAFETY: written once before anyone reads it, and never freed.
  nonisolated(unsafe) static let positions: UnsafePointer<UInt64> = {
    let table = UnsafeMutablePointer<UInt64>.allocate(capacity: 256)
    for mask in 0..<256 {
      var (entry, weight) = (0 as UInt64, 1 as UInt64)
      for bit in 0..<8 where mask >> bit & 1 == 1 {
        entry |= UInt64(truncatingIfNeeded: bit) &* weight
        weight &*= 256
      }
      table[mask] = entry
    }
    // SAFETY: the table lives as long as the process.
    return UnsafePointer(table)
  }()

  /// Writes the events of the 32 pixels from `base` on whose bits are set and returns how many.
  ///
  /// Needs. 32 elements from `n` on in each column.
  @inline(__always)
  static func writeAll(
    _ mask: UInt32, _ base: UInt16, _ time: Int64, _ row: UInt16, _ polarity: UInt8,
    _ table: UnsafePointer<UInt64>, _ out: EventColumns, _ n: Int
  ) -> Int {
    // SAFETY: the caller has 32 elements; each call writes eight, from at most `n + 24` on.
    var end = n
    end += write(mask, base, time, row, polarity, table, out, end)
    end += write(mask >> 8, base &+ 8, time, row, polarity, table, out, end)
    end += write(mask >> 16, base &+ 16, time, row, polarity, table, out, end)
    end += write(mask >> 24, base &+ 24, time, row, polarity, table, out, end)
    return end - n
  }

  /// Writes the events of the eight pixels from `base` on whose bits are set and returns how many.
  ///
  /// Needs. Eight elements from `n` on in each column.
  @inline(__always)
  static func write(
    _ mask: UInt32, _ base: UInt16, _ time: Int64, _ row: UInt16, _ polarity: UInt8,
    _ table: UnsafePointer<UInt64>, _ out: EventColumns, _ n: Int
  ) -> Int {
    let entry = table[Int(truncatingIfNeeded: mask & 0xFF)]
    // SAFETY: SIMD values have no invalid bits; the caller has eight elements.
    let numbers = SIMD8<UInt16>(
      truncatingIfNeeded: unsafeBitCast(entry, to: SIMD8<UInt8>.self))
    UnsafeMutableRawPointer(out.x + n).storeBytes(of: numbers &+ base, as: SIMD8<UInt16>.self)
    UnsafeMutableRawPointer(out.t + n).storeBytes(
      of: SIMD8(repeating: time), as: SIMD8<Int64>.self)
    UnsafeMutableRawPointer(out.y + n).storeBytes(
      of: SIMD8(repeating: row), as: SIMD8<UInt16>.self)
    UnsafeMutableRawPointer(out.p + n).storeBytes(
      of: SIMD8(repeating: polarity), as: SIMD8<UInt8>.self)
    return (mask & 0xFF).nonzeroBitCount
  }
}

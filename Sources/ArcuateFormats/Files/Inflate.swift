import ArcuateCore
import CZlib

/// Decompresses deflate, zlib and gzip streams.
package enum Inflate {
  /// The header and trailer around the deflated bytes; the raw value is zlib's `windowBits`.
  package enum Wrapping: Int32 {
    case none = -15
    case zlib = 15
    case gzip = 31
  }

  package static func isGzip(_ bytes: Bytes) -> Bool {
    (try? bytes.integer(UInt16.self, at: 0)) == 0x8B1F
  }

  /// All bytes, at most `limit`; gzip may have several members.
  ///
  /// Cost. Memory grows with the output, not with any claimed size.
  /// Throws. `truncated`, `malformed`, `limitExceeded`.
  package static func bytes(_ data: Bytes, _ wrapping: Wrapping, limit: Int) throws(ArcuateError)
    -> [UInt8]
  {
    var stream = z_stream()
    let size = Int32(clamping: MemoryLayout<z_stream>.size)
    guard inflateInit2_(&stream, wrapping.rawValue, zlibVersion(), size) == Z_OK else {
      throw ArcuateError(.outOfMemory, "zlib has no memory")
    }
    defer { inflateEnd(&stream) }
    var result: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: min(max(limit, 1), 1 << 16))
    var taken = 0
    while true {
      try Cancellation.check()
      let part = min(data.count - taken, 1 << 24)
      var status = Z_OK
      // SAFETY: zlib reads at most `part` bytes of the data from `taken` on and writes at most the
      // buffer, both of which live through the call; it does not write to its input.
      data.withUnsafeBytes { input in
        buffer.withUnsafeMutableBytes { output in
          let start = input.baseAddress?.assumingMemoryBound(to: UInt8.self)
          stream.next_in = start.map { UnsafeMutablePointer(mutating: $0 + taken) }
          stream.avail_in = UInt32(clamping: part)
          stream.next_out = output.baseAddress?.assumingMemoryBound(to: UInt8.self)
          stream.avail_out = UInt32(clamping: output.count)
          status = inflate(&stream, Z_NO_FLUSH)
        }
      }
      let read = part - Int(widening: stream.avail_in)
      let written = buffer.count - Int(widening: stream.avail_out)
      taken += read
      guard result.count + written <= limit else {
        throw ArcuateError(.limitExceeded, "inflates to more than \(limit) bytes")
      }
      result += buffer[..<written]
      switch status {
      case Z_STREAM_END:
        guard wrapping == .gzip, taken < data.count else { return result }
        guard inflateReset(&stream) == Z_OK else {
          throw ArcuateError(.malformed, "zlib cannot continue after byte \(taken)")
        }
      case Z_OK, Z_BUF_ERROR:
        guard read > 0 || written > 0 else {
          throw ArcuateError(.truncated, "the deflated data end early, at byte \(taken)")
        }
      default:
        throw ArcuateError(.malformed, "zlib cannot inflate the data near byte \(taken)")
      }
    }
  }

  /// CRC-32 as in zip, gzip and PNG.
  package static func checksum(_ bytes: Bytes) -> UInt32 {
    // SAFETY: zlib reads the bytes, which live through the call; crc32_z takes any length.
    bytes.withUnsafeBytes { buffer in
      let start = buffer.baseAddress?.assumingMemoryBound(to: UInt8.self)
      return UInt32(truncatingIfNeeded: crc32_z(0, start, buffer.count))
    }
  }
}

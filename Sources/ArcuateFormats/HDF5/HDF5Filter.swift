import ArcuateCore
import CZlib

/// What was done to the bytes of a chunk before they were stored.
enum HDF5Filter {
  case deflate, shuffle, fletcher32

  init(id: UInt16) throws {
    switch id {
    case 1: self = .deflate
    case 2: self = .shuffle
    case 3: self = .fletcher32
    default:
      throw ArcuateError(
        .unsupportedFormat, "filter \(id); deflate, shuffle and Fletcher-32 are read")
    }
  }

  /// Undoes the filters, last first; bit i of `mask` says filter i was left out.
  /// Returns exactly `size` bytes. Throws. `malformed` otherwise.
  static func undo(
    _ filters: [HDF5Filter], mask: UInt32, _ stored: Bytes, size: Int, element: Int
  ) throws -> [UInt8] {
    var data = stored.array
    for (i, filter) in filters.enumerated().reversed() where mask >> UInt32(i) & 1 == 0 {
      switch filter {
      case .fletcher32:
        guard data.count >= 4 else { throw ArcuateError(.truncated, "no room for a checksum") }
        let body = Array(data.dropLast(4))
        let found = data.suffix(4).reversed().reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
        guard found == checksum(body) else {
          throw ArcuateError(.malformed, "the Fletcher-32 checksum does not fit")
        }
        data = body
      case .deflate: data = try inflate(data, size: size + 4)
      case .shuffle: data = unshuffle(data, element: element)
      }
    }
    guard data.count == size else {
      throw ArcuateError(.malformed, "\(data.count) bytes after decoding, \(size) expected")
    }
    return data
  }

  private static func inflate(_ data: [UInt8], size limit: Int) throws -> [UInt8] {
    var count = 0
    var status = Z_OK
    let output = [UInt8](unsafeUninitializedCapacity: limit) { buffer, initialized in
      var length = uLongf(limit)
      // SAFETY: zlib writes at most `length` bytes of the buffer and reads `data.count` of `data`.
      status = uncompress(buffer.baseAddress, &length, data, uLong(data.count))
      count = status == Z_OK ? Int(length) : 0
      initialized = count
    }
    guard status == Z_OK else {
      throw ArcuateError(.malformed, "zlib cannot inflate it (status \(status))")
    }
    return output
  }

  private static func unshuffle(_ data: [UInt8], element: Int) -> [UInt8] {
    let count = data.count / max(element, 1)
    guard element > 1, count > 1 else { return data }
    var result = data
    for b in 0..<element {
      for i in 0..<count { result[i * element + b] = data[b * count + i] }
    }
    return result
  }

  /// Source. H5checksum.c of HDF5: 16-bit big-endian words, sums modulo 65535.
  private static func checksum(_ data: [UInt8]) -> UInt32 {
    var (a, b): (UInt64, UInt64) = (0, 0)
    var i = 0
    while i < data.count {
      a += UInt64(data[i]) << 8 | (i + 1 < data.count ? UInt64(data[i + 1]) : 0)
      b += a
      a = a & 0xFFFF + a >> 16
      b = b & 0xFFFF + b >> 16
      i += 2
    }
    a = a & 0xFFFF + a >> 16
    b = b & 0xFFFF + b >> 16
    return UInt32(truncatingIfNeeded: b << 16 | a)
  }
}

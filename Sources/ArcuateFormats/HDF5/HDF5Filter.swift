import ArcuateCore

/// A transformation of the bytes of a chunk before they were stored.
enum HDF5Filter {
  case deflate, shuffle, fletcher32

  /// Filters that are registered with the HDF Group, for messages.
  private static let names: [UInt16: String] = [
    4: "szip", 32000: "LZF", 32001: "Blosc", 32004: "LZ4", 32008: "bitshuffle",
    32015: "Zstandard", 32026: "Blosc2", 36559: "ECF",
  ]

  init(id: UInt16) throws(ArcuateError) {
    switch id {
    case 1: self = .deflate
    case 2: self = .shuffle
    case 3: self = .fletcher32
    default:
      let name = HDF5Filter.names[id].map { " (\($0))" } ?? ""
      throw ArcuateError(
        .unsupportedFormat,
        "filter \(id)\(name) is not supported: deflate, shuffle and Fletcher-32 are")
    }
  }

  /// Undoes the filters, last first; bit i of `mask` says that filter i was skipped.
  /// Returns exactly `size` bytes. Throws. `malformed`, `truncated`, `limitExceeded`.
  static func undo(
    _ filters: [HDF5Filter], mask: UInt32, _ stored: Bytes, size: Int, element: Int
  ) throws(ArcuateError) -> [UInt8] {
    var data = stored.array
    for (i, filter) in filters.enumerated().reversed() where mask >> i & 1 == 0 {
      switch filter {
      case .fletcher32:
        guard data.count >= 4 else {
          throw ArcuateError(.truncated, "\(data.count) bytes hold no checksum")
        }
        let body = Array(data.dropLast(4))
        guard data.little(UInt32.self, at: data.count - 4) == checksum(body) else {
          throw ArcuateError(.malformed, "the Fletcher-32 checksum does not match")
        }
        data = body
      case .deflate:
        // Four more bytes for the checksum that may follow the data.
        data = try Inflate.bytes(Bytes(data), .zlib, limit: size + 4)
      case .shuffle: data = unshuffle(data, element: element)
      }
    }
    guard data.count == size else {
      throw ArcuateError(.malformed, "decodes to \(data.count) bytes, not \(size)")
    }
    return data
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
      a +=
        UInt64(truncatingIfNeeded: data[i]) << 8
        | (i + 1 < data.count ? UInt64(truncatingIfNeeded: data[i + 1]) : 0)
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

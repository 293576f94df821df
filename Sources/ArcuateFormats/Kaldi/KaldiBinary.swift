import ArcuateCore

/// Kaldi's binary way of writing: a zero, "B", then
///
/// | token        | what follows                                                         |
/// |--------------|----------------------------------------------------------------------|
/// | "FM ", "DM " | rows, columns, then float32 or float64 row after row                 |
/// | "FV ", "DV " | size, then float32 or float64                                        |
/// | "CM "        | compressed: one byte a number, columns with quartiles of their own   |
/// | "CM2 "       | compressed: two bytes a number                                       |
/// | "CM3 "       | compressed: one byte a number                                        |
/// | (none)       | size, then integers, each after a byte that gives its width          |
///
/// Sizes are int32 after a byte that says 4; everything is little endian.
extension KaldiValue {
  static func readBinary(_ reader: ByteReader) throws -> KaldiValue {
    guard try reader.take() == 0, try reader.take() == UInt8(ascii: "B") else {
      throw ArcuateError(.malformed, "a zero and \"B\" are expected")
    }
    if try reader.peek() == 4 {
      let count = try size(reader)
      try bound(reader, count, bytesEach: 5)
      let bytes = try reader.take(count * 5)
      var integers: [Int32] = []
      integers.reserveCapacity(count)
      for i in 0..<count {
        guard bytes[5 * i] == 4 else {
          throw ArcuateError(
            .malformed, "integer \(i) has \(bytes[5 * i]) bytes where 4 are expected")
        }
        integers.append(bytes.little(at: 5 * i + 1))
      }
      return .integers(integers)
    }
    return try readNumbers(reader)
  }

  /// What begins with a token, as `readBinary` takes it and components of a network hold it.
  static func readNumbers(_ reader: ByteReader) throws -> KaldiValue {
    let token = try token(reader)
    switch token {
    case "FM", "DM":
      let rows = try size(reader)
      let columns = try size(reader)
      let count = try elements(rows, columns)
      return .matrix(
        try KaldiMatrix(
          rows: rows, columns: columns,
          values: try floats(reader, count, wide: token == "DM")))
    case "FV", "DV":
      return .vector(try floats(reader, try size(reader), wide: token == "DV"))
    case "CM", "CM2", "CM3": return .matrix(try KaldiCompression(token).read(reader))
    default:
      throw ArcuateError(
        .unsupportedFormat,
        "holds \"\(token)\", not one of FM, DM, FV, DV, CM, CM2, CM3 or integers")
    }
  }

  private static func token(_ reader: ByteReader) throws -> String {
    var token = ""
    while let byte = try reader.take(), byte != UInt8(ascii: " ") {
      guard byte > 32, byte < 127, token.utf8.count < 16 else {
        throw ArcuateError(.malformed, "a type such as \"FM\" is expected")
      }
      token.append(Character(UnicodeScalar(byte)))
    }
    return token
  }

  private static func size(_ reader: ByteReader) throws -> Int {
    let bytes = try reader.take(5)
    let size: Int32 = bytes.little(at: 1)
    guard bytes[0] == 4, size >= 0 else {
      throw ArcuateError(.malformed, "a size is expected (a byte 4, then an int32 from 0)")
    }
    return Int(size)
  }

  /// rows * columns, if a file may claim that.
  static func elements(_ rows: Int, _ columns: Int) throws -> Int {
    let (count, overflow) = rows.multipliedReportingOverflow(by: columns)
    guard rows >= 0, columns >= 0, (rows == 0) == (columns == 0) else {
      throw ArcuateError(.malformed, "\(rows) rows of \(columns) columns are not a matrix")
    }
    guard !overflow, count <= limit else {
      throw ArcuateError(
        .limitExceeded, "\(rows) rows of \(columns) columns are above the limit of \(limit) numbers"
      )
    }
    return count
  }

  /// Refuses a claim of more numbers than the file can hold, before they are asked for.
  static func bound(_ reader: ByteReader, _ count: Int, bytesEach: Int) throws {
    guard count <= limit else {
      throw ArcuateError(.limitExceeded, "\(count) numbers are above the limit of \(limit)")
    }
    if let remaining = reader.remaining, count > remaining / bytesEach {
      throw ArcuateError(
        .truncated,
        "claims \(count) numbers of \(bytesEach) bytes, but only \(remaining) bytes are there")
    }
  }

  private static func floats(_ reader: ByteReader, _ count: Int, wide: Bool) throws -> [Float] {
    try bound(reader, count, bytesEach: wide ? 8 : 4)
    let bytes = try reader.take(count * (wide ? 8 : 4))
    if wide {
      return (0..<count).map { Float(Double(bitPattern: bytes.little(at: 8 * $0))) }
    }
    return (0..<count).map { Float(bitPattern: bytes.little(at: 4 * $0)) }
  }
}

extension [UInt8] {
  /// A little-endian integer. Needs. It lies inside; checked.
  @inline(__always)
  package func little<T: FixedWidthInteger>(_: T.Type = T.self, at offset: Int) -> T {
    // SAFETY: loading is checked against the end of the buffer.
    T(littleEndian: withUnsafeBytes { $0.loadUnaligned(fromByteOffset: offset, as: T.self) })
  }

  package mutating func append<T: FixedWidthInteger>(little value: T) {
    Swift.withUnsafeBytes(of: value.littleEndian) { append(contentsOf: $0) }
  }

  package mutating func append(little values: [Float]) {
    #if _endian(little)
      values.withUnsafeBytes { append(contentsOf: $0) }
    #else
      for value in values { append(little: value.bitPattern) }
    #endif
  }
}

extension KaldiValue {
  /// The value as `read` takes it, without the key before it.
  package func binary() -> [UInt8] {
    var bytes: [UInt8] = [0, UInt8(ascii: "B")]
    func size(_ count: Int) {
      bytes.append(4)
      bytes.append(little: Int32(clamping: count))
    }
    switch self {
    case .matrix(let matrix):
      bytes.reserveCapacity(matrix.values.count * 4 + 16)
      bytes += "FM ".utf8
      size(matrix.rows)
      size(matrix.columns)
      bytes.append(little: matrix.values)
    case .vector(let values):
      bytes += "FV ".utf8
      size(values.count)
      bytes.append(little: values)
    case .integers(let values):
      size(values.count)
      for value in values { size(Int(value)) }
    }
    return bytes
  }
}

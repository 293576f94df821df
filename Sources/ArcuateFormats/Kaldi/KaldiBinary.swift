import ArcuateCore

/// Kaldi's binary format: a zero byte, "B", then
///
/// | token        | content                                                              |
/// |--------------|----------------------------------------------------------------------|
/// | "FM ", "DM " | rows, columns, then float32 or float64 row after row                 |
/// | "FV ", "DV " | size, then float32 or float64                                        |
/// | "CM "        | compressed: one byte per number, quartiles per column                |
/// | "CM2 "       | compressed: two bytes per number                                     |
/// | "CM3 "       | compressed: one byte per number                                      |
/// | (none)       | size, then integers, each preceded by its width in one byte          |
///
/// Sizes are int32 after a byte of value 4; everything is little-endian.
extension KaldiValue {
  static func readBinary(_ reader: ByteReader) throws(ArcuateError) -> KaldiValue {
    guard try reader.take() == 0, try reader.take() == UInt8(ascii: "B") else {
      throw ArcuateError(.malformed, "expected a zero byte and \"B\"")
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
            .malformed, "integer \(i) has \(bytes[5 * i]) bytes, not 4")
        }
        integers.append(bytes.little(at: 5 * i + 1))
      }
      return .integers(integers)
    }
    return try readNumbers(reader)
  }

  /// A value that begins with a token, as in `readBinary` and in components of a network.
  static func readNumbers(_ reader: ByteReader) throws(ArcuateError) -> KaldiValue {
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
        "type \"\(token)\" is not supported: FM, DM, FV, DV, CM, CM2, CM3 and integers are")
    }
  }

  private static func token(_ reader: ByteReader) throws(ArcuateError) -> String {
    var token = ""
    while let byte = try reader.take(), byte != UInt8(ascii: " ") {
      guard byte > 32, byte < 127, token.utf8.count < 16 else {
        throw ArcuateError(.malformed, "expected a type such as \"FM\"")
      }
      token.append(Character(UnicodeScalar(byte)))
    }
    return token
  }

  private static func size(_ reader: ByteReader) throws(ArcuateError) -> Int {
    let bytes = try reader.take(5)
    let size: Int32 = bytes.little(at: 1)
    guard bytes[0] == 4, size >= 0 else {
      throw ArcuateError(.malformed, "expected a size (byte 4, then a non-negative int32)")
    }
    return Int(widening: size)
  }

  /// rows * columns, within the limit.
  static func elements(_ rows: Int, _ columns: Int) throws(ArcuateError) -> Int {
    let (count, overflow) = rows.multipliedReportingOverflow(by: columns)
    guard rows >= 0, columns >= 0, (rows == 0) == (columns == 0) else {
      throw ArcuateError(.malformed, "\(rows) rows and \(columns) columns do not form a matrix")
    }
    guard !overflow, count <= limit else {
      throw ArcuateError(
        .limitExceeded, "\(rows) rows of \(columns) columns exceed the limit of \(limit) numbers")
    }
    return count
  }

  /// Refuses a count larger than the file can hold, before anything is allocated.
  static func bound(_ reader: ByteReader, _ count: Int, bytesEach: Int) throws(ArcuateError) {
    guard count <= limit else {
      throw ArcuateError(.limitExceeded, "\(count) numbers exceed the limit of \(limit)")
    }
    if let remaining = reader.remaining, count > remaining / bytesEach {
      throw ArcuateError(
        .truncated,
        "needs \(count) numbers of \(bytesEach) bytes, but only \(remaining) bytes remain")
    }
  }

  private static func floats(_ reader: ByteReader, _ count: Int, wide: Bool) throws(ArcuateError)
    -> [Float]
  {
    try bound(reader, count, bytesEach: wide ? 8 : 4)
    let bytes = try reader.take(count * (wide ? 8 : 4))
    if wide {
      return (0..<count).map { Float(Double(bitPattern: bytes.little(at: 8 * $0))) }
    }
    return (0..<count).map { Float(bitPattern: bytes.little(at: 4 * $0)) }
  }
}

extension KaldiValue {
  /// The value in the format that `read` takes, without a key.
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
      for value in values { size(Int(widening: value)) }
    }
    return bytes
  }
}

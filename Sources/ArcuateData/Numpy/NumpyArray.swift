import ArcuateCore
import ArcuateFormats

/// An array in a NumPy `.npy` file, as float32.
///
/// Numbers. float32, float64, integers of 8 to 64 bits and booleans are read, in either byte order,
/// and rounded to float32; float32 is written.
/// Source. numpy.lib.format, versions 1.0 to 3.0.
public struct NumpyArray: Sendable, Equatable {
  public let extents: [Int]
  /// In row-major order.
  public let values: [Float]

  /// Throws. `shapeMismatch` if `values` does not fill `extents`.
  public init(extents: [Int], values: [Float]) throws(ArcuateError) {
    guard try NumpyArray.count(extents) == values.count else {
      throw ArcuateError(.shapeMismatch, "\(values.count) numbers do not fill \(extents)")
    }
    self.extents = extents
    self.values = values
  }

  /// Throws. `cannotOpen`, `truncated`, `malformed`, `unsupportedFormat`, `limitExceeded`.
  public static func read(_ path: String) throws(ArcuateError) -> NumpyArray {
    let bytes = try Files.map(path)
    return try within(path) { () throws(ArcuateError) in try parse(bytes) }
  }

  /// What stands before the numbers.
  struct Header {
    /// The fields of an element with their types; one without a name if it is a number.
    let fields: [(name: String, type: String)]
    let extents: [Int]
    let count: Int
    /// Where the numbers begin.
    let data: Int

    /// Throws. `truncated`, `malformed`, `unsupportedFormat`, `limitExceeded`.
    init(_ bytes: Bytes) throws(ArcuateError) {
      guard NumpyArray.recognizes(bytes) else {
        throw ArcuateError(.malformed, "is not a .npy file")
      }
      let version = try bytes.byte(at: 6)
      guard (1...3).contains(version) else {
        throw ArcuateError(.unsupportedFormat, "version \(version) is not supported: 1 to 3 are")
      }
      let start = version == 1 ? 10 : 12
      let length =
        version == 1
        ? Int(widening: try bytes.integer(UInt16.self, at: 8))
        : Int(widening: try bytes.integer(UInt32.self, at: 8))
      guard length <= 1 << 16 else {
        throw ArcuateError(
          .limitExceeded, "a header of \(length) bytes exceeds the limit of 65536")
      }
      let header = String(decoding: try bytes.slice(start, length).array, as: UTF8.self)
      guard try NumpyArray.field("fortran_order", in: header).hasPrefix("False") else {
        throw ArcuateError(
          .unsupportedFormat, "is in column-major order: numpy.ascontiguousarray makes it row-major"
        )
      }
      let description = try NumpyArray.field("descr", in: header)
      if description.first == "'" || description.first == "\"" {
        let type = description.dropFirst().prefix { $0 != "'" && $0 != "\"" }
        fields = [("", String(type))]
      } else {
        // A list of pairs: [('t', '<i8'), ('x', '<u2')].
        let quoted = description.prefix { $0 != "]" }.split(
          omittingEmptySubsequences: false, whereSeparator: { $0 == "'" || $0 == "\"" })
        let texts = stride(from: 1, to: quoted.count, by: 2).map { String(quoted[$0]) }
        fields = stride(from: 0, to: texts.count - 1, by: 2).map { (texts[$0], texts[$0 + 1]) }
      }
      let list = try NumpyArray.field("shape", in: header)
      guard list.hasPrefix("("), let end = list.firstIndex(of: ")") else {
        throw ArcuateError(.malformed, "the header has no shape")
      }
      let digits = list[..<end].dropFirst().filter { $0 != " " }
      extents = try digits.split(separator: ",").map { digits throws(ArcuateError) -> Int in
        guard let extent = Int(text: digits), extent >= 0 else {
          throw ArcuateError(.malformed, "\"\(digits)\" in the shape is not an extent")
        }
        return extent
      }
      count = try NumpyArray.count(extents)
      data = start + length
    }
  }

  /// As `read`, from bytes.
  public static func parse(_ bytes: Bytes) throws(ArcuateError) -> NumpyArray {
    let header = try Header(bytes)
    let (extents, count, data) = (header.extents, header.count, header.data)
    let type = header.fields.first?.type ?? ""
    let isPlain = header.fields.count == 1 && header.fields[0].name.isEmpty
    guard isPlain, let values = try decode(type[...], bytes, at: data, count: count) else {
      let found = isPlain ? "type \"\(type.prefix(16))\"" : "several fields"
      throw ArcuateError(
        .unsupportedFormat,
        "elements of \(found) are not supported: float32, float64, integers and Booleans are")
    }
    let array = try NumpyArray(extents: extents, values: values)
    // Infinite only because the number is out of the range of float32.
    if type.dropFirst() == "f8", let i = values.firstIndex(where: { $0.isInfinite }) {
      let number = Double(
        bitPattern: try bytes.integer(UInt64.self, at: data + 8 * i, bigEndian: type.first == ">"))
      guard number.isInfinite else {
        throw ArcuateError(
          .malformed, "\(number) is out of the range of float32", at: "\(array.position(of: i))")
      }
    }
    return array
  }

  /// The position of an element along each axis.
  public func position(of index: Int) -> [Int] {
    var (rest, position) = (index, extents)
    for axis in extents.indices.reversed() where extents[axis] > 0 {
      position[axis] = rest % extents[axis]
      rest /= extents[axis]
    }
    return position
  }

  public static func recognizes(_ bytes: Bytes) -> Bool {
    bytes.count >= 12 && (try? bytes.slice(0, 6).array) == [0x93] + Array("NUMPY".utf8)
  }

  /// Throws. `cannotWrite`.
  public func write(to path: String) throws(ArcuateError) {
    let shape = extents.map { "\($0)," }.joined(separator: " ")
    var header = "{'descr': '<f4', 'fortran_order': False, 'shape': (\(shape)), }"
    header += String(repeating: " ", count: 63 - (header.utf8.count + 10) % 64) + "\n"
    let writer = try ByteWriter(path)
    var start: [UInt8] = [0x93] + "NUMPY".utf8 + [1, 0]
    start.append(little: UInt16(clamping: header.utf8.count))
    try writer.write(start + header.utf8)
    var at = 0
    while at < values.count {
      let part = values[at..<min(at + 16_384, values.count)]
      var bytes: [UInt8] = []
      bytes.reserveCapacity(4 * part.count)
      bytes.append(little: Array(part))
      try writer.write(bytes)
      at += part.count
    }
    try ByteWriter.finish([writer])
  }

  private static func count(_ extents: [Int]) throws(ArcuateError) -> Int {
    var count = 1
    for extent in extents {
      let (product, overflow) = count.multipliedReportingOverflow(by: extent)
      guard extents.count <= 32, !overflow, product >= 0, product <= 1 << 36 else {
        throw ArcuateError(.limitExceeded, "shape \(extents) exceeds the limit of 2^36 elements")
      }
      count = product
    }
    return count
  }

  /// The text after the key, without leading blanks.
  private static func field(_ key: String, in header: String) throws(ArcuateError) -> Substring {
    var rest = header[...]
    while let quote = rest.firstIndex(where: { $0 == "'" || $0 == "\"" }) {
      rest = rest[rest.index(after: quote)...]
      guard rest.hasPrefix(key) else { continue }
      let after = rest.dropFirst(key.count).dropFirst().drop { $0 == " " }
      guard after.first == ":" else { continue }
      return after.dropFirst().drop { $0 == " " }
    }
    throw ArcuateError(.malformed, "the header has no \"\(key)\"")
  }

  private static func decode(
    _ type: Substring, _ bytes: Bytes, at start: Int, count: Int
  ) throws(ArcuateError) -> [Float]? {
    let big = type.first == ">"
    func each<T: FixedWidthInteger>(_: T.Type, _ value: (T) -> Float) throws(ArcuateError)
      -> [Float]
    {
      let size = MemoryLayout<T>.size
      let data = try bytes.slice(start, count * size)
      return try (0..<count).map { i throws(ArcuateError) in
        value(try data.integer(T.self, at: i * size, bigEndian: big))
      }
    }
    switch type.dropFirst() {
    case "f4": return try each(UInt32.self) { Float(bitPattern: $0) }
    case "f8": return try each(UInt64.self) { Float(Double(bitPattern: $0)) }
    case "i1": return try each(Int8.self) { Float($0) }
    case "i2": return try each(Int16.self) { Float($0) }
    case "i4": return try each(Int32.self) { Float($0) }
    case "i8": return try each(Int64.self) { Float($0) }
    case "u1": return try each(UInt8.self) { Float($0) }
    case "u2": return try each(UInt16.self) { Float($0) }
    case "u4": return try each(UInt32.self) { Float($0) }
    case "u8": return try each(UInt64.self) { Float($0) }
    case "b1": return try each(UInt8.self) { $0 == 0 ? 0 : 1 }
    default: return nil
    }
  }
}

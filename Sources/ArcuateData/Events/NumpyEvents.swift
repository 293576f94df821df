import ArcuateCore
import ArcuateFormats

/// Columns of events in a NumPy file: a structured array in `.npy` or `.npz`, or arrays of their
/// own in `.npz`.
///
/// Fields and arrays are found by name: t, x, y, p or their usual longer forms. Integer times are
/// microseconds, floating-point ones seconds.
struct NumpyEvents: WholeFileEvents {
  static let formatName = "a NumPy"
  /// Numbers of one column.
  private struct Column {
    let bytes: Bytes
    let start: Int
    let stride: Int
    /// As in NumPy, without the byte order: "i8".
    let type: String
    let isBig: Bool
    let count: Int
  }
  private let columns: [Column]
  let count: Int

  private static let names = [
    ["t", "ts", "time", "timestamp", "timestamps"], ["x"], ["y"], ["p", "pol", "polarity", "on"],
  ]

  /// Throws. `truncated`, `malformed`, `unsupportedFormat`, `notFound`.
  init(_ bytes: Bytes) throws(ArcuateError) {
    var found: [(name: String, column: Column)] = []
    if ZipArchive.recognizes(bytes) {
      let archive = try ZipArchive(bytes)
      for entry in archive.entries where entry.name.hasSuffix(".npy") {
        let name = String(entry.name.dropLast(4)).lowercased()
        try within("array \"\(name.prefix(200))\"") { () throws(ArcuateError) in
          found += try NumpyEvents.fields(try archive.read(entry), name: name)
        }
      }
    } else {
      found = try NumpyEvents.fields(bytes, name: "")
    }
    var columns: [Column] = []
    for names in NumpyEvents.names {
      guard let column = found.first(where: { names.contains($0.name) })?.column else {
        throw ArcuateError(
          .notFound,
          "no field \"\(names[0])\" among \(found.prefix(20).map(\.name)): events have t, x, y, p")
      }
      columns.append(column)
    }
    guard Set(columns.map(\.count)).count == 1 else {
      throw ArcuateError(.shapeMismatch, "t, x, y and p have \(columns.map(\.count)) numbers")
    }
    self.columns = columns
    count = columns[0].count
  }

  /// Appends events from `start` on as long as there is room.
  func append(from start: Int, to out: EventColumns) throws(ArcuateError) -> Int {
    let end = min(count, start + out.capacity - out.count)
    for i in start..<end {
      let (t, x) = (try number(0, i), try number(1, i))
      let (y, p) = (try number(2, i), try number(3, i))
      guard let x = UInt16(exactly: x), let y = UInt16(exactly: y) else {
        throw ArcuateError(.malformed, "pixel (\(x), \(y)) is out of range", at: "event \(i)")
      }
      out.append(t, x, y, p > 0 ? 1 : 0)
    }
    return end
  }

  private func number(_ column: Int, _ i: Int) throws(ArcuateError) -> Int64 {
    let (bytes, at) = (columns[column].bytes, columns[column].start + i * columns[column].stride)
    let big = columns[column].isBig
    func integer<T: FixedWidthInteger>(_: T.Type) throws(ArcuateError) -> T {
      try bytes.integer(T.self, at: at, bigEndian: big)
    }
    let real: Double
    switch columns[column].type {
    case "i1": return Int64(truncatingIfNeeded: try integer(Int8.self))
    case "i2": return Int64(truncatingIfNeeded: try integer(Int16.self))
    case "i4": return Int64(truncatingIfNeeded: try integer(Int32.self))
    case "i8": return try integer(Int64.self)
    case "u1", "b1": return Int64(truncatingIfNeeded: try integer(UInt8.self))
    case "u2": return Int64(truncatingIfNeeded: try integer(UInt16.self))
    case "u4": return Int64(truncatingIfNeeded: try integer(UInt32.self))
    case "u8": return Int64(clamping: try integer(UInt64.self))
    case "f4": real = Double(Float(bitPattern: try integer(UInt32.self)))
    default: real = Double(bitPattern: try integer(UInt64.self))
    }
    let scaled = column == 0 ? (real * 1e6).rounded() : real
    guard scaled.magnitude < 0x1p62 else {
      throw ArcuateError(.malformed, "\(real) is out of range", at: "event \(i)")
    }
    return Int64(clamping: Int(bounding: scaled, -(1 << 62)...1 << 62))
  }

  private static let sizes = [
    "i1": 1, "i2": 2, "i4": 4, "i8": 8, "u1": 1, "u2": 2, "u4": 4, "u8": 8, "b1": 1, "f4": 4,
    "f8": 8,
  ]

  /// The fields of an array, or the array itself under `name`.
  private static func fields(
    _ bytes: Bytes, name: String
  ) throws(ArcuateError) -> [(name: String, column: Column)] {
    let header = try NumpyArray.Header(bytes)
    guard header.extents.count == 1 else { return [] }
    let count = header.extents[0]
    var (fields, offset): ([(name: String, type: String, isBig: Bool, offset: Int)], Int) = ([], 0)
    for (field, type) in header.fields {
      let kind = String(type.drop { "<>|=".contains($0) })
      guard let size = sizes[kind] else {
        throw ArcuateError(.unsupportedFormat, "numbers of type \"\(type.prefix(16))\"")
      }
      fields.append((field.isEmpty ? name : field.lowercased(), kind, type.first == ">", offset))
      offset += size
    }
    guard count <= (bytes.count - header.data) / max(offset, 1) else {
      throw ArcuateError(.truncated, "has fewer than \(count) elements of \(offset) bytes")
    }
    return fields.map {
      (
        $0.name,
        Column(
          bytes: bytes, start: header.data + $0.offset, stride: offset, type: $0.type,
          isBig: $0.isBig, count: count)
      )
    }
  }
}

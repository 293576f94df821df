import ArcuateCore
import ArcuateFormats

/// The location of a value, as in scripts: `FILE` or `FILE:OFFSET`, optionally with a range of rows
/// and columns, `[r0:r1]` or `[r0:r1,c0:c1]`; both ends are included, and an empty range or `:`
/// means all.
struct KaldiLocation: Equatable {
  var path: String
  /// Of the value, after its key.
  var offset: Int?
  var rows: ClosedRange<Int>?
  var columns: ClosedRange<Int>?

  /// Rows that a range may extend beyond the end, as rounded segments do; they are left out.
  static let tolerance = 3

  init(_ text: String) throws(ArcuateError) {
    var rest = Substring(text)
    if rest.hasSuffix("]"), let open = rest.lastIndex(of: "[") {
      let axes = rest[rest.index(after: open)...].dropLast()
        .split(separator: ",", omittingEmptySubsequences: false)
      guard axes.count <= 2 else {
        throw ArcuateError(.malformed, "\"\(text)\" has more than two ranges")
      }
      rows = try KaldiLocation.range(axes.first ?? "", text)
      columns = axes.count > 1 ? try KaldiLocation.range(axes[1], text) : nil
      rest = rest[..<open]
    }
    try KaldiLocation.refuseCommand(rest)
    if let colon = rest.lastIndex(of: ":") {
      let digits = rest[rest.index(after: colon)...]
      if !digits.isEmpty, digits.utf8.allSatisfy({ $0 >= 48 && $0 <= 57 }) {
        guard let offset = Int(text: digits) else {
          throw ArcuateError(.malformed, "offset \(digits) exceeds the limit of \(Int.max)")
        }
        self.offset = offset
        rest = rest[..<colon]
      }
    }
    guard !rest.isEmpty else { throw ArcuateError(.malformed, "\"\(text)\" names no file") }
    path = String(rest)
  }

  static func refuseCommand(_ name: some StringProtocol) throws(ArcuateError) {
    if name.hasSuffix("|") || name.hasPrefix("|") {
      throw ArcuateError(
        .unsupportedFormat,
        "\"\(name)\" is a shell command, which is not supported: pipe its output into \"-\"")
    }
  }

  private static func range(_ text: Substring, _ whole: String) throws(ArcuateError) -> ClosedRange<
    Int
  >? {
    if text.isEmpty || text == ":" { return nil }
    let ends = text.split(separator: ":", omittingEmptySubsequences: false)
    guard ends.count == 2, let first = Int(text: ends[0]), let last = Int(text: ends[1]),
      first >= 0,
      first <= last
    else {
      throw ArcuateError(.malformed, "\"\(text)\" in \"\(whole)\" is not a range first:last")
    }
    return first...last
  }

  /// The value at this location of the file that `reader` has open.
  func read(_ reader: ByteReader, _ expecting: KaldiValue.Kind?) throws(ArcuateError) -> KaldiValue
  {
    if let offset { try reader.seek(to: offset) }
    return try cut(try KaldiValue.read(reader, expecting: expecting))
  }

  private func cut(_ value: KaldiValue) throws(ArcuateError) -> KaldiValue {
    if rows == nil && columns == nil { return value }
    func clip(_ range: ClosedRange<Int>?, _ count: Int, _ what: String, _ tolerance: Int)
      throws(ArcuateError)
      -> Range<Int>
    {
      guard let range else { return 0..<count }
      guard range.lowerBound < count, range.upperBound < count + tolerance else {
        throw ArcuateError(
          .malformed,
          "the range \(range.lowerBound):\(range.upperBound) exceeds \(count) \(what)")
      }
      return range.lowerBound..<min(range.upperBound + 1, count)
    }
    switch value {
    case .matrix(let matrix):
      let rows = try clip(rows, matrix.rows, "rows", KaldiLocation.tolerance)
      let columns = try clip(columns, matrix.columns, "columns", 0)
      var values: [Float] = []
      values.reserveCapacity(rows.count * columns.count)
      for row in rows {
        let start = row * matrix.columns
        values += matrix.values[start + columns.lowerBound..<start + columns.upperBound]
      }
      return .matrix(try KaldiMatrix(rows: rows.count, columns: columns.count, values: values))
    case .vector(let values) where columns == nil:
      return .vector(Array(values[try clip(rows, values.count, "numbers", 0)]))
    case .integers(let values) where columns == nil:
      return .integers(Array(values[try clip(rows, values.count, "numbers", 0)]))
    default:
      throw ArcuateError(.malformed, "a \(value.kind.rawValue) has no columns to select")
    }
  }
}

extension KaldiValue {
  /// The file in a location; `-` for the standard input.
  public static func path(named name: String) throws(ArcuateError) -> String {
    try KaldiLocation(name).path
  }

  /// The value at a location: a file, `file:offset`, `file:offset[0:9]`, or `-`.
  /// Throws. As `read`, and `cannotOpen`.
  public static func read(named name: String, expecting: Kind? = nil) throws(ArcuateError)
    -> KaldiValue
  {
    let location = try KaldiLocation(name)
    let reader = try ByteReader(location.path)
    return try within(reader.name) { () throws(ArcuateError) in try location.read(reader, expecting)
    }
  }
}

import ArcuateCore

/// A value in a Kaldi table.
///
/// Numbers. Kaldi's double matrices and vectors are rounded to float32.
public enum KaldiValue: Sendable, Equatable {
  case matrix(KaldiMatrix)
  case vector([Float])
  case integers([Int32])

  public enum Kind: String, Sendable, CaseIterable {
    case matrix
    case vector
    case integers = "vector of integers"
  }

  public var kind: Kind {
    switch self {
    case .matrix: .matrix
    case .vector: .vector
    case .integers: .integers
    }
  }

  /// Limit on the numbers of one value.
  public static let limit = 1 << 30

  /// Reads a value in Kaldi's binary or text format.
  ///
  /// In text, a single line in brackets may be a vector or a matrix of one row: `expecting`
  /// decides; without it a value that begins on a separate line is a matrix, as Kaldi writes it.
  /// Throws. `malformed`, `truncated`, `unsupportedFormat` or `limitExceeded`, naming the byte.
  public static func read(_ reader: ByteReader, expecting: Kind? = nil) throws(ArcuateError)
    -> KaldiValue
  {
    let start = reader.position
    return try within("byte \(start)") { () throws(ArcuateError) in
      let value =
        try reader.peek() == 0
        ? try readBinary(reader) : try KaldiText(reader: reader).value(expecting)
      if let expecting, value.kind != expecting {
        throw ArcuateError(
          .malformed, "expected a \(expecting.rawValue), not a \(value.kind.rawValue)")
      }
      return value
    }
  }
}

/// A matrix with one row per frame.
public struct KaldiMatrix: Sendable, Equatable {
  public let rows: Int
  public let columns: Int
  /// Row-major.
  public let values: [Float]

  /// Throws. `shapeMismatch` unless there are rows * columns values.
  public init(rows: Int, columns: Int, values: [Float]) throws(ArcuateError) {
    let (count, overflow) = rows.multipliedReportingOverflow(by: columns)
    guard rows >= 0, columns >= 0, !overflow, values.count == count else {
      throw ArcuateError(
        .shapeMismatch, "\(values.count) numbers do not fill \(rows) rows of \(columns)")
    }
    self.rows = rows
    self.columns = columns
    self.values = values
  }
}

import ArcuateCore

/// What an entry of a Kaldi table holds.
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

  /// The most numbers that one value may claim to have.
  public static let limit = 1 << 30

  /// The value that begins at the reader's place, in either of Kaldi's two ways of writing.
  ///
  /// In text a bracket does not say whether one line is a vector or a matrix of one row:
  /// `expecting` decides, and without it a matrix is what begins on a line of its own, as Kaldi
  /// writes it.
  /// Throws. `malformed`, `truncated`, `unsupportedFormat` or `limitExceeded`, naming the byte.
  public static func read(_ reader: ByteReader, expecting: Kind? = nil) throws -> KaldiValue {
    let start = reader.position
    return try within("byte \(start)") {
      let value =
        try reader.peek() == 0
        ? try readBinary(reader) : try KaldiText(reader: reader).value(expecting)
      if let expecting, value.kind != expecting {
        throw ArcuateError(
          .malformed, "holds a \(value.kind.rawValue) where a \(expecting.rawValue) is expected")
      }
      return value
    }
  }
}

/// Numbers in rows: one row for each frame.
public struct KaldiMatrix: Sendable, Equatable {
  public let rows: Int
  public let columns: Int
  /// Row after row.
  public let values: [Float]

  /// Throws. `shapeMismatch` if `values` does not have rows * columns numbers.
  public init(rows: Int, columns: Int, values: [Float]) throws {
    let (count, overflow) = rows.multipliedReportingOverflow(by: columns)
    guard rows >= 0, columns >= 0, !overflow, values.count == count else {
      throw ArcuateError(
        .shapeMismatch, "\(values.count) numbers do not make \(rows) rows of \(columns)")
    }
    self.rows = rows
    self.columns = columns
    self.values = values
  }
}

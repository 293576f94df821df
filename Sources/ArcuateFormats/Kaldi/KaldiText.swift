import ArcuateCore

/// Kaldi's text format: `[ 1 2 3 ]` is a vector, rows of a matrix are on separate lines (or
/// separated by `;`), and integers fill the rest of a line.
struct KaldiText {
  let reader: ByteReader
  /// Numbers of a value at most: a pipe of text may have no end.
  var limit = 1 << 26

  func value(_ expecting: KaldiValue.Kind?) throws(ArcuateError) -> KaldiValue {
    try skipBlanks()
    guard try reader.peek() == UInt8(ascii: "[") else { return .integers(try integers()) }
    _ = try reader.take()
    try skipBlanks()
    let onOwnLine = try reader.peek() == UInt8(ascii: "\n")
    let (values, rows) = try bracket()
    if expecting == .vector || expecting == nil && !onOwnLine {
      guard rows.count <= 1 else {
        throw ArcuateError(.malformed, "expected a vector, not \(rows.count) rows")
      }
      return .vector(values)
    }
    return .matrix(
      try KaldiMatrix(rows: rows.count, columns: rows.first ?? 0, values: values))
  }

  /// The numbers up to the closing bracket, and the lengths of the rows, which are equal.
  private func bracket() throws(ArcuateError) -> (values: [Float], rows: [Int]) {
    var values: [Float] = []
    var rows: [Int] = []
    var inRow = 0
    func endRow() throws(ArcuateError) {
      guard inRow > 0 else { return }
      guard inRow == rows.first ?? inRow else {
        throw ArcuateError(
          .malformed, "row \(rows.count) has \(inRow) numbers, but the first has \(rows[0])")
      }
      rows.append(inRow)
      inRow = 0
    }
    while true {
      guard let byte = try reader.peek() else {
        throw ArcuateError(.truncated, "ends without a closing bracket")
      }
      switch byte {
      case UInt8(ascii: "]"):
        _ = try reader.take()
        try endRow()
        try endLine()
        return (values, rows)
      case UInt8(ascii: "\n"), UInt8(ascii: ";"):
        _ = try reader.take()
        try endRow()
      case UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\r"): _ = try reader.take()
      default:
        let word = try word()
        guard let value = Float(word) else {
          throw ArcuateError(.malformed, "expected a number, not \"\(word)\"")
        }
        guard values.count < limit else {
          throw ArcuateError(
            .limitExceeded, "more than \(limit) numbers: write them in binary")
        }
        values.append(value)
        inRow += 1
      }
    }
  }

  private func integers() throws(ArcuateError) -> [Int32] {
    var values: [Int32] = []
    while true {
      try skipBlanks()
      guard let byte = try reader.peek() else {
        if !values.isEmpty { return values }
        throw ArcuateError(.truncated, "expected a value, not the end")
      }
      if byte == UInt8(ascii: "\n") {
        _ = try reader.take()
        return values
      }
      let word = try word()
      guard let value = Int(text: word).flatMap(Int32.init(exactly:)) else {
        throw ArcuateError(
          .malformed, "expected \"[\" or an integer, not \"\(word)\"")
      }
      guard values.count < KaldiValue.limit else {
        throw ArcuateError(.limitExceeded, "more than \(KaldiValue.limit) numbers")
      }
      values.append(value)
    }
  }

  /// The text before the next blank, bracket or semicolon; not empty.
  private func word() throws(ArcuateError) -> String {
    var word: [UInt8] = []
    while let byte = try reader.peek(), byte > 32, byte != UInt8(ascii: "]"),
      byte != UInt8(ascii: ";")
    {
      guard byte < 127, word.count < 64 else {
        throw ArcuateError(.malformed, "expected a number")
      }
      word.append(byte)
      _ = try reader.take()
    }
    if word.isEmpty {
      let byte = try reader.peek()
      throw ArcuateError(
        .malformed, "expected a number, not \(byte.map { "byte \($0)" } ?? "the end")")
    }
    return String(decoding: word, as: UTF8.self)
  }

  private func skipBlanks() throws(ArcuateError) {
    while let byte = try reader.peek(),
      byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") || byte == UInt8(ascii: "\r")
    { _ = try reader.take() }
  }

  private func endLine() throws(ArcuateError) {
    try skipBlanks()
    guard let byte = try reader.take() else { return }
    guard byte == UInt8(ascii: "\n") else {
      throw ArcuateError(.malformed, "unexpected text after the closing bracket")
    }
  }
}

extension KaldiValue {
  /// The value in the format that `KaldiText` reads and Kaldi writes, without a key.
  ///
  /// Numbers. Enough digits to restore the same bits.
  package func text() -> String {
    switch self {
    case .matrix(let matrix):
      var text = " ["
      for row in 0..<matrix.rows {
        text += "\n  "
        for column in 0..<matrix.columns {
          text += "\(matrix.values[row * matrix.columns + column]) "
        }
      }
      // A line break tells an empty matrix from an empty vector.
      return text + (matrix.rows == 0 ? " \n]\n" : "]\n")
    case .vector(let values): return " [ " + values.map { "\($0) " }.joined() + "]\n"
    case .integers(let values): return values.map { "\($0) " }.joined() + "\n"
    }
  }
}

import ArcuateCore

/// Kaldi's compressed matrices, decoded to the same bits as in Kaldi.
///
/// All begin with minimum and range (float32), rows and columns (int32). Then
/// - CM: for each column its minimum, quartiles and maximum as four uint16, then the numbers by
///   column, where 0 ... 64 ... 192 ... 255 are the quarters;
/// - CM2, CM3: numbers by row, where the largest code is minimum + range.
/// Source. kaldi/src/matrix/compressed-matrix.cc; float and double are mixed as there.
enum KaldiCompression {
  case columns, twoByte, oneByte

  init(_ token: String) {
    self = token == "CM" ? .columns : token == "CM2" ? .twoByte : .oneByte
  }

  func read(_ reader: ByteReader) throws(ArcuateError) -> KaldiMatrix {
    let header = try reader.take(16)
    let minimum = Float(bitPattern: header.little(at: 0))
    let range = Float(bitPattern: header.little(at: 4))
    let rows = Int(widening: header.little(Int32.self, at: 8))
    let columns = Int(widening: header.little(Int32.self, at: 12))
    let count = try KaldiValue.elements(rows, columns)
    try KaldiValue.bound(reader, count, bytesEach: self == .twoByte ? 2 : 1)
    switch self {
    case .columns:
      let quartiles = try reader.take(8 * columns)
      let bytes = try reader.take(count)
      var values = [Float](repeating: 0, count: count)
      for column in 0..<columns {
        let p = (0..<4).map { i in
          minimum + range * 1.52590218966964e-05
            * Float(quartiles.little(UInt16.self, at: 8 * column + 2 * i))
        }
        let levels = (0...255).map { expand($0, p[0], p[1], p[2], p[3]) }
        for row in 0..<rows {
          values[row * columns + column] = levels[Int(widening: bytes[column * rows + row])]
        }
      }
      return try KaldiMatrix(rows: rows, columns: columns, values: values)
    case .twoByte:
      let increment = Float(Double(range) * (1.0 / 65535.0))
      let bytes = try reader.take(2 * count)
      return try KaldiMatrix(
        rows: rows, columns: columns,
        values: (0..<count).map {
          minimum + Float(bytes.little(UInt16.self, at: 2 * $0)) * increment
        })
    case .oneByte:
      let increment = Float(Double(range) * (1.0 / 255.0))
      let bytes = try reader.take(count)
      return try KaldiMatrix(
        rows: rows, columns: columns, values: bytes.map { minimum + Float($0) * increment })
    }
  }

  private func expand(_ value: Int, _ p0: Float, _ p25: Float, _ p75: Float, _ p100: Float)
    -> Float
  {
    if value <= 64 {
      Float(Double(p0) + Double((p25 - p0) * Float(value)) * (1 / 64.0))
    } else if value <= 192 {
      Float(Double(p25) + Double((p75 - p25) * Float(value - 64)) * (1 / 128.0))
    } else {
      Float(Double(p75) + Double((p100 - p75) * Float(value - 192)) * (1 / 63.0))
    }
  }
}

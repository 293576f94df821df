import Foundation

/// An array as NumPy stores it: enough of the format for the recordings.
struct NumpyArray {
  let shape: [Int]
  let values: [Float]

  init?(_ bytes: [UInt8]) {
    guard bytes.count > 10, bytes[0] == 0x93 else { return nil }
    let length = Int(bytes[8]) | Int(bytes[9]) << 8
    let header = String(decoding: bytes[10..<10 + length], as: UTF8.self)
    guard !header.contains("'fortran_order': True") else { return nil }
    let open = header.firstIndex(of: "(")!
    let close = header[open...].firstIndex(of: ")")!
    shape = header[header.index(after: open)..<close].split(separator: ",").compactMap {
      Int($0.trimmingCharacters(in: .whitespaces))
    }
    let count = shape.reduce(1, *)
    let data = Array(bytes[(10 + length)...])
    let kind = ["<f4", "<f8", "<i8", "<i2", "|i1"].first { header.contains($0) }
    guard let kind else { return nil }
    values = data.withUnsafeBytes { raw in
      (0..<count).map { i -> Float in
        switch kind {
        case "<f4": raw.loadUnaligned(fromByteOffset: 4 * i, as: Float.self)
        case "<f8": Float(raw.loadUnaligned(fromByteOffset: 8 * i, as: Double.self))
        case "<i8": Float(raw.loadUnaligned(fromByteOffset: 8 * i, as: Int64.self))
        case "<i2": Float(raw.loadUnaligned(fromByteOffset: 2 * i, as: Int16.self))
        default: Float(Int8(bitPattern: raw[i]))
        }
      }
    }
  }

  init?(path: String) {
    guard let data = FileManager.default.contents(atPath: path) else { return nil }
    self.init([UInt8](data))
  }
}

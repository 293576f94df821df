import ArcuateCore
import ArcuateFormats

/// A `.npz` file with the arrays t (int64, µs), x, y (uint16) and p (uint8), not compressed.
///
/// Cost. Memory for all events, 13 bytes each: an array begins with its length.
struct NumpyEventsEncoder: EventEncoder {
  private var columns: [[UInt8]] = [[], [], [], []]
  private var count = 0

  mutating func encode(_ events: EventColumns, into bytes: inout [UInt8]) throws(ArcuateError) {
    count += events.count
    guard count <= 1 << 28 else {
      throw ArcuateError(.limitExceeded, "a NumPy file holds at most 2^28 events here")
    }
    for i in 0..<events.count {
      columns[0].append(little: events.t[i])
      columns[1].append(little: events.x[i])
      columns[2].append(little: events.y[i])
      columns[3].append(events.p[i])
    }
  }

  mutating func finish(into bytes: inout [UInt8]) throws(ArcuateError) {
    var directory: [UInt8] = []
    let start = bytes.count
    for (i, (name, type)) in [("t", "<i8"), ("x", "<u2"), ("y", "<u2"), ("p", "|u1")].enumerated() {
      var header = "{'descr': '\(type)', 'fortran_order': False, 'shape': (\(count),), }"
      header += String(repeating: " ", count: 63 - (header.utf8.count + 10) % 64) + "\n"
      var file: [UInt8] = [0x93] + "NUMPY".utf8 + [1, 0]
      file.append(little: UInt16(clamping: header.utf8.count))
      file += Array(header.utf8) + columns[i]
      columns[i] = []
      let entry = "\(name).npy"
      // Version 2.0, no flags, stored, 1980-01-01; then checksum and sizes.
      var fields: [UInt8] = []
      for number: UInt16 in [20, 0, 0, 0, 0x21] { fields.append(little: number) }
      fields.append(little: Inflate.checksum(Bytes(file)))
      for _ in 0..<2 { fields.append(little: UInt32(clamping: file.count)) }
      for length in [entry.utf8.count, 0] { fields.append(little: UInt16(clamping: length)) }
      directory.append(little: 0x0201_4B50 as UInt32)
      directory.append(little: 20 as UInt16)
      directory += fields
      // No comment, disk 0, no attributes, and where the file begins.
      directory += [UInt8](repeating: 0, count: 10)
      directory.append(little: UInt32(clamping: bytes.count - start))
      directory += entry.utf8
      bytes.append(little: 0x0403_4B50 as UInt32)
      bytes += fields
      bytes += entry.utf8
      bytes += file
    }
    let at = bytes.count - start
    bytes += directory
    bytes.append(little: 0x0605_4B50 as UInt32)
    for number: UInt16 in [0, 0, 4, 4] { bytes.append(little: number) }
    bytes.append(little: UInt32(clamping: directory.count))
    bytes.append(little: UInt32(clamping: at))
    bytes.append(little: 0 as UInt16)
  }
}

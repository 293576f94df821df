import ArcuateCore

/// The type of a dataset's elements.
struct HDF5Type {
  indirect enum Kind {
    case integer(signed: Bool)
    case float
    case fixedString
    case variableString
    case sequence(HDF5Type)
  }
  let kind: Kind
  /// Bytes of an element.
  let size: Int
  let bigEndian: Bool
  let isBool: Bool

  var isText: Bool {
    switch kind {
    case .fixedString, .variableString: true
    default: false
    }
  }

  init(_ data: Bytes, depth: Int = 0) throws(ArcuateError) {
    let first = try data.byte(at: 0)
    let bits = try data.byte(at: 1)
    size = Int(widening: try data.integer(UInt32.self, at: 4))
    guard size > 0, size <= 1 << 20, depth <= 2 else {
      throw ArcuateError(.unsupportedFormat, "elements of \(size) bytes are not supported")
    }
    bigEndian = bits & 1 != 0
    var bool = false
    switch first & 15 {
    case 0:
      guard [1, 2, 4, 8].contains(size) else {
        throw ArcuateError(.unsupportedFormat, "integers of \(size) bytes are not supported")
      }
      guard try data.integer(UInt16.self, at: 8) == 0,
        try data.integer(UInt16.self, at: 10) == 8 * size
      else {
        throw ArcuateError(.unsupportedFormat, "integers with padding bits are not supported")
      }
      kind = .integer(signed: bits & 8 != 0)
    case 1:
      // Exponent and fraction as in IEEE 754, in either byte order.
      let layouts: [Int: [UInt8]] = [2: [10, 5, 0, 10], 4: [23, 8, 0, 23], 8: [52, 11, 0, 52]]
      guard try layouts[size] == data.slice(12, 4).array, bits & 0x40 == 0 else {
        throw ArcuateError(
          .unsupportedFormat,
          "floating-point numbers of \(size) bytes other than IEEE 754 are not supported")
      }
      kind = .float
    case 3: kind = .fixedString
    case 8:
      // An enumeration is read as its base; h5py's booleans are one of FALSE and TRUE.
      let base = try HDF5Type(try data.slice(8, data.count - 8), depth: depth + 1)
      guard base.size == size, case .integer = base.kind else {
        throw ArcuateError(.malformed, "an enumeration of a type other than integers")
      }
      kind = base.kind
      bool = size == 1
    case 9:
      guard size == 16 else { throw ArcuateError(.malformed, "references of \(size) bytes") }
      if bits & 15 == 1 {
        kind = .variableString
      } else {
        let inner = try HDF5Type(try data.slice(8, data.count - 8), depth: depth + 1)
        switch inner.kind {
        case .integer, .float: kind = .sequence(inner)
        default:
          throw ArcuateError(
            .unsupportedFormat, "sequences of anything but numbers are not supported")
        }
      }
    case let other:
      throw ArcuateError(.unsupportedFormat, "datatype class \(other) is not supported")
    }
    isBool = bool
  }

  /// The number at byte `offset`.
  func number(_ data: Bytes, at offset: Int) throws(ArcuateError) -> Double {
    switch (kind, size) {
    case (.float, 2):
      let bits: UInt16 = try data.integer(at: offset, bigEndian: bigEndian)
      return Double(Float(halfBits: bits))
    case (.float, 4):
      return Double(Float(bitPattern: try data.integer(at: offset, bigEndian: bigEndian)))
    case (.float, _):
      return Double(bitPattern: try data.integer(at: offset, bigEndian: bigEndian))
    case (.integer(let signed), 1):
      let byte = try data.byte(at: offset)
      return signed ? Double(Int8(bitPattern: byte)) : Double(byte)
    case (.integer(let signed), 2):
      let bits: UInt16 = try data.integer(at: offset, bigEndian: bigEndian)
      return signed ? Double(Int16(bitPattern: bits)) : Double(bits)
    case (.integer(let signed), 4):
      let bits: UInt32 = try data.integer(at: offset, bigEndian: bigEndian)
      return signed ? Double(Int32(bitPattern: bits)) : Double(bits)
    case (.integer(let signed), _):
      let bits: UInt64 = try data.integer(at: offset, bigEndian: bigEndian)
      return signed ? Double(Int64(bitPattern: bits)) : Double(bits)
    default: throw ArcuateError(.malformed, "expected a number, not text")
    }
  }
}

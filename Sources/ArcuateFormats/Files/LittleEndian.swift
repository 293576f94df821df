extension [UInt8] {
  /// A little-endian integer. Needs. It lies inside; checked.
  @inline(__always)
  package func little<T: FixedWidthInteger>(_: T.Type = T.self, at offset: Int) -> T {
    // SAFETY: loading is checked against the end of the buffer.
    T(littleEndian: withUnsafeBytes { $0.loadUnaligned(fromByteOffset: offset, as: T.self) })
  }

  package mutating func append<T: FixedWidthInteger>(little value: T) {
    // SAFETY: the closure only reads the bytes of the value.
    Swift.withUnsafeBytes(of: value.littleEndian) { append(contentsOf: $0) }
  }

  package mutating func append(little values: [Float]) {
    #if _endian(little)
      // SAFETY: the closure only reads the bytes of the array.
      values.withUnsafeBytes { append(contentsOf: $0) }
    #else
      for value in values { append(little: value.bitPattern) }
    #endif
  }
}

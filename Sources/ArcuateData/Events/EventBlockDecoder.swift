import ArcuateCore

/// Decodes the records of one format, after the lines of its header.
///
/// A decoder sees the bytes in any cut and keeps what it must remember between two calls.
protocol EventBlockDecoder {
  /// May change while nothing has been decoded.
  var header: EventHeader { get }
  /// Free elements of the columns without which nothing is decoded; at most `EventColumns.slack`.
  var room: Int { get }
  /// Bytes without which the next call gets no further.
  var needed: Int { get }
  /// The time of the first word of the clock, if the format has one.
  var clockStart: Int64? { get }

  /// Decodes whole records while the columns have room and returns the number of bytes consumed.
  /// `offset` is that of the first byte in the stream.
  mutating func decode(
    _ bytes: UnsafeRawBufferPointer, at offset: Int, into out: EventColumns,
    _ findings: inout EventFindings
  ) throws(ArcuateError) -> Int

  /// Called at the end with the bytes of an incomplete record until it returns true: everything is
  /// handed over.
  mutating func finish(
    _ rest: UnsafeRawBufferPointer, at offset: Int, into out: EventColumns,
    _ findings: inout EventFindings
  ) throws(ArcuateError) -> Bool
}

extension EventBlockDecoder {
  var clockStart: Int64? { nil }

  mutating func finish(
    _ rest: UnsafeRawBufferPointer, at offset: Int, into out: EventColumns,
    _ findings: inout EventFindings
  ) throws(ArcuateError) -> Bool {
    if !rest.isEmpty {
      findings.note(
        .truncated, at: offset, detail: "\(rest.count) of the \(needed) bytes of a record remain")
    }
    return true
  }
}

extension UnsafeRawPointer {
  /// A little-endian integer at byte `offset`. Needs. It lies inside the memory.
  @inline(__always)
  func little<T: FixedWidthInteger & BitwiseCopyable>(_ offset: Int, _: T.Type = T.self) -> T {
    T(littleEndian: loadUnaligned(fromByteOffset: offset, as: T.self))
  }

  /// A big-endian integer at byte `offset`. Needs. It lies inside the memory.
  @inline(__always)
  func big<T: FixedWidthInteger & BitwiseCopyable>(_ offset: Int, _: T.Type = T.self) -> T {
    T(bigEndian: loadUnaligned(fromByteOffset: offset, as: T.self))
  }
}

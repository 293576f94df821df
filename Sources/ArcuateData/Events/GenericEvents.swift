import ArcuateCore
import ArcuateFormats

/// The events of a generic Event Stream with their payloads, which may be anything.
public struct GenericEvents: Sendable {
  /// Microseconds.
  public let times: [Int64]
  public let payloads: [[UInt8]]

  /// Reads a whole file; an incomplete last event is left out.
  /// Throws. `cannotOpen`, `truncated`, `malformed`, `unsupportedFormat`.
  public static func read(_ path: String) throws(ArcuateError) -> GenericEvents {
    let bytes = try Files.read(path)
    return try within(path) { () throws(ArcuateError) in try GenericEvents(bytes) }
  }

  /// As `read`, from bytes.
  public init(_ bytes: Bytes) throws(ArcuateError) {
    guard try bytes.slice(0, 12).array == Array("Event Stream".utf8) else {
      throw ArcuateError(.malformed, "does not begin with \"Event Stream\"", at: "byte 0")
    }
    guard try bytes.byte(at: 12) == 2, try bytes.byte(at: 15) == 0 else {
      throw ArcuateError(.unsupportedFormat, "is not a generic stream of version 2", at: "byte 12")
    }
    let (times, payloads) = bytes.withUnsafeBytes { bytes in
      var (times, payloads): ([Int64], [[UInt8]]) = ([], [])
      var (i, time) = (16, 0 as Int64)
      while let head = GenericEvents.head(bytes, i) {
        i += head.length
        time &+= head.time
        guard let size = head.size else { continue }
        guard size <= bytes.count - i else { break }
        times.append(time)
        payloads.append([UInt8](bytes[i..<i + size]))
        i += size
      }
      return (times, payloads)
    }
    (self.times, self.payloads) = (times, payloads)
  }

  /// What stands before a payload: its length, the time that passes, and for an event the size of
  /// the payload. Nil if it is incomplete.
  static func head(_ bytes: UnsafeRawBufferPointer, _ start: Int) -> (
    length: Int, time: Int64, size: Int?
  )? {
    guard start < bytes.count else { return nil }
    let first = bytes[start]
    if first >= 0xFE { return (1, first == 0xFF ? 254 : 0, nil) }
    var (size, at, weight) = (0, start + 1, 1)
    while at < bytes.count {
      let byte = bytes[at]
      at += 1
      // A payload of more than 2^35 bytes is not taken for one.
      if weight <= 1 << 28 { size += weight * Int(widening: byte >> 1) }
      if byte & 1 == 0 { return (at - start, Int64(truncatingIfNeeded: first), size) }
      if at - start > 9 { return (at - start, Int64(truncatingIfNeeded: first), size) }
      weight &*= 128
    }
    return nil
  }
}

import ArcuateCore
import ArcuateFormats
import ArcuateModel

/// Reads the `.bin` files of N-MNIST: handwritten digits recorded by an event camera of 34 × 34
/// pixels.
///
/// Records of five bytes: x; y; polarity (bit 7) and time bits 22 to 16; time bits 15 to 8; time
/// bits 7 to 0, in microseconds. A record with y = 240 marks an overflow of the clock: 2^13 µs
/// are added to every later time. `.bs2` files have the same layout.
/// Source. Orchard, Jayawant, Cohen, Thakor, "Converting static image datasets to spiking
/// neuromorphic datasets using saccades", Frontiers in Neuroscience 2015.
public enum NMNISTFile {
  public static let side = 34

  /// The recording in the file at `path`, and the findings of the reader.
  /// Throws. `cannotOpen`; `truncated` or `malformed` naming the record.
  public static func read(
    _ path: String
  ) throws(ArcuateError) -> (recording: EventRecording, findings: [Finding]) {
    let bytes = try Files.read(path)
    return try within(path) { () throws(ArcuateError) in try parse(bytes) }
  }

  /// As `read`, from bytes.
  public static func parse(
    _ bytes: Bytes
  ) throws(ArcuateError) -> (recording: EventRecording, findings: [Finding]) {
    let count = bytes.count / 5
    guard bytes.count % 5 == 0 else {
      throw ArcuateError(
        .truncated, "has \(bytes.count % 5) of the five bytes of a record", at: "record \(count)")
    }
    var changes: [EventRecording.Change] = []
    changes.reserveCapacity(count)
    var overflow: Int64 = 0
    var latest = Int64.min
    var backward: (first: Int, count: Int)?
    let bytes = bytes.array
    for i in 0..<count {
      let at = 5 * i
      let (x, y) = (bytes[at], bytes[at + 1])
      if y == 240 {
        overflow += 1 << 13
        continue
      }
      guard x < side, y < side else {
        throw ArcuateError(
          .malformed, "pixel (\(x), \(y)) is outside \(side) x \(side)", at: "record \(i)")
      }
      let (high, middle, low) = (
        Int64(truncatingIfNeeded: bytes[at + 2]), Int64(truncatingIfNeeded: bytes[at + 3]),
        Int64(truncatingIfNeeded: bytes[at + 4])
      )
      let time = overflow + ((high & 0x7F) << 16 | middle << 8 | low)
      if time < latest { backward = (backward?.first ?? i, (backward?.count ?? 0) + 1) }
      latest = max(latest, time)
      changes.append(
        .init(
          time_us: time, x: UInt16(truncatingIfNeeded: x), y: UInt16(truncatingIfNeeded: y),
          on: high >> 7 == 1))
    }
    var findings: [Finding] = []
    if let backward {
      findings.append(
        Finding(
          .note, "record \(backward.first)",
          "is earlier than a previous one, as are \(backward.count - 1) more: the order is kept"))
    }
    return (EventRecording(width: side, height: side, changes: changes), findings)
  }
}

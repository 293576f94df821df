import ArcuateCore
import ArcuateFormats
import ArcuateModel

/// Reads the `.bin` files of N-MNIST: handwritten digits recorded by an event camera of 34 × 34
/// pixels, which every record must be within; `.bs2` files have the same layout.
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
    let raw = bytes.array
    for i in 0..<count where raw[5 * i + 1] != 240 {
      guard raw[5 * i] < side, raw[5 * i + 1] < side else {
        throw ArcuateError(
          .malformed, "pixel (\(raw[5 * i]), \(raw[5 * i + 1])) is outside \(side) x \(side)",
          at: "record \(i)")
      }
    }
    var options = EventOptions(format: .nmnist)
    (options.width, options.height) = (side, side)
    let decoder = try EventDecoder(options)
    let columns = try EventColumns(capacity: max(EventColumns.slack, count))
    _ = try bytes.withUnsafeBytes { memory throws(ArcuateError) in
      try decoder.feed(memory, into: columns)
    }
    _ = try decoder.finish(into: columns)
    let changes = (0..<columns.count).map { columns[$0] }
    // Overflows of the clock belong to the format.
    let findings = decoder.findings.filter { $0.location.hasPrefix("event") }
    return (EventRecording(width: side, height: side, changes: changes), findings)
  }
}

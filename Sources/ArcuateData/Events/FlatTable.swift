import ArcuateCore

/// A table of a FlatBuffer, with checked access to its fields.
/// Source. flatbuffers.dev, "FlatBuffer internals".
struct FlatTable {
  private let bytes: UnsafeRawBufferPointer
  /// Where the table begins.
  private let table: Int
  /// Where its fields are listed, and how many bytes the list has.
  private let fields: Int
  private let fieldBytes: Int

  /// The root table. Needs. The memory lives as long as the table.
  /// Throws. `malformed`.
  init(_ bytes: UnsafeRawBufferPointer, sizePrefixed: Bool) throws(ArcuateError) {
    self.bytes = bytes
    let start = sizePrefixed ? 4 : 0
    table = start + Int(widening: try FlatTable.load(bytes, start, UInt32.self))
    let back = Int(truncatingIfNeeded: try FlatTable.load(bytes, table, Int32.self))
    fields = table - back
    fieldBytes = Int(widening: try FlatTable.load(bytes, fields, UInt16.self))
  }

  /// Field `number`; nil if it has its default.
  func integer<T: FixedWidthInteger & BitwiseCopyable>(
    _ number: Int, _: T.Type
  ) throws(ArcuateError) -> T? {
    guard let at = try place(number) else { return nil }
    return try FlatTable.load(bytes, at, T.self)
  }

  /// A field with text; nil if it is absent.
  func text(_ number: Int) throws(ArcuateError) -> String? {
    guard let (start, count) = try vector(number, element: 1) else { return nil }
    return String(decoding: bytes[start..<start + count], as: UTF8.self)
  }

  /// Where the elements of a vector begin, and how many there are; nil if it is absent.
  func vector(_ number: Int, element: Int) throws(ArcuateError) -> (start: Int, count: Int)? {
    guard let at = try place(number) else { return nil }
    let start = at + Int(widening: try FlatTable.load(bytes, at, UInt32.self))
    let count = Int(widening: try FlatTable.load(bytes, start, UInt32.self))
    guard count <= (bytes.count - start - 4) / element else {
      throw ArcuateError(.malformed, "a list of \(count) elements exceeds its packet")
    }
    return (start + 4, count)
  }

  private func place(_ number: Int) throws(ArcuateError) -> Int? {
    let entry = 4 + 2 * number
    guard entry + 2 <= fieldBytes else { return nil }
    let offset = Int(widening: try FlatTable.load(bytes, fields + entry, UInt16.self))
    return offset == 0 ? nil : table + offset
  }

  private static func load<T: FixedWidthInteger & BitwiseCopyable>(
    _ bytes: UnsafeRawBufferPointer, _ offset: Int, _: T.Type
  ) throws(ArcuateError) -> T {
    guard offset >= 0, offset <= bytes.count - MemoryLayout<T>.size else {
      throw ArcuateError(.malformed, "an offset leads out of the packet")
    }
    // SAFETY: checked above.
    return T(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: T.self))
  }

  /// The events of a packet: where they begin and how many there are. Nil for a packet of others.
  static func events(
    _ bytes: UnsafeRawBufferPointer
  ) throws(ArcuateError) -> (start: Int, count: Int)? {
    guard bytes.count >= 12 else {
      throw ArcuateError(.malformed, "the packet has only \(bytes.count) bytes")
    }
    guard bytes[8..<12].elementsEqual("EVTS".utf8) else { return nil }
    return try FlatTable(bytes, sizePrefixed: true).vector(0, element: 16) ?? (0, 0)
  }
}

/// What the XML text of an AEDAT 4 header says of the streams.
struct AEDAT4Streams {
  /// Streams without events.
  private(set) var others: Set<Int32> = []
  private(set) var width: Int?
  private(set) var height: Int?

  /// Reads `<node name="0">` with `<attr key="typeIdentifier">` and `sizeX`, `sizeY` below it.
  init(_ text: String) {
    var stream: Int32?
    var isEvents = false
    for tag in text.split(separator: "<") {
      guard let name = AEDAT4Streams.quoted(tag) else { continue }
      if tag.hasPrefix("node") {
        if let number = Int(text: name).flatMap({ Int32(exactly: $0) }) {
          (stream, isEvents) = (number, false)
        }
      } else if tag.hasPrefix("attr"), let stream {
        let value = tag.drop { $0 != ">" }.dropFirst()
        switch name {
        case "typeIdentifier":
          isEvents = value == "EVTS"
          if !isEvents { others.insert(stream) }
        case "sizeX" where isEvents: width = width ?? AEDAT4Streams.extent(value)
        case "sizeY" where isEvents: height = height ?? AEDAT4Streams.extent(value)
        default: break
        }
      }
    }
  }

  private static func extent(_ text: Substring) -> Int? {
    Int(text: text).flatMap { (1...1 << 15).contains($0) ? $0 : nil }
  }

  /// The first text in quotes after `name=` or `key=`.
  private static func quoted(_ tag: Substring) -> String? {
    for key in ["name=\"", "key=\""] {
      guard let range = tag.firstRange(of: key) else { continue }
      return String(tag[range.upperBound...].prefix { $0 != "\"" })
    }
    return nil
  }
}

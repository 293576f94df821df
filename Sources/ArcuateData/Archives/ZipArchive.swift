import ArcuateCore
import ArcuateFormats

/// Reads the files in a `.zip` archive, one at a time.
///
/// Supports stored and deflated entries of archives below 4 GiB, neither encrypted nor split.
/// Source. PKWARE's APPNOTE.TXT 6.3.10.
public struct ZipArchive: Sendable {
  public struct Entry: Sendable {
    public let name: String
    /// Bytes of the file.
    public let size: Int
    fileprivate let storedSize: Int
    fileprivate let method: UInt16
    fileprivate let flags: UInt16
    fileprivate let checksum: UInt32
    fileprivate let header: Int
    public var isFolder: Bool { name.hasSuffix("/") }
  }

  /// In the order of the archive's directory.
  public let entries: [Entry]
  private let bytes: Bytes
  private let index: [String: Int]

  /// Limit on the bytes of one entry.
  public static let largestEntry = 1 << 31

  /// The archive at `path`, which stays mapped.
  /// Needs. The file must not be truncated while the archive is used.
  /// Throws. `cannotOpen`, `truncated`, `malformed`, `unsupportedFormat`.
  public init(path: String) throws(ArcuateError) {
    let bytes = try Files.map(path)
    self = try within(path) { () throws(ArcuateError) in try ZipArchive(bytes) }
  }

  public init(_ bytes: Bytes) throws(ArcuateError) {
    let end = try ZipArchive.findEnd(bytes)
    let count: UInt16 = try bytes.integer(at: end + 10)
    let size: UInt32 = try bytes.integer(at: end + 12)
    let start: UInt32 = try bytes.integer(at: end + 16)
    guard try bytes.integer(UInt32.self, at: end + 4) == 0 else {
      throw ArcuateError(.unsupportedFormat, "is a part of a split archive", at: "byte \(end)")
    }
    guard count != .max, size != .max, start != .max else {
      throw ArcuateError(.unsupportedFormat, "zip64 is not supported", at: "byte \(end)")
    }
    guard Int(widening: start) + Int(widening: size) <= end else {
      throw ArcuateError(.malformed, "the directory lies outside the file", at: "byte \(end)")
    }
    var entries: [Entry] = []
    var at = Int(widening: start)
    for i in 0..<Int(widening: count) {
      try within("entry \(i)") { () throws(ArcuateError) in
        entries.append(try ZipArchive.entry(bytes, &at, before: end))
      }
    }
    self.bytes = bytes
    self.entries = entries
    index = Dictionary(
      entries.enumerated().map { ($0.element.name, $0.offset) }, uniquingKeysWith: { $1 })
  }

  /// The entry of that name; the last if there are several. Nil if there is none.
  public subscript(name: String) -> Entry? { index[name].map { entries[$0] } }

  /// Whether the bytes begin like an archive.
  public static func recognizes(_ bytes: Bytes) -> Bool {
    [0x0403_4B50, 0x0605_4B50].contains((try? bytes.integer(UInt32.self, at: 0)) ?? 0)
  }

  /// The bytes of a file in the archive. Throws. `truncated`, `malformed`, `unsupportedFormat`,
  /// `limitExceeded`, naming the entry.
  public func read(_ entry: Entry) throws(ArcuateError) -> Bytes {
    try within("entry \"\(entry.name.prefix(200))\"") { () throws(ArcuateError) in
      guard entry.flags & 0x41 == 0 else {
        throw ArcuateError(.unsupportedFormat, "is encrypted")
      }
      guard try bytes.integer(UInt32.self, at: entry.header) == 0x0403_4B50 else {
        throw ArcuateError(.malformed, "has no header at byte \(entry.header)")
      }
      let name: UInt16 = try bytes.integer(at: entry.header + 26)
      let extra: UInt16 = try bytes.integer(at: entry.header + 28)
      let stored = try bytes.slice(
        entry.header + 30 + Int(widening: name) + Int(widening: extra), entry.storedSize)
      guard entry.size <= ZipArchive.largestEntry else {
        throw ArcuateError(
          .limitExceeded, "\(entry.size) bytes exceed the limit of \(ZipArchive.largestEntry)")
      }
      let content: Bytes
      switch entry.method {
      case 0: content = stored
      case 8: content = Bytes(try Inflate.bytes(stored, .none, limit: entry.size))
      default:
        throw ArcuateError(
          .unsupportedFormat,
          "compression method \(entry.method) is not supported: stored and deflated are")
      }
      guard content.count == entry.size else {
        throw ArcuateError(.malformed, "has \(content.count) bytes, not \(entry.size)")
      }
      guard Inflate.checksum(content) == entry.checksum else {
        throw ArcuateError(.malformed, "the checksum does not match")
      }
      return content
    }
  }

  /// The offset of the end record, which a comment may follow.
  private static func findEnd(_ bytes: Bytes) throws(ArcuateError) -> Int {
    let last = bytes.count - 22
    guard last >= 0 else {
      throw ArcuateError(.truncated, "has \(bytes.count) bytes, too few for an archive")
    }
    var at = last
    while at >= max(0, last - 0xFFFF) {
      if try bytes.byte(at: at) == 0x50, try bytes.integer(UInt32.self, at: at) == 0x0605_4B50,
        at + 22 + Int(widening: try bytes.integer(UInt16.self, at: at + 20)) == bytes.count
      {
        return at
      }
      at -= 1
    }
    throw ArcuateError(.truncated, "ends without a directory", at: "byte \(bytes.count)")
  }

  private static func entry(_ bytes: Bytes, _ at: inout Int, before end: Int) throws(ArcuateError)
    -> Entry
  {
    guard at + 46 <= end, try bytes.integer(UInt32.self, at: at) == 0x0201_4B50 else {
      throw ArcuateError(.malformed, "has no record at byte \(at)")
    }
    let nameLength: UInt16 = try bytes.integer(at: at + 28)
    let extra: UInt16 = try bytes.integer(at: at + 30)
    let comment: UInt16 = try bytes.integer(at: at + 32)
    let name = String(
      decoding: try bytes.slice(at + 46, Int(widening: nameLength)).array, as: UTF8.self)
    let sizes: [UInt32] = try [20, 24, 42].map { field throws(ArcuateError) in
      try bytes.integer(at: at + field)
    }
    guard !sizes.contains(.max) else {
      throw ArcuateError(.unsupportedFormat, "\"\(name.prefix(200))\" has 64-bit sizes")
    }
    defer { at += 46 + Int(widening: nameLength) + Int(widening: extra) + Int(widening: comment) }
    return Entry(
      name: name, size: Int(widening: sizes[1]), storedSize: Int(widening: sizes[0]),
      method: try bytes.integer(at: at + 10), flags: try bytes.integer(at: at + 8),
      checksum: try bytes.integer(at: at + 16), header: Int(widening: sizes[2]))
  }
}

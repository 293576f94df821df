import ArcuateCore

/// The part of HDF5 that network files use, read from bytes nobody vouches for.
///
/// Superblocks 0 to 3; object headers 1 and 2; symbol-table groups and compact links; layouts 3 to
/// 5 with contiguous, compact and chunked data (B-tree, single chunk, implicit, fixed array);
/// deflate, shuffle and Fletcher-32; numbers, strings and variable-length sequences. Attributes
/// are passed over.
///
/// Every address is checked against the end of the file, every object is visited once, and the
/// work is bounded by the size of the file.
/// Source. HDF5 File Format Specification, version 3.0.
struct HDF5File {
  let bytes: Bytes
  /// Added to every address.
  let base: Int
  let rootHeader: Int
  let budget: Budget

  let heaps = Heaps()

  /// What reading may still cost; shared by everything that reads one file.
  final class Budget {
    private var objects: Int
    private var decoded: Int
    private var stored: Int

    init(fileSize: Int) {
      objects = fileSize / 16 + 64
      decoded = Budget.expansion(of: fileSize) + 1 << 24
      // A field may be looked at twice.
      stored = 2 * fileSize
    }

    /// The most that so many stored bytes can become: deflate reaches 1032 times. Beyond 2 GiB no
    /// file of a network does more than four times.
    static func expansion(of stored: Int) -> Int {
      let (product, overflow) = stored.multipliedReportingOverflow(by: 1040)
      return (overflow ? Int.max / 2 : min(product, max(1 << 31, stored * 4))) + 1 << 10
    }

    func take(object: Int) throws {
      objects -= 1
      guard objects >= 0 else {
        throw ArcuateError(.limitExceeded, "more objects than a file of this size can hold")
      }
    }

    func take(decoded count: Int) throws {
      guard count <= decoded else {
        throw ArcuateError(.limitExceeded, "more data than a file of this size can hold")
      }
      decoded -= count
    }

    func take(stored count: Int) throws {
      guard count <= stored else {
        throw ArcuateError(.limitExceeded, "chunks that share their bytes")
      }
      stored -= count
    }
  }

  static let signature: [UInt8] = [0x89, 0x48, 0x44, 0x46, 0x0D, 0x0A, 0x1A, 0x0A]

  /// Whether the bytes begin as an HDF5 file does.
  static func recognises(_ bytes: Bytes) -> Bool {
    guard let head = try? bytes.slice(0, 8) else { return false }
    return head.array == signature
  }

  init(_ bytes: Bytes) throws {
    guard HDF5File.recognises(bytes) else {
      throw ArcuateError(.malformed, "does not begin with the HDF5 signature", at: "byte 0")
    }
    self.bytes = bytes
    budget = Budget(fileSize: bytes.count)
    (base, rootHeader) = try within("superblock") { try HDF5File.superblock(bytes) }
  }

  private static func superblock(_ bytes: Bytes) throws -> (base: Int, rootHeader: Int) {
    let version = try bytes.byte(at: 8)
    // Where the sizes, the base address, the end of the file and the root's address stand.
    let places: (sizes: Int, base: Int, end: Int, root: Int)
    switch version {
    case 0: places = (13, 24, 40, 64)
    case 1: places = (13, 28, 44, 68)
    case 2, 3: places = (9, 12, 28, 36)
    default:
      throw ArcuateError(
        .unsupportedFormat, "superblock version \(version); 0 to 3 are read", at: "byte 8")
    }
    let sizes = (try bytes.byte(at: places.sizes), try bytes.byte(at: places.sizes + 1))
    guard sizes == (8, 8) else {
      throw ArcuateError(
        .unsupportedFormat, "sizes of \(sizes.0) and \(sizes.1) bytes; 8 and 8 are read",
        at: "byte \(places.sizes)")
    }
    let end: UInt64 = try bytes.integer(at: places.end)
    guard end <= UInt64(bytes.count) else {
      throw ArcuateError(
        .truncated, "the file should have \(end) bytes, but has \(bytes.count)",
        at: "byte \(places.end)")
    }
    return (
      try address(try bytes.integer(at: places.base), in: bytes),
      try address(try bytes.integer(at: places.root), in: bytes)
    )
  }

  /// A stored address as an offset into the bytes. Throws. `truncated` outside them.
  func offset(_ address: UInt64) throws -> Int {
    guard let small = Int(exactly: address), small <= bytes.count, base + small <= bytes.count
    else {
      throw ArcuateError(
        .truncated, "address \(address) lies outside the file of \(bytes.count) bytes")
    }
    return base + small
  }

  private static func address(_ value: UInt64, in bytes: Bytes) throws -> Int {
    guard let small = Int(exactly: value), small <= bytes.count else {
      throw ArcuateError(
        .truncated, "address \(value) lies outside the file of \(bytes.count) bytes")
    }
    return small
  }

  static let undefined = UInt64.max

  /// The four bytes at `offset` as text; anything unprintable as a dot.
  func tag(at offset: Int) throws -> String {
    let four = try bytes.slice(offset, 4).array
    return String(decoding: four.map { (32..<127).contains($0) ? $0 : 46 }, as: UTF8.self)
  }

  func expect(_ tag: String, at offset: Int) throws {
    let found = try self.tag(at: offset)
    guard found == tag else {
      throw ArcuateError(
        .malformed, "\"\(tag)\" expected, \"\(found)\" found", at: "byte \(offset)")
    }
  }
}

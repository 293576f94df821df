import ArcuateCore

/// The part of HDF5 that network files use, read from untrusted bytes.
///
/// Superblocks 0 to 3; object headers 1 and 2; symbol-table groups and compact links; layouts 3 to
/// 5 with contiguous, compact and chunked data (B-tree, single chunk, implicit, fixed array);
/// deflate, shuffle and Fletcher-32; numbers, strings and variable-length sequences. Attributes
/// are ignored.
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

  /// Work and memory that reading the file may still take.
  final class Budget {
    private var objects: Int
    private var decoded: Int
    private var stored: Int

    init(fileSize: Int) {
      objects = fileSize / 16 + 64
      decoded = Budget.expansion(of: fileSize) + 1 << 24
      // A field may be read twice.
      stored = 2 * fileSize
    }

    /// The most that `stored` bytes can expand to: deflate reaches a factor of 1032. Beyond 2 GiB
    /// the limit is a factor of four.
    static func expansion(of stored: Int) -> Int {
      let (product, overflow) = stored.multipliedReportingOverflow(by: 1040)
      return (overflow ? Int.max / 2 : min(product, max(1 << 31, stored * 4))) + 1 << 10
    }

    func take(object: Int) throws(ArcuateError) {
      objects -= 1
      guard objects >= 0 else {
        throw ArcuateError(.limitExceeded, "has more objects than a file of this size can hold")
      }
    }

    func take(decoded count: Int) throws(ArcuateError) {
      guard count <= decoded else {
        throw ArcuateError(.limitExceeded, "has more data than a file of this size can hold")
      }
      decoded -= count
    }

    func take(stored count: Int) throws(ArcuateError) {
      guard count <= stored else {
        throw ArcuateError(.limitExceeded, "chunks share their bytes")
      }
      stored -= count
    }
  }

  static let signature: [UInt8] = [0x89, 0x48, 0x44, 0x46, 0x0D, 0x0A, 0x1A, 0x0A]

  /// Whether the bytes begin like an HDF5 file.
  static func recognizes(_ bytes: Bytes) -> Bool {
    guard let head = try? bytes.slice(0, 8) else { return false }
    return head.array == signature
  }

  init(_ bytes: Bytes) throws(ArcuateError) {
    guard HDF5File.recognizes(bytes) else {
      throw ArcuateError(.malformed, "does not begin with the HDF5 signature", at: "byte 0")
    }
    self.bytes = bytes
    budget = Budget(fileSize: bytes.count)
    (base, rootHeader) = try within("superblock") { () throws(ArcuateError) in
      try HDF5File.superblock(bytes)
    }
  }

  private static func superblock(_ bytes: Bytes) throws(ArcuateError) -> (
    base: Int, rootHeader: Int
  ) {
    let version = try bytes.byte(at: 8)
    // Offsets of the sizes, the base address, the end of the file and the address of the root.
    let offsets: (sizes: Int, base: Int, end: Int, root: Int)
    switch version {
    case 0: offsets = (13, 24, 40, 64)
    case 1: offsets = (13, 28, 44, 68)
    case 2, 3: offsets = (9, 12, 28, 36)
    default:
      throw ArcuateError(
        .unsupportedFormat, "superblock version \(version) is not supported: 0 to 3 are",
        at: "byte 8")
    }
    let sizes = (try bytes.byte(at: offsets.sizes), try bytes.byte(at: offsets.sizes + 1))
    guard sizes == (8, 8) else {
      throw ArcuateError(
        .unsupportedFormat,
        "sizes of \(sizes.0) and \(sizes.1) bytes are not supported: 8 and 8 are",
        at: "byte \(offsets.sizes)")
    }
    let end: UInt64 = try bytes.integer(at: offsets.end)
    guard end <= UInt64(clamping: bytes.count) else {
      throw ArcuateError(
        .truncated, "has \(bytes.count) of \(end) bytes",
        at: "byte \(offsets.end)")
    }
    return (
      try address(try bytes.integer(at: offsets.base), in: bytes),
      try address(try bytes.integer(at: offsets.root), in: bytes)
    )
  }

  /// A stored address as an offset into the bytes. Throws. `truncated` outside them.
  func offset(_ address: UInt64) throws(ArcuateError) -> Int {
    guard let small = Int(exactly: address), small <= bytes.count, base + small <= bytes.count
    else {
      throw ArcuateError(
        .truncated, "address \(address) lies outside the file of \(bytes.count) bytes")
    }
    return base + small
  }

  private static func address(_ value: UInt64, in bytes: Bytes) throws(ArcuateError) -> Int {
    guard let small = Int(exactly: value), small <= bytes.count else {
      throw ArcuateError(
        .truncated, "address \(value) lies outside the file of \(bytes.count) bytes")
    }
    return small
  }

  static let undefined = UInt64.max

  /// The four bytes at `offset` as text, with dots for unprintable ones.
  func tag(at offset: Int) throws(ArcuateError) -> String {
    let four = try bytes.slice(offset, 4).array
    return String(decoding: four.map { (32..<127).contains($0) ? $0 : 46 }, as: UTF8.self)
  }

  func expect(_ tag: String, at offset: Int) throws(ArcuateError) {
    let found = try self.tag(at: offset)
    guard found == tag else {
      throw ArcuateError(
        .malformed, "expected \"\(tag)\", not \"\(found)\"", at: "byte \(offset)")
    }
  }
}

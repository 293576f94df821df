import ArcuateCore

/// The part of HDF5 that network files use, read from bytes nobody vouches for.
///
/// Superblocks 0 to 3; object headers 1 and 2; symbol-table groups and compact links; contiguous,
/// compact and chunked data with deflate, shuffle and Fletcher-32; numbers, strings and
/// variable-length sequences. Attributes are passed over.
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

  /// What reading may still cost; shared by everything that reads one file.
  final class Budget {
    var objects: Int
    var decoded: Int
    init(fileSize: Int) {
      objects = fileSize / 16 + 64
      // Deflate cannot expand more than about 1032 times; small files get a floor.
      decoded = min(fileSize.multipliedReportingOverflow(by: 1040).partialValue, 1 << 36) + 1 << 20
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
    let version = try bytes.byte(at: 8)
    switch version {
    case 0, 1:
      let (offsets, lengths) = (try bytes.byte(at: 13), try bytes.byte(at: 14))
      guard offsets == 8, lengths == 8 else {
        throw ArcuateError(
          .unsupportedFormat, "sizes of \(offsets) and \(lengths) bytes; 8 and 8 are read",
          at: "byte 13")
      }
      let at = version == 0 ? 24 : 28
      base = try HDF5File.address(try bytes.integer(at: at), in: bytes)
      rootHeader = try HDF5File.address(try bytes.integer(at: at + 40), in: bytes)
    case 2, 3:
      let (offsets, lengths) = (try bytes.byte(at: 9), try bytes.byte(at: 10))
      guard offsets == 8, lengths == 8 else {
        throw ArcuateError(
          .unsupportedFormat, "sizes of \(offsets) and \(lengths) bytes; 8 and 8 are read",
          at: "byte 9")
      }
      base = try HDF5File.address(try bytes.integer(at: 12), in: bytes)
      rootHeader = try HDF5File.address(try bytes.integer(at: 36), in: bytes)
    default:
      throw ArcuateError(
        .unsupportedFormat, "superblock version \(version); 0 to 3 are read", at: "byte 8")
    }
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
      throw ArcuateError(.malformed, "\"\(tag)\" expected, \"\(found)\" found", at: "byte \(offset)")
    }
  }
}

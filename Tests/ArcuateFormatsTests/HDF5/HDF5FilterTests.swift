import ArcuateCore
import Testing

@testable import ArcuateFormats

@Suite struct HDF5FilterTests {
  private func undo(
    _ filters: [HDF5Filter], mask: UInt32 = 0, _ stored: [UInt8], size: Int, element: Int = 1
  ) throws -> [UInt8] {
    try HDF5Filter.undo(filters, mask: mask, Bytes(stored), size: size, element: element)
  }

  /// A zlib stream of one stored block.
  private static func stored(_ data: [UInt8]) -> [UInt8] {
    var (a, b): (UInt32, UInt32) = (1, 0)
    for byte in data {
      a = (a + UInt32(byte)) % 65521
      b = (b + a) % 65521
    }
    let count = UInt16(data.count)
    var bytes: [UInt8] = [0x78, 0x01, 0x01]
    bytes.append(little: count)
    bytes.append(little: ~count)
    return bytes + data + withUnsafeBytes(of: (b << 16 | a).bigEndian) { Array($0) }
  }

  @Test func identifiersAreThoseOfHDF5() throws {
    for (id, filter) in [(1, HDF5Filter.deflate), (2, .shuffle), (3, .fletcher32)] {
      #expect(try HDF5Filter(id: UInt16(id)) == filter)
    }
    #expect(throws: ArcuateError.self) { try HDF5Filter(id: 32015) }
  }

  @Test func shuffleGathersTheBytesOfAnElement() throws {
    #expect(try undo([.shuffle], [1, 3, 5, 2, 4, 6], size: 6, element: 2) == [1, 2, 3, 4, 5, 6])
    // The bytes after the last whole element stay.
    #expect(try undo([.shuffle], [1, 3, 2, 4, 9], size: 5, element: 2) == [1, 2, 3, 4, 9])
    #expect(try undo([.shuffle], [1, 2, 3], size: 3, element: 1) == [1, 2, 3])
  }

  /// "abcd": words 0x6162 and 0x6364 give sums 0xC4C6 and 0x2629, modulo 65535.
  @Test func fletcherChecksumsAreChecked() throws {
    let data = Array("abcd".utf8)
    #expect(try undo([.fletcher32], data + [0xC6, 0xC4, 0x29, 0x26], size: 4) == data)
    let wrong = #expect(throws: ArcuateError.self) {
      try undo([.fletcher32], data + [0xC6, 0xC4, 0x29, 0x27], size: 4)
    }
    #expect(wrong?.code == .malformed)
    let short = #expect(throws: ArcuateError.self) { try undo([.fletcher32], [1, 2], size: 4) }
    #expect(short?.code == .truncated)
  }

  @Test func deflateIsBoundByTheSizeOfTheChunk() throws {
    let data: [UInt8] = Array(1...100)
    #expect(try undo([.deflate], Self.stored(data), size: 100) == data)
    #expect(
      try undo([.shuffle, .deflate], Self.stored([1, 3, 2, 4]), size: 4, element: 2)
        == [1, 2, 3, 4])
    let large = #expect(throws: ArcuateError.self) {
      try undo([.deflate], Self.stored(data), size: 50)
    }
    #expect(large?.code == .limitExceeded)
    let cut = #expect(throws: ArcuateError.self) {
      try undo([.deflate], Array(Self.stored(data).dropLast(20)), size: 100)
    }
    #expect(cut?.code == .truncated)
    #expect(throws: ArcuateError.self) { try undo([.deflate], Self.stored(data), size: 101) }
  }

  @Test func maskedFiltersAreSkipped() throws {
    #expect(try undo([.shuffle], mask: 1, [1, 3, 2, 4], size: 4, element: 2) == [1, 3, 2, 4])
    #expect(
      try undo([.shuffle, .deflate], mask: 2, [1, 3, 2, 4], size: 4, element: 2)
        == [1, 2, 3, 4])
  }
}

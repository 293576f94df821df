import ArcuateCore
import Testing

@testable import ArcuateFormats

@Suite struct HDF5TypeTests {
  /// A datatype message: class, bit field, size, properties.
  private static func type(
    _ kind: UInt8, _ bits: UInt8, _ size: UInt32, _ properties: [UInt8]
  ) throws -> HDF5Type {
    var bytes: [UInt8] = [0x10 | kind, bits, 0, 0]
    bytes.append(little: size)
    return try HDF5Type(Bytes(bytes + properties))
  }

  private static func integer(_ bits: UInt8, _ size: UInt32) throws -> HDF5Type {
    try type(0, bits, size, [0, 0, UInt8(8 * size), 0])
  }

  @Test func integersOfEveryWidthSignAndOrder() throws {
    let data = Bytes([0xFE, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF])
    for (size, unsigned) in [(1, 254), (2, 65534), (4, 4_294_967_294), (8, 0x1p64)]
      as [(UInt32, Double)]
    {
      #expect(try Self.integer(8, size).number(data, at: 0) == -2, "\(size) bytes")
      #expect(try Self.integer(0, size).number(data, at: 0) == unsigned, "\(size) bytes")
    }
    let swapped = Bytes([0xFF, 0xFE])
    #expect(try Self.integer(9, 2).number(swapped, at: 0) == -2)
    #expect(try Self.integer(1, 2).number(swapped, at: 0) == 65534)
  }

  @Test func floatsOfEveryWidthAndOrder() throws {
    let half = try Self.type(1, 0x20, 2, [0, 0, 16, 0, 10, 5, 0, 10])
    #expect(try half.number(Bytes([0x00, 0xC1]), at: 0) == -2.5)
    let single = try Self.type(1, 0x20, 4, [0, 0, 32, 0, 23, 8, 0, 23])
    #expect(try single.number(Bytes([0, 0, 0x20, 0xC0]), at: 0) == -2.5)
    let double = try Self.type(1, 0x21, 8, [0, 0, 64, 0, 52, 11, 0, 52])
    #expect(try double.number(Bytes([0xC0, 0x04, 0, 0, 0, 0, 0, 0]), at: 0) == -2.5)
    #expect(throws: ArcuateError.self) { try double.number(Bytes([0xC0, 0x04]), at: 0) }
  }

  @Test func unsupportedTypesAreNamed() {
    let cases: [(UInt8, UInt8, UInt32, [UInt8])] = [
      (0, 0, 3, [0, 0, 24, 0]), (0, 0, 4, [0, 0, 24, 0]), (0, 0, 0, [0, 0, 0, 0]),
      (1, 0x20, 4, [0, 0, 32, 0, 20, 11, 0, 20]), (2, 0, 8, []), (3, 0, 1 << 21, []), (6, 0, 8, []),
    ]
    for (kind, bits, size, properties) in cases {
      let error = #expect(throws: ArcuateError.self) {
        try Self.type(kind, bits, size, properties)
      }
      #expect(error?.code == .unsupportedFormat, "class \(kind): \(error as Any)")
    }
  }

  @Test func nestingIsBounded() {
    // Sequences of sequences of sequences of integers.
    var bytes: [UInt8] = [0x10, 0, 0, 0, 1, 0, 0, 0, 0, 0, 8, 0]
    for _ in 0..<4 { bytes = [0x19, 0, 0, 0, 16, 0, 0, 0] + bytes }
    #expect(throws: ArcuateError.self) { try HDF5Type(Bytes(bytes)) }
  }

  @Test func chunksCoverTheShape() throws {
    let index = try HDF5ChunkIndex(extents: [4, 3], element: 2)
    #expect(index.size == 24)
    #expect(index.grid([8, 7]) == [2, 3])
    #expect(index.origin(4, [2, 3]) == [4, 3])
    for extents in [[0], [1 << 20, 1 << 20], [Int.max, 2], [-1]] {
      #expect(throws: ArcuateError.self) { try HDF5ChunkIndex(extents: extents, element: 4) }
    }
  }
}

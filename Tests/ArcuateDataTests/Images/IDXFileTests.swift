import ArcuateCore
import ArcuateTestSupport
import Testing

@testable import ArcuateData
@testable import ArcuateFormats

/// IDX arrays made here, and those of MNIST.
@Suite struct IDXFileTests {
  static let plain: [UInt8] = [0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 3, 1, 2, 3, 4, 5, 255]
  /// [2, 3], numbers 1 to 6, by Python's gzip.
  static let gzipped = PNGImageTests.decoded(
    "H4sIAAAAAAACA2Ng4GBiYGAAYWZGJmYWVjYASJQ+5RIAAAA=")

  @Test func plainAndGzipped() throws {
    let file = try IDXFile.parse(Bytes(Self.plain))
    #expect(file.extents == [2, 3] && file.count == 2 && file.itemCount == 3)
    #expect(try file.values(1..<2) == [4, 5, 255])
    #expect(try file.bytes(0..<1).array == [1, 2, 3])
    #expect(try file.values(2..<2) == [])
    #expect(throws: ArcuateError.self) { try file.values(1..<3) }
    #expect(throws: ArcuateError.self) { try file.bytes(-1..<1) }
    let zipped = try IDXFile.parse(Bytes(Self.gzipped))
    #expect(try zipped.values(0..<2) == [1, 2, 3, 4, 5, 6])
  }

  @Test(arguments: [
    (0x09 as UInt8, [0xFF] as [UInt8], -1 as Float), (0x0B, [0xFF, 0xFE], -2),
    (0x0C, [0, 1, 0, 0], 65536), (0x0D, [0xC0, 0x20, 0, 0], -2.5),
    (0x0E, [0x40, 0x04, 0, 0, 0, 0, 0, 0], 2.5),
  ])
  func everyType(_ type: UInt8, _ data: [UInt8], _ value: Float) throws {
    let file = try IDXFile.parse(Bytes([0, 0, type, 1, 0, 0, 0, 1] + data))
    #expect(try file.values(0..<1) == [value])
    #expect(throws: ArcuateError.self) { try file.bytes(0..<1) }
  }

  @Test func cutAndWrong() {
    for bytes in [Self.plain, Self.gzipped] {
      for length in 0..<bytes.count {
        #expect(throws: ArcuateError.self, "cut to \(length)") {
          try IDXFile.parse(Bytes(Array(bytes[..<length])))
        }
      }
      for bit in 0..<8 * bytes.count {
        var damaged = bytes
        damaged[bit / 8] ^= 1 << (bit % 8)
        _ = try? IDXFile.parse(Bytes(damaged))
      }
    }
    for wrong in [
      [0, 0, 7, 1, 0, 0, 0, 0], [0, 0, 8, 0], [1, 0, 8, 1, 0, 0, 0, 0], [0, 0, 8, 9],
      [0, 0, 8, 1, 0, 0, 0, 0, 5],
      [0, 0, 8, 3, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255],
      // No items, of more numbers than fit into a machine word.
      [0, 0, 8, 4, 0, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255],
    ] as [[UInt8]] {
      #expect(throws: ArcuateError.self) { try IDXFile.parse(Bytes(wrong)) }
    }
  }

  /// Sums as counted by NumPy.
  @Test(.enabled(if: dataFolder != nil, "needs ARCUATE_DATA"))
  func mnist() throws {
    for (name, count, ink, labels) in [
      ("train", 60_000, 1_567_298_545, 267_236), ("t10k", 10_000, 264_923_200, 44_434),
    ] {
      let images = try IDXFile.read("\(dataFolder!)/mnist/\(name)-images-idx3-ubyte.gz")
      #expect(images.extents == [count, 28, 28])
      #expect(try images.bytes(0..<count).array.reduce(0) { $0 + Int($1) } == ink)
      let classes = try IDXFile.read("\(dataFolder!)/mnist/\(name)-labels-idx1-ubyte.gz")
      #expect(classes.extents == [count])
      #expect(try classes.values(0..<count).reduce(0) { $0 + Int($1) } == labels)
    }
  }
}

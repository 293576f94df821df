import ArcuateCore
import ArcuateTestSupport
import Testing

@testable import ArcuateData
@testable import ArcuateFormats

@Suite struct NumpyArrayTests {
  static func file(_ descr: String, _ shape: String, _ data: [UInt8]) -> [UInt8] {
    let header = "{'descr': '\(descr)', 'fortran_order': False, 'shape': \(shape), }\n"
    return [0x93] + Array("NUMPY".utf8) + [1, 0, UInt8(header.utf8.count), 0] + header.utf8 + data
  }

  @Test func writesWhatItReads() throws {
    let folder = TemporaryFolder()
    for extents in [[2, 3], [6], [1, 2, 3, 1], [0, 4], []] {
      let count = extents.reduce(1, *)
      let array = try NumpyArray(extents: extents, values: (0..<count).map { Float($0) - 0.5 })
      try array.write(to: folder.path + "/a.npy")
      #expect(try NumpyArray.read(folder.path + "/a.npy") == array)
    }
  }

  @Test(arguments: [
    ("|b1", [0, 1, 2] as [UInt8], [0, 1, 1] as [Float]),
    ("<i2", [1, 0, 255, 255, 0, 1], [1, -1, 256]),
    (">i2", [0, 1, 255, 255, 1, 0], [1, -1, 256]), ("|u1", [0, 7, 255], [0, 7, 255]),
    ("|i1", [0, 7, 255], [0, 7, -1]),
    (">f4", [0x3F, 0x80, 0, 0, 0xC0, 0, 0, 0, 0, 0, 0, 0], [1, -2, 0]),
  ])
  func everyType(_ descr: String, _ data: [UInt8], _ values: [Float]) throws {
    let array = try NumpyArray.parse(Bytes(Self.file(descr, "(3,)", data)))
    #expect(array.extents == [3] && array.values == values)
  }

  @Test func refusesOtherFiles() throws {
    let data = [UInt8](repeating: 0, count: 64)
    for (descr, shape) in [
      ("<f2", "(3,)"), ("<c8", "(3,)"), ("|O", "(1,)"), ("<f4", "(17,)"), ("<f4", "(-1,)"),
      ("<f4", "(9223372036854775807, 9223372036854775807)"), ("<f4", "(68719476736,)"),
      ("<f4", "3"),
      ("", "(1,)"), ("<f4", "(x,)"),
    ] {
      #expect(throws: ArcuateError.self, "\(descr) \(shape)") {
        try NumpyArray.parse(Bytes(Self.file(descr, shape, data)))
      }
    }
  }

  @Test func cutAndDamaged() throws {
    let whole = Self.file("<f4", "(2, 2)", [UInt8](repeating: 1, count: 16))
    for length in 0..<whole.count {
      #expect(throws: ArcuateError.self) { try NumpyArray.parse(Bytes(Array(whole[..<length]))) }
    }
    let seed: UInt64 = 7
    print("flipped bits: seed \(seed)")
    let random = CounterRandom(seed: seed)
    for trial in 0..<10_000 {
      var bytes = whole
      let bit = Int(random.words(stream: 0, step: UInt64(trial), index: 0)[0]) % (bytes.count * 8)
      bytes[bit / 8] ^= 1 << (bit % 8)
      // Refused or not: it may not trap.
      _ = try? NumpyArray.parse(Bytes(bytes))
    }
  }
}

import ArcuateCore
import ArcuateTestSupport
import Foundation
import Testing

@testable import ArcuateData
@testable import ArcuateFormats

/// Images that Pillow wrote, and those of Omniglot.
@Suite struct PNGImageTests {
  static func decoded(_ text: String) -> [UInt8] { Array(Data(base64Encoded: text)!) }

  /// 7 x 6 pixels; sample c of pixel (x, y) is (37 x + 91 y + 53 c + x y mod 5) mod 256.
  static let files: [String: [UInt8]] = [
    "gray": decoded(
      "iVBORw0KGgoAAAANSUhEUgAAAAcAAAAGCAAAAAAqZduqAAAANElEQVR4nGNkUFVVVVVVZYxWU1NTU1Rj"
        + "3KaurqSupM4oqKGsoayswRKtqaKioqLJeByiDgCsVAeMibvZcgAAAABJRU5ErkJggg=="),
    "rgb": decoded(
      "iVBORw0KGgoAAAANSUhEUgAAAAcAAAAGCAIAAACAbBMhAAAAS0lEQVR42mNkMM1SxQCM0ROOqiEBRUVF"
        + "NTU1xm2vFdTV1dXV1ZWUlOAko6BbtYaGhrKyMoSEMBhzFl7T1NRUQQKampqMx/8YYtoGAEBsGHpG+mp7"
        + "AAAAAElFTkSuQmCC"),
    "la": decoded(
      "iVBORw0KGgoAAAANSUhEUgAAAAcAAAAGCAQAAAClB0z9AAAAQElEQVR4nGNkMFVFAozRE9SgQFFRTY1x"
        + "22t1dXV1JSUIZhR009BQVtbQUFZWVtbQYMxZqKmpAgWamozH/yAbBQDHoxBr1BX6bAAAAABJRU5ErkJg"
        + "gg=="),
    "rgba": decoded(
      "iVBORw0KGgoAAAANSUhEUgAAAAcAAAAGCAYAAAAPDoR2AAAAVUlEQVR4nGNkMM2ar4oDMEZPOPpLDQ0o"
        + "KioqqqmpqTFue60Qqg4FSkpKSsg0o6Bb9QYNDQ0NZWVlZRgNYzPmLLzGrampqamCBjQ1NTUZj/8xTMPl"
        + "IABeQCDHcuFMOAAAAABJRU5ErkJggg=="),
    "one": decoded(
      "iVBORw0KGgoAAAANSUhEUgAAAAcAAAAGAQAAAAAndbnbAAAAFElEQVR4nGPgY8piOMQgxxTEcAwADBwC"
        + "dQkpsRMAAAAASUVORK5CYII="),
    "palette": decoded(
      "iVBORw0KGgoAAAANSUhEUgAAAAcAAAAGAgMAAAByYGzlAAAADFBMVEUKFB4oMjxGUFpkbnjGSHffAAAA"
        + "GklEQVR4nGNgXcOUJsKwIYKBbQ9DNgvDhwwAJqAEv2LfZYkAAAAASUVORK5CYII="),
    "palette4": decoded(
      "iVBORw0KGgoAAAANSUhEUgAAAAcAAAAGBAMAAAD9IJlFAAAAMFBMVEUAAAABAgMCBAYDBgkECAwFCg8G"
        + "DBIHDhUIEBgJEhsKFB4LFiEMGCQNGicOHCoPHi11dfcnAAAAJ0lEQVR4nGNkcgk1ZYhY89GAYS+T2wQG"
        + "4Yg1Hxgy9zI5MJwTjlgAAIo0CdQGiPBOAAAAAElFTkSuQmCC"),
    "gradient": decoded(
      "iVBORw0KGgoAAAANSUhEUgAAACgAAAAeCAAAAAB7tgMBAAAAFklEQVR4nGNkYCYOMI2CUTAKRsFgBgDK"
        + "gAnBSaBBUQAAAABJRU5ErkJggg=="),
  ]

  static func sample(_ x: Int, _ y: Int, _ c: Int) -> Int {
    (x * 37 + y * 91 + c * 53 + x * y % 5) % 256
  }

  @Test(arguments: [("gray", 1), ("la", 2), ("rgb", 3), ("rgba", 4)])
  func bytesASample(_ name: String, _ channels: Int) throws {
    let image = try PNGImage(Bytes(Self.files[name]!))
    #expect(image.width == 7 && image.height == 6 && image.channels == channels)
    var expected: [UInt8] = []
    for y in 0..<6 {
      for x in 0..<7 { for c in 0..<channels { expected.append(UInt8(Self.sample(x, y, c))) } }
    }
    #expect(image.pixels == expected)
  }

  @Test func fewBitsASample() throws {
    let one = try PNGImage(Bytes(Self.files["one"]!))
    let two = try PNGImage(Bytes(Self.files["palette"]!))
    let four = try PNGImage(Bytes(Self.files["palette4"]!))
    #expect(one.channels == 1 && two.channels == 3 && four.channels == 3)
    for y in 0..<6 {
      for x in 0..<7 {
        let value = Self.sample(x, y, 0)
        #expect(one.pixels[y * 7 + x] == (value > 127 ? 255 : 0))
        let (low, fine) = (value / 64 * 30, value / 16)
        let at = 3 * (y * 7 + x)
        #expect(two.pixels[at..<at + 3].map { Int($0) } == [low + 10, low + 20, low + 30])
        #expect(four.pixels[at..<at + 3].map { Int($0) } == [fine, 2 * fine, 3 * fine])
      }
    }
  }

  @Test func filteredRows() throws {
    let image = try PNGImage(Bytes(Self.files["gradient"]!))
    #expect(image.width == 40 && image.height == 30)
    for y in 0..<30 {
      for x in 0..<40 { #expect(image.pixels[y * 40 + x] == UInt8((3 * x + 2 * y) % 256)) }
    }
  }

  /// A file of rows as they are stored, each with the number of its filter.
  static func file(
    _ width: Int, _ height: Int, depth: UInt8 = 8, color: UInt8 = 0, interlaced: UInt8 = 0,
    _ rows: [UInt8]
  ) -> [UInt8] {
    func big(_ value: Int) -> [UInt8] { [24, 16, 8, 0].map { UInt8(value >> $0 & 0xFF) } }
    func chunk(_ name: String, _ body: [UInt8]) -> [UInt8] {
      let named = Array(name.utf8) + body
      return big(body.count) + named + big(Int(Inflate.checksum(Bytes(named))))
    }
    // One stored block, and Adler's checksum.
    var (a, b) = (1, 0)
    for byte in rows { (a, b) = ((a + Int(byte)) % 65521, (b + a + Int(byte)) % 65521) }
    let count = [UInt8(rows.count & 0xFF), UInt8(rows.count >> 8)]
    let stored = [0x78, 0x01, 1] + count + count.map { ~$0 } + rows + big(b << 16 | a)
    return [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]
      + chunk("IHDR", big(width) + big(height) + [depth, color, 0, 0, interlaced])
      + chunk("tEXt", Array("note".utf8)) + chunk("IDAT", Array(stored.prefix(5)))
      + chunk("IDAT", Array(stored.dropFirst(5))) + chunk("IEND", [])
  }

  /// Every filter on rows of two pixels, by hand; data in two chunks, and one to be passed over.
  @Test func everyFilter() throws {
    let rows: [UInt8] = [0, 10, 20, 1, 5, 5, 2, 1, 2, 3, 4, 250, 4, 1, 2]
    let image = try PNGImage(Bytes(Self.file(2, 5, rows)))
    // Left; up; mean of left and up; Paeth: of 7, 12 and 7 with corner 7 ...
    #expect(image.pixels == [10, 20, 5, 10, 6, 12, 7, 3, 8, 5])
  }

  @Test func whatIsNotRead() {
    let refused: [(ArcuateError.Code, [UInt8])] = [
      (.unsupportedFormat, Self.file(1, 1, interlaced: 1, [0, 1])),
      (.unsupportedFormat, Self.file(1, 1, depth: 16, [0, 1, 2])),
      (.unsupportedFormat, Self.file(1, 1, depth: 4, color: 2, [0, 1, 2])),
      (.malformed, Self.file(1, 1, color: 5, [0, 1])),
      (.malformed, Self.file(1, 1, color: 3, [0, 1])),
      (.malformed, Self.file(1, 1, [5, 1])),
      (.limitExceeded, Self.file(1 << 16, 1 << 16, [0, 1])),
      (.limitExceeded, Self.file(0, 1, [0, 1])),
      (.truncated, Self.file(2, 1, [0, 1])),
      (.limitExceeded, Self.file(1, 1, [0, 1, 2])),
    ]
    for (i, (code, bytes)) in refused.enumerated() {
      let error = #expect(throws: ArcuateError.self) { try PNGImage(Bytes(bytes)) }
      #expect(error?.code == code, "case \(i): \(String(describing: error))")
    }
  }

  @Test func cutAndFlipped() throws {
    let random = CounterRandom(seed: 20_261_125)
    for (stream, (name, bytes)) in Self.files.sorted(by: { $0.key < $1.key }).enumerated() {
      for length in 0..<bytes.count {
        #expect(throws: ArcuateError.self, "\(name) cut to \(length)") {
          try PNGImage(Bytes(Array(bytes[..<length])))
        }
      }
      for bit in 0..<8 * bytes.count {
        var damaged = bytes
        damaged[bit / 8] ^= 1 << (bit % 8)
        let more = Int(random.words(stream: UInt32(stream), step: UInt64(bit), index: 0)[0])
        damaged[more / 8 % bytes.count] ^= 1 << (more % 8)
        // Without checksums in the way, as a file made to do harm would be.
        _ = try? PNGImage(Bytes(damaged))
        _ = try? PNGImage(Bytes(Self.mended(damaged)))
      }
    }
  }

  /// The same bytes with checksums that fit, as far as chunks can be followed.
  static func mended(_ bytes: [UInt8]) -> [UInt8] {
    var bytes = bytes
    var at = 8
    while at + 12 <= bytes.count {
      let length = bytes[at..<at + 4].reduce(0) { $0 << 8 | Int($1) }
      guard length <= bytes.count - at - 12 else { break }
      let sum = Inflate.checksum(Bytes(Array(bytes[at + 4..<at + 8 + length])))
      for i in 0..<4 { bytes[at + 8 + length + i] = UInt8(sum >> UInt32(24 - 8 * i) & 0xFF) }
      at += 12 + length
    }
    return bytes
  }

  /// All drawings of two archives: their number and ink as counted by another decoder.
  @Test(.enabled(if: dataFolder != nil, "needs ARCUATE_DATA"))
  func omniglot() throws {
    let files = try ImageFiles(dataFolder! + "/omniglot/all_runs.zip")
    #expect(files.names.count == 800)
    #expect(files.names.first == "run01/test/item01.png" && files.folder(0) == "run01/test")
    var ink = 0
    for i in files.names.indices {
      let image = try files.image(i)
      #expect(image.width == 105 && image.height == 105 && image.channels == 1)
      ink += image.pixels.count { $0 == 0 }
      #expect(image.pixels.allSatisfy { $0 == 0 || $0 == 255 })
    }
    #expect(ink == 714_994)
    #expect(try ImageFiles(dataFolder! + "/omniglot/images_background.zip").names.count == 19_280)
  }

  @Test func foldersOfImages() throws {
    let folder = TemporaryFolder()
    for name in ["b/2.png", "b/1.png", "a/x.png", "a/deep/y.PNG", "a/note.txt", "z.png"] {
      try FileManager.default.createDirectory(
        atPath: (folder.path + "/" + name as NSString).deletingLastPathComponent,
        withIntermediateDirectories: true)
      try Files.write(Self.files["gray"]!, to: folder.path + "/" + name)
    }
    let files = try ImageFiles(folder.path)
    #expect(files.names == ["a/deep/y.PNG", "a/x.png", "b/1.png", "b/2.png", "z.png"])
    #expect(files.names.indices.map { files.folder($0) } == ["a/deep", "a", "b", "b", ""])
    #expect(try files.image(3).width == 7)
    #expect(throws: ArcuateError.self) { try files.image(5) }
    #expect(throws: ArcuateError.self) { try ImageFiles(folder.path + "/nothing") }
    try FileManager.default.createDirectory(
      atPath: folder.path + "/empty", withIntermediateDirectories: true)
    #expect(throws: ArcuateError.self) { try ImageFiles(folder.path + "/empty") }
  }
}

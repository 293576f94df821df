import ArcuateCore
import ArcuateFormats

/// The pixels of a PNG file, as bytes.
///
/// Supports gray of 1, 2, 4 or 8 bits (scaled to 0 ... 255), gray with alpha, RGB, RGBA of 8 bits
/// each, and palettes, which become RGB; neither interlaced nor 16-bit images.
/// Source. PNG specification, third edition.
public struct PNGImage: Sendable, Equatable {
  public let width: Int
  public let height: Int
  /// 1 gray, 2 gray and alpha, 3 RGB, 4 RGBA.
  public let channels: Int
  /// [height][width][channels]
  public let pixels: [UInt8]

  /// Limit on the pixels of an image.
  public static let mostPixels = 1 << 26

  private static let signature: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]

  public static func recognizes(_ bytes: Bytes) -> Bool {
    (try? bytes.slice(0, 8).array) == signature
  }

  /// Throws. `cannotOpen`, `truncated`, `malformed`, `unsupportedFormat`, `limitExceeded`.
  public static func read(_ path: String) throws(ArcuateError) -> PNGImage {
    let bytes = try Files.read(path, limit: 1 << 30)
    return try within(path) { () throws(ArcuateError) in try PNGImage(bytes) }
  }

  /// As `read`, from bytes.
  public init(_ bytes: Bytes) throws(ArcuateError) {
    guard PNGImage.recognizes(bytes) else {
      throw ArcuateError(.malformed, "is not a PNG file", at: "byte 0")
    }
    var at = 8
    var header: Header?
    var palette: [UInt8] = []
    var deflated: [UInt8] = []
    while true {
      let (name, body) = try PNGImage.chunk(bytes, &at)
      switch name {
      case "IHDR":
        guard header == nil else { throw ArcuateError(.malformed, "has two headers", at: name) }
        header = try within(name) { () throws(ArcuateError) in try Header(body) }
      case "PLTE":
        guard body.count % 3 == 0, body.count <= 768 else {
          throw ArcuateError(.malformed, "has \(body.count) bytes", at: name)
        }
        palette = body.array
      case "IDAT": deflated += body.array
      case "IEND":
        guard let header else { throw ArcuateError(.malformed, "has no IHDR", at: "byte 8") }
        let rows = try within("IDAT") { () throws(ArcuateError) in
          try header.unfilter(
            try Inflate.bytes(Bytes(deflated), .zlib, limit: header.filteredCount))
        }
        (width, height) = (header.width, header.height)
        channels = header.isPalette ? 3 : header.samples
        pixels = try header.pixels(rows, palette)
        return
      default:
        // A lower-case first letter marks an optional chunk.
        guard name.utf8.first! & 0x20 != 0 else {
          throw ArcuateError(.unsupportedFormat, "chunk \(name) is not supported", at: "byte \(at)")
        }
      }
      guard header != nil else { throw ArcuateError(.malformed, "has no IHDR", at: "byte 8") }
    }
  }

  private static func chunk(_ bytes: Bytes, _ at: inout Int) throws(ArcuateError) -> (
    name: String, body: Bytes
  ) {
    let start = at
    return try within("byte \(start)") { () throws(ArcuateError) in
      let length = Int(widening: try bytes.integer(UInt32.self, at: start, bigEndian: true))
      let named = try bytes.slice(start + 4, length + 4)
      let name = try named.slice(0, 4).array
      guard name.allSatisfy({ (65...90).contains($0) || (97...122).contains($0) }) else {
        throw ArcuateError(.malformed, "expected the name of a chunk")
      }
      let stated = try bytes.integer(UInt32.self, at: start + 8 + length, bigEndian: true)
      let text = String(decoding: name, as: UTF8.self)
      guard stated == Inflate.checksum(named) else {
        throw ArcuateError(.malformed, "the checksum of \(text) does not match")
      }
      at = start + 12 + length
      return (text, try named.slice(4, length))
    }
  }

  private struct Header {
    let width: Int
    let height: Int
    let depth: Int
    let samples: Int
    let isPalette: Bool

    /// Bytes of a row, without its filter byte.
    var rowCount: Int { (width * samples * depth + 7) / 8 }
    var filteredCount: Int { height * (rowCount + 1) }

    init(_ body: Bytes) throws(ArcuateError) {
      guard body.count == 13 else {
        throw ArcuateError(.malformed, "has \(body.count) bytes, not 13")
      }
      width = Int(widening: try body.integer(UInt32.self, at: 0, bigEndian: true))
      height = Int(widening: try body.integer(UInt32.self, at: 4, bigEndian: true))
      let numbers = body.array[8...].map { Int(widening: $0) }
      depth = numbers[0]
      let color = numbers[1]
      guard width > 0, height > 0, width <= 1 << 20, height <= 1 << 20,
        width * height <= PNGImage.mostPixels
      else {
        throw ArcuateError(
          .limitExceeded, "\(width) x \(height) pixels are not within 1 ... \(PNGImage.mostPixels)")
      }
      guard let samples = [0: 1, 2: 3, 3: 1, 4: 2, 6: 4][color], numbers[2] == 0, numbers[3] == 0
      else {
        throw ArcuateError(
          .malformed, "invalid color type \(color) or methods \(numbers[2]) and \(numbers[3])")
      }
      self.samples = samples
      isPalette = color == 3
      guard depth == 8 || [1, 2, 4].contains(depth) && samples == 1 else {
        throw ArcuateError(.unsupportedFormat, "\(depth) bits per sample are not supported")
      }
      guard numbers[4] == 0 else {
        throw ArcuateError(.unsupportedFormat, "interlaced images are not supported")
      }
    }

    /// Rows with their filters undone.
    func unfilter(_ filtered: [UInt8]) throws(ArcuateError) -> [UInt8] {
      guard filtered.count == filteredCount else {
        throw ArcuateError(.truncated, "has \(filtered.count) bytes, not \(filteredCount)")
      }
      let step = max(1, samples * depth / 8)
      var rows = [UInt8](repeating: 0, count: height * rowCount)
      for y in 0..<height {
        let from = y * (rowCount + 1)
        let to = y * rowCount
        let filter = filtered[from]
        guard filter <= 4 else {
          throw ArcuateError(.malformed, "unknown filter \(filter)", at: "row \(y)")
        }
        for x in 0..<rowCount {
          let left = x >= step ? Int(widening: rows[to + x - step]) : 0
          let up = y > 0 ? Int(widening: rows[to - rowCount + x]) : 0
          let corner = x >= step && y > 0 ? Int(widening: rows[to - rowCount + x - step]) : 0
          let guess: Int
          switch filter {
          case 0: guess = 0
          case 1: guess = left
          case 2: guess = up
          case 3: guess = (left + up) / 2
          default:
            let p = left + up - corner
            let (a, b, c) = ((p - left).magnitude, (p - up).magnitude, (p - corner).magnitude)
            guess = a <= b && a <= c ? left : b <= c ? up : corner
          }
          rows[to + x] = filtered[from + 1 + x] &+ UInt8(truncatingIfNeeded: guess)
        }
      }
      return rows
    }

    func pixels(_ rows: [UInt8], _ palette: [UInt8]) throws(ArcuateError) -> [UInt8] {
      if depth == 8, !isPalette { return rows }
      let most = (1 << depth) - 1
      var pixels: [UInt8] = []
      pixels.reserveCapacity(width * height * (isPalette ? 3 : 1))
      for y in 0..<height {
        for x in 0..<width {
          let bit = x * depth
          let byte = Int(widening: rows[y * rowCount + bit / 8])
          let value = byte >> (8 - depth - bit % 8) & most
          guard isPalette else {
            pixels.append(UInt8(truncatingIfNeeded: value * 255 / most))
            continue
          }
          guard 3 * value + 3 <= palette.count else {
            throw ArcuateError(
              .malformed, "color \(value) is outside the palette of \(palette.count / 3)",
              at: "pixel (\(x), \(y))")
          }
          pixels += palette[3 * value..<3 * value + 3]
        }
      }
      return pixels
    }
  }
}

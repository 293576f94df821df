import ArcuateCore
import ArcuateFormats

/// An array in the IDX format of the MNIST database, plain or gzipped.
///
/// Two zero bytes, the element type, the number of axes, the extents as big-endian uint32, then the
/// elements, big-endian and row-major.
/// Source. LeCun, Cortes, Burges, "The MNIST database of handwritten digits".
public struct IDXFile: Sendable {
  public enum Element: UInt8, Sendable, CaseIterable {
    case uint8 = 0x08
    case int8 = 0x09
    case int16 = 0x0B
    case int32 = 0x0C
    case float32 = 0x0D
    case float64 = 0x0E

    public var byteCount: Int {
      switch self {
      case .uint8, .int8: 1
      case .int16: 2
      case .int32, .float32: 4
      case .float64: 8
      }
    }
  }

  public let element: Element
  public let extents: [Int]
  private let data: Bytes

  /// Items: the extent of the first axis.
  public var count: Int { extents.first ?? 0 }
  /// Numbers of one item.
  public var itemCount: Int { extents.dropFirst().reduce(1, *) }

  /// Limit on the bytes of an array.
  static let limit = 1 << 32

  /// Throws. `cannotOpen`, `truncated`, `malformed`, `unsupportedFormat`, `limitExceeded`.
  public static func read(_ path: String) throws(ArcuateError) -> IDXFile {
    let bytes = try Files.read(path)
    return try within(path) { () throws(ArcuateError) in try parse(bytes) }
  }

  /// As `read`, from bytes.
  public static func parse(_ bytes: Bytes) throws(ArcuateError) -> IDXFile {
    if Inflate.isGzip(bytes) {
      return try IDXFile(Bytes(try Inflate.bytes(bytes, .gzip, limit: limit)))
    }
    return try IDXFile(bytes)
  }

  private init(_ bytes: Bytes) throws(ArcuateError) {
    let magic = try bytes.integer(UInt32.self, at: 0, bigEndian: true)
    guard magic >> 16 == 0, let element = Element(rawValue: UInt8(truncatingIfNeeded: magic >> 8))
    else {
      throw ArcuateError(
        .malformed, "is not an IDX file: expected two zero bytes, a type and the number of axes",
        at: "byte 0")
    }
    let axes = Int(widening: magic & 0xFF)
    guard (1...8).contains(axes) else {
      throw ArcuateError(.malformed, "has \(axes) axes, not 1 to 8", at: "byte 3")
    }
    var extents: [Int] = []
    var size = element.byteCount
    for axis in 0..<axes {
      let extent = Int(widening: try bytes.integer(UInt32.self, at: 4 + 4 * axis, bigEndian: true))
      extents.append(extent)
      // The limit is that of the items of an empty array, too.
      let (product, overflow) = size.multipliedReportingOverflow(by: max(1, extent))
      guard !overflow, product <= IDXFile.limit else {
        throw ArcuateError(
          .limitExceeded, "shape \(extents) exceeds the limit of \(IDXFile.limit) bytes",
          at: "byte 4")
      }
      size = product
    }
    if extents.contains(0) { size = 0 }
    let start = 4 + 4 * axes
    data = try bytes.slice(start, size)
    guard bytes.count == start + size else {
      throw ArcuateError(
        .malformed, "\(bytes.count - start - size) bytes follow the \(extents) elements",
        at: "byte \(start + size)")
    }
    (self.element, self.extents) = (element, extents)
  }

  /// The numbers of some items, concatenated, as float32.
  /// Throws. `invalidArgument` for items out of range.
  public func values(_ items: Range<Int>) throws(ArcuateError) -> [Float] {
    guard items.lowerBound >= 0, items.upperBound <= count else {
      throw ArcuateError(
        .invalidArgument,
        "items \(items.lowerBound) ..< \(items.upperBound) are not within 0 ..< \(count)")
    }
    let (first, many) = (items.lowerBound * itemCount, items.count * itemCount)
    let part = try data.slice(first * element.byteCount, many * element.byteCount)
    func each<T: FixedWidthInteger>(_: T.Type, _ value: (T) -> Float) throws(ArcuateError)
      -> [Float]
    {
      try (0..<many).map { i throws(ArcuateError) in
        value(try part.integer(T.self, at: i * MemoryLayout<T>.size, bigEndian: true))
      }
    }
    switch element {
    case .uint8: return part.array.map { Float($0) }
    case .int8: return try each(Int8.self) { Float($0) }
    case .int16: return try each(Int16.self) { Float($0) }
    case .int32: return try each(Int32.self) { Float($0) }
    case .float32: return try each(UInt32.self) { Float(bitPattern: $0) }
    case .float64: return try each(UInt64.self) { Float(Double(bitPattern: $0)) }
    }
  }

  /// The same as bytes. Throws. `invalidArgument` also for elements other than uint8.
  public func bytes(_ items: Range<Int>) throws(ArcuateError) -> Bytes {
    guard element == .uint8, items.lowerBound >= 0, items.upperBound <= count else {
      throw ArcuateError(
        .invalidArgument,
        "items \(items.lowerBound) ..< \(items.upperBound) of \(count) of type \(element) cannot be "
          + "read as bytes")
    }
    return try data.slice(items.lowerBound * itemCount, items.count * itemCount)
  }
}

/// An immutable list of integers, such as indices, stored as 32 or 64 bits.
///
/// It may point into a mapped file. Its values are not checked: call `firstOutside` before using
/// them as indices.
public struct IndexArray: Sendable {
  public enum Element: String, Sendable, CaseIterable {
    case uint32 = "U32"
    case int32 = "I32"
    case int64 = "I64"

    public var byteCount: Int { self == .int64 ? 8 : 4 }
  }

  public let element: Element
  /// Little-endian elements, not necessarily aligned.
  public let bytes: Bytes
  public var count: Int { bytes.count / element.byteCount }

  /// Throws. `shapeMismatch` if the bytes are not a whole number of elements.
  public init(element: Element, bytes: Bytes) throws(ArcuateError) {
    guard bytes.count % element.byteCount == 0 else {
      throw ArcuateError(
        .shapeMismatch, "\(bytes.count) bytes are not a multiple of the size of \(element.rawValue)"
      )
    }
    self.element = element
    self.bytes = bytes
  }

  public init(_ values: [UInt32]) {
    element = .uint32
    // SAFETY: the closure only reads the array's bytes while it lives.
    bytes = values.withUnsafeBytes { Bytes(copying: $0) }
  }

  public init(_ values: [Int64]) {
    element = .int64
    // SAFETY: as above.
    bytes = values.withUnsafeBytes { Bytes(copying: $0) }
  }

  /// Needs. 0 <= i < count; checked.
  public subscript(i: Int) -> Int {
    precondition(i >= 0 && i < count, "index outside the list")
    return withReader { $0.value(i) }
  }

  /// The position of the first number outside `range`; nil if there is none.
  /// Cost: one pass, without a copy.
  public func firstOutside(_ range: Range<Int>) -> Int? {
    withReader { reader in
      for i in 0..<count where !range.contains(reader.value(i)) { return i }
      return nil
    }
  }

  /// The position of the first number below its predecessor; nil if there is none.
  public var firstDescent: Int? {
    withReader { reader in
      for i in 0..<max(count - 1, 0) where reader.value(i + 1) < reader.value(i) { return i + 1 }
      return nil
    }
  }

  /// Reads elements of a type that is determined once.
  private struct Reader {
    let base: UnsafeRawPointer
    let element: Element
    @inline(__always)
    func value(_ i: Int) -> Int {
      // SAFETY: `i` is below the count; loads are unaligned.
      switch element {
      case .uint32:
        Int(UInt32(littleEndian: base.loadUnaligned(fromByteOffset: 4 &* i, as: UInt32.self)))
      case .int32:
        Int(Int32(littleEndian: base.loadUnaligned(fromByteOffset: 4 &* i, as: Int32.self)))
      case .int64:
        Int(Int64(littleEndian: base.loadUnaligned(fromByteOffset: 8 &* i, as: Int64.self)))
      }
    }
  }

  @inline(__always)
  private func withReader<R>(_ body: (Reader) -> R) -> R {
    bytes.withUnsafeBytes { raw in
      // SAFETY: an empty list is never read.
      body(Reader(base: raw.baseAddress ?? UnsafeRawPointer(bitPattern: 16)!, element: element))
    }
  }
}

extension IndexArray: Equatable {
  /// The same numbers, in any element type.
  public static func == (a: IndexArray, b: IndexArray) -> Bool {
    a.count == b.count && (0..<a.count).allSatisfy { a[$0] == b[$0] }
  }
}

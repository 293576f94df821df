import Synchronization

/// An immutable array of numbers with a shape, stored as float32, bfloat16 or int8.
///
/// Arithmetic uses float32: `floats` converts. Narrow types let a file be mapped, and a plan pack
/// weights, without a wide copy.
public struct Tensor: Sendable {
  public enum Element: String, Sendable, CaseIterable {
    case float32 = "F32"
    case bfloat16 = "BF16"
    case int8 = "I8"

    public var byteCount: Int {
      switch self {
      case .float32: 4
      case .bfloat16: 2
      case .int8: 1
      }
    }
  }

  public let shape: Shape
  public let element: Element
  /// Little-endian elements in row-major order, `shape.count * element.byteCount` bytes.
  public let bytes: Bytes
  /// One factor for each index of the first axis, or one for all; empty means 1. int8 only.
  public let scales: [Float]
  private let facts = Facts()

  /// Throws. `shapeMismatch` if the bytes or the scales do not fit the shape.
  public init(shape: Shape, element: Element, bytes: Bytes, scales: [Float] = [])
    throws(ArcuateError)
  {
    guard bytes.count == shape.count * element.byteCount else {
      throw ArcuateError(
        .shapeMismatch,
        "shape \(shape) of \(element.rawValue) needs \(shape.count * element.byteCount) bytes, "
          + "not \(bytes.count)")
    }
    guard scales.isEmpty || scales.count == 1 || scales.count == (shape.extents.first ?? 1) else {
      throw ArcuateError(
        .shapeMismatch, "\(scales.count) scales do not fit the first axis of \(shape)")
    }
    self.shape = shape
    self.element = element
    self.bytes = bytes
    self.scales = scales
  }

  /// Throws. `shapeMismatch` if `values.count` is not the element count of `shape`; `outOfMemory`.
  public init(_ values: [Float], shape: Shape) throws(ArcuateError) {
    // SAFETY: the closure only reads the array's bytes while it lives.
    let bytes = try values.withUnsafeBufferPointer { values throws(ArcuateError) in
      try Bytes(allocating: UnsafeRawBufferPointer(values))
    }
    try self.init(shape: shape, element: .float32, bytes: bytes)
  }

  /// The element of each index, in row-major order, without a copy. Throws. `outOfMemory`.
  public init(
    shape: Shape, of element: (Int) throws(ArcuateError) -> Float
  ) throws(ArcuateError) {
    let bytes = try Bytes.allocated(4 * shape.count) { block throws(ArcuateError) in
      // SAFETY: the block has `shape.count` elements, at a multiple of 64 bytes.
      let values = block.bindMemory(to: Float.self)
      for i in 0..<shape.count { values[i] = try element(i) }
    }
    try self.init(shape: shape, element: .float32, bytes: bytes)
  }

  public init(scalar value: Float) {
    shape = .scalar
    element = .float32
    // SAFETY: the closure only reads the bytes of the value.
    bytes = withUnsafeBytes(of: value) { Bytes(copying: $0) }
    scales = []
  }

  /// A copy of numbers, in memory of Swift's. Needs. As many as the shape has elements; checked.
  package init(copying values: [Float], shape: Shape) {
    precondition(values.count == shape.count, "a number for each element")
    self.shape = shape
    element = .float32
    // SAFETY: the closure only reads the array's bytes while it lives.
    bytes = values.withUnsafeBytes { Bytes(copying: $0) }
    scales = []
  }

  public init(vector values: [Float]) {
    // A vector always fits its own count.
    self.init(copying: values, shape: try! Shape([values.count]))
  }

  public static func filled(_ value: Float, shape: Shape) -> Tensor {
    Tensor(copying: [Float](repeating: value, count: shape.count), shape: shape)
  }

  public var count: Int { shape.count }

  /// Every element as float32, in row-major order.
  public var floats: [Float] {
    defer { bytes.evict(0..<bytes.count) }
    return bytes.withUnsafeBytes { raw in
      [Float](unsafeUninitializedCapacity: count) { out, initialized in
        // SAFETY: `init` checked that `raw` holds `count` elements; loads are unaligned.
        switch element {
        case .float32:
          if let start = out.baseAddress, let bytes = raw.baseAddress {
            UnsafeMutableRawPointer(start).copyMemory(from: bytes, byteCount: 4 * count)
          }
        case .bfloat16:
          for i in 0..<count {
            let half = raw.loadUnaligned(fromByteOffset: 2 * i, as: UInt16.self)
            out.initializeElement(at: i, to: Float(bitPattern: UInt32(half) << 16))
          }
        case .int8:
          let inner = scales.count > 1 ? count / max(scales.count, 1) : count
          for i in 0..<count {
            let scale = scales.isEmpty ? 1 : scales[scales.count > 1 ? i / inner : 0]
            out.initializeElement(at: i, to: Float(Int8(bitPattern: raw[i])) * scale)
          }
        }
        initialized = count
      }
    }
  }

  /// Whether no element is infinite or not a number. Cost: one pass without a copy, once.
  public var isFinite: Bool {
    facts.isFinite {
      guard scales.allSatisfy(\.isFinite) else { return false }
      // A chunk at a time, whose pages are evicted, since the elements may be read again much
      // later.
      let chunk = 1 << 18
      for start in stride(from: 0, to: element == .int8 ? 0 : count, by: chunk) {
        let range = start..<min(start + chunk, count)
        guard isFinite(range) else { return false }
        bytes.evict(range.lowerBound * element.byteCount..<range.upperBound * element.byteCount)
      }
      return true
    }
  }

  private func isFinite(_ range: Range<Int>) -> Bool {
    bytes.withUnsafeBytes { raw in
      // SAFETY: `init` checked that there are bytes for every element.
      guard let start = raw.baseAddress.map({ $0 + range.lowerBound * element.byteCount }) else {
        return true
      }
      return switch element {
      case .float32: FiniteCheck.float32(start, count: range.count)
      case .bfloat16: FiniteCheck.bfloat16(start, count: range.count)
      case .int8: true
      }
    }
  }

  /// The scale of the element at `index`, in row-major order; 1 where there is none.
  public func scale(at index: Int) -> Float {
    guard scales.count > 1 else { return scales.first ?? 1 }
    // A row of a tensor without elements has none either.
    return scales[index / max(count / scales.count, 1)]
  }

  /// Cached properties of the elements, which never change.
  private final class Facts: Sendable {
    private let finite = Atomic<UInt8>(0)

    func isFinite(_ look: () -> Bool) -> Bool {
      let known = finite.load(ordering: .relaxed)
      guard known == 0 else { return known == 1 }
      let answer = look()
      finite.store(answer ? 1 : 2, ordering: .relaxed)
      return answer
    }
  }

  /// The same elements under another shape. Throws. `shapeMismatch` if the counts differ.
  public func reshaped(_ shape: Shape) throws(ArcuateError) -> Tensor {
    try Tensor(shape: shape, element: element, bytes: bytes, scales: scales)
  }

  /// Elements as float32 for a node of shape `target`: a single element is repeated.
  /// Throws. `shapeMismatch` if neither one element nor `target.count`.
  public func broadcast(to target: Shape) throws(ArcuateError) -> [Float] {
    if count == target.count { return floats }
    if count == 1 { return [Float](repeating: floats[0], count: target.count) }
    if shape.isRepeated(over: target) { return repeated(over: target) }
    throw ArcuateError(.shapeMismatch, "shape \(shape) does not fit \(target)")
  }
}

extension Tensor {
  /// Needs. A shape that `isRepeated(over: target)`.
  private func repeated(over target: Shape) -> [Float] {
    var values = floats
    // From the last axis on: each block of what lies inside is repeated.
    var inner = 1
    for axis in (0..<target.rank).reversed() {
      defer { inner *= target[axis] }
      guard shape[axis] == 1, target[axis] != 1 else { continue }
      var wider: [Float] = []
      wider.reserveCapacity(values.count * target[axis])
      var first = 0
      while first < values.count {
        for _ in 0..<target[axis] { wider += values[first..<first + inner] }
        first += inner
      }
      values = wider
    }
    return values
  }
}

extension Tensor: Equatable {
  /// Same shape and same float32 bits.
  public static func == (a: Tensor, b: Tensor) -> Bool {
    a.shape == b.shape && a.floats.map(\.bitPattern) == b.floats.map(\.bitPattern)
  }
}

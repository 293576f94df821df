import ArcuateCore

/// The container: named tensors and a few texts, without any meaning.
///
/// A `.safetensors` file is a little-endian u64 length, a JSON header of that length, and the
/// tensors' elements one after another.
/// Source. The format's rules as its README states them: the header begins with "{" and has at
/// most 100 MB; no key twice; `__metadata__` maps strings to strings; the tensors cover the rest
/// of the file without overlap or hole.
struct SafetensorsContainer {
  /// A tensor of any of the format's element types.
  struct Entry {
    var type: String
    var shape: Shape
    var bytes: Bytes
  }

  var metadata: [String: String] = [:]
  var entries: [String: Entry] = [:]

  static let maximumHeader = 100_000_000
  static let alignment = 64

  /// Bytes of an element; types narrower than a byte are not read.
  static let sizes = [
    "BOOL": 1, "U8": 1, "I8": 1, "U16": 2, "I16": 2, "F16": 2, "BF16": 2, "U32": 4, "I32": 4,
    "F32": 4, "U64": 8, "I64": 8, "F64": 8,
  ]

  init() {}

  /// Whether the bytes begin like the format.
  static func recognizes(_ bytes: Bytes) -> Bool {
    guard let length = try? bytes.integer(UInt64.self, at: 0), let first = try? bytes.byte(at: 8)
    else { return false }
    return length <= UInt64(clamping: maximumHeader) && first == UInt8(ascii: "{")
  }

  // MARK: Reading

  /// The tensors share the storage of `bytes`.
  /// Throws. `truncated`, `malformed`, `unsupportedFormat` or `limitExceeded` naming the location.
  init(_ bytes: Bytes) throws(ArcuateError) {
    let length: UInt64 = try bytes.integer(at: 0)
    guard length <= UInt64(clamping: Self.maximumHeader) else {
      throw ArcuateError(
        .limitExceeded, "a header of \(length) bytes; \(Self.maximumHeader) are allowed",
        at: "byte 0")
    }
    let header = try within("header") { () throws(ArcuateError) in
      let text = try bytes.slice(8, Int(clamping: length)).array
      guard text.first == UInt8(ascii: "{") else {
        throw ArcuateError(.malformed, "does not begin with \"{\"", at: "byte 8")
      }
      return try JSONParser.parse(text).object()
    }
    let data = try bytes.slice(8 + Int(clamping: length), bytes.count - 8 - Int(clamping: length))
    var spans: [(begin: Int, end: Int, name: String)] = []
    for (name, value) in header.sorted(by: { $0.key < $1.key }) {
      if name == "__metadata__" {
        try within("header: __metadata__") { () throws(ArcuateError) in
          for (key, text) in try value.object() { metadata[key] = try text.string() }
        }
        continue
      }
      try within("tensor \"\(name.prefix(200))\"") { () throws(ArcuateError) in
        let fields = try value.object()
        func field(_ name: String) throws(ArcuateError) -> JSON {
          guard let field = fields[name] else {
            throw ArcuateError(.malformed, "states no \(name)")
          }
          return field
        }
        let type = try field("dtype").string()
        guard let size = Self.sizes[type] else {
          throw ArcuateError(.unsupportedFormat, "has elements of type \(type.prefix(40))")
        }
        let shape = try Shape(
          try field("shape").array().map { extent throws(ArcuateError) in try extent.integer() })
        let offsets = try field("data_offsets").array().map { offset throws(ArcuateError) in
          try offset.integer(Int.self)
        }
        guard offsets.count == 2, offsets[0] >= 0, offsets[0] <= offsets[1] else {
          throw ArcuateError(.malformed, "data_offsets are not a beginning and an end")
        }
        guard offsets[1] - offsets[0] == shape.count * size else {
          throw ArcuateError(
            .malformed,
            "shape \(shape) of \(type) needs \(shape.count * size) bytes, "
              + "its offsets span \(offsets[1] - offsets[0])")
        }
        entries[name] = Entry(
          type: type, shape: shape, bytes: try data.slice(offsets[0], offsets[1] - offsets[0]))
        spans.append((offsets[0], offsets[1], name))
      }
    }
    spans.sort { ($0.begin, $0.end) < ($1.begin, $1.end) }
    var end = 0
    for span in spans {
      guard span.begin == end else {
        throw ArcuateError(
          .malformed, "begins at \(span.begin) where \(end) is expected: tensors follow each other",
          at: "tensor \"\(span.name.prefix(200))\"")
      }
      end = span.end
    }
    guard end == data.count else {
      throw ArcuateError(
        .malformed, "\(data.count - end) bytes follow the last tensor",
        at: "byte \(bytes.count - data.count + end)")
    }
  }

  // MARK: Writing

  /// The bytes of a file. Throws. As `start`.
  func encode() throws(ArcuateError) -> [UInt8] {
    let order = ordered
    var out = try start(of: order)
    out.reserveCapacity(out.count + order.reduce(0) { $0 + $1.value.bytes.count })
    // SAFETY: the closures only read the bytes.
    for (_, entry) in order { entry.bytes.withUnsafeBytes { out.append(contentsOf: $0) } }
    return out
  }

  /// Writes the same bytes without a copy of them. Throws. As `start`; `cannotWrite`, `canceled`.
  func write(to writer: ByteWriter) throws(ArcuateError) {
    let order = ordered
    try writer.write(try start(of: order))
    for (_, entry) in order { try writer.write(whole: entry.bytes) }
  }

  private typealias Order = [(key: String, value: Entry)]

  /// The data begins at a multiple of 64. Tensors whose size is such a multiple come first, so
  /// that each of them is aligned to a cache line; the rest is ordered by width of element.
  private var ordered: Order {
    entries.sorted { a, b in
      func rank(_ entry: Entry) -> (Int, Int) {
        (entry.bytes.count % Self.alignment == 0 ? 0 : 1, -(Self.sizes[entry.type] ?? 0))
      }
      let (first, second) = (rank(a.value), rank(b.value))
      return first == second
        ? a.key.utf8.lexicographicallyPrecedes(b.key.utf8) : first < second
    }
  }

  /// The length of the header, and the header.
  /// Throws. `limitExceeded` if the header grows beyond what the format allows.
  private func start(of order: Order) throws(ArcuateError) -> [UInt8] {
    var members: [String: JSON] = [:]
    if !metadata.isEmpty { members["__metadata__"] = .object(metadata.mapValues { .string($0) }) }
    var end = 0
    for (name, entry) in order {
      members[name] = .object([
        "dtype": .string(entry.type), "shape": .array(entry.shape.extents.map { .number($0) }),
        "data_offsets": .array([.number(end), .number(end + entry.bytes.count)]),
      ])
      end += entry.bytes.count
    }
    var header = JSON.object(members).text
    while (8 + header.count) % Self.alignment != 0 { header.append(UInt8(ascii: " ")) }
    guard header.count <= Self.maximumHeader else {
      throw ArcuateError(
        .limitExceeded, "a header of \(header.count) bytes; \(Self.maximumHeader) are allowed")
    }
    var out: [UInt8] = []
    // SAFETY: the closure only reads the bytes.
    withUnsafeBytes(of: UInt64(clamping: header.count).littleEndian) { out.append(contentsOf: $0) }
    return out + header
  }
}

extension SafetensorsContainer.Entry {
  /// The elements as a tensor: float32, bfloat16 and int8 as they lie in the file, every other
  /// type converted to float32. `converted` says whether that was so.
  func tensor(scales: [Float] = []) throws(ArcuateError) -> (tensor: Tensor, converted: Bool) {
    if let element = Tensor.Element(rawValue: type) {
      return (try Tensor(shape: shape, element: element, bytes: bytes, scales: scales), false)
    }
    func load<T: FixedWidthInteger>(_ convert: (T) -> Float) throws(ArcuateError) -> [Float] {
      try (0..<shape.count).map { i throws(ArcuateError) in
        if i & 0xF_FFFF == 0 { try Cancellation.check() }
        return convert(try bytes.integer(at: i * MemoryLayout<T>.size))
      }
    }
    let floats: [Float] =
      switch type {
      case "BOOL": try load { (value: UInt8) in value == 0 ? 0 : 1 }
      case "U8": try load { (value: UInt8) in Float(value) }
      case "U16": try load { (value: UInt16) in Float(value) }
      case "I16": try load { (value: Int16) in Float(value) }
      case "U32": try load { (value: UInt32) in Float(value) }
      case "I32": try load { (value: Int32) in Float(value) }
      case "U64": try load { (value: UInt64) in Float(value) }
      case "I64": try load { (value: Int64) in Float(value) }
      case "F16": try load { (value: UInt16) in Float(halfBits: value) }
      case "F64": try load { (value: UInt64) in Float(Double(bitPattern: value)) }
      default: throw ArcuateError(.unsupportedFormat, "has elements of type \(type.prefix(40))")
      }
    return (try Tensor(floats, shape: shape), true)
  }
}

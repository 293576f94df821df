import ArcuateCore

/// The content of a dataset.
enum HDF5Value {
  case numbers(HDF5Numbers)
  case strings([String])
  /// Variable-length sequences of numbers.
  case sequences([[Double]])
}

/// Numbers as they are stored, row-major.
struct HDF5Numbers {
  let bytes: Bytes
  let type: HDF5Type
  let count: Int

  /// As doubles; integers beyond 2^53 are rounded.
  func doubles() throws(ArcuateError) -> [Double] {
    try (0..<count).map { i throws(ArcuateError) in try type.number(bytes, at: i * type.size) }
  }

  /// As float32; little-endian float32 is not copied.
  func tensor(_ shape: Shape) throws(ArcuateError) -> Tensor {
    if case .float = type.kind, type.size == 4, !type.bigEndian {
      return try Tensor(shape: shape, element: .float32, bytes: bytes)
    }
    return try Tensor(
      (0..<count).map { i throws(ArcuateError) in Float(try type.number(bytes, at: i * type.size))
      }, shape: shape)
  }
}

struct HDF5Dataset {
  var shape: [Int]
  var value: HDF5Value
  /// Whether the numbers are stored as booleans (an enumeration of FALSE and TRUE).
  var isBool: Bool
}

extension HDF5File {
  /// Reads the data of a dataset object.
  func dataset(_ object: HDF5Object) throws(ArcuateError) -> HDF5Dataset {
    guard let space = object.first(0x01), let type = object.first(0x03),
      let layout = object.first(0x08)
    else { throw ArcuateError(.malformed, "the dataset has no shape, type or layout") }
    let shape = try dataspace(space.data)
    let element = try HDF5Type(type.data)
    var count = 1
    for extent in shape {
      let (product, overflow) = count.multipliedReportingOverflow(by: extent)
      guard !overflow, product <= 1 << 40 else {
        throw ArcuateError(
          .limitExceeded, "shape \(shape) exceeds the limit of 2^40 elements",
          at: "byte \(space.offset)")
      }
      count = product
    }
    // 2^40 elements of at most 2^20 bytes. Decoded values may be wider than the stored ones.
    let size = count * element.size
    try budget.take(decoded: max(size, count * (element.isText ? 16 : 4)))
    let filters =
      try object.first(0x0B).map { value throws(ArcuateError) in try pipeline(value.data) } ?? []
    let raw = try within("data layout at byte \(layout.offset)") { () throws(ArcuateError) in
      try data(layout.data, shape: shape, size: size, element: element.size, filters: filters)
    }
    return HDF5Dataset(
      shape: shape, value: try decode(raw, count: count, element), isBool: element.isBool)
  }

  func dataspace(_ data: Bytes) throws(ArcuateError) -> [Int] {
    let version = try data.byte(at: 0)
    let rank = Int(widening: try data.byte(at: 1))
    guard version == 1 || version == 2 else {
      throw ArcuateError(.unsupportedFormat, "dataspace version \(version)")
    }
    guard rank <= Shape.maximumRank else {
      throw ArcuateError(.limitExceeded, "rank \(rank) exceeds the limit of \(Shape.maximumRank)")
    }
    if version == 2, try data.byte(at: 3) == 2 { return [0] }
    return try (0..<rank).map { i throws(ArcuateError) in
      let extent: UInt64 = try data.integer(at: (version == 1 ? 8 : 4) + 8 * i)
      guard extent <= 1 << 40 else {
        throw ArcuateError(.limitExceeded, "extent \(extent) exceeds the limit of 2^40")
      }
      return Int(clamping: extent)
    }
  }

  // MARK: Layout

  func data(
    _ data: Bytes, shape: [Int], size: Int, element: Int, filters: [HDF5Filter]
  ) throws(ArcuateError) -> Bytes {
    let version = try data.byte(at: 0)
    // 5 is 4 with wider sizes of filtered chunks, whose width the chunk index states.
    guard (3...5).contains(version) else {
      throw ArcuateError(.unsupportedFormat, "layout version \(version); 3 to 5 are read")
    }
    switch try data.byte(at: 1) {
    case 0:
      let stored = Int(widening: try data.integer(UInt16.self, at: 2))
      guard stored >= size else {
        throw ArcuateError(.truncated, "needs \(size) bytes, but only \(stored) are stored")
      }
      return try data.slice(4, size)
    case 1:
      let address: UInt64 = try data.integer(at: 2)
      // An empty dataset has no address.
      if size == 0 { return Bytes([]) }
      let stored: UInt64 = try data.integer(at: 10)
      guard address != HDF5File.undefined, stored >= UInt64(clamping: size) else {
        throw ArcuateError(.truncated, "needs \(size) bytes, which were never written")
      }
      return try bytes.slice(try offset(address), size)
    case 2:
      let index =
        try version == 3 ? chunkIndex(version3: data, shape) : chunkIndex(version4: data, shape)
      guard index.element == element else {
        throw ArcuateError(
          .malformed, "the chunks have elements of \(index.element) bytes, not \(element)")
      }
      return try assemble(index, shape: shape, size: size, filters: filters)
    case let other:
      throw ArcuateError(.unsupportedFormat, "layout class \(other) of version \(version)")
    }
  }

  private func pipeline(_ data: Bytes) throws(ArcuateError) -> [HDF5Filter] {
    try filterNumbers(data).map { id throws(ArcuateError) in try HDF5Filter(id: id) }
  }

  /// The numbers of the filters, in the order in which they were applied.
  func filterNumbers(_ data: Bytes) throws(ArcuateError) -> [UInt16] {
    let version = try data.byte(at: 0)
    let count = Int(widening: try data.byte(at: 1))
    guard version == 1 || version == 2, count <= 32 else {
      throw ArcuateError(.unsupportedFormat, "filter pipeline version \(version), \(count) filters")
    }
    var at = version == 1 ? 8 : 2
    return try (0..<count).map { _ throws(ArcuateError) in
      let id: UInt16 = try data.integer(at: at)
      var name = 0
      if version == 1 || id >= 256 {
        name = Int(widening: try data.integer(UInt16.self, at: at + 2))
        at += 2
      }
      let values = Int(widening: try data.integer(UInt16.self, at: at + 4))
      at += 6
      if version == 1 { name = (name + 7) & ~7 }
      at += name + 4 * values + (version == 1 && values & 1 == 1 ? 4 : 0)
      return id
    }
  }

  // MARK: Elements

  private func decode(_ raw: Bytes, count: Int, _ type: HDF5Type) throws(ArcuateError) -> HDF5Value
  {
    func text(_ data: Bytes) -> String {
      String(decoding: data.array.prefix { $0 != 0 }, as: UTF8.self)
    }
    switch type.kind {
    case .integer, .float: return .numbers(HDF5Numbers(bytes: raw, type: type, count: count))
    case .fixedString:
      return .strings(
        try (0..<count).map { i throws(ArcuateError) in
          text(try raw.slice(i * type.size, type.size))
        })
    case .variableString:
      return .strings(
        try (0..<count).map { i throws(ArcuateError) in
          text(try heapObject(raw, at: 16 * i, element: 1))
        })
    case .sequence(let inner):
      return .sequences(
        try (0..<count).map { i throws(ArcuateError) in
          let data = try heapObject(raw, at: 16 * i, element: inner.size)
          let length = data.count / inner.size
          try budget.take(decoded: 8 * length)
          return try HDF5Numbers(bytes: data, type: inner, count: length).doubles()
        })
    }
  }
}

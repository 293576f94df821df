import ArcuateCore

/// What a dataset holds.
enum HDF5Value {
  /// Numbers as doubles (integers beyond 2^53 lose digits), row-major.
  case numbers([Double])
  case strings([String])
  /// Variable-length sequences of numbers.
  case sequences([[Double]])
}

struct HDF5Dataset {
  var shape: [Int]
  var value: HDF5Value
  /// Whether the numbers are stored as booleans (an enumeration of FALSE and TRUE).
  var isBool: Bool
}

extension HDF5File {
  /// Reads the data of a dataset object.
  func dataset(_ object: HDF5Object) throws -> HDF5Dataset {
    guard let space = object.first(0x01), let type = object.first(0x03),
      let layout = object.first(0x08)
    else { throw ArcuateError(.malformed, "a dataset without shape, type or layout") }
    let shape = try dataspace(space.data)
    let element = try HDF5Type(type.data)
    var count = 1
    for extent in shape {
      let (product, overflow) = count.multipliedReportingOverflow(by: extent)
      guard !overflow, product <= 1 << 40 else {
        throw ArcuateError(.limitExceeded, "shape \(shape) is absurd", at: "byte \(space.offset)")
      }
      count = product
    }
    let (size, overflow) = count.multipliedReportingOverflow(by: element.size)
    guard !overflow else { throw ArcuateError(.limitExceeded, "shape \(shape) is absurd") }
    try budget.take(decoded: size)
    let filters = try object.first(0x0B).map { try pipeline($0.data) } ?? []
    let raw = try within("data layout at byte \(layout.offset)") {
      try data(layout.data, shape: shape, size: size, element: element.size, filters: filters)
    }
    guard let raw else {
      // Never written: the fill value, which network files leave at zero.
      return HDF5Dataset(
        shape: shape, value: element.isText ? .strings([String](repeating: "", count: count))
          : .numbers([Double](repeating: 0, count: count)), isBool: false)
    }
    return HDF5Dataset(
      shape: shape, value: try decode(raw, count: count, element), isBool: element.isBool)
  }

  private func dataspace(_ data: Bytes) throws -> [Int] {
    let version = try data.byte(at: 0)
    let rank = Int(try data.byte(at: 1))
    guard version == 1 || version == 2 else {
      throw ArcuateError(.unsupportedFormat, "dataspace version \(version)")
    }
    guard rank <= Shape.maximumRank else {
      throw ArcuateError(.limitExceeded, "rank \(rank) is above \(Shape.maximumRank)")
    }
    if version == 2, try data.byte(at: 3) == 2 { return [0] }
    return try (0..<rank).map { i in
      let extent: UInt64 = try data.integer(at: (version == 1 ? 8 : 4) + 8 * i)
      guard extent <= 1 << 40 else {
        throw ArcuateError(.limitExceeded, "an extent of \(extent) is absurd")
      }
      return Int(extent)
    }
  }

  // MARK: Layout

  private func data(
    _ data: Bytes, shape: [Int], size: Int, element: Int, filters: [HDF5Filter]
  ) throws -> Bytes? {
    let version = try data.byte(at: 0)
    guard version == 3 || version == 4 else {
      throw ArcuateError(.unsupportedFormat, "layout version \(version); 3 is read")
    }
    switch try data.byte(at: 1) {
    case 0:
      let stored = Int(try data.integer(UInt16.self, at: 2))
      guard stored >= size else {
        throw ArcuateError(.truncated, "\(stored) bytes stored, \(size) needed")
      }
      return try data.slice(4, size)
    case 1:
      let address: UInt64 = try data.integer(at: 2)
      if address == HDF5File.undefined { return nil }
      let stored: UInt64 = try data.integer(at: 10)
      guard stored >= UInt64(size) else {
        throw ArcuateError(.truncated, "\(stored) bytes stored, \(size) needed")
      }
      return try bytes.slice(try offset(address), size)
    case 2 where version == 3:
      let rank = Int(try data.byte(at: 2)) - 1
      guard rank == shape.count, rank >= 1 else {
        throw ArcuateError(.malformed, "chunks of rank \(rank) for a shape of rank \(shape.count)")
      }
      let chunk = try (0...rank).map { Int(try data.integer(UInt32.self, at: 11 + 4 * $0)) }
      guard chunk.last == element, chunk.allSatisfy({ $0 > 0 }) else {
        throw ArcuateError(.malformed, "chunk extents \(chunk) for elements of \(element) bytes")
      }
      let address: UInt64 = try data.integer(at: 3)
      if address == HDF5File.undefined { return nil }
      return try chunks(
        tree: try offset(address), shape: shape, chunk: Array(chunk.dropLast()), size: size,
        element: element, filters: filters)
    case let other:
      throw ArcuateError(.unsupportedFormat, "layout class \(other) of version \(version)")
    }
  }

  private func chunks(
    tree: Int, shape: [Int], chunk: [Int], size: Int, element: Int, filters: [HDF5Filter]
  ) throws -> Bytes {
    var chunkSize = element
    for extent in chunk {
      let (product, overflow) = chunkSize.multipliedReportingOverflow(by: extent)
      guard !overflow, product <= 1 << 32 else {
        throw ArcuateError(.limitExceeded, "chunks of \(chunk) elements are absurd")
      }
      chunkSize = product
    }
    var target = [UInt8](repeating: 0, count: size)
    var visited = Set<Int>()
    var pending = [(offset: tree, depth: 0)]
    while let (node, depth) = pending.popLast() {
      try budget.take(object: 1)
      guard depth <= 16, visited.insert(node).inserted else {
        throw ArcuateError(.malformed, "a B-tree that contains itself", at: "byte \(node)")
      }
      try expect("TREE", at: node)
      let type = try bytes.byte(at: node + 4)
      let level = try bytes.byte(at: node + 5)
      guard type == 1 else {
        throw ArcuateError(.malformed, "a chunk B-tree of type \(type)", at: "byte \(node)")
      }
      let count = Int(try bytes.integer(UInt16.self, at: node + 6))
      let keySize = 8 + 8 * (shape.count + 1)
      for i in 0..<count {
        let key = node + 24 + i * (keySize + 8)
        let child = try offset(try bytes.integer(at: key + keySize))
        if level > 0 {
          pending.append((child, depth + 1))
          continue
        }
        let stored = Int(try bytes.integer(UInt32.self, at: key))
        let mask: UInt32 = try bytes.integer(at: key + 4)
        let origin = try shape.indices.map { axis -> Int in
          let at: UInt64 = try bytes.integer(at: key + 8 + 8 * axis)
          guard at < UInt64(max(shape[axis], 1)) else {
            throw ArcuateError(.malformed, "a chunk outside the data", at: "byte \(key)")
          }
          return Int(at)
        }
        try budget.take(decoded: chunkSize)
        let plain = try within("chunk at byte \(child)") {
          try HDF5Filter.undo(
            filters, mask: mask, try bytes.slice(child, stored), size: chunkSize, element: element)
        }
        copy(plain, chunk: chunk, origin: origin, shape: shape, element: element, into: &target)
      }
    }
    return Bytes(target)
  }

  /// Copies the part of a chunk that lies inside the data, run by run along the last axis.
  private func copy(
    _ plain: [UInt8], chunk: [Int], origin: [Int], shape: [Int], element: Int,
    into target: inout [UInt8]
  ) {
    let rank = shape.count
    let inside = (0..<rank).map { min(chunk[$0], shape[$0] - origin[$0]) }
    guard inside.allSatisfy({ $0 > 0 }) else { return }
    var index = [Int](repeating: 0, count: rank)
    let run = inside[rank - 1] * element
    while true {
      var from = 0
      var to = 0
      for axis in 0..<rank {
        from = from * chunk[axis] + index[axis]
        to = to * shape[axis] + origin[axis] + index[axis]
      }
      from *= element
      to *= element
      target.replaceSubrange(to..<to + run, with: plain[from..<from + run])
      var axis = rank - 2
      while axis >= 0 {
        index[axis] += 1
        if index[axis] < inside[axis] { break }
        index[axis] = 0
        axis -= 1
      }
      if axis < 0 { return }
    }
  }

  private func pipeline(_ data: Bytes) throws -> [HDF5Filter] {
    let version = try data.byte(at: 0)
    let count = Int(try data.byte(at: 1))
    guard version == 1 || version == 2, count <= 32 else {
      throw ArcuateError(.unsupportedFormat, "filter pipeline version \(version), \(count) filters")
    }
    var at = version == 1 ? 8 : 2
    return try (0..<count).map { _ in
      let id: UInt16 = try data.integer(at: at)
      var name = 0
      if version == 1 || id >= 256 {
        name = Int(try data.integer(UInt16.self, at: at + 2))
        at += 2
      }
      let values = Int(try data.integer(UInt16.self, at: at + 4))
      at += 6
      if version == 1 { name = (name + 7) & ~7 }
      at += name + 4 * values + (version == 1 && values & 1 == 1 ? 4 : 0)
      return try HDF5Filter(id: id)
    }
  }

  // MARK: Elements

  private func decode(_ raw: Bytes, count: Int, _ type: HDF5Type) throws -> HDF5Value {
    switch type.kind {
    case .integer, .float:
      return .numbers(try (0..<count).map { try type.number(raw, at: $0 * type.size) })
    case .fixedString:
      return .strings(
        try (0..<count).map {
          let text = try raw.slice($0 * type.size, type.size).array
          return String(decoding: text.prefix { $0 != 0 }, as: UTF8.self)
        })
    case .variableString:
      return .strings(
        try (0..<count).map {
          let data = try heapObject(raw, at: 16 * $0, element: 1)
          return String(decoding: data.array.prefix { $0 != 0 }, as: UTF8.self)
        })
    case .sequence(let inner):
      return .sequences(
        try (0..<count).map {
          let data = try heapObject(raw, at: 16 * $0, element: inner.size)
          let length = data.count / inner.size
          try budget.take(decoded: 8 * length)
          return try (0..<length).map { try inner.number(data, at: $0 * inner.size) }
        })
    }
  }

  /// The bytes that a 16-byte reference into a global heap stands for.
  private func heapObject(_ raw: Bytes, at place: Int, element: Int) throws -> Bytes {
    let count = Int(try raw.integer(UInt32.self, at: place))
    let address: UInt64 = try raw.integer(at: place + 4)
    let wanted: UInt32 = try raw.integer(at: place + 12)
    if count == 0 { return Bytes([]) }
    let heap = try offset(address)
    return try within("global heap at byte \(heap)") {
      try expect("GCOL", at: heap)
      guard let size = Int(exactly: try bytes.integer(UInt64.self, at: heap + 8)) else {
        throw ArcuateError(.malformed, "absurd size")
      }
      let end = heap + (try bytes.slice(heap, size)).count
      var at = heap + 16
      while at + 16 <= end {
        let index: UInt16 = try bytes.integer(at: at)
        if index == 0 { break }
        guard let length = Int(exactly: try bytes.integer(UInt64.self, at: at + 8)),
          length <= end - at - 16
        else { throw ArcuateError(.malformed, "an object runs past the heap", at: "byte \(at)") }
        // Walking the heap for each string is the file's way to cost time: it is charged.
        try budget.take(decoded: 16)
        if UInt32(index) == wanted {
          let (needed, overflow) = count.multipliedReportingOverflow(by: element)
          guard !overflow, needed <= length else {
            throw ArcuateError(.truncated, "\(count) elements in an object of \(length) bytes")
          }
          try budget.take(decoded: needed)
          return try bytes.slice(at + 16, needed)
        }
        at += 16 + ((length + 7) & ~7)
      }
      throw ArcuateError(.malformed, "object \(wanted) is not there")
    }
  }
}

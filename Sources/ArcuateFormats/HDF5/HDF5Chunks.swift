import ArcuateCore

/// Locations of the chunks of a dataset.
struct HDF5ChunkIndex {
  struct Chunk {
    /// Offset of the stored bytes in the file.
    var start: Int
    var stored: Int
    /// Bit i: filter i was skipped.
    var mask: UInt32
    var origin: [Int]
  }
  /// Extents of a chunk.
  var extents: [Int]
  /// Bytes of an element.
  var element: Int
  /// Bytes of a chunk before filtering.
  var size: Int
  var chunks: [Chunk] = []

  /// Throws. `limitExceeded` for chunks above 4 GiB.
  init(extents: [Int], element: Int) throws(ArcuateError) {
    self.extents = extents
    self.element = element
    size = element
    for extent in extents {
      let (product, overflow) = size.multipliedReportingOverflow(by: extent)
      guard !overflow, extent > 0, product <= 1 << 32 else {
        throw ArcuateError(
          .limitExceeded, "chunks of \(extents) elements exceed the limit of 4 GiB")
      }
      size = product
    }
  }

  /// Chunks along each axis of `shape`.
  func grid(_ shape: [Int]) -> [Int] {
    zip(shape, extents).map { $0 / $1 + ($0 % $1 == 0 ? 0 : 1) }
  }

  /// The first element of a chunk, by its number in row-major order.
  func origin(_ number: Int, _ grid: [Int]) -> [Int] {
    var rest = number
    var origin = [Int](repeating: 0, count: grid.count)
    for axis in grid.indices.reversed() {
      origin[axis] = rest % grid[axis] * extents[axis]
      rest /= grid[axis]
    }
    return origin
  }
}

extension HDF5File {
  /// The chunks of a layout of version 3: a B-tree of version 1.
  func chunkIndex(version3 data: Bytes, _ shape: [Int]) throws(ArcuateError) -> HDF5ChunkIndex {
    let rank = Int(widening: try data.byte(at: 2)) - 1
    guard rank == shape.count, rank >= 1 else {
      throw ArcuateError(.malformed, "chunks of rank \(rank) for a shape of rank \(shape.count)")
    }
    let extents = try (0...rank).map { i throws(ArcuateError) in
      Int(widening: try data.integer(UInt32.self, at: 11 + 4 * i))
    }
    var index = try HDF5ChunkIndex(extents: Array(extents.dropLast()), element: extents[rank])
    let address: UInt64 = try data.integer(at: 3)
    if address == HDF5File.undefined { return index }
    var visited = Set<Int>()
    var pending = [(node: try offset(address), depth: 0)]
    while let (node, depth) = pending.popLast() {
      try budget.take(object: 1)
      guard depth <= 16, visited.insert(node).inserted else {
        throw ArcuateError(.malformed, "the B-tree contains itself", at: "byte \(node)")
      }
      try expect("TREE", at: node)
      let type = try bytes.byte(at: node + 4)
      guard type == 1 else {
        throw ArcuateError(.malformed, "a chunk B-tree of type \(type)", at: "byte \(node)")
      }
      let level = try bytes.byte(at: node + 5)
      let count = Int(widening: try bytes.integer(UInt16.self, at: node + 6))
      let keySize = 8 + 8 * (rank + 1)
      for i in 0..<count {
        let key = node + 24 + i * (keySize + 8)
        let child = try offset(try bytes.integer(at: key + keySize))
        if level > 0 {
          pending.append((child, depth + 1))
          continue
        }
        let origin = try shape.indices.map { axis throws(ArcuateError) -> Int in
          let at: UInt64 = try bytes.integer(at: key + 8 + 8 * axis)
          guard at < UInt64(clamping: shape[axis]), at % UInt64(clamping: index.extents[axis]) == 0
          else {
            throw ArcuateError(.malformed, "a chunk lies outside the data", at: "byte \(key)")
          }
          return Int(clamping: at)
        }
        index.chunks.append(
          .init(
            start: child, stored: Int(widening: try bytes.integer(UInt32.self, at: key)),
            mask: try bytes.integer(at: key + 4), origin: origin))
      }
    }
    return index
  }

  /// The chunks of a layout of version 4: a single one, or an array of them.
  func chunkIndex(version4 data: Bytes, _ shape: [Int]) throws(ArcuateError) -> HDF5ChunkIndex {
    let flags = try data.byte(at: 2)
    let rank = Int(widening: try data.byte(at: 3)) - 1
    let width = Int(widening: try data.byte(at: 4))
    guard rank == shape.count, rank >= 1, (1...8).contains(width), flags & 1 == 0 else {
      throw ArcuateError(
        .malformed, "chunks of rank \(rank) for a shape of rank \(shape.count), flags \(flags)")
    }
    var at = 5
    func integer(_ width: Int, _ data: Bytes, _ at: Int) throws(ArcuateError) -> Int {
      var value: UInt64 = 0
      for i in 0..<width {
        value |= UInt64(truncatingIfNeeded: try data.byte(at: at + i)) << (8 * i)
      }
      return Int(clamping: value)
    }
    let extents = try (0...rank).map { i throws(ArcuateError) in
      try integer(width, data, at + width * i)
    }
    at += width * (rank + 1)
    var index = try HDF5ChunkIndex(extents: Array(extents.dropLast()), element: extents[rank])
    let grid = index.grid(shape)
    var count = 1
    for extent in grid {
      let (product, overflow) = count.multipliedReportingOverflow(by: extent)
      guard !overflow, product <= bytes.count else {
        throw ArcuateError(.limitExceeded, "has more chunks than a file of this size can hold")
      }
      count = product
    }
    let kind = try data.byte(at: at)
    at += 1
    switch kind {
    case 1:
      var (stored, mask) = (index.size, 0 as UInt32)
      if flags & 2 != 0 {
        stored = try integer(8, data, at)
        mask = try data.integer(at: at + 8)
        at += 12
      }
      let address: UInt64 = try data.integer(at: at)
      if address == HDF5File.undefined { return index }
      guard count == 1 else {
        throw ArcuateError(.malformed, "has one chunk where \(count) are needed")
      }
      index.chunks = [
        .init(
          start: try offset(address), stored: stored, mask: mask,
          origin: [Int](repeating: 0, count: rank))
      ]
    case 2:
      let address: UInt64 = try data.integer(at: at)
      if address == HDF5File.undefined { return index }
      let start = try offset(address)
      for i in 0..<count {
        let (skip, overflow) = i.multipliedReportingOverflow(by: index.size)
        guard !overflow, skip <= bytes.count - start else {
          throw ArcuateError(.truncated, "chunk \(i) lies outside the file")
        }
        index.chunks.append(
          .init(start: start + skip, stored: index.size, mask: 0, origin: index.origin(i, grid)))
      }
    case 3:
      let pageBits = Int(widening: try data.byte(at: at))
      let address: UInt64 = try data.integer(at: at + 1)
      if address == HDF5File.undefined { return index }
      try fixedArray(at: try offset(address), count: count, pageBits: pageBits) {
        i, entry, filtered throws(ArcuateError) in
        let address: UInt64 = try bytes.integer(at: entry)
        guard address != HDF5File.undefined else { return }
        var (stored, mask) = (index.size, 0 as UInt32)
        if let width = filtered {
          stored = try integer(width, bytes, entry + 8)
          mask = try bytes.integer(at: entry + 8 + width)
        }
        index.chunks.append(
          .init(
            start: try offset(address), stored: stored, mask: mask, origin: index.origin(i, grid)))
      }
    default:
      throw ArcuateError(
        .unsupportedFormat, "chunk index \(kind); single, implicit and fixed array are read")
    }
    return index
  }

  /// Calls `body` with number and offset of each entry, and for filtered chunks the width of the
  /// stored size.
  private func fixedArray(
    at header: Int, count: Int, pageBits: Int,
    _ body: (_ number: Int, _ entry: Int, _ filtered: Int?) throws(ArcuateError) -> Void
  ) throws(ArcuateError) {
    try expect("FAHD", at: header)
    let client = try bytes.byte(at: header + 5)
    let size = Int(widening: try bytes.byte(at: header + 6))
    guard client == 0 && size == 8 || client == 1 && (13...20).contains(size), pageBits <= 32 else {
      throw ArcuateError(
        .malformed, "an array of client \(client) with entries of \(size) bytes",
        at: "byte \(header)")
    }
    let filtered = client == 1 ? size - 12 : nil
    let block = try offset(try bytes.integer(at: header + 16))
    try expect("FADB", at: block)
    let page = 1 << pageBits
    var at = block + 14
    // Paged arrays have a bitmap of pages and a checksum first, and a checksum after each page.
    let paged = count > page
    if paged { at += ((count + page - 1) / page + 7) / 8 + 4 }
    for i in 0..<count {
      if paged, i > 0, i % page == 0 { at += 4 }
      try body(i, at, filtered)
      at += size
    }
  }

  /// The data assembled from its chunks, all of which must be present.
  func assemble(
    _ index: HDF5ChunkIndex, shape: [Int], size: Int, filters: [HDF5Filter]
  ) throws(ArcuateError) -> Bytes {
    if size == 0 { return Bytes([]) }
    var expected = 1
    for extent in index.grid(shape) {
      expected = expected.multipliedReportingOverflow(by: extent).partialValue
    }
    guard index.chunks.count == expected, Set(index.chunks.map(\.origin)).count == expected else {
      throw ArcuateError(
        .truncated, "needs \(expected) chunks, but has \(index.chunks.count)")
    }
    // Nothing is allocated before the stored bytes are known to exist and to be enough.
    var stored = 0
    for chunk in index.chunks {
      _ = try within("chunk at byte \(chunk.start)") { () throws(ArcuateError) in
        try bytes.slice(chunk.start, chunk.stored)
      }
      try budget.take(stored: chunk.stored)
      stored += chunk.stored
    }
    guard size <= Budget.expansion(of: stored) else {
      throw ArcuateError(.limitExceeded, "\(stored) bytes cannot expand to \(size)")
    }
    // The chunks cover all of it.
    return try Bytes.allocated(size) { target throws(ArcuateError) in
      for chunk in index.chunks {
        let plain = try within("chunk at byte \(chunk.start)") { () throws(ArcuateError) in
          guard index.size <= Budget.expansion(of: chunk.stored) else {
            throw ArcuateError(
              .limitExceeded, "\(chunk.stored) bytes cannot expand to \(index.size)")
          }
          try budget.take(decoded: index.size)
          return try HDF5Filter.undo(
            filters, mask: chunk.mask, try bytes.slice(chunk.start, chunk.stored),
            size: index.size, element: index.element)
        }
        copy(plain, index, origin: chunk.origin, shape: shape, into: target)
      }
    }
  }

  /// Copies the part of a chunk that lies inside the data, run by run along the last axis.
  private func copy(
    _ plain: [UInt8], _ index: HDF5ChunkIndex, origin: [Int], shape: [Int],
    into target: UnsafeMutableRawBufferPointer
  ) {
    let (rank, extents, element) = (shape.count, index.extents, index.element)
    let inside = (0..<rank).map { min(extents[$0], shape[$0] - origin[$0]) }
    var position = [Int](repeating: 0, count: rank)
    let run = inside[rank - 1] * element
    while true {
      var from = 0
      var to = 0
      for axis in 0..<rank {
        from = from * extents[axis] + position[axis]
        to = to * shape[axis] + origin[axis] + position[axis]
      }
      from *= element
      to *= element
      // SAFETY: slices of both buffers are checked; the target takes as many bytes as it is given.
      UnsafeMutableRawBufferPointer(rebasing: target[to..<to + run])
        .copyBytes(from: plain[from..<from + run])
      var axis = rank - 2
      while axis >= 0 {
        position[axis] += 1
        if position[axis] < inside[axis] { break }
        position[axis] = 0
        axis -= 1
      }
      if axis < 0 { return }
    }
  }
}

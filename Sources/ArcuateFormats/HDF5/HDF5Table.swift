import ArcuateCore

/// A one-dimensional dataset of numbers, or of compounds of numbers, read chunk by chunk.
///
/// Filters that only the caller knows are left to it.
package struct HDF5Table {
  /// A number in each element.
  package struct Field {
    /// Empty for a dataset of plain numbers.
    package let name: String
    let offset: Int
    let type: HDF5Type

    /// Whether the numbers are floating-point.
    package var isReal: Bool { if case .float = type.kind { true } else { false } }

    /// The number of the element that begins at byte `element`. Throws. `truncated`.
    package func number(_ bytes: Bytes, _ element: Int) throws(ArcuateError) -> Double {
      try type.number(bytes, at: element + offset)
    }

    /// As `number`, exact for every integer of up to 63 bits.
    package func integer(_ bytes: Bytes, _ element: Int) throws(ArcuateError) -> Int64 {
      let at = element + offset
      switch (type.kind, type.size) {
      case (.integer(let isSigned), 8):
        let bits: UInt64 = try bytes.integer(at: at, bigEndian: type.bigEndian)
        return isSigned ? Int64(bitPattern: bits) : Int64(clamping: bits)
      default:
        return Int64(
          clamping: Int(bounding: try type.number(bytes, at: at), -(1 << 62)...1 << 62))
      }
    }
  }
  /// Bytes of a chunk and the elements in it.
  package struct Chunk {
    package let bytes: Bytes
    package let first: Int
    package let count: Int
  }
  package let count: Int
  package let fields: [Field]
  /// Bytes of an element.
  package let stride: Int
  /// Numbers of the filters that were applied.
  package let filters: [UInt16]
  private let file: HDF5File
  private let index: HDF5ChunkIndex?
  private let whole: Bytes?

  /// The dataset at a path of names; nil if there is none.
  /// Throws. `truncated`, `malformed`, `unsupportedFormat`, `limitExceeded`.
  package init?(_ bytes: Bytes, path: [String]) throws(ArcuateError) {
    let file = try HDF5File(bytes)
    var object = try file.object(at: file.rootHeader)
    for name in path {
      guard object.isGroup else { return nil }
      guard let member = try file.members(of: object).first(where: { $0.name == name }) else {
        return nil
      }
      object = try file.object(at: member.header)
    }
    guard object.isDataset, let space = object.first(0x01), let type = object.first(0x03),
      let layout = object.first(0x08)
    else { return nil }
    let shape = try file.dataspace(space.data)
    guard shape.count <= 1 else {
      throw ArcuateError(.unsupportedFormat, "\(path.joined(separator: "/")) has shape \(shape)")
    }
    count = shape.first ?? 1
    (fields, stride) = try HDF5Table.fields(type.data)
    filters =
      try object.first(0x0B).map { value throws(ArcuateError) in
        try file.filterNumbers(value.data)
      } ?? []
    self.file = file
    let size = count * stride
    if try layout.data.byte(at: 1) == 2, count > 0 {
      let version = try layout.data.byte(at: 0)
      var index =
        try version == 3
        ? file.chunkIndex(version3: layout.data, shape)
        : file.chunkIndex(version4: layout.data, shape)
      guard index.element == stride else {
        throw ArcuateError(
          .malformed, "the chunks have elements of \(index.element) bytes, not \(stride)")
      }
      index.chunks.sort { $0.origin[0] < $1.origin[0] }
      (self.index, whole) = (index, nil)
    } else {
      whole = try file.data(layout.data, shape: shape, size: size, element: stride, filters: [])
      index = nil
    }
  }

  package var chunkCount: Int { index?.chunks.count ?? 1 }

  /// A chunk as it is stored, and the elements that it has in the dataset.
  package func stored(_ i: Int) throws(ArcuateError) -> Chunk {
    guard let index else { return Chunk(bytes: whole ?? Bytes([]), first: 0, count: count) }
    let chunk = index.chunks[i]
    let first = chunk.origin[0]
    return Chunk(
      bytes: try file.bytes.slice(chunk.start, chunk.stored), first: first,
      count: min(index.extents[0], count - first))
  }

  /// A chunk whose filters are undone. Throws. `unsupportedFormat` naming a filter.
  package func plain(_ i: Int) throws(ArcuateError) -> Chunk {
    let stored = try stored(i)
    guard let index, !filters.isEmpty else { return stored }
    let known = try filters.map { id throws(ArcuateError) in try HDF5Filter(id: id) }
    // A chunk expands to no more than its bytes allow.
    guard index.size <= HDF5File.Budget.expansion(of: stored.bytes.count) else {
      throw ArcuateError(
        .limitExceeded, "\(stored.bytes.count) bytes cannot expand to \(index.size)")
    }
    let bytes = try HDF5Filter.undo(
      known, mask: index.chunks[i].mask, stored.bytes, size: index.size, element: stride)
    return Chunk(bytes: Bytes(bytes), first: stored.first, count: stored.count)
  }

  /// The numbers of an element.
  /// Source. HDF5 File Format Specification, "Datatype Message", class 6.
  private static func fields(_ data: Bytes) throws(ArcuateError) -> ([Field], Int) {
    let first = try data.byte(at: 0)
    guard first & 15 == 6 else {
      let type = try HDF5Type(data)
      switch type.kind {
      case .integer, .float: return ([Field(name: "", offset: 0, type: type)], type.size)
      default: throw ArcuateError(.unsupportedFormat, "elements that are not numbers")
      }
    }
    let version = first >> 4
    let size = Int(widening: try data.integer(UInt32.self, at: 4))
    guard (1...3).contains(version), size > 0, size <= 1 << 16 else {
      throw ArcuateError(.unsupportedFormat, "compounds of version \(version), \(size) bytes")
    }
    var fields: [Field] = []
    var at = 8
    for _ in 0..<Int(widening: try data.integer(UInt16.self, at: 1)) {
      var end = at
      while try data.byte(at: end) != 0 { end += 1 }
      let name = String(decoding: try data.slice(at, end - at).array, as: UTF8.self)
      at = version == 3 ? end + 1 : at + (end - at + 8) & ~7
      let width = version < 3 ? 4 : size < 256 ? 1 : 2
      let offset =
        width == 4
        ? Int(widening: try data.integer(UInt32.self, at: at))
        : width == 2
          ? Int(widening: try data.integer(UInt16.self, at: at))
          : Int(widening: try data.byte(at: at))
      at += version == 1 ? 32 : width
      // Only numbers have a length that is known without reading further.
      let kind = try data.byte(at: at) & 15
      guard kind <= 1 else {
        throw ArcuateError(.unsupportedFormat, "field \"\(name.prefix(100))\" is not a number")
      }
      let length = kind == 0 ? 12 : 20
      let type = try HDF5Type(try data.slice(at, length))
      guard offset + type.size <= size else {
        throw ArcuateError(.malformed, "field \"\(name.prefix(100))\" exceeds its compound")
      }
      fields.append(Field(name: name, offset: offset, type: type))
      at += length
    }
    return (fields, size)
  }
}

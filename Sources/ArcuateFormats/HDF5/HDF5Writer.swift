import ArcuateCore

/// Groups and datasets to write as an HDF5 file.
indirect enum HDF5Tree {
  case group([String: HDF5Tree])
  case floats([Float], shape: [Int])
  case double(Double)
  case integers([Int64], shape: [Int])
  case bool(Bool)
  case strings([String], shape: [Int])

  static func string(_ text: String) -> HDF5Tree { .strings([text], shape: []) }
}

/// Writes superblock 0, version 1 headers, symbol-table groups and contiguous data, which every
/// HDF5 library reads.
struct HDF5Writer {
  private var bytes = [UInt8](repeating: 0, count: 96)
  private var heap: [String: (address: Int, index: Int)] = [:]

  static func encode(_ root: [String: HDF5Tree]) throws(ArcuateError) -> [UInt8] {
    var writer = HDF5Writer()
    writer.writeStrings(HDF5Tree.group(root))
    let group = try writer.write(.group(root))
    writer.writeSuperblock(root: group)
    return writer.bytes
  }

  // MARK: Bytes

  private mutating func put<T: FixedWidthInteger>(_ value: T) {
    // SAFETY: the closure only reads the bytes of the value.
    withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
  }

  private mutating func align() { while bytes.count & 7 != 0 { bytes.append(0) } }

  private static func little(_ value: Int, _ count: Int) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
  }

  private mutating func writeSuperblock(root: Int) {
    var head = HDF5File.signature + [0, 0, 0, 0, 0, 8, 8, 0]
    head += Self.little(4, 2) + Self.little(16, 2) + Self.little(0, 4)
    head += Self.little(0, 8) + [UInt8](repeating: 0xFF, count: 8)
    head += Self.little(bytes.count, 8) + [UInt8](repeating: 0xFF, count: 8)
    head += Self.little(0, 8) + Self.little(root, 8) + [UInt8](repeating: 0, count: 24)
    bytes.replaceSubrange(0..<96, with: head)
  }

  // MARK: Strings

  /// Stores every string of the tree in global heaps, without duplicates.
  private mutating func writeStrings(_ tree: HDF5Tree) {
    var texts: [String] = []
    var seen = Set<String>()
    func collect(_ tree: HDF5Tree) {
      switch tree {
      case .group(let members):
        for (_, member) in members.sorted(by: { $0.key < $1.key }) { collect(member) }
      case .strings(let strings, _):
        for text in strings where !text.isEmpty && seen.insert(text).inserted { texts.append(text) }
      default: break
      }
    }
    collect(tree)
    // An object's number has 16 bits.
    for start in stride(from: 0, to: texts.count, by: 60_000) {
      let part = texts[start..<min(start + 60_000, texts.count)]
      let address = bytes.count
      var body: [UInt8] = []
      for (i, text) in part.enumerated() {
        heap[text] = (address, i + 1)
        let utf8 = Array(text.utf8)
        body += Self.little(i + 1, 2) + Self.little(1, 2) + Self.little(0, 4)
        body += Self.little(utf8.count, 8) + utf8
        while body.count & 7 != 0 { body.append(0) }
      }
      // Object 0 is the free space, which has its own header; 4096 is the minimum size.
      let size = max(4096, 16 + body.count + 16)
      let free = size - 16 - body.count
      bytes += Array("GCOL".utf8) + [1, 0, 0, 0] + Self.little(size, 8) + body
      bytes += Self.little(0, 8) + Self.little(free, 8)
      bytes += [UInt8](repeating: 0, count: free - 16)
    }
  }

  // MARK: Objects

  /// Writes the object and returns the address of its header.
  private mutating func write(_ tree: HDF5Tree) throws(ArcuateError) -> Int {
    switch tree {
    case .group(let members): return try writeGroup(members)
    case .floats(let values, let shape):
      // SAFETY: the closure only reads the bytes of the array.
      let data = values.withUnsafeBytes { Array($0) }
      return writeDataset(data, shape: shape, type: Self.float32)
    case .double(let value):
      return writeDataset(
        Self.little(Int(truncatingIfNeeded: value.bitPattern), 8), shape: [], type: Self.float64)
    case .integers(let values, let shape):
      return writeDataset(
        values.flatMap { Self.little(Int(widening: $0), 8) }, shape: shape, type: Self.int64)
    case .bool(let value): return writeDataset([value ? 1 : 0], shape: [], type: Self.boolean)
    case .strings(let texts, let shape):
      var data: [UInt8] = []
      for text in texts {
        let location = heap[text] ?? (0, 0)
        data += Self.little(text.utf8.count, 4) + Self.little(location.address, 8)
        data += Self.little(location.index, 4)
      }
      return writeDataset(data, shape: shape, type: Self.variableString)
    }
  }

  private static let float32: [UInt8] = [
    0x11, 0x20, 0x1F, 0, 4, 0, 0, 0, 0, 0, 0x20, 0, 0x17, 8, 0, 0x17, 0x7F, 0, 0, 0,
  ]
  private static let float64: [UInt8] = [
    0x11, 0x20, 0x3F, 0, 8, 0, 0, 0, 0, 0, 0x40, 0, 0x34, 0x0B, 0, 0x34, 0xFF, 3, 0, 0,
  ]
  private static let int64: [UInt8] = [0x10, 8, 0, 0, 8, 0, 0, 0, 0, 0, 0x40, 0]
  private static let int8: [UInt8] = [0x10, 8, 0, 0, 1, 0, 0, 0, 0, 0, 8, 0]
  private static let variableString: [UInt8] = [
    0x19, 1, 1, 0, 0x10, 0, 0, 0, 0x10, 0, 0, 0, 1, 0, 0, 0, 0, 0, 8, 0,
  ]
  private static let boolean: [UInt8] =
    [0x18, 2, 0, 0, 1, 0, 0, 0] + int8 + Array("FALSE\0\0\0TRUE\0\0\0\0".utf8) + [0, 1]

  private mutating func writeDataset(_ data: [UInt8], shape: [Int], type: [UInt8]) -> Int {
    align()
    let address = bytes.count
    bytes += data
    let space: [UInt8] =
      [1, UInt8(clamping: shape.count), 0, 0, 0, 0, 0, 0] + shape.flatMap { Self.little($0, 8) }
    let layout: [UInt8] =
      [3, 1] + Self.little(data.isEmpty ? -1 : address, 8) + Self.little(data.count, 8)
    return writeHeader([
      (0x01, space), (0x03, type), (0x05, [2, 2, 0, 1, 0, 0, 0, 0]), (0x08, layout),
    ])
  }

  private mutating func writeHeader(_ messages: [(type: Int, data: [UInt8])]) -> Int {
    align()
    let address = bytes.count
    var body: [UInt8] = []
    for (type, data) in messages {
      let padded = (data.count + 7) & ~7
      body += Self.little(type, 2) + Self.little(padded, 2) + [0, 0, 0, 0]
      body += data + [UInt8](repeating: 0, count: padded - data.count)
    }
    bytes += [1, 0] + Self.little(messages.count, 2) + Self.little(1, 4)
    bytes += Self.little(body.count, 4) + [0, 0, 0, 0] + body
    return address
  }

  // MARK: Groups

  private mutating func writeGroup(_ members: [String: HDF5Tree]) throws(ArcuateError) -> Int {
    let names = members.keys.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    var headers: [Int] = []
    for name in names { headers.append(try write(members[name]!)) }

    // The heap of names: offset 0 is the empty string.
    var data = [UInt8](repeating: 0, count: 8)
    var starts: [Int] = []
    for name in names {
      guard !name.isEmpty, !name.utf8.contains(0), !name.contains("/") else {
        throw ArcuateError(.notRepresentable, "\"\(name)\" is not a valid name in an HDF5 file")
      }
      starts.append(data.count)
      data += Array(name.utf8) + [0]
      while data.count & 7 != 0 { data.append(0) }
    }
    align()
    let heapAddress = bytes.count
    bytes += Array("HEAP".utf8) + [0, 0, 0, 0] + Self.little(data.count, 8)
    bytes += Self.little(1, 8) + Self.little(heapAddress + 32, 8) + data

    // Symbol nodes of up to eight entries, then the tree over them, up to 32 children a node.
    var children: [(address: Int, last: Int)] = []
    for start in stride(from: 0, to: max(names.count, 1), by: 8) {
      let end = min(start + 8, names.count)
      align()
      let address = bytes.count
      bytes += Array("SNOD".utf8) + [1, 0] + Self.little(end - start, 2)
      for i in start..<end {
        bytes += Self.little(starts[i], 8) + Self.little(headers[i], 8)
        bytes += [UInt8](repeating: 0, count: 24)
      }
      bytes += [UInt8](repeating: 0, count: (8 - (end - start)) * 40)
      children.append((address, end > start ? starts[end - 1] : 0))
    }
    if names.isEmpty { children = [] }
    var level = 0
    repeat {
      var parents: [(address: Int, last: Int)] = []
      var first = 0
      for start in stride(from: 0, to: max(children.count, 1), by: 32) {
        let part = children[start..<min(start + 32, children.count)]
        align()
        let address = bytes.count
        bytes += Array("TREE".utf8) + [0, UInt8(clamping: level)] + Self.little(part.count, 2)
        bytes += [UInt8](repeating: 0xFF, count: 16) + Self.little(first, 8)
        for child in part {
          bytes += Self.little(child.address, 8) + Self.little(child.last, 8)
          first = child.last
        }
        bytes += [UInt8](repeating: 0, count: 544 - 24 - 8 - 16 * part.count)
        parents.append((address, part.last?.last ?? 0))
      }
      children = parents
      level += 1
    } while children.count > 1
    return writeHeader([(0x11, Self.little(children[0].address, 8) + Self.little(heapAddress, 8))])
  }
}

import ArcuateCore

extension HDF5File {
  /// The members of a group, in the order of the file: name and offset of the object header.
  func members(of object: HDF5Object) throws(ArcuateError) -> [(name: String, header: Int)] {
    var members: [(name: String, header: Int)] = []
    if let table = object.first(0x11) {
      let tree = try offset(try table.data.integer(at: 0))
      let heap = try localHeap(at: try offset(try table.data.integer(at: 8)))
      var visited = Set<Int>()
      try walk(tree: tree, heap: heap, depth: 0, visited: &visited, into: &members)
    }
    for message in object.messages where message.type == 0x06 {
      if let member = try link(message.data) { members.append(member) }
    }
    if let info = object.first(0x02) {
      let flags = try info.data.byte(at: 1)
      let heap: UInt64 = try info.data.integer(at: flags & 1 != 0 ? 10 : 2)
      if heap != HDF5File.undefined {
        throw ArcuateError(
          .unsupportedFormat, "a group stores its links in a fractal heap",
          at: "byte \(info.offset)")
      }
    }
    var names = Set<String>()
    for member in members where !names.insert(member.name).inserted {
      throw ArcuateError(.malformed, "duplicate member \"\(member.name)\"")
    }
    return members
  }

  private func localHeap(at offset: Int) throws(ArcuateError) -> Bytes {
    try expect("HEAP", at: offset)
    guard let size = Int(exactly: try bytes.integer(UInt64.self, at: offset + 8)) else {
      throw ArcuateError(.malformed, "the size of the heap exceeds the limit", at: "byte \(offset)")
    }
    return try bytes.slice(try self.offset(try bytes.integer(at: offset + 24)), size)
  }

  private func walk(
    tree offset: Int, heap: Bytes, depth: Int, visited: inout Set<Int>,
    into members: inout [(name: String, header: Int)]
  ) throws(ArcuateError) {
    try budget.take(object: 1)
    guard depth <= 16, visited.insert(offset).inserted else {
      throw ArcuateError(.malformed, "a B-tree that contains itself", at: "byte \(offset)")
    }
    if try tag(at: offset) == "SNOD" {
      let count = Int(widening: try bytes.integer(UInt16.self, at: offset + 6))
      for i in 0..<count {
        let entry = offset + 8 + 40 * i
        let name = try heapString(heap, try bytes.integer(at: entry))
        try budget.take(object: 1)
        members.append((name, try self.offset(try bytes.integer(at: entry + 8))))
      }
      return
    }
    try expect("TREE", at: offset)
    guard try bytes.byte(at: offset + 4) == 0 else {
      throw ArcuateError(.malformed, "a group's B-tree is of another type", at: "byte \(offset)")
    }
    let count = Int(widening: try bytes.integer(UInt16.self, at: offset + 6))
    for i in 0..<count {
      let child = try self.offset(try bytes.integer(at: offset + 32 + 16 * i))
      try walk(tree: child, heap: heap, depth: depth + 1, visited: &visited, into: &members)
    }
  }

  private func heapString(_ heap: Bytes, _ start: UInt64) throws(ArcuateError) -> String {
    guard let start = Int(exactly: start), start < heap.count else {
      throw ArcuateError(.truncated, "a name at \(start) in a heap of \(heap.count) bytes")
    }
    var end = start
    while end < heap.count, try heap.byte(at: end) != 0 { end += 1 }
    // Many members may share one long name.
    try budget.take(decoded: end - start)
    return String(decoding: try heap.slice(start, end - start).array, as: UTF8.self)
  }

  /// A hard link message; nil for other links, which network files do not use.
  private func link(_ data: Bytes) throws(ArcuateError) -> (name: String, header: Int)? {
    let flags = try data.byte(at: 1)
    var at = 2
    var type: UInt8 = 0
    if flags & 8 != 0 {
      type = try data.byte(at: at)
      at += 1
    }
    if flags & 4 != 0 { at += 8 }
    if flags & 16 != 0 { at += 1 }
    let width = 1 << Int(widening: flags & 3)
    var length = 0
    for i in 0..<width { length |= Int(widening: try data.byte(at: at + i)) << (8 * i) }
    at += width
    guard length >= 0 else {
      throw ArcuateError(.malformed, "the length of the name exceeds the limit")
    }
    let name = String(decoding: try data.slice(at, length).array, as: UTF8.self)
    guard type == 0 else { return nil }
    return (name, try offset(try data.integer(at: at + length)))
  }
}

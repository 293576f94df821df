import ArcuateCore

/// The messages of an object header.
struct HDF5Object {
  struct Message {
    var type: UInt16
    var data: Bytes
    /// Where the data begins in the file.
    var offset: Int
  }
  var messages: [Message]

  func first(_ type: UInt16) -> Message? { messages.first { $0.type == type } }

  var isGroup: Bool { first(0x11) != nil || first(0x02) != nil || first(0x06) != nil }
  var isDataset: Bool { first(0x08) != nil }
}

extension HDF5File {
  /// Reads the object header at `offset`, with its continuations.
  func object(at offset: Int) throws(ArcuateError) -> HDF5Object {
    try within("object header at byte \(offset)") { () throws(ArcuateError) in
      try budget.take(object: 1)
      if try bytes.byte(at: offset) == 1 { return try objectVersion1(at: offset) }
      try expect("OHDR", at: offset)
      return try objectVersion2(at: offset)
    }
  }

  private func objectVersion1(at offset: Int) throws(ArcuateError) -> HDF5Object {
    let count = Int(widening: try bytes.integer(UInt16.self, at: offset + 2))
    let size = Int(widening: try bytes.integer(UInt32.self, at: offset + 8))
    var blocks = [(start: offset + 16, size: size)]
    var messages: [HDF5Object.Message] = []
    var seen = 0
    var block = 0
    while block < blocks.count {
      let (start, size) = blocks[block]
      _ = try bytes.slice(start, size)
      var at = start
      while at + 8 <= start + size, seen < count {
        let type = try bytes.integer(UInt16.self, at: at)
        let length = Int(widening: try bytes.integer(UInt16.self, at: at + 2))
        guard at + 8 + length <= start + size else {
          throw ArcuateError(.malformed, "a message extends beyond its block", at: "byte \(at)")
        }
        let data = try bytes.slice(at + 8, length)
        seen += 1
        if type == 0x10 {
          try add(continuation: data, to: &blocks)
        } else {
          messages.append(.init(type: type, data: data, offset: at + 8))
        }
        at += 8 + length
      }
      block += 1
    }
    return HDF5Object(messages: messages)
  }

  private func objectVersion2(at offset: Int) throws(ArcuateError) -> HDF5Object {
    let version = try bytes.byte(at: offset + 4)
    guard version == 2 else {
      throw ArcuateError(.unsupportedFormat, "version \(version); 1 and 2 are read")
    }
    let flags = try bytes.byte(at: offset + 5)
    var at = offset + 6
    if flags & 0x20 != 0 { at += 16 }
    if flags & 0x10 != 0 { at += 4 }
    let width = 1 << Int(widening: flags & 3)
    var size = 0
    for i in 0..<width { size |= Int(widening: try bytes.byte(at: at + i)) << (8 * i) }
    guard size >= 0, size <= bytes.count else {
      throw ArcuateError(.truncated, "\(size) bytes of messages in a file of \(bytes.count)")
    }
    at += width
    let head = flags & 4 != 0 ? 6 : 4
    var blocks = [(start: at, size: size)]
    var messages: [HDF5Object.Message] = []
    var block = 0
    while block < blocks.count {
      let (start, size) = blocks[block]
      _ = try bytes.slice(start, size)
      var at = start
      while at + head <= start + size {
        let type = UInt16(truncatingIfNeeded: try bytes.byte(at: at))
        let length = Int(widening: try bytes.integer(UInt16.self, at: at + 1))
        guard at + head + length <= start + size else { break }
        let data = try bytes.slice(at + head, length)
        if type == 0x10 {
          // Continuation blocks of version 2 have a signature before and a checksum after.
          let first = blocks.count
          try add(continuation: data, to: &blocks)
          try expect("OCHK", at: blocks[first].start)
          guard blocks[first].size >= 8 else {
            throw ArcuateError(.malformed, "a continuation of \(blocks[first].size) bytes")
          }
          blocks[first].start += 4
          blocks[first].size -= 8
        } else {
          messages.append(.init(type: type, data: data, offset: at + head))
        }
        at += head + length
      }
      block += 1
    }
    return HDF5Object(messages: messages)
  }

  private func add(continuation data: Bytes, to blocks: inout [(start: Int, size: Int)])
    throws(ArcuateError)
  {
    try budget.take(object: 1)
    let start = try offset(try data.integer(at: 0))
    guard let size = Int(exactly: try data.integer(UInt64.self, at: 8)) else {
      throw ArcuateError(.malformed, "the size of the continuation exceeds the limit")
    }
    _ = try bytes.slice(start, size)
    guard !blocks.contains(where: { $0.start == start || $0.start == start + 4 }) else {
      throw ArcuateError(.malformed, "the header continues in itself", at: "byte \(start)")
    }
    blocks.append((start, size))
  }
}

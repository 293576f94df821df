import ArcuateCore

extension HDF5File {
  /// The objects of each global heap that was read.
  final class Heaps {
    var known: [Int: [UInt16: (start: Int, length: Int)]] = [:]
  }

  /// The bytes of a 16-byte reference into a global heap.
  func heapObject(_ raw: Bytes, at position: Int, element: Int) throws(ArcuateError) -> Bytes {
    let count = Int(widening: try raw.integer(UInt32.self, at: position))
    let address: UInt64 = try raw.integer(at: position + 4)
    let wanted: UInt32 = try raw.integer(at: position + 12)
    if count == 0 { return Bytes([]) }
    let heap = try offset(address)
    return try within("global heap at byte \(heap)") { () throws(ArcuateError) in
      let objects: [UInt16: (start: Int, length: Int)]
      if let known = heaps.known[heap] {
        objects = known
      } else {
        objects = try heapObjects(heap)
        heaps.known[heap] = objects
      }
      guard let index = UInt16(exactly: wanted), let object = objects[index] else {
        throw ArcuateError(.malformed, "object \(wanted) does not exist")
      }
      let (needed, overflow) = count.multipliedReportingOverflow(by: element)
      guard !overflow, needed <= object.length else {
        throw ArcuateError(.truncated, "\(count) elements in an object of \(object.length) bytes")
      }
      // Many references may name one object.
      try budget.take(decoded: needed)
      return try bytes.slice(object.start, needed)
    }
  }

  private func heapObjects(_ heap: Int) throws(ArcuateError) -> [UInt16: (start: Int, length: Int)]
  {
    try expect("GCOL", at: heap)
    guard let size = Int(exactly: try bytes.integer(UInt64.self, at: heap + 8)) else {
      throw ArcuateError(.malformed, "the size of the heap exceeds the limit")
    }
    let end = heap + (try bytes.slice(heap, size)).count
    var objects: [UInt16: (start: Int, length: Int)] = [:]
    var at = heap + 16
    while at + 16 <= end {
      let index: UInt16 = try bytes.integer(at: at)
      if index == 0 { break }
      guard let length = Int(exactly: try bytes.integer(UInt64.self, at: at + 8)),
        length >= 0, length <= end - at - 16
      else { throw ArcuateError(.malformed, "an object runs past the heap", at: "byte \(at)") }
      // Heaps may overlap.
      try budget.take(decoded: 64)
      if objects[index] == nil { objects[index] = (at + 16, length) }
      at += 16 + ((length + 7) & ~7)
    }
    return objects
  }
}

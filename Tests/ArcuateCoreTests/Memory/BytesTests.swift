import ArcuateCore
import Testing

@Suite struct BytesTests {
  @Test func integersHaveBothByteOrders() throws {
    let bytes = Bytes([0x01, 0x02, 0x03, 0x04, 0x05])
    #expect(try bytes.integer(UInt16.self, at: 1) == 0x0302)
    #expect(try bytes.integer(UInt32.self, at: 1, bigEndian: true) == 0x0203_0405)
    #expect(try bytes.byte(at: 4) == 5)
  }

  @Test(arguments: [-1, 2, 5, Int.max, Int.min]) func nothingIsReadOutside(offset: Int) {
    let bytes = Bytes([1, 2, 3, 4, 5])
    #expect(throws: ArcuateError.self) { try bytes.integer(UInt32.self, at: offset) }
    #expect(throws: ArcuateError.self) { try bytes.slice(offset, 4) }
    #expect(throws: ArcuateError.self) { try Bytes([]).byte(at: offset) }
  }

  @Test func slicesShareAndNest() throws {
    let slice = try Bytes([1, 2, 3, 4, 5]).slice(1, 3)
    #expect(slice.array == [2, 3, 4])
    #expect(try slice.slice(2, 1).array == [4])
    #expect(try slice.slice(3, 0).array.isEmpty)
    #expect(throws: ArcuateError.self) { try slice.slice(2, 2) }
    #expect(throws: ArcuateError.self) { try slice.slice(0, .max) }
  }

  @Test func evictionReachesTheOwnerWithTheRange() throws {
    final class Owner: PageOwner {
      let storage = UnsafeMutableRawBufferPointer.allocate(byteCount: 8, alignment: 8)
      nonisolated(unsafe) var evicted: [Range<Int>] = []
      deinit { storage.deallocate() }
      func evict(_ buffer: UnsafeRawBufferPointer) {
        let start = buffer.baseAddress! - UnsafeRawPointer(storage.baseAddress!)
        evicted.append(start..<start + buffer.count)
      }
    }
    let owner = Owner()
    owner.storage.copyBytes(from: [0, 1, 2, 3, 4, 5, 6, 7] as [UInt8])
    let bytes = Bytes(unsafe: UnsafeRawBufferPointer(owner.storage), owner: owner)
    try bytes.slice(2, 4).evict(1..<3)
    #expect(owner.evicted == [3..<5] && bytes.array == [0, 1, 2, 3, 4, 5, 6, 7])
  }
}

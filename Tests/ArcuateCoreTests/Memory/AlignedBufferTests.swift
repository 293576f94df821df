import ArcuateCore
import Testing

@Suite struct AlignedBufferTests {
  @Test(arguments: [0, 1, 63, 64, 65, 5000]) func buffersAreAlignedAndZeroed(count: Int) throws {
    let buffer = try AlignedBuffer(byteCount: count)
    let view = buffer.view(UInt8.self, start: 0, count: count)
    #expect(UInt(bitPattern: view.pointer) & 63 == 0)
    #expect(view.array.allSatisfy { $0 == 0 } && view.count == count)
  }

  @Test(arguments: [-1, 1 << 40 + 1, Int.max]) func impossibleSizesAreRefused(count: Int) {
    let error = #expect(throws: ArcuateError.self) { try AlignedBuffer(byteCount: count) }
    #expect(error?.code == .outOfMemory)
  }

  @Test func viewsAndPartsWriteTheSameMemory() throws {
    let buffer = try AlignedBuffer(byteCount: 64)
    let view = buffer.view(Float.self, start: 4, count: 8)
    view.row.fill(1)
    view.row.part(2, 3).fill(2)
    view[7] = 3
    #expect(view.array == [1, 1, 2, 2, 2, 1, 1, 3])
    #expect(buffer.view(Float.self, start: 0, count: 5).array == [0, 0, 0, 0, 1])
    // Overlapping rows copy as if through a third one.
    view.row.part(1, 4).copy(from: view.row.part(0, 4))
    #expect(view.array == [1, 1, 1, 2, 2, 1, 1, 3])
  }

  @Test func packedRowsArePaddedWithZeros() throws {
    let view = try View.packed([1, 2, 3])
    #expect(view.array == [1, 2, 3] + [Float](repeating: 0, count: 13))
  }
}

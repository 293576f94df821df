import ArcuateCore
import Testing

@Suite struct TensorTests {
  /// int8 elements with a scale for each row.
  static func narrow(_ values: [Int8], _ shape: Shape, scales: [Float]) throws -> Tensor {
    let bytes = Bytes(values.map { UInt8(bitPattern: $0) })
    return try Tensor(shape: shape, element: .int8, bytes: bytes, scales: scales)
  }

  @Test func bytesAndScalesMustFit() throws {
    #expect(throws: ArcuateError.self) { try Tensor([1, 2, 3], shape: [2, 2]) }
    #expect(throws: ArcuateError.self) {
      try Tensor(shape: [2], element: .bfloat16, bytes: Bytes([0, 0, 0]))
    }
    for scales in [[1, 2, 3], [1, 2, 3, 4]] as [[Float]] {
      #expect(throws: ArcuateError.self) { try Self.narrow([1, 2, 3, 4], [2, 2], scales: scales) }
    }
    #expect(try Tensor([], shape: [0, 5]).floats.isEmpty)
  }

  @Test func narrowElementsBecomeFloats() throws {
    // 1, -2, infinity.
    let half = try Tensor(
      shape: [3], element: .bfloat16, bytes: Bytes([0x80, 0x3F, 0x00, 0xC0, 0x80, 0x7F]))
    #expect(half.floats == [1, -2, .infinity])
    let rows = try Self.narrow([1, -2, 3, -128], [2, 2], scales: [0.5, 2])
    #expect(rows.floats == [0.5, -1, 6, -256])
    #expect((0..<4).map { rows.value(at: $0) } == rows.floats)
    #expect((0..<4).map { rows.scale(at: $0) } == [0.5, 0.5, 2, 2])
    #expect(try Self.narrow([3], [1], scales: []).floats == [3])
    #expect(try Self.narrow([3, 4], [2], scales: [0.25]).floats == [0.75, 1])
  }

  @Test(arguments: [1, 15, 16, 17, 70_000]) func finitenessIsFoundAnywhere(count: Int) throws {
    let sound = [Float](repeating: .greatestFiniteMagnitude, count: count)
    #expect(try Tensor(sound, shape: [count]).isFinite)
    for position in Set([0, count / 2, count - 1]) {
      for bad in [Float.nan, .infinity, -.infinity, -.nan] {
        var values = sound
        values[position] = bad
        #expect(try !Tensor(values, shape: [count]).isFinite, "\(bad) at \(position) of \(count)")
      }
    }
  }

  @Test func finitenessOfNarrowElements() throws {
    let infinite = try Tensor(shape: [1], element: .bfloat16, bytes: Bytes([0x80, 0xFF]))
    #expect(!infinite.isFinite)
    #expect(try !Self.narrow([1], [1], scales: [.infinity]).isFinite)
    #expect(try Self.narrow([1], [1], scales: [2]).isFinite)
  }

  @Test func shapesChangeButElementsDoNot() throws {
    let tensor = try Tensor([1, 2, 3, 4, 5, 6], shape: [2, 3])
    #expect(try tensor.reshaped([3, 2]).floats == tensor.floats)
    #expect(throws: ArcuateError.self) { try tensor.reshaped([4]) }
    #expect(try Tensor(scalar: 2).broadcast(to: [3]) == [2, 2, 2])
    #expect(try tensor.broadcast(to: [6]) == tensor.floats)
    #expect(throws: ArcuateError.self) { try tensor.broadcast(to: [5]) }
  }

  @Test func equalityComparesBits() throws {
    #expect(Tensor(scalar: .nan) == Tensor(scalar: .nan))
    #expect(Tensor(scalar: 0) != Tensor(scalar: -0.0))
    #expect(try Tensor([1, 2], shape: [2]) != Tensor([1, 2], shape: [1, 2]))
  }

  @Test func extremesIgnoreNaN() throws {
    let extremes = try #require(Tensor(vector: [2, .nan, -3, 7]).extremes)
    #expect(extremes.least == -3 && extremes.largest == 7)
    #expect(try Tensor([], shape: [0]).extremes == nil)
    let narrow = try #require(Self.narrow([4, -4], [2], scales: [0.5, 2]).extremes)
    #expect(narrow.least == -8 && narrow.largest == 2)
  }

  @Test func indexArraysCompareByValue() throws {
    let narrow = IndexArray([0, 3, 2] as [UInt32])
    #expect(narrow == IndexArray([0, 3, 2] as [Int64]))
    #expect(narrow.firstDescent == 2 && narrow.firstOutside(0..<3) == 1)
    #expect(narrow.firstOutside(0..<4) == nil)
    #expect(IndexArray([] as [UInt32]).firstDescent == nil)
    #expect(throws: ArcuateError.self) { try IndexArray(element: .int64, bytes: Bytes([1, 2, 3])) }
    let negative = try IndexArray(element: .int32, bytes: Bytes([255, 255, 255, 255]))
    #expect(negative[0] == -1 && negative.firstOutside(0..<1) == 0)
  }
}

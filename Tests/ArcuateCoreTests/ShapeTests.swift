import ArcuateCore
import Testing

@Suite struct ShapeTests {
  @Test func refusesWhatCannotBeHeld() {
    #expect(throws: ArcuateError.self) { try Shape([-1]) }
    #expect(throws: ArcuateError.self) { try Shape([1 << 30, 1 << 30, 1 << 30]) }
    #expect(throws: ArcuateError.self) { try Shape([Int](repeating: 1, count: 9)) }
  }

  @Test func countsElements() throws {
    #expect(try Shape([2, 3, 4]).count == 24)
    #expect(Shape.scalar.count == 1)
    #expect(try Shape([0, 5]).count == 0)
  }
}

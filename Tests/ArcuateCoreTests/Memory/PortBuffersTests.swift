import ArcuateCore
import Testing

@Suite struct PortBuffersTests {
  private func row(_ count: Int) throws -> View<Float> {
    try AlignedBuffer(byteCount: 4 * count).view(start: 0, count: count)
  }

  @Test func inputsAreReadPerPort() throws {
    let row = try row(2)
    InputPorts.with([[1, 2, 3], [], [4]]) { ports in
      #expect(ports.portCount == 3)
      #expect((0..<3).map { ports.count($0) } == [3, 0, 1])
      ports.copy(0, from: 1, to: row.row)
      #expect(row.array == [2, 3])
      #expect(Array(ports.numbers(2, from: 0, count: 1)) == [4])
      #expect(ports.numbers(1, from: 0, count: 0).isEmpty)
    }
  }

  @Test func theFirstNumberThatIsNotFiniteIsFound() throws {
    var values = [Float](repeating: 1, count: 40)
    values[17] = .nan
    values[33] = .infinity
    try InputPorts.with([values, [1]]) { ports throws in
      #expect(try ports.firstNotFinite(0) == 17)
      #expect(try ports.firstNotFinite(0, from: 18) == 33)
      #expect(try ports.firstNotFinite(0, from: 34) == nil)
      #expect(try ports.firstNotFinite(1) == nil)
    }
  }

  @Test func outputsAreCollectedPerPort() throws {
    let row = try row(2)
    row[0] = 1
    row[1] = -2
    let outputs = OutputPorts.collect(counts: [3, 0, 2]) { ports in
      #expect(ports.isWanted(0) && !ports.isWanted(3))
      ports.write(0, at: 1, row.row)
      ports.write(2, at: 0, row.row, times: 0.5)
    }
    #expect(outputs == [[0, 1, -2], [], [0.5, -1]])
  }

  @Test func noOutputsMeansNoneIsWanted() {
    let none = OutputPorts.none(portCount: 2)
    #expect(none.portCount == 2 && !none.isWanted(0) && none.count(1) == 0)
  }

  @Test func errorsOfTheBodyKeepTheirType() {
    func fail() throws(ArcuateError) {
      try InputPorts.with([[1]]) { _ throws(ArcuateError) in
        throw ArcuateError(.invalidState, "no")
      }
    }
    #expect(throws: ArcuateError(.invalidState, "no")) { try fail() }
  }
}

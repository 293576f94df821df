import ArcuateCore
import ArcuateKernels
import Foundation
import Testing

@Suite struct TanhTests {
  private static func of(_ values: [Float]) throws -> [Float] {
    let rows = try AlignedBuffer(byteCount: values.count * 8).view(
      Float.self, start: 0, count: values.count * 2)
    for (i, value) in values.enumerated() { rows[i] = value }
    let output = rows.row.part(values.count, values.count)
    Elementwise.tanh(rows.row.part(0, values.count), into: output, count: values.count)
    return output.array
  }

  @Test func isWithinSevenUnitsOfTheLastPlace() throws {
    var values = (-30_000...30_000).map { Float($0) * 4e-4 }
    for exponent in -30...3 { values += (1..<200).map { scalbn(Float($0) / 200, exponent) } }
    for (x, y) in zip(values, try Self.of(values)) {
      let wanted = Float(Foundation.tanh(Double(x)))
      #expect(abs(y - wanted) <= 7 * wanted.ulp, "of \(x): \(y), not \(wanted)")
      #expect(abs(y) <= 1)
    }
  }

  @Test func extremesAreWhatTheyAre() throws {
    let values = try Self.of([.infinity, -.infinity, 1e30, -1e30, 0, -0.0, .nan])
    #expect(values[0...3] == [1, -1, 1, -1])
    #expect(values[4] == 0 && values[5] == 0 && values[5].sign == .minus)
    #expect(values[6].isNaN)
  }
}

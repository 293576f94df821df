import ArcuateCore
import Testing

@testable import ArcuateBench

@Suite struct SystemBLASTests {
  @Test func theSystemsProductIsAProduct() throws {
    // Nothing to test where there is no OpenBLAS.
    guard let blas = SystemBLAS() else { return }
    let (rows, columns, inner) = (3, 5, 4)
    func matrix(_ count: Int, _ value: (Int) -> Float) throws -> View<Float> {
      let view = try AlignedBuffer(byteCount: count * 4).view(Float.self, start: 0, count: count)
      for i in 0..<count { view[i] = value(i) }
      return view
    }
    let a = try matrix(rows * inner) { Float($0 % 7) - 3 }
    let b = try matrix(inner * columns) { Float($0 % 5) - 2 }
    let c = try matrix(rows * columns) { _ in .nan }
    blas.multiply(a, b, into: c, rows: rows, columns: columns, inner: inner, threads: 2)
    for r in 0..<rows {
      for k in 0..<columns {
        let sum = (0..<inner).reduce(Float(0)) { $0 + a[r * inner + $1] * b[$1 * columns + k] }
        #expect(c[r * columns + k] == sum)
      }
    }
  }
}

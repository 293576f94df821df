import ArcuateCore
import Testing

@testable import ArcuateKernels

/// The loops that measure a machine must do the work that they are timed for.
@Suite struct CeilingLoopsTests {
  @Test func everyByteIsRead() throws {
    let loops = try CeilingLoops(byteCount: 1 << 20)
    #expect(loops.byteCount == 1 << 20)
    // The memory holds ones, so that the sum is the number of floats.
    #expect(loops.read(start: 0, byteCount: 4096, passes: 1) == 1024)
    #expect(loops.read(start: 1 << 19, byteCount: 1 << 19, passes: 3) == 3 * Float(1 << 17))
    #expect(loops.readRows(width: 8192, [127, 0, 5]) == 3 * 2048)
    #expect(loops.readRows(width: 8192, []) == 0)
  }

  @Test func multiplyAddSettles() {
    // Every chain is x = x / 2 + 1 / 2, which ends at 1; there are 96 of them.
    #expect(CeilingLoops.multiplyAdd(count: 100) == 96)
    #expect(CeilingLoops.operationsPerCount == 2 * 96)
  }

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

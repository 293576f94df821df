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
}

import ArcuateCore
import ArcuateKernels
import Testing

// One after another: the instructions in use are the process's.
@Suite(.serialized) struct RegistryTests {
  @Test func everyKernelHasALine() {
    #expect(Set(KernelRegistry.lines.map(\.kernel)) == Set(Kernel.allCases))
  }

  @Test(arguments: Instructions.available, KernelRegistry.lines.indices)
  func kernelsEqualTheirTwins(instructions: Instructions, line: Int) throws {
    let before = Instructions.current
    instructions.use()
    defer { before.use() }
    for seed in [1, 2] as [UInt64] {
      let difference = try KernelRegistry.lines[line].firstDifference(seed: seed)
      #expect(difference == nil, "with \(instructions.rawValue)")
      #expect(Instructions.current == instructions)
    }
  }
}

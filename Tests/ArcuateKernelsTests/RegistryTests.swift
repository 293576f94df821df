import ArcuateCore
import ArcuateKernels
import ArcuateTestSupport
import Testing

// One after another, and in a process without other suites (Tests/run.sh): the instructions in use
// are the process's.
@Suite(.serialized) struct RegistryTests {
  @Test func everyKernelHasCases() {
    #expect(Set(KernelRegistry.all.map(\.kernel)) == Set(Kernel.allCases))
  }

  @Test(arguments: Instructions.available, KernelRegistry.all.indices)
  func kernelsEqualTheirReferences(instructions: Instructions, line: Int) throws {
    let before = Instructions.current
    instructions.use()
    defer { before.use() }
    for seed in TestSize.seeds.prefix(2) {
      let difference = try KernelRegistry.all[line].firstDifference(
        seed: seed, stride: TestSize.registryStride)
      #expect(difference == nil, "with \(instructions.rawValue)")
      #expect(Instructions.current == instructions)
    }
  }
}

import ArcuateCore
import ArcuateKernels
import ArcuateTestSupport
import Testing

// In a process without other suites (Tests/run.sh), since the instructions in use are the process's.
// Kernels are tried side by side, one set of instructions after another.
@Suite(.serialized) struct RegistryTests {
  @Test func everyKernelHasCases() {
    #expect(Set(KernelRegistry.all.map(\.kernel)) == Set(Kernel.allCases))
  }

  @Test(arguments: Instructions.available)
  func kernelsEqualTheirReferences(instructions: Instructions) async throws {
    let before = Instructions.current
    instructions.use()
    defer { before.use() }
    try await withThrowingTaskGroup(of: String?.self) { group in
      for seed in TestSize.seeds.prefix(2) {
        for cases in KernelRegistry.all {
          group.addTask {
            try cases.firstDifference(seed: seed, stride: TestSize.registryStride)
          }
        }
      }
      for try await difference in group {
        #expect(difference == nil, "with \(instructions.rawValue)")
      }
    }
    #expect(Instructions.current == instructions)
  }
}

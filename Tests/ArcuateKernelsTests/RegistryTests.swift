import ArcuateKernels
import Testing

@Suite struct RegistryTests {
  @Test func everyKernelHasALine() {
    #expect(Set(KernelRegistry.lines.map(\.kernel)) == Set(Kernel.allCases))
  }

  @Test(arguments: KernelRegistry.lines.indices)
  func kernelsEqualTheirTwins(line: Int) throws {
    for seed in [1, 2] as [UInt64] {
      let difference = try KernelRegistry.lines[line].firstDifference(seed: seed)
      #expect(difference == nil)
    }
  }
}

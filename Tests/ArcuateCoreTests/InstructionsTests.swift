import Testing

@testable import ArcuateCore

@Suite struct InstructionsTests {
  @Test func theCurrentOnesAreAvailable() {
    #expect(Instructions.available.contains(Instructions.current))
  }

  #if arch(x86_64)
    @Test(arguments: [
      (nil, true, .avx512, false), (nil, false, .avx2, false), ("", true, .avx512, false),
      ("avx2", true, .avx2, false), ("avx2", false, .avx2, false),
      ("avx512", true, .avx512, false), ("avx512", false, .avx2, true),
      ("AVX2", true, .avx512, true), ("neon", false, .avx2, true),
    ] as [(String?, Bool, Instructions, Bool)])
    func theVariableChooses(asked: String?, has: Bool, used: Instructions, isRemarked: Bool) {
      let choice = Instructions.choice(asked: asked, hasAVX512: has)
      #expect(choice.instructions == used)
      #expect((choice.remark != nil) == isRemarked)
      if isRemarked {
        #expect(choice.remark?.contains(asked ?? "") == true)
        #expect(choice.remark?.hasSuffix("\(used.rawValue) is used") == true)
      }
    }
  #else
    @Test func thereIsOneKind() { #expect(Instructions.available == [.baseline]) }
  #endif
}

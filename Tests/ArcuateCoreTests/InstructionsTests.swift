import Testing

@testable import ArcuateCore

@Suite struct InstructionsTests {
  @Test func theCurrentOnesAreAvailable() {
    #expect(Instructions.available.contains(Instructions.current))
  }

  #if ARCUATE_AVX
    @Test(
      arguments: [
        (nil, .avx512, .avx512, false), (nil, .avx2, .avx2, false), (nil, .amx, .amx, false),
        ("", .avx512, .avx512, false), ("avx2", .avx512, .avx2, false),
        ("avx2", .avx2, .avx2, false), (nil, .baseline, .baseline, false),
        ("baseline", .amx, .baseline, false), ("avx2", .baseline, .baseline, true),
        ("avx512", .avx512, .avx512, false),
        ("avx512", .avx2, .avx2, true), ("avx512", .amx, .avx512, false),
        ("amx", .amx, .amx, false), ("amx", .avx512, .avx512, true),
        ("AVX2", .avx512, .avx512, true), ("neon", .avx2, .avx2, true),
      ] as [(String?, Instructions, Instructions, Bool)])
    func theVariableChooses(
      asked: String?, best: Instructions, used: Instructions, isRemarked: Bool
    ) {
      let choice = Instructions.choice(asked: asked, best: best)
      #expect(choice.instructions == used)
      #expect((choice.remark != nil) == isRemarked)
      if isRemarked {
        #expect(choice.remark?.contains(asked ?? "") == true)
        #expect(choice.remark?.hasSuffix("using \(used.rawValue)") == true)
      }
    }
  #else
    @Test func thereIsOneKind() { #expect(Instructions.available == [.baseline]) }
  #endif
}

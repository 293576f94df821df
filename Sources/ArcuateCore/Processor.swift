import CShims

/// What the library needs of the machine it runs on.
public enum Processor {
  /// Throws. `unsupportedProcessor` if an instruction is missing that the library was built with.
  public static func requireSupport() throws(ArcuateError) {
    guard cshims_cpu_is_supported() else {
      throw ArcuateError(
        .unsupportedProcessor, "this processor lacks AVX2, FMA or BMI2, which the library needs")
    }
    Instructions.settle()
  }
}

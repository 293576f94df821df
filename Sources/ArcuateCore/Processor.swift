import CShims

/// Requirements on the processor.
public enum Processor {
  /// Throws. `unsupportedProcessor` if the processor lacks instructions that the library was built
  /// for.
  public static func requireSupport() throws(ArcuateError) {
    guard cshims_cpu_is_supported() else {
      throw ArcuateError(
        .unsupportedProcessor, "this processor lacks AVX2, FMA or BMI2, which the library requires")
    }
    Instructions.settle()
  }
}

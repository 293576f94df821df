/// Every kernel with the cases in which it is compared with its reference kernel.
public enum KernelRegistry {
  public static let all: [KernelCases] =
    LinearCases.all + NonzeroCases.all + ConvolutionCases.all + NeuronCases.all + ProgramCases.all
    + SparseCases.all + PopulationCases.all + GradientCases.all
}

/// The kernels by name: what `explain` prints and a session reports.
///
/// Grammar: element type, operation, way of going through the inputs, vector width.
public enum Kernel: String, Sendable, CaseIterable {
  case linearEvents = "f32-linear-events-x16"
  case linearShared = "f32-linear-shared-x8"
  case linearDense = "f32-linear-dense-x16"
  case linearDenseFused = "f32-linear-dense-fma-x16"
  case convolutionEvents = "f32-convolution-events-x8"
  case sparseRows = "f32-sparse-rows-x1"
  case sparseRing = "f32-sparse-ring-x1"
  case populationStep = "f32-population-step-x8"
  case neuronStep = "f32-neuron-step-x16"
  case nonzeroList = "f32-nonzero-list-x16"
}

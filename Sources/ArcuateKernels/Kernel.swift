/// The kernels by name: what `explain` prints and a session reports.
///
/// Grammar: element type of the weights, operation, way of going through the inputs, width of the
/// vectors of outputs (twice as many with AVX-512), or rows and columns of what is summed at once.
public enum Kernel: String, Sendable, CaseIterable {
  case linearEvents = "f32-linear-events-x8"
  case linearShared = "f32-linear-shared-x8"
  case linearMany = "f32-linear-many-x8"
  case linearDense = "f32-linear-dense-x8"
  case linearDenseFused = "f32-linear-dense-fma-x8"
  case linearEventsBF16 = "bf16-linear-events-x8"
  case linearSharedBF16 = "bf16-linear-shared-x8"
  case linearManyBF16 = "bf16-linear-many-x8"
  case linearDenseBF16 = "bf16-linear-dense-x8"
  case linearDenseFusedBF16 = "bf16-linear-dense-fma-x8"
  case linearEventsInt8 = "i8-linear-events-x8"
  case linearSharedInt8 = "i8-linear-shared-x32"
  case linearManyInt8 = "i8-linear-many-x32"
  case linearDenseInt8 = "i8-linear-dense-x8"
  case linearDenseFusedInt8 = "i8-linear-dense-fma-x8"
  case linearTiles = "f32-linear-tiles-32x32"
  case linearTilesBF16 = "bf16-linear-tiles-32x32"
  case linearTilesInt8 = "i8-linear-tiles-32x32"
  case convolutionEvents = "f32-convolution-events-x8"
  case convolutionWindows = "f32-convolution-windows-x8"
  case sparseRows = "f32-sparse-rows-x1"
  case sparseRing = "f32-sparse-ring-x1"
  case populationStep = "f32-population-step-x8"
  case neuronStep = "f32-neuron-step-x8"
  case neuronFire = "f32-neuron-fire-x8"
  case nonzeroList = "f32-nonzero-list-x8"
  case matrixProduct = "f32-matrix-product-6x16"
  case gatherSums = "f32-gather-sums-x8"
  case neuronRecord = "f32-neuron-record-x8"
  case neuronSweep = "f32-neuron-sweep-x8"

  /// The ways of going through the inputs of a linear layer.
  public enum LinearWay: Sendable, CaseIterable, BitwiseCopyable {
    /// One row by the list of its non-zero inputs.
    case events
    /// A few rows of spikes that share each weight row that is read.
    case shared
    /// Many rows of spikes that take the weights block by block.
    case many
    /// Many rows of spikes as products of tiles, where the processor has these.
    case tiles
    /// Every input, up to four rows at once.
    case dense
    case denseFused
  }

  /// The kernel of one way for one kind of weights.
  public static func linear(_ way: LinearWay, _ kind: WeightKind) -> Kernel {
    switch (way, kind) {
    case (.events, .float32): .linearEvents
    case (.shared, .float32): .linearShared
    case (.many, .float32): .linearMany
    case (.tiles, .float32): .linearTiles
    case (.dense, .float32): .linearDense
    case (.denseFused, .float32): .linearDenseFused
    case (.events, .bfloat16): .linearEventsBF16
    case (.shared, .bfloat16): .linearSharedBF16
    case (.many, .bfloat16): .linearManyBF16
    case (.tiles, .bfloat16): .linearTilesBF16
    case (.dense, .bfloat16): .linearDenseBF16
    case (.denseFused, .bfloat16): .linearDenseFusedBF16
    case (.events, .int8): .linearEventsInt8
    case (.shared, .int8): .linearSharedInt8
    case (.many, .int8): .linearManyInt8
    case (.tiles, .int8): .linearTilesInt8
    case (.dense, .int8): .linearDenseInt8
    case (.denseFused, .int8): .linearDenseFusedInt8
    }
  }

  /// The way of a linear kernel; nil for the others.
  public var linearWay: LinearWay? {
    for way in LinearWay.allCases {
      for kind in WeightKind.allCases where Kernel.linear(way, kind) == self { return way }
    }
    return nil
  }
}

import ArcuateCore

/// The kernels: what `explain` prints and a session reports, by `name`.
///
/// Grammar of the raw values: element type of the weights, operation, and the strategy for the inputs. A
/// name adds the instruction set of the variant that runs: `f32-linear-events-avx512`.
public enum Kernel: String, Sendable, CaseIterable {
  case linearEvents = "f32-linear-events"
  case linearShared = "f32-linear-shared"
  case linearMany = "f32-linear-many"
  case linearDense = "f32-linear-dense"
  case linearDenseFused = "f32-linear-dense-fma"
  case linearEventsBF16 = "bf16-linear-events"
  case linearSharedBF16 = "bf16-linear-shared"
  case linearManyBF16 = "bf16-linear-many"
  case linearDenseBF16 = "bf16-linear-dense"
  case linearDenseFusedBF16 = "bf16-linear-dense-fma"
  case linearEventsInt8 = "i8-linear-events"
  case linearSharedInt8 = "i8-linear-shared"
  case linearManyInt8 = "i8-linear-many"
  case linearDenseInt8 = "i8-linear-dense"
  case linearDenseFusedInt8 = "i8-linear-dense-fma"
  case linearTiles = "f32-linear-tiles"
  case linearTilesBF16 = "bf16-linear-tiles"
  case linearTilesInt8 = "i8-linear-tiles"
  case convolutionEvents = "f32-convolution-events"
  case convolutionWindows = "f32-convolution-windows"
  case sparseRows = "f32-sparse-rows"
  case sparseRing = "f32-sparse-ring"
  case populationStep = "f32-population-step"
  case neuronStep = "f32-neuron-step"
  case neuronFire = "f32-neuron-fire"
  case laneProgram = "f32-neuron-program"
  case nonzeroList = "f32-nonzero-list"
  case matrixProduct = "f32-matrix-product"
  case gatherSums = "f32-gather-sums"
  case neuronRecord = "f32-neuron-record"
  case neuronSweep = "f32-neuron-sweep"

  /// The strategies for the inputs of a linear layer.
  public enum LinearStrategy: Sendable, CaseIterable, BitwiseCopyable {
    /// One row by the list of its non-zero inputs.
    case events
    /// A few rows of spikes that share each weight row that is read.
    case shared
    /// Many rows of spikes that take the weights block by block.
    case many
    /// Many rows of spikes as products of tiles, where the processor has these.
    case tiles
    /// Every input, up to four rows at a time.
    case dense
    case denseFused
  }

  /// The kernel of a strategy for a kind of weights.
  public static func linear(_ strategy: LinearStrategy, _ kind: WeightKind) -> Kernel {
    switch (strategy, kind) {
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

  /// The strategy of a linear kernel; nil for the others.
  public var linearStrategy: LinearStrategy? {
    for strategy in LinearStrategy.allCases {
      for kind in WeightKind.allCases where Kernel.linear(strategy, kind) == self {
        return strategy
      }
    }
    return nil
  }

  /// Element type, operation, strategy and the instruction set in use, such as
  /// `f32-linear-events-avx512`. Products of tiles are AMX's; the others of an AMX processor are AVX-512.
  public var name: String {
    let set = Instructions.current
    #if ARCUATE_AVX
      let used = set == .amx && linearStrategy != .tiles ? .avx512 : set
    #else
      let used = set
    #endif
    return "\(rawValue)-\(used.rawValue)"
  }
}

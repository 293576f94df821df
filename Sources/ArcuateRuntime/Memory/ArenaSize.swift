import ArcuateKernels

/// The sizes of a session's memory, found when a plan is made.
struct ArenaSize: Sendable {
  var batch = 1
  var threads = 1
  /// Steps of a block.
  var block = 1
  /// Nodes, for their counters.
  var nodes = 0

  /// Floats of state.
  var state = 0
  /// Floats, indices and counts of rows.
  var values = 0
  var lists = 0
  var rows = 0
  /// Indices and counts of delay lines, which follow from the state.
  var sparseLists = 0
  var sparseCounts = 0
  /// Floats of the largest row, for the workers' scratch.
  var widest = 16
  /// Floats of scratch that nodes ask each thread for.
  var nodeScratch = 0
  var spikeRows = SpikeRows.Demands(inputs: 16, most: 16, hasBytes: false, anyOrder: false)

  /// The first port whose rows may be stored as lists alone, the numbers of a row, and how many rows
  /// of a call are kept as bits.
  var maskedPort: Int?
  var maskedCount = 0
  var maskedRows = 0

  /// Stages that the nodes are divided into; 0 for one.
  var stages = 0
  var population = PopulationSize()
  var plastic = PlasticSize()

  /// Cycles that run in windows.
  struct PopulationSize: Sendable {
    /// Whether there are any.
    var isUsed = false
    /// Floats and indices of a worker's scratch, and tiles of neurons.
    var scratch = 0
    var flat = 0
    var tiles = 0
    /// Bytes of the scratch of all cycles and threads.
    var byteCount = 0
  }

  /// Rules that change weights.
  struct PlasticSize: Sendable {
    /// Whether there are any, or what they need around them.
    var isUsed = false
    /// Floats of factors.
    var factors = 0
    /// Terms of a rule at most.
    var terms = 0
    /// Floats of the windows of the largest convolution that adapts.
    var windows = 0
    /// Offset in the state of how often each stream was reset, as bits.
    var resets: Int?
  }

  /// Masks of the largest row, sixteen elements in each, in whole cache lines.
  var masks: Int { (widest / 16 + 31) & ~31 }

  /// Bytes of what a session remembers from step to step.
  var stateByteCount: Int { state * 4 + batch * 8 }
  var listByteCount: Int { (lists + sparseLists) * 4 + (rows + sparseCounts) * 8 }
  var counterByteCount: Int { nodes * batch * CounterField.stride * 8 }
  /// Scratch of a session's threads.
  var workerByteCount: Int {
    let windowBytes = plastic.windows > 0 ? plastic.windows * 4 + MatrixProduct.byteCount : 0
    return InputMasks.byteCount(count: maskedCount, rows: maskedRows)
      + threads * (widest * 12 + nodeScratch * 4 + masks * 2 + spikeRows.byteCount + windowBytes)
      + population.byteCount
  }
  /// Bytes a session uses in all.
  var byteCount: Int {
    stateByteCount + values * 4 + listByteCount + workerByteCount + plastic.factors * 4
      + counterByteCount
  }
}

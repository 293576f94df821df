/// The rows that go through all nodes before the next rows do.
///
/// A tile is some streams side by side over some steps. What one node writes is then still in a
/// cache when the next one reads it, and the next tile's rows can take the place of these: a row for
/// each step of a block and each stream, half a gigabyte for 64 streams of a convolutional network,
/// took half as long again.
struct Tiling: Sendable {
  /// Rows of a tile at most: as many as fit into the second-level cache, or more where weights come
  /// from further away and are better used longer.
  let most: Int
  /// Rows of the largest tile that there can be.
  let rows: Int
  /// Streams of a worker at most.
  private let share: Int
  /// Whether some nodes run step by step.
  private let hasCycles: Bool
  /// Whether some cycle runs in windows of several steps, which are not cut.
  private let hasWindows: Bool
  /// Whether threads go through tiles one behind the other.
  private let hasStages: Bool

  init(
    steps: [NodeStep], groups: [NodeGroup], widest: Int, block: Int, options: CompileOptions,
    hasStages: Bool
  ) {
    self.hasStages = hasStages
    let parameters = steps.reduce(0) { $0 + $1.node.byteCount }
    hasCycles = groups.contains(where: \.isCyclic)
    hasWindows = groups.contains { $0.population != nil }
    // Where rows of different streams share weights in a cycle, or weights from far away, more of
    // them are worth more memory.
    let least = (parameters > 1 << 20 ? 1024 : hasCycles ? 512 : 128) << 10
    most = max(1, min(max(parameters / 8, least), 4 << 20) / (widest * 4))
    share = options.batch > 1 ? (options.batch + options.threads - 1) / options.threads : 1
    rows = min(most, block * share)
  }

  /// The streams and steps of a tile of a block of `blockSteps` steps; at most `most` rows, unless
  /// windows are not cut.
  func tile(blockSteps: Int) -> (streams: Int, steps: Int) {
    // In a cycle only the rows of one step can share the weights: streams come first then.
    let mostStreams = max(1, hasCycles ? min(most, share) : most / blockSteps)
    // Tiles of equal size, so that none is left with a few rows and all the weights.
    let tiles = (share + mostStreams - 1) / mostStreams
    let streams = (share + tiles - 1) / tiles
    if hasWindows { return (streams, blockSteps) }
    let steps = hasStages ? min(blockSteps, Stages.mostSteps) : blockSteps
    return (streams, max(1, min(most / streams, steps)))
  }
}

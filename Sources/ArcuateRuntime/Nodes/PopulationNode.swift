import ArcuateKernels

/// A cycle of nothing but spiking neurons and connections with delays, which runs in windows: what
/// leaves within one arrives in a later one, so that a tile of neurons can go through all steps of
/// a window before the next tile begins, on whatever thread.
final class Population: Sendable {
  enum Source: Sendable {
    /// A row from outside the cycle.
    case slot(Int)
    /// Connections of the cycle, by their place among the plan's steps.
    case sparse(Int)
  }

  /// A node of neurons.
  struct Layer: Sendable {
    let step: Int
    /// What is summed, in this order.
    let sources: [Source]
    /// Connections that its spikes take.
    let targets: [Int]
    /// Its first tile among those of all layers.
    let firstTile: Int
    let tiles: Int
  }

  let layers: [Layer]
  /// Tiles of all layers.
  let tiles: Int
  /// Steps that are run at once.
  let window: Int
  /// Nodes of connections with one delay that lead to one layer at most; one if there is none.
  private let sums: Int
  /// Places for all that can arrive within a window by one node of connections.
  let flatCount: Int

  /// Nil unless the steps of `range`, a cycle, can run so.
  init?(_ steps: [Plan.Step], _ range: Range<Int>) {
    var layers: [Layer] = []
    var tiles = 0
    var window = Plan.largestBlock
    for i in range {
      switch steps[i].operation {
      case .sparse(let packed):
        let readers = steps.flatMap(\.sources).filter { $0.slot == steps[i].output }
        guard packed.isEarly, steps[i].sources.count == 1, steps[i].gather < 0,
          !steps[i].sources[0].delayed, readers.count == 1,
          let source = range.first(where: { steps[$0].output == steps[i].sources[0].slot }),
          case .neuron = steps[source].operation
        else { return nil }
        window = min(window, packed.window)
      case .neuron(let layer, _):
        guard layer.flags.contains(.spikes), layer.flags.isSubset(of: NeuronTile.flags),
          !steps[i].channelLast
        else { return nil }
        var sources: [Source] = []
        for source in steps[i].sources {
          guard !source.delayed, source.permutation == nil else { return nil }
          guard let inside = range.first(where: { steps[$0].output == source.slot }) else {
            sources.append(.slot(source.slot))
            continue
          }
          guard case .sparse = steps[inside].operation else { return nil }
          sources.append(.sparse(inside))
        }
        // A sum of two is the same either way; connections come last, where the kernel clears.
        if sources.count == 2, case .slot = sources[1] { sources.swapAt(0, 1) }
        let own = SparseWeights.tiles(layer.count)
        layers.append(
          Layer(
            step: i, sources: sources,
            targets: range.filter { t in
              if case .sparse = steps[t].operation {
                steps[t].sources.contains { $0.slot == steps[i].output }
              } else {
                false
              }
            }, firstTile: tiles, tiles: own))
        tiles += own
      default: return nil
      }
    }
    guard layers.allSatisfy({ !$0.targets.isEmpty }) else { return nil }
    self.layers = layers
    self.tiles = tiles
    self.window = window
    func packed(_ index: Int) -> PackedSparse? {
      if case .sparse(let packed) = steps[index].operation { packed } else { nil }
    }
    sums = max(
      1,
      layers.map { layer in
        layer.sources.filter { source in
          if case .sparse(let i) = source { packed(i)?.isRing == false } else { false }
        }.count
      }.max() ?? 1)
    flatCount = window * (range.compactMap { packed($0)?.weights.inputs }.max() ?? 0)
  }

  /// Neurons that go through a window together, and the largest tile of connections.
  static let part = 1024
  static let largestTile = 8192

  /// Floats of scratch for each worker: three parts, and a window of sums for each node of
  /// connections that leads to a layer and has one delay.
  var scratchCount: Int { 3 * Population.part + sums * window * Population.largestTile }

  /// Scratch of a session.
  func byteCount(_ options: CompileOptions) -> Int {
    options.threads * (scratchCount + flatCount) * 4
  }
}

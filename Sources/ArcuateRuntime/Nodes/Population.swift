import ArcuateKernels

/// A cycle of nothing but spiking neurons and connections with delays, which runs in windows: what
/// leaves within one arrives in a later one, so that a tile of neurons can go through all steps of
/// a window before the next tile begins, on any thread.
final class Population: Sendable, SharedWork {
  enum Source: Sendable {
    /// A row from outside the cycle.
    case slot(Int)
    /// Connections of the cycle, by their index among the plan's steps. Those with one delay have
    /// sums of their own in a worker's scratch, here by their number among those of the layer.
    case sparse(Int, sums: Int?)
  }

  /// Neurons whose tiles can be stepped apart.
  enum Neurons: Sendable {
    case neurons(NeuronNode)
    case program(ProgramNode)

    /// Nil if this is no such node.
    init?(_ node: any NodeRun) {
      if let neurons = node as? NeuronNode {
        guard neurons.layer.flags.contains(.spikes),
          neurons.layer.flags.isSubset(of: NeuronTile.flags)
        else { return nil }
        self = .neurons(neurons)
      } else if let program = node as? ProgramNode, program.emission.isOnes,
        program.layer.isLocal, program.adaptive.isEmpty
      {
        self = .program(program)
      } else {
        return nil
      }
    }

    var count: Int {
      switch self {
      case .neurons(let node): node.layer.count
      case .program(let node): node.layer.count
      }
    }

    /// Whether each source is an input of its own.
    var hasSeparateInputs: Bool {
      if case .program(let node) = self { node.inputUse == .separate } else { false }
    }
  }

  /// A node of neurons. A class, so that going from one to the next copies nothing.
  final class Layer: Sendable {
    let step: NodeStep
    let neurons: Neurons
    /// What is summed, in this order, or one source for each input.
    let sources: [Source]
    /// Connections that its spikes take.
    let targets: [NodeStep]
    /// Its first tile among those of all layers.
    let firstTile: Int
    let tiles: Int

    init(
      step: NodeStep, neurons: Neurons, sources: [Source], targets: [NodeStep], firstTile: Int,
      tiles: Int
    ) {
      self.step = step
      self.neurons = neurons
      self.sources = sources
      self.targets = targets
      self.firstTile = firstTile
      self.tiles = tiles
    }
  }

  let layers: [Layer]
  /// Tiles of all layers.
  let tiles: Int
  /// Steps that are run at once.
  let window: Int
  /// Nodes of connections with one delay that lead to one layer at most; one if there is none.
  private let sums: Int
  /// Indices of all that can arrive within a window by one node of connections.
  let flatCount: Int

  /// Nil unless the steps of `range`, a cycle, can run so.
  init?(_ steps: [NodeStep], _ range: Range<Int>) {
    var layers: [Layer] = []
    var tiles = 0
    var window = Window.mostSteps
    func sparse(_ index: Int) -> SparseNode? { steps[index].node as? SparseNode }
    for i in range {
      let step = steps[i]
      if let packed = sparse(i) {
        let readers = steps.flatMap(\.sources).filter { $0.slot == step.output }
        guard packed.isEarly, step.sources.count == 1, step.gather == nil,
          !step.sources[0].isDelayed, readers.count == 1,
          let source = range.first(where: { steps[$0].output == step.sources[0].slot }),
          Neurons(steps[source].node) != nil
        else { return nil }
        window = min(window, packed.window)
      } else if let neurons = Neurons(step.node) {
        guard !step.isChannelLast else { return nil }
        var sources: [Source] = []
        var sums = 0
        for source in step.sources {
          guard !source.isDelayed, source.permutation == nil else { return nil }
          guard let inside = range.first(where: { steps[$0].output == source.slot }) else {
            sources.append(.slot(source.slot))
            continue
          }
          guard let packed = sparse(inside) else { return nil }
          sources.append(.sparse(inside, sums: packed.isRing ? nil : sums))
          if !packed.isRing { sums += 1 }
        }
        // A sum of two is the same either way; connections come last, where the kernel clears.
        if sources.count == 2, case .slot = sources[1], !neurons.hasSeparateInputs {
          sources.swapAt(0, 1)
        }
        let own = SparseWeights.tiles(neurons.count)
        let targets = range.filter { t in
          sparse(t) != nil && steps[t].sources.contains { $0.slot == step.output }
        }
        layers.append(
          Layer(
            step: step, neurons: neurons, sources: sources, targets: targets.map { steps[$0] },
            firstTile: tiles, tiles: own))
        tiles += own
      } else {
        return nil
      }
    }
    guard layers.allSatisfy({ !$0.targets.isEmpty }) else { return nil }
    self.layers = layers
    self.tiles = tiles
    self.window = window
    let delayed = layers.map { layer in
      layer.sources.count { source in
        if case .sparse(_, let sums) = source { sums != nil } else { false }
      }
    }
    sums = max(1, delayed.max() ?? 1)
    flatCount = window * (range.compactMap { sparse($0)?.weights.inputs }.max() ?? 0)
  }

  /// Neurons that go through a window together, and the largest tile of connections.
  static let part = 1024
  static let largestTile = 8192

  /// Floats of scratch for each worker: five parts, and a window of sums for each node of
  /// connections that leads to a layer and has one delay.
  var scratchCount: Int { Population.sumsOffset + sums * window * Population.largestTile }
  /// Of a worker's scratch: zeros, the steps at which something arrives by each node of connections,
  /// as bits, and the first sum.
  static let zerosOffset = 4 * part
  static let arrivalsOffset = part + 16
  static let sumsOffset = 5 * part

  /// Scratch of a session.
  func byteCount(threads: Int) -> Int { threads * (scratchCount + flatCount) * 4 }
}

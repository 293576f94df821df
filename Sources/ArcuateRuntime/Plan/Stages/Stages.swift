import ArcuateKernels
import ArcuateModel
import CShims

/// How threads share the nodes where there is one stream: each runs some that follow one another, tile
/// after tile as soon as the thread before it is done with it.
///
/// What passes from one thread to the next has a row for every step of a block; counts and counters of
/// a node have cache lines of their own. Layers of a million weights and more are shared out by their
/// outputs instead.
/// Needs. A processor for each, enough work in each stage that waiting for each other does not matter,
/// no layer that is better shared out by its outputs, no windows, and no plasticity.
struct Stages: Sendable {
  /// Indices of the plan's groups, one range for each thread that has some; empty for one stage.
  private(set) var groups: [Range<Int>] = []

  /// Steps of a tile at most: a thread is a tile behind the one before it.
  static let mostSteps = 4

  static let none = Stages()
  private init() {}

  init(
    steps: [NodeStep], groups all: [NodeGroup], slots: [Slot], options: CompileOptions
  ) {
    let threads =
      options.alwaysStages
      ? options.threads : min(options.threads, Int(cshims_processors()))
    guard threads > 1, options.batch == 1,
      !steps.contains(where: { ($0.node as? LinearNode)?.work ?? 0 >= Stages.sharedWork })
    else { return }
    // Groups that stay together, and what they cost.
    var parts: [(groups: Range<Int>, cost: Double)] = []
    for (i, group) in all.enumerated() {
      let cost = group.steps.reduce(0) { $0 + Stages.cycles($1, slots) }
      // Neurons whose sums the convolution before them leaves to them run where it runs.
      if i > 0, group.steps[0].node is InPlaceNeuronNode {
        parts[parts.count - 1].groups = parts[parts.count - 1].groups.lowerBound..<i + 1
        parts[parts.count - 1].cost += cost
      } else {
        parts.append((i..<i + 1, cost))
      }
    }
    // The least cost that no stage exceeds, by halving.
    var (low, high) = (parts.map(\.cost).max() ?? 0, parts.reduce(0) { $0 + $1.cost })
    while high - low > high / 1024 {
      let middle = (low + high) / 2
      if Stages.cut(parts.map(\.cost), most: middle).count <= threads {
        high = middle
      } else {
        low = middle
      }
    }
    let cuts = Stages.cut(parts.map(\.cost), most: high)
    let least = cuts.map { parts[$0].reduce(0) { $0 + $1.cost } }.min() ?? 0
    guard cuts.count > 1, options.alwaysStages || least >= Stages.leastCycles else { return }
    groups = cuts.map {
      parts[$0.lowerBound].groups.lowerBound..<parts[$0.upperBound - 1].groups.upperBound
    }
  }

  /// Products of a layer from which on threads share its outputs.
  private static let sharedWork = 1 << 20

  /// Cycles of a step that are worth a thread of their own.
  private static let leastCycles = 500.0

  /// Ranges in order, each filled up to `most`.
  private static func cut(_ costs: [Double], most: Double) -> [Range<Int>] {
    var (ranges, start, sum): ([Range<Int>], Int, Double) = ([], 0, 0)
    for (i, cost) in costs.enumerated() {
      if i > start, sum + cost > most {
        ranges.append(start..<i)
        (start, sum) = (i, 0)
      }
      sum += cost
    }
    if start < costs.count { ranges.append(start..<costs.count) }
    return ranges
  }

  /// About what a step of a node takes, with as many inputs that are not zero as spiking networks
  /// have: a twentieth into weights, an eighth into kernels.
  private static func cycles(_ step: NodeStep, _ slots: [Slot]) -> Double {
    if slots[step.output].constant || step.isAlias { return 0 }
    return step.node.cost(inputs: step.inputCount, outputs: step.outputCount) + 60
      + (step.gather != nil ? Double(step.inputCount) / 16 * 6 : 0)
  }
}

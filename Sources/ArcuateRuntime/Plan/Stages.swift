import ArcuateKernels
import ArcuateModel
import CShims

/// How threads share the nodes where there is one stream: each runs some that follow one another, over
/// tile after tile as soon as those before it are done with it.
///
/// Needs. A processor for each, enough work in each stage that waiting for each other does not matter,
/// no layer that is better shared out by its outputs, no windows, and nothing that learns.
struct Stages: Sendable {
  /// Places in the plan's groups, one range for each thread that has some; empty for one stage.
  private(set) var groups: [Range<Int>] = []

  /// Steps of a tile at most: a thread is a tile behind the one before it.
  static let mostSteps = 4

  static let none = Stages()
  private init() {}

  /// `isTied` says whether a group must run where the one before it runs.
  init(
    steps: [Plan.Step], groups all: [Plan.Group], slots: [Slot], options: CompileOptions,
    isTied: (Int) -> Bool
  ) {
    let threads =
      options.alwaysStages
      ? options.threads : min(options.threads, Int(cshims_processors()))
    guard threads > 1, options.batch == 1,
      !steps.contains(where: { ($0.linear?.work ?? 0) >= Stages.sharedWork })
    else { return }
    // Groups that stay together, and what they cost.
    var parts: [(groups: Range<Int>, cost: Double)] = []
    for (i, group) in all.enumerated() {
      let cost = group.steps.reduce(0) { $0 + Stages.cycles(steps[$1], slots) }
      if i > 0, isTied(i) {
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
  private static func cycles(_ step: Plan.Step, _ slots: [Slot]) -> Double {
    let slot = slots[step.output]
    if slot.constant || step.role == .alias { return 0 }
    let (inputs, outputs) = (Double(step.inputCount) / 16, Double(step.outputCount) / 16)
    let own: Double =
      switch step.role {
      case .linear: Double(step.linear!.work) / 16 * 0.1 + 40
      case .neurons: outputs * 7
      case .stateless where step.convolution != nil:
        Double(step.convolution!.work) / 16 * 0.25 + outputs
      default: (inputs + outputs) * 4
      }
    return own + 60 + (step.gather >= 0 ? inputs * 6 : 0)
  }
}

extension LinearWeights {
  fileprivate var work: Int { inputs * stride }
}

extension ConvolutionWeights {
  fileprivate var work: Int {
    let g = geometry
    return g.outputCount * g.inPerGroup * g.kernelHeight * g.kernelWidth
  }
}

import ArcuateCore
import ArcuateKernels
import ArcuateModel

/// H + r (x y^T - decay H), the fast weights after each step of their rule: the last node of a step to
/// run forward, and the first to run backward.
///
/// Its output at step t is used at step t + 1. The rate r is trained; the decay keeps its ratio to it.
final class FastWeightsNode: NodeTraining {
  let ports: NodePorts
  var outputIsTransient: Bool { false }
  var overwritesInput: Bool { false }
  var makesSpikes: Bool { false }
  private var post: Signal { inputs[1] }
  private let rate: Parameter
  private let decay: Decay
  private let active: Range<Int>
  private let detachesTime: Bool
  private let zeros: View<Float>
  /// The gradient of the rate, for each sample.
  private let sums: View<Float>

  enum Decay {
    case none
    /// r `ratio` H.
    case weight(ratio: Float)
    /// r `ratio` y^2 H.
    case oja(ratio: Float)
  }

  var parameters: [Parameter] { [rate] }

  /// `active` are the steps after which the rule acts.
  /// The node that makes the fast weights of `linear`, which runs behind what its rule reads.
  static func make(
    for linear: FastLinearNode, _ rule: PlasticRule, post: Signal, options: GradientOptions
  ) throws(ArcuateError) -> FastWeightsNode {
    let first = min(rule.firstStep, options.steps)
    let end = max(first, min(options.plasticSteps ?? options.steps, options.steps))
    return try FastWeightsNode(
      NodePorts("\(linear.name) (rule)", [linear.input, post], linear.fast), rate: linear.rate,
      decay: try rule.fastRule().decay, active: first..<end, options: options)
  }

  private init(
    _ ports: NodePorts, rate: Parameter, decay: Decay, active: Range<Int>,
    options: GradientOptions
  ) throws(ArcuateError) {
    self.ports = ports
    self.rate = rate
    self.decay = decay
    self.active = active
    detachesTime = options.detachesTime
    zeros = try Signal.storage(1, ports.output.width)
    sums = try Signal.storage(1, options.batch)
  }

  /// The last step, whose fast weights are not used.
  private var last: Int { output.steps - 1 }

  private func before(_ t: Int, _ b: Int) -> Row<Float> {
    (t == 0 ? zeros.row : output.row(t - 1, b)).part(0, output.width)
  }

  /// The decay of an element of H, over the rate, by the index of its output.
  private func quota(_ y: Row<Float>, _ i: Int) -> Float {
    switch decay {
    case .none: 0
    case .weight(let ratio): ratio
    case .oja(let ratio): ratio * y[i] * y[i]
    }
  }

  func begin(_ pass: Pass) { sums.row.fill(0) }

  func forward(_ steps: Range<Int>, _ pass: Pass) throws(ArcuateError) {
    let (r, width) = (rate.values[0], post.width)
    for t in steps where t < last {
      try pass.pool.split(0..<output.batch) { part, _ in
        for b in part {
          let (old, new) = (before(t, b), output.row(t, b).part(0, output.width))
          guard active.contains(t) else {
            new.copy(from: old)
            continue
          }
          let (x, y) = (input.row(t, b), post.row(t, b))
          for i in 0..<width {
            let (gain, quota) = (r * y[i], r * quota(y, i))
            var at = i
            for j in 0..<input.width {
              new[at] = old[at] + (gain * x[j] - quota * old[at])
              at += width
            }
          }
        }
      }
    }
  }

  func backward(_ steps: Range<Int>, _ pass: Pass) throws(ArcuateError) {
    guard !detachesTime else { return }
    for t in steps.reversed() where t < last {
      try output.settle(t..<t + 1)
      if active.contains(t) {
        try sendThroughRule(t, pass)
      } else if t > 0 {
        let size = output.batch * output.stride
        let adds = output.adds(t - 1)
        let gradient = try output.gradient.row
        LearningLoops.put(
          gradient.part(t * size, size), into: gradient.part((t - 1) * size, size), adds: adds)
      }
    }
  }

  private func sendThroughRule(_ t: Int, _ pass: Pass) throws(ArcuateError) {
    let (r, width) = (rate.values[0], post.width)
    let (sendsInput, sendsPost) = (input.needsGradient, post.needsGradient)
    if sendsInput { try input.settle(t..<t + 1) }
    if sendsPost { try post.settle(t..<t + 1) }
    let addsBefore = t > 0 && output.adds(t - 1)
    let gradient = try output.gradient.row
    let toInput = sendsInput ? try input.gradient.row : zeros.row
    let toPost = sendsPost ? try post.gradient.row : zeros.row
    try pass.pool.split(0..<output.batch) { part, _ in
      for b in part {
        let (x, y, old) = (input.row(t, b), post.row(t, b), before(t, b))
        let g = gradient.part((t * output.batch + b) * output.stride, output.width)
        for i in 0..<width {
          let quota = quota(y, i)
          // Everything below follows from these two sums over the inputs.
          var (gained, kept): (Float, Float) = (0, 0)
          var at = i
          for j in 0..<input.width {
            gained += g[at] * x[j]
            kept += g[at] * old[at]
            at += width
          }
          sums[b] += gained * y[i] - quota * kept
          guard sendsPost else { continue }
          var value = gained
          if case .oja(let ratio) = decay { value -= 2 * ratio * y[i] * kept }
          toPost[(post.index(t) * output.batch + b) * post.stride + i] += r * value
        }
        if sendsInput {
          let d = toInput.part((input.index(t) * output.batch + b) * input.stride, input.width)
          for j in 0..<input.width {
            let sum = FastWeightLoops.dot(g.part(j * width, width), y.part(0, width))
            d[j] += r * sum
          }
        }
        guard t > 0 else { continue }
        let d = gradient.part(((t - 1) * output.batch + b) * output.stride, output.width)
        for i in 0..<width {
          let share = 1 - r * quota(y, i)
          for at in stride(from: i, to: output.width, by: width) {
            d[at] = addsBefore ? d[at] + share * g[at] : share * g[at]
          }
        }
      }
    }
  }

  func accumulate(_ pass: Pass) {
    guard rate.isTrained else { return }
    for b in 0..<output.batch { rate.gradient[0] += sums[b] }
  }

  func operations(_ samples: Int, _ pass: Pass) -> Int { 0 }
  func trained() -> Operator? { nil }
}

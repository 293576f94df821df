import ArcuateCore
import ArcuateKernels
import ArcuateModel

/// y = (W + alpha * H) x + b, with fast weights H as the step before has left them.
///
/// H is a signal, [pre][post] of each sample at each step, that a `FastWeightsNode` makes. Source.
/// Miconi, Clune and Stanley 2018.
final class FastLinearNode: GradientNode {
  private let linear: PlasticLinear
  private let fast: Signal
  private let weight, alpha, rate: Parameter
  private let bias: Parameter?
  /// A row of the one number, where alpha is one for all.
  private let uniform: View<Float>
  /// Zeros, for H at the first step, and for the bias that is not there.
  private let zeros: View<Float>

  override var parameters: [Parameter] { [weight, alpha] + (bias.map { [$0] } ?? []) }

  init(
    _ name: String, _ input: Signal, _ output: Signal, linear: PlasticLinear, fast: Signal,
    weight: Parameter, alpha: Parameter, bias: Parameter?, rate: Parameter
  ) throws {
    self.linear = linear
    self.fast = fast
    (self.weight, self.alpha, self.bias, self.rate) = (weight, alpha, bias, rate)
    uniform = try Signal.room(1, weight.stride)
    zeros = try Signal.room(1, weight.stride)
    super.init(name, [input, fast], output)
  }

  private var width: Int { output.width }
  private var pre: Int { weight.rows }

  private func weightRow(_ j: Int) -> Row<Float> {
    weight.values.row.part(j * weight.stride, width)
  }

  private func alphaRow(_ j: Int) -> Row<Float> {
    alpha.isTransposed ? alpha.values.row.part(j * alpha.stride, width) : uniform.row.part(0, width)
  }

  /// The fast weights from input `j` that sample `b` meets at step `t`.
  private func fastRow(_ t: Int, _ b: Int, _ j: Int) -> Row<Float> {
    t == 0 ? zeros.row.part(0, width) : fast.row(t - 1, b).part(j * width, width)
  }

  override func begin(_ pass: Pass) {
    if !alpha.isTransposed { uniform.row.part(0, width).fill(alpha.values[0]) }
  }

  override func forward(_ steps: Range<Int>, _ pass: Pass) {
    let start = (bias?.values ?? zeros).row.part(0, width)
    for t in steps {
      pass.pool.split(0..<output.batch) { part, _ in
        for b in part {
          let (x, y) = (input.row(t, b), output.row(t, b).part(0, width))
          y.copy(from: start)
          for j in 0..<pre where x[j] != 0 {
            FastWeightLoops.apply(
              weightRow(j), alpha: alphaRow(j), fast: fastRow(t, b, j), times: x[j], to: y)
          }
        }
      }
    }
  }

  override func backward(_ steps: Range<Int>, _ pass: Pass) throws {
    for t in steps.reversed() {
      try output.settle(t..<t + 1)
      let gradient = try output.gradient.row
      let (sendsInput, sendsFast) = (input.needsGradient, t > 0 && fast.needsGradient)
      let addsInput = sendsInput && input.adds(t)
      let addsFast = sendsFast && fast.adds(t - 1)
      let toInput = sendsInput ? try input.gradient.row : zeros.row
      let toFast = sendsFast ? try fast.gradient.row : zeros.row
      pass.pool.split(0..<output.batch) { part, _ in
        for b in part {
          let g = gradient.part((t * output.batch + b) * output.stride, width)
          if sendsInput {
            let d = toInput.part((input.place(t) * output.batch + b) * input.stride, pre)
            for j in 0..<pre {
              let value = FastWeightLoops.dot(
                g, weightRow(j), alpha: alphaRow(j), fast: fastRow(t, b, j))
              d[j] = addsInput ? d[j] + value : value
            }
          }
          guard sendsFast else { continue }
          let x = input.row(t, b)
          let d = toFast.part(((t - 1) * output.batch + b) * fast.stride, pre * width)
          for j in 0..<pre {
            FastWeightLoops.multiply(
              g, by: alphaRow(j), times: x[j], into: d.part(j * width, width), adds: addsFast)
          }
        }
      }
    }
  }

  override func accumulate(_ pass: Pass) throws {
    let gradient = try output.gradient.row
    if let bias, bias.isTrained {
      LearningLoops.addColumns(
        gradient, rows: output.rows, stride: output.stride, columns: 0..<width,
        to: bias.gradient.row)
    }
    guard weight.isTrained else { return }
    // One row of alpha's gradient would be shared: such sums are made by one thread.
    let all = alpha.isTransposed
    pass.pool.split(0..<pre, grain: all ? 1 : pre) { part, _ in
      for j in part {
        for t in 0..<output.steps {
          for b in 0..<output.batch {
            let x = input.row(t, b)[j]
            guard x != 0 else { continue }
            let g = gradient.part((t * output.batch + b) * output.stride, width)
            LearningLoops.add(g, times: x, to: weight.gradient.row.part(j * weight.stride, width))
            guard t > 0 else { continue }
            if all {
              FastWeightLoops.multiply(
                g, by: fastRow(t, b, j), times: x,
                into: alpha.gradient.row.part(j * alpha.stride, width), adds: true)
            } else {
              alpha.gradient[0] += x * FastWeightLoops.dot(g, fastRow(t, b, j))
            }
          }
        }
      }
    }
  }

  override func learned() -> Operator? {
    var copy = linear
    copy.weight = weight.tensor()
    copy.alpha = alpha.tensor()
    copy.bias = bias?.tensor()
    copy.rule = copy.rule.fast(rate: rate.values[0])
    return .plastic(.linear(copy))
  }
}

/// H + r (x y^T - decay H), what a rule of fast weights makes of them after each step: the last of a
/// step to run, and the first to be swept.
///
/// Its output at step t is what step t + 1 meets. The rate r learns; the decay keeps its ratio to it.
final class FastWeightsNode: GradientNode {
  private let post: Signal
  private let rate: Parameter
  private let decay: Decay
  private let active: Range<Int>
  private let detachesTime: Bool
  private let zeros: View<Float>
  /// The gradient of the rate, of each sample.
  private let sums: View<Float>

  enum Decay {
    case none
    /// r `ratio` H.
    case weight(ratio: Float)
    /// r `ratio` y^2 H.
    case oja(ratio: Float)
  }

  override var parameters: [Parameter] { [rate] }

  /// `active` are the steps after which the rule acts.
  init(
    _ name: String, _ input: Signal, post: Signal, _ output: Signal, rate: Parameter, decay: Decay,
    active: Range<Int>, options: GradientOptions
  ) throws {
    self.post = post
    self.rate = rate
    self.decay = decay
    self.active = active
    detachesTime = options.detachesTime
    zeros = try Signal.room(1, output.width)
    sums = try Signal.room(1, options.batch)
    super.init(name, [input, post], output)
  }

  /// Nobody meets what the last step leaves.
  private var last: Int { output.steps - 1 }

  private func before(_ t: Int, _ b: Int) -> Row<Float> {
    (t == 0 ? zeros.row : output.row(t - 1, b)).part(0, output.width)
  }

  /// What the decay takes of an element of H, over the rate, by the number of its output.
  private func quota(_ y: Row<Float>, _ i: Int) -> Float {
    switch decay {
    case .none: 0
    case .weight(let ratio): ratio
    case .oja(let ratio): ratio * y[i] * y[i]
    }
  }

  override func begin(_ pass: Pass) { sums.row.fill(0) }

  override func forward(_ steps: Range<Int>, _ pass: Pass) {
    let (r, width) = (rate.values[0], post.width)
    for t in steps where t < last {
      pass.pool.split(0..<output.batch) { part, _ in
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

  override func backward(_ steps: Range<Int>, _ pass: Pass) throws {
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

  private func sendThroughRule(_ t: Int, _ pass: Pass) throws {
    let (r, width) = (rate.values[0], post.width)
    let (sendsInput, sendsPost) = (input.needsGradient, post.needsGradient)
    if sendsInput { try input.settle(t..<t + 1) }
    if sendsPost { try post.settle(t..<t + 1) }
    let addsBefore = t > 0 && output.adds(t - 1)
    let gradient = try output.gradient.row
    let toInput = sendsInput ? try input.gradient.row : zeros.row
    let toPost = sendsPost ? try post.gradient.row : zeros.row
    pass.pool.split(0..<output.batch) { part, _ in
      for b in part {
        let (x, y, old) = (input.row(t, b), post.row(t, b), before(t, b))
        let g = gradient.part((t * output.batch + b) * output.stride, output.width)
        for i in 0..<width {
          let quota = quota(y, i)
          // The two sums over the inputs of which all else is made.
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
          toPost[(post.place(t) * output.batch + b) * post.stride + i] += r * value
        }
        if sendsInput {
          let d = toInput.part((input.place(t) * output.batch + b) * input.stride, input.width)
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

  override func accumulate(_ pass: Pass) {
    guard rate.isTrained else { return }
    for b in 0..<output.batch { rate.gradient[0] += sums[b] }
  }
}

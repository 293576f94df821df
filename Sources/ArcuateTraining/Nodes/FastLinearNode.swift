import ArcuateCore
import ArcuateKernels
import ArcuateModel

/// y = (W + alpha * H) x + b, with the fast weights H of the previous step.
///
/// H is a signal, [pre][post] for each sample and step, that a `FastWeightsNode` writes. Source.
/// Miconi, Clune and Stanley 2018.
final class FastLinearNode: NodeTraining {
  let ports: NodePorts
  var outputIsTransient: Bool { false }
  var overwritesInput: Bool { false }
  var makesSpikes: Bool { false }
  private let linear: PlasticLinear
  var fast: Signal { inputs[1] }
  private let weight, alpha: Parameter
  /// The rate of the rule, which its `FastWeightsNode` trains.
  let rate: Parameter
  private let bias: Parameter?
  /// A row filled with alpha, where alpha is one number.
  private let uniform: View<Float>
  /// Zeros, for H at the first step and for a missing bias.
  private let zeros: View<Float>

  var parameters: [Parameter] { [weight, alpha] + (bias.map { [$0] } ?? []) }

  static func make(from linear: PlasticLinear, at site: NodeSite) throws(ArcuateError)
    -> FastLinearNode
  {
    let input = try site.input()
    guard let alpha = linear.alpha else {
      throw ArcuateError(
        .cannotCompile,
        "weights that a rule changes have no gradient here: with alpha it changes fast weights, "
          + "which have one")
    }
    let rule = try linear.rule.fastRule()
    let parameters = (
      weight: try site.parameter("weight", linear.weight, isMatrix: true),
      alpha: try site.parameter("alpha", alpha, isMatrix: alpha.shape == linear.weight.shape),
      bias: try site.bias(linear.bias, count: linear.post),
      rate: try site.parameter("rate", Tensor(vector: [rule.rate]))
    )
    let fast = try Signal(
      "\(site.name) (fast)", Shape([linear.pre, linear.post]), batch: site.options.batch,
      steps: site.options.steps, isSparse: false)
    return try FastLinearNode(
      NodePorts(site.name, [input, fast], try site.output()), linear, parameters)
  }

  private init(
    _ ports: NodePorts, _ linear: PlasticLinear,
    _ parameters: (weight: Parameter, alpha: Parameter, bias: Parameter?, rate: Parameter)
  ) throws(ArcuateError) {
    self.ports = ports
    self.linear = linear
    (weight, alpha, bias, rate) = parameters
    uniform = try Signal.storage(1, weight.stride)
    zeros = try Signal.storage(1, weight.stride)
  }

  private var width: Int { output.width }
  private var pre: Int { weight.rows }

  private func weightRow(_ j: Int) -> Row<Float> {
    weight.values.row.part(j * weight.stride, width)
  }

  private func alphaRow(_ j: Int) -> Row<Float> {
    alpha.isTransposed ? alpha.values.row.part(j * alpha.stride, width) : uniform.row.part(0, width)
  }

  /// The fast weights of input `j` at step `t` of sample `b`.
  private func fastRow(_ t: Int, _ b: Int, _ j: Int) -> Row<Float> {
    t == 0 ? zeros.row.part(0, width) : fast.row(t - 1, b).part(j * width, width)
  }

  func begin(_ pass: Pass) {
    if !alpha.isTransposed { uniform.row.part(0, width).fill(alpha.values[0]) }
  }

  func forward(_ steps: Range<Int>, _ pass: Pass) throws(ArcuateError) {
    let start = (bias?.values ?? zeros).row.part(0, width)
    for t in steps {
      try pass.pool.split(0..<output.batch) { part, _ in
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

  func backward(_ steps: Range<Int>, _ pass: Pass) throws(ArcuateError) {
    for t in steps.reversed() {
      try output.settle(t..<t + 1)
      let gradient = try output.gradient.row
      let (sendsInput, sendsFast) = (input.needsGradient, t > 0 && fast.needsGradient)
      let addsInput = sendsInput && input.adds(t)
      let addsFast = sendsFast && fast.adds(t - 1)
      let toInput = sendsInput ? try input.gradient.row : zeros.row
      let toFast = sendsFast ? try fast.gradient.row : zeros.row
      try pass.pool.split(0..<output.batch) { part, _ in
        for b in part {
          let g = gradient.part((t * output.batch + b) * output.stride, width)
          if sendsInput {
            let d = toInput.part((input.index(t) * output.batch + b) * input.stride, pre)
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

  func accumulate(_ pass: Pass) throws(ArcuateError) {
    let gradient = try output.gradient.row
    if let bias, bias.isTrained {
      LearningLoops.addColumns(
        gradient, rows: output.rows, stride: output.stride, columns: 0..<width,
        to: bias.gradient.row)
    }
    guard weight.isTrained else { return }
    // If alpha is one number, its gradient is summed by one thread.
    let all = alpha.isTransposed
    try pass.pool.split(0..<pre, grain: all ? 1 : pre) { part, _ in
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

  func trained() -> Operator? {
    var copy = linear
    copy.weight = weight.tensor()
    copy.alpha = alpha.tensor()
    copy.bias = bias?.tensor()
    copy.rule = copy.rule.fast(rate: rate.values[0])
    return .plastic(.linear(copy))
  }

  func operations(_ samples: Int, _ pass: Pass) -> Int { 0 }
}

import ArcuateCore
import ArcuateKernels
import ArcuateModel

/// Group normalization: the statistics are those of each row, so training and inference agree.
///
/// With n = (x - mean) / deviation and g the gradient of the output times gamma,
///
///     dx = (g - mean(g) - n mean(g n)) / deviation      over the elements of the group
///
/// Source. Wu and He 2018.
final class GroupNormNode: NodeTraining {
  let ports: NodePorts
  var outputIsTransient: Bool { false }
  var overwritesInput: Bool { false }
  var makesSpikes: Bool { false }
  private let norm: GroupNorm
  private let gamma, beta: Parameter
  private let channels, positions: Int

  var parameters: [Parameter] { [gamma, beta] }

  static func make(from norm: GroupNorm, at site: NodeSite) throws(ArcuateError) -> GroupNormNode {
    guard !site.options.biasOnce else {
      throw site.unsupported("a group-norm whose bias acts once")
    }
    return GroupNormNode(
      norm, try site.input(), try site.output(), site,
      gamma: try site.parameter("gamma", norm.gamma), beta: try site.parameter("beta", norm.beta))
  }

  private init(
    _ norm: GroupNorm, _ input: Signal, _ output: Signal, _ site: NodeSite, gamma: Parameter,
    beta: Parameter
  ) {
    self.norm = norm
    (self.gamma, self.beta) = (gamma, beta)
    channels = norm.gamma.count
    positions = output.width / max(channels, 1)
    ports = NodePorts(site.name, [input], output)
  }

  /// The elements of a group in a row.
  private func elements(_ group: Int) -> Range<Int> {
    let size = channels / norm.groups * positions
    return group * size..<(group + 1) * size
  }

  /// Mean and deviation of a group, in double precision.
  private func statistics(
    _ x: Row<Float>, _ elements: Range<Int>
  ) -> (mean: Float, deviation: Float) {
    let count = Double(elements.count)
    var sum = 0.0
    for i in elements { sum += Double(x[i]) }
    let mean = sum / count
    var square = 0.0
    for i in elements {
      let difference = Double(x[i]) - mean
      square += difference * difference
    }
    return (Float(mean), Float((square / count + Double(norm.epsilon)).squareRoot()))
  }

  func forward(_ steps: Range<Int>, _ pass: Pass) throws(ArcuateError) {
    try pass.pool.split(rows(steps)) { part, _ in
      for r in part {
        let (x, y) = (input.row(beside(r, input)), output.row(r))
        for group in 0..<norm.groups {
          let (mean, deviation) = statistics(x, elements(group))
          for i in elements(group) {
            let c = i / positions
            y[i] = (x[i] - mean) / deviation * gamma.values[c] + beta.values[c]
          }
        }
      }
    }
  }

  func backward(_ steps: Range<Int>, _ pass: Pass) throws(ArcuateError) {
    try output.settle(steps)
    let (from, needsGradient) = (try output.gradient.row, input.needsGradient)
    // Sums over rows, in one order for any number of threads.
    for r in rows(steps) {
      let x = input.row(beside(r, input))
      let g = from.part(r * output.stride, output.stride)
      for group in 0..<norm.groups {
        let (mean, deviation) = statistics(x, elements(group))
        for i in elements(group) {
          let c = i / positions
          if gamma.isTrained { gamma.gradient[c] += g[i] * (x[i] - mean) / deviation }
          if beta.isTrained { beta.gradient[c] += g[i] }
        }
      }
    }
    guard needsGradient else { return }
    let adds = try input.adds(steps)
    let to = try input.gradient.row
    try pass.pool.split(rows(steps)) { part, _ in
      for r in part {
        let x = input.row(beside(r, input))
        let g = from.part(r * output.stride, output.stride)
        let d = to.part(beside(r, input) * input.stride, input.stride)
        for group in 0..<norm.groups {
          let (mean, deviation) = statistics(x, elements(group))
          var (sum, product) = (0.0, 0.0)
          for i in elements(group) {
            let scaled = Double(g[i] * gamma.values[i / positions])
            sum += scaled
            product += scaled * Double((x[i] - mean) / deviation)
          }
          let count = Double(elements(group).count)
          let (gradient, slope) = (Float(sum / count), Float(product / count))
          for i in elements(group) {
            let normalized = (x[i] - mean) / deviation
            let value = g[i] * gamma.values[i / positions] - gradient - normalized * slope
            d[i] = (adds ? d[i] : 0) + value / deviation
          }
        }
      }
    }
  }

  func trained() -> Operator? {
    .groupNorm(
      GroupNorm(
        groups: norm.groups, gamma: gamma.tensor(), beta: beta.tensor(), epsilon: norm.epsilon))
  }

  func begin(_ pass: Pass) {}
  func accumulate(_ pass: Pass) {}
  func operations(_ samples: Int, _ pass: Pass) -> Int { 0 }
}

import ArcuateCore
import ArcuateKernels
import ArcuateModel

/// Batch normalization over samples, positions and steps together: for spiking networks this is tdBN,
/// with a scale that is initialized to alpha * threshold.
///
/// Source. Ioffe and Szegedy 2015; Zheng et al. 2021 (tdBN).
final class BatchNormNode: NodeTraining {
  let ports: NodePorts
  var outputIsTransient: Bool { false }
  var overwritesInput: Bool { false }
  var makesSpikes: Bool { false }
  private let norm: BatchNorm
  private let gamma, beta: Parameter
  /// Running statistics, which checkpoints contain.
  let mean, variance: Parameter
  private let momentum: Float
  private let biasOnce: Bool
  private let channels, positions: Int
  private var factor: [Float]
  private var shift: [Float]
  private var batchMean: [Float]
  private var batchDeviation: [Float]
  private var usesBatch = false

  var parameters: [Parameter] { [gamma, beta, mean, variance] }

  static func make(from norm: BatchNorm, at site: NodeSite) throws(ArcuateError) -> BatchNormNode {
    let input = try site.input()
    guard !site.isInCycle else { throw site.unsupported("a batch-norm within a cycle") }
    let output = try site.output()
    let parameters = (
      gamma: try site.parameter("gamma", norm.gamma), beta: try site.parameter("beta", norm.beta),
      mean: try site.parameter("mean", norm.mean, isTrained: false),
      variance: try site.parameter("variance", norm.variance, isTrained: false)
    )
    return BatchNormNode(site, input, output, norm, parameters)
  }

  private init(
    _ site: NodeSite, _ input: Signal, _ output: Signal, _ norm: BatchNorm,
    _ parameters: (gamma: Parameter, beta: Parameter, mean: Parameter, variance: Parameter)
  ) {
    biasOnce = site.options.biasOnce
    momentum = site.options.normMomentum
    self.norm = norm
    (gamma, beta, mean, variance) = parameters
    channels = norm.gamma.count
    positions = output.width / max(norm.gamma.count, 1)
    factor = .init(repeating: 1, count: channels)
    shift = .init(repeating: 0, count: channels)
    batchMean = shift
    batchDeviation = factor
    ports = NodePorts(site.name, [input], output)
    for statistic in [mean, variance] { statistic.isStatistic = true }
  }

  func forward(_ steps: Range<Int>, _ pass: Pass) throws(ArcuateError) {
    // A spiking counterpart, whose shifts act at the first step only, uses the running statistics.
    usesBatch = pass.isTraining && !biasOnce
    if usesBatch { try measure() }
    for c in 0..<channels {
      let (m, deviation) =
        usesBatch
        ? (batchMean[c], batchDeviation[c])
        : (mean.values[c], (variance.values[c] + norm.epsilon).squareRoot())
      factor[c] = gamma.values[c] / deviation
      shift[c] = beta.values[c] - m * factor[c]
    }
    let (factor, all) = (factor, shift)
    let none = [Float](repeating: 0, count: channels)
    try pass.pool.split(rows(steps)) { part, _ in
      for r in part {
        let shift = biasOnce && r >= output.batch ? none : all
        let (x, y) = (input.row(beside(r, input)), output.row(r))
        if positions == 1 {
          for c in 0..<channels { y[c] = x[c] * factor[c] + shift[c] }
        } else {
          for c in 0..<channels {
            for i in c * positions..<(c + 1) * positions { y[i] = x[i] * factor[c] + shift[c] }
          }
        }
      }
    }
  }

  /// Mean and deviation of every channel, and the running ones. In double precision and two passes:
  /// the mean square minus the square of the mean would leave nothing of a small variance.
  private func measure() throws(ArcuateError) {
    let count = Double(output.rows * positions)
    let means = try total { x, _ in Double(x) }.map { $0 / count }
    let squares = try total { x, c in
      let difference = Double(x) - means[c]
      return difference * difference
    }
    for c in 0..<channels {
      let m = means[c]
      let v = squares[c] / count
      batchMean[c] = Float(m)
      batchDeviation[c] = Float((v + Double(norm.epsilon)).squareRoot())
      let unbiased = count > 1 ? v * count / (count - 1) : v
      mean.values[c] += momentum * (Float(m) - mean.values[c])
      variance.values[c] += momentum * (Float(unbiased) - variance.values[c])
    }
  }

  /// For each channel the sum over rows and positions of `term`.
  @inline(__always)
  private func total(
    _ term: (_ x: Float, _ channel: Int) -> Double
  ) throws(ArcuateError) -> [Double] {
    var sums = [Double](repeating: 0, count: channels)
    for r in 0..<output.rows {
      try Cancellation.check()
      let x = input.row(beside(r, input))
      for c in 0..<channels {
        var sum = 0.0
        for i in c * positions..<(c + 1) * positions { sum += term(x[i], c) }
        sums[c] += sum
      }
    }
    return sums
  }

  /// Sums over rows and positions of the gradient, alone and times the normalized input.
  private func sums() throws(ArcuateError) -> (gradient: [Double], product: [Double]) {
    var gradient = [Double](repeating: 0, count: channels)
    var product = gradient
    for r in 0..<output.rows {
      try Cancellation.check()
      let (x, g) = (input.row(beside(r, input)), try output.gradientRow(r))
      for c in 0..<channels {
        let (m, d) = statistics(c)
        var (sum, moment): (Float, Float) = (0, 0)
        for i in c * positions..<(c + 1) * positions {
          sum += g[i]
          moment += g[i] * (x[i] - m)
        }
        gradient[c] += Double(sum)
        product[c] += Double(moment / d)
      }
    }
    return (gradient, product)
  }

  private func statistics(_ c: Int) -> (mean: Float, deviation: Float) {
    usesBatch
      ? (batchMean[c], batchDeviation[c])
      : (mean.values[c], (variance.values[c] + norm.epsilon).squareRoot())
  }

  func backward(_ steps: Range<Int>, _ pass: Pass) throws(ArcuateError) {
    try output.settle(steps)
    let (gradient, product) = try sums()
    for c in 0..<channels {
      if gamma.isTrained { gamma.gradient[c] += Float(product[c]) }
      if beta.isTrained { beta.gradient[c] += Float(gradient[c]) }
    }
    guard input.needsGradient else { return }
    let adds = try input.adds(steps)
    let (from, to) = (try output.gradient.row, try input.gradient.row)
    let count = Double(output.rows * positions)
    let usesBatch = usesBatch
    let statistics = (0..<channels).map(statistics)
    let gradientMean = gradient.map { Float($0 / count) }
    let productMean = product.map { Float($0 / count) }
    try pass.pool.split(rows(steps)) { part, _ in
      for r in part {
        let x = input.row(beside(r, input))
        let g = from.part(r * output.stride, output.stride)
        let d = to.part(beside(r, input) * input.stride, input.stride)
        for c in 0..<channels {
          let (m, deviation) = statistics[c]
          let scale = gamma.values[c] / deviation
          for i in c * positions..<(c + 1) * positions {
            var value = g[i]
            if usesBatch { value -= gradientMean[c] + (x[i] - m) / deviation * productMean[c] }
            d[i] = (adds ? d[i] : 0) + scale * value
          }
        }
      }
    }
  }

  func trained() -> Operator? {
    .batchNorm(
      BatchNorm(
        mean: mean.tensor(), variance: variance.tensor(), gamma: gamma.tensor(),
        beta: beta.tensor(), epsilon: norm.epsilon))
  }

  func begin(_ pass: Pass) {}
  func accumulate(_ pass: Pass) {}
  func operations(_ samples: Int, _ pass: Pass) -> Int { 0 }
}

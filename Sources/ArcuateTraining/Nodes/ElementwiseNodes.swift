import ArcuateCore
import ArcuateKernels
import ArcuateModel

/// y = s x.
final class ScaleNode: NodeTraining {
  let ports: NodePorts
  var outputIsTransient: Bool { false }
  var overwritesInput: Bool { false }
  var makesSpikes: Bool { false }
  private let scale: Parameter
  var parameters: [Parameter] { [scale] }

  static func make(from factor: Tensor, at site: NodeSite) throws(ArcuateError) -> ScaleNode {
    ScaleNode(
      site.name, try site.input(), try site.output(), scale: try site.parameter("scale", factor))
  }

  private init(_ name: String, _ input: Signal, _ output: Signal, scale: Parameter) {
    self.scale = scale
    ports = NodePorts(name, [input], output)
  }

  private func factor(_ i: Int) -> Float { scale.values[scale.count == 1 ? 0 : i] }

  func forward(_ steps: Range<Int>, _ pass: Pass) throws(ArcuateError) {
    try pass.pool.split(rows(steps)) { part, _ in
      for r in part {
        let (x, y) = (input.row(beside(r, input)), output.row(r))
        for i in 0..<output.width { y[i] = factor(i) * x[i] }
      }
    }
  }

  func backward(_ steps: Range<Int>, _ pass: Pass) throws(ArcuateError) {
    try output.settle(steps)
    guard input.needsGradient else { return }
    let adds = try input.adds(steps)
    let (from, to) = (try output.gradient.row, try input.gradient.row)
    try pass.pool.split(rows(steps)) { part, _ in
      for r in part {
        let g = from.part(r * output.stride, output.stride)
        let d = to.part(beside(r, input) * input.stride, input.stride)
        for i in 0..<output.width { d[i] = (adds ? d[i] : 0) + factor(i) * g[i] }
      }
    }
  }

  func accumulate(_ pass: Pass) throws(ArcuateError) {
    guard scale.isTrained else { return }
    for r in 0..<output.rows {
      let (x, g) = (input.row(beside(r, input)), try output.gradientRow(r))
      for i in 0..<output.width { scale.gradient[scale.count == 1 ? 0 : i] += g[i] * x[i] }
    }
  }

  func trained() -> Operator? { .scale(scale.tensor()) }

  func begin(_ pass: Pass) {}
  func operations(_ samples: Int, _ pass: Pass) -> Int { 0 }
}

/// 1 where x > threshold, with a surrogate derivative.
final class ThresholdNode: NodeTraining {
  let ports: NodePorts
  var outputIsTransient: Bool { false }
  var overwritesInput: Bool { false }
  var makesSpikes: Bool { false }
  private let threshold: Parameter
  private let surrogate: Surrogate
  private let isSmooth: Bool
  var parameters: [Parameter] { [threshold] }

  static func make(from threshold: Tensor, at site: NodeSite) throws(ArcuateError) -> ThresholdNode
  {
    ThresholdNode(
      site.name, try site.input(), try site.output(),
      threshold: try site.parameterTrainedByName("threshold", threshold),
      surrogate: site.options.surrogates[site.name] ?? site.options.surrogate,
      isSmooth: site.options.isSmooth)
  }

  private init(
    _ name: String, _ input: Signal, _ output: Signal, threshold: Parameter, surrogate: Surrogate,
    isSmooth: Bool
  ) {
    self.threshold = threshold
    self.surrogate = surrogate
    self.isSmooth = isSmooth
    ports = NodePorts(name, [input], output)
  }

  private func excess(_ r: Int, _ i: Int) -> Float {
    input.row(beside(r, input))[i] - threshold.values[threshold.count == 1 ? 0 : i]
  }

  func forward(_ steps: Range<Int>, _ pass: Pass) {
    for r in rows(steps) {
      let y = output.row(r)
      for i in 0..<output.width {
        let x = excess(r, i)
        y[i] = isSmooth ? surrogate.antiderivative(x) ?? 0 : x > 0 ? 1 : 0
      }
    }
  }

  func backward(_ steps: Range<Int>, _ pass: Pass) throws(ArcuateError) {
    try output.settle(steps)
    guard input.needsGradient else { return }
    let adds = try input.adds(steps)
    for r in rows(steps) {
      let (g, d) = (try output.gradientRow(r), try input.gradientRow(beside(r, input)))
      for i in 0..<output.width {
        d[i] = (adds ? d[i] : 0) + g[i] * surrogate.derivative(excess(r, i))
      }
    }
  }

  func accumulate(_ pass: Pass) throws(ArcuateError) {
    guard threshold.isTrained else { return }
    for r in 0..<output.rows {
      let g = try output.gradientRow(r)
      for i in 0..<output.width {
        threshold.gradient[threshold.count == 1 ? 0 : i] -=
          g[i] * surrogate.derivative(excess(r, i))
      }
    }
  }

  func trained() -> Operator? { .threshold(threshold.tensor()) }

  func begin(_ pass: Pass) {}
  func operations(_ samples: Int, _ pass: Pass) -> Int { 0 }
}

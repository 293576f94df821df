import ArcuateCore
import ArcuateKernels
import ArcuateModel

/// y = W x + b.
///
/// A sparse input goes through lists, in both directions: an output sums the weights of the inputs
/// that fired, and a weight's gradient sums those of the steps at which its input fired.
final class LinearNode: NodeTraining {
  let ports: NodePorts
  var outputIsTransient: Bool { true }
  var overwritesInput: Bool { false }
  var makesSpikes: Bool { false }
  private let weight: Parameter
  private let bias: Parameter?
  /// A zero for every output, used where there is no bias.
  private let zeros: View<Float>
  /// The share of nonzeros above which lists do not pay.
  private static let densest = 0.3

  var parameters: [Parameter] { [weight] + (bias.map { [$0] } ?? []) }

  /// Whether the bias is added at the first step only.
  private let biasOnce: Bool

  static func make(from linear: Linear, at site: NodeSite) throws(ArcuateError) -> LinearNode {
    let input = try site.input()
    guard linear.weight.shape.rank == 2, input.width == linear.weight.shape[1] else {
      throw site.unsupported(
        "a linear layer of shape \(linear.weight.shape) over \(input.shape)")
    }
    let weight = try site.parameter("weight", linear.weight, isMatrix: true)
    let bias = try site.bias(linear.bias, count: linear.weight.shape[0])
    return try LinearNode(site, input, weight: weight, bias: bias)
  }

  private init(
    _ site: NodeSite, _ input: Signal, weight: Parameter, bias: Parameter?
  ) throws(ArcuateError) {
    biasOnce = site.options.biasOnce
    self.weight = weight
    self.bias = bias
    zeros = try Signal.storage(1, weight.stride)
    ports = NodePorts(site.name, [input], try site.output())
  }

  private var start: Row<Float> { (bias?.values ?? zeros).row }
  private var matrix: Matrix {
    Matrix(weight.values.row, rows: weight.rows, columns: weight.width, rowStride: weight.stride)
  }

  /// The lists of the input at some steps, if they pay.
  private func lists(_ steps: Range<Int>, _ pass: Pass) throws(ArcuateError) -> Lists? {
    guard input.isSparse else { return nil }
    let lists = try input.listed(steps, pass.pool)
    let entries = lists.entries(rows(steps))
    let all = rows(steps).count * input.width
    return Double(entries) < LinearNode.densest * Double(all) ? lists : nil
  }

  private func view(_ view: View<Float>, _ signal: Signal, _ rows: Range<Int>) -> Matrix {
    Matrix(view.row, rows: signal.rows, columns: signal.width, rowStride: signal.stride).rows(rows)
  }

  func forward(_ steps: Range<Int>, _ pass: Pass) throws(ArcuateError) {
    if biasOnce, bias != nil, steps.count > 1 {
      try apply(steps.prefix(1), pass)
      try apply(steps.dropFirst(), pass)
    } else {
      try apply(steps, pass)
    }
  }

  private func apply(_ steps: Range<Int>, _ pass: Pass) throws(ArcuateError) {
    let start = biasOnce && steps.lowerBound > 0 ? zeros.row : start
    let rows = rows(steps)
    if let lists = try lists(steps, pass)?.byRow(rows, pass.pool) {
      let size = rows.count * output.stride
      let y = output.values.row.part(rows.lowerBound * output.stride, size)
      try pass.pool.split(0..<rows.count) { part, _ in
        lists.gather(
          source: weight.values.row, sourceStride: weight.stride, sourceRows: weight.rows,
          range: part, start: start, y: y, yStride: output.stride, width: output.width)
      }
      return
    }
    try pass.pool.split(rows, grain: 6) { part, worker in
      for r in part { output.row(r).part(0, output.width).copy(from: start.part(0, output.width)) }
      pass.products[worker].multiply(
        view(input.values, input, part), matrix, into: view(output.values, output, part),
        adds: true)
    }
  }

  func backward(_ steps: Range<Int>, _ pass: Pass) throws(ArcuateError) {
    try output.settle(steps)
    guard input.needsGradient else { return }
    let adds = try input.adds(steps)
    let (from, to) = (try output.gradient, try input.gradient)
    try pass.pool.split(rows(steps), grain: 6) { part, worker in
      pass.products[worker].multiply(
        view(from, output, part), matrix.transposed, into: view(to, input, part), adds: adds)
    }
  }

  func accumulate(_ pass: Pass) throws(ArcuateError) {
    let gradient = try output.gradient
    let steps = 0..<output.steps
    if let bias, bias.isTrained {
      try pass.pool.split(0..<output.width, grain: 16) { part, _ in
        LearningLoops.addColumns(
          gradient.row, rows: output.rows, stride: output.stride, columns: part,
          to: bias.gradient.row)
      }
    }
    guard weight.isTrained else { return }
    if let lists = try lists(steps, pass)?.byColumn(pass.pool) {
      try pass.pool.split(0..<weight.rows) { part, _ in
        lists.gather(
          source: gradient.row, sourceStride: output.stride, sourceRows: output.rows, range: part,
          start: nil, y: weight.gradient.row, yStride: weight.stride, width: output.width)
      }
      return
    }
    let into = Matrix(
      weight.gradient.row, rows: weight.rows, columns: weight.width, rowStride: weight.stride)
    try pass.pool.split(0..<weight.rows, grain: 6) { part, worker in
      pass.products[worker].multiply(
        view(input.values, input, 0..<output.rows).transposed.rows(part),
        view(gradient, output, 0..<output.rows), into: into.rows(part), adds: true)
    }
  }

  func operations(_ samples: Int, _ pass: Pass) throws(ArcuateError) -> Int {
    let entries =
      input.isSparse
      ? try input.nonzeros(samples, pass.pool) : input.steps * samples * input.width
    return entries * output.width
  }

  func trained() -> Operator? {
    .linear(Linear(weight: weight.tensor(), bias: bias?.tensor()))
  }

  func begin(_ pass: Pass) {}
}

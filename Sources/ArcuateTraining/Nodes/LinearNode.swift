import ArcuateCore
import ArcuateKernels
import ArcuateModel

/// y = W x + b.
///
/// What comes in as mostly zeros goes through lists, in both directions: the sum over who fired of
/// their weights, and for each input the sum over the times it fired of the gradient there.
final class LinearNode: GradientNode {
  private let weight: Parameter
  private let bias: Parameter?
  /// A zero for every output, where there is no bias.
  private let zeros: View<Float>
  /// The share of entries that are not zero above which lists do not pay.
  private static let densest = 0.3

  override var parameters: [Parameter] { [weight] + (bias.map { [$0] } ?? []) }

  /// Whether the bias is added at the first step only.
  private let biasOnce: Bool

  init(
    _ name: String, _ input: Signal, _ output: Signal, weight: Parameter, bias: Parameter?,
    biasOnce: Bool
  ) throws {
    self.biasOnce = biasOnce
    self.weight = weight
    self.bias = bias
    zeros = try Signal.room(1, weight.stride)
    super.init(name, [input], output)
  }

  private var start: Row<Float> { (bias?.values ?? zeros).row }
  private var matrix: Matrix {
    Matrix(weight.values.row, rows: weight.rows, columns: weight.width, rowStride: weight.stride)
  }

  /// The lists of the input at some steps, where going through them pays.
  private func lists(_ steps: Range<Int>, _ pass: Pass) throws -> Lists? {
    guard input.isSparse else { return nil }
    let lists = try input.listed(steps, pass.pool)
    let entries = lists.entries(rows(steps))
    let all = rows(steps).count * input.width
    return Double(entries) < LinearNode.densest * Double(all) ? lists : nil
  }

  private func view(_ view: View<Float>, _ signal: Signal, _ rows: Range<Int>) -> Matrix {
    Matrix(view.row, rows: signal.rows, columns: signal.width, rowStride: signal.stride).rows(rows)
  }

  override func forward(_ steps: Range<Int>, _ pass: Pass) throws {
    if biasOnce, bias != nil, steps.count > 1 {
      try apply(steps.prefix(1), pass)
      try apply(steps.dropFirst(), pass)
    } else {
      try apply(steps, pass)
    }
  }

  private func apply(_ steps: Range<Int>, _ pass: Pass) throws {
    let start = biasOnce && steps.lowerBound > 0 ? zeros.row : start
    let rows = rows(steps)
    if let lists = try lists(steps, pass)?.byRow(rows, pass.pool) {
      let size = rows.count * output.stride
      let y = output.values.row.part(rows.lowerBound * output.stride, size)
      pass.pool.split(0..<rows.count) { part, _ in
        lists.gather(
          source: weight.values.row, sourceStride: weight.stride, sourceRows: weight.rows,
          range: part, start: start, y: y, yStride: output.stride, width: output.width)
      }
      return
    }
    pass.pool.split(rows, grain: 6) { part, worker in
      for r in part { output.row(r).part(0, output.width).copy(from: start.part(0, output.width)) }
      pass.products[worker].multiply(
        view(input.values, input, part), matrix, into: view(output.values, output, part),
        adds: true)
    }
  }

  override func backward(_ steps: Range<Int>, _ pass: Pass) throws {
    try output.settle(steps)
    guard input.needsGradient else { return }
    let adds = try input.adds(steps)
    let (from, to) = (try output.gradient, try input.gradient)
    pass.pool.split(rows(steps), grain: 6) { part, worker in
      pass.products[worker].multiply(
        view(from, output, part), matrix.transposed, into: view(to, input, part), adds: adds)
    }
  }

  override func accumulate(_ pass: Pass) throws {
    let gradient = try output.gradient
    let steps = 0..<output.steps
    if let bias, bias.isTrained {
      pass.pool.split(0..<output.width, grain: 16) { part, _ in
        LearningLoops.addColumns(
          gradient.row, rows: output.rows, stride: output.stride, columns: part,
          to: bias.gradient.row)
      }
    }
    guard weight.isTrained else { return }
    if let lists = try lists(steps, pass)?.byColumn(pass.pool) {
      pass.pool.split(0..<weight.rows) { part, _ in
        lists.gather(
          source: gradient.row, sourceStride: output.stride, sourceRows: output.rows, range: part,
          start: nil, y: weight.gradient.row, yStride: weight.stride, width: output.width)
      }
      return
    }
    let into = Matrix(
      weight.gradient.row, rows: weight.rows, columns: weight.width, rowStride: weight.stride)
    pass.pool.split(0..<weight.rows, grain: 6) { part, worker in
      pass.products[worker].multiply(
        view(input.values, input, 0..<output.rows).transposed.rows(part),
        view(gradient, output, 0..<output.rows), into: into.rows(part), adds: true)
    }
  }

  override func learned() -> Operator? {
    .linear(Linear(weight: weight.tensor(), bias: bias?.tensor()))
  }
}

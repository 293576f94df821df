import ArcuateCore
import ArcuateKernels
import ArcuateModel

/// A convolution, as a product of its weights with the windows that they look through.
///
/// Where outputs are small, the windows of several rows lie side by side in one product, which
/// otherwise would spend its time on copying weights.
final class ConvolutionNode: GradientNode {
  private let convolution: Convolution
  private let geometry: ConvolutionGeometry
  private let weight: Parameter
  private let bias: Parameter?
  private let biasOnce: Bool
  /// For each worker the windows of some rows, [depth][rows][positions], and what lies at their
  /// outputs, [outputs per group][rows][positions].
  private let columns: [View<Float>]
  private let blocks: [View<Float>]
  /// Sums of gradients for each shard of the rows.
  private let shards: [View<Float>]
  /// Rows in a product.
  private let together: Int
  /// Gradients of weights are summed in so many parts, whatever the number of threads.
  private static let shardCount = 4
  /// Columns that a product should have at least, if rows do not have them.
  private static let width = 256

  override var parameters: [Parameter] { [weight] + (bias.map { [$0] } ?? []) }

  init(
    _ name: String, _ input: Signal, _ output: Signal, convolution: Convolution,
    geometry: ConvolutionGeometry, weight: Parameter, bias: Parameter?, biasOnce: Bool,
    threads: Int
  ) throws {
    self.biasOnce = biasOnce
    self.convolution = convolution
    self.geometry = geometry
    self.weight = weight
    self.bias = bias
    let positions = geometry.outHeight * geometry.outWidth
    let depth = geometry.inPerGroup * geometry.kernelHeight * geometry.kernelWidth
    together = max(1, min(output.rows, ConvolutionNode.width / max(1, positions)))
    let row = together * positions
    columns = try (0..<max(threads, 1)).map { _ in try Signal.room(1, depth * row) }
    blocks = try (0..<max(threads, 1)).map { _ in
      try Signal.room(1, geometry.outPerGroup * row)
    }
    shards = try (0..<ConvolutionNode.shardCount).map { _ in try Signal.room(1, weight.stride) }
    super.init(name, [input], output)
  }

  /// How many weights each element of the input meets, channel-first as the input lies.
  private(set) lazy var fanOut: [UInt32] =
    convolution.fanOutByChannel(input: input.shape, output: output.shape).perInput

  private var positions: Int { geometry.outHeight * geometry.outWidth }
  private var depth: Int { geometry.inPerGroup * geometry.kernelHeight * geometry.kernelWidth }

  /// The weights of a group, [outputs per group][depth].
  private func matrix(_ values: View<Float>, _ group: Int) -> Matrix {
    let size = geometry.outPerGroup * depth
    return Matrix(
      values.row.part(group * size, size), rows: geometry.outPerGroup, columns: depth,
      rowStride: depth)
  }

  /// Cuts some rows into those of one product, for each group; `body` gets the group, the rows, the
  /// matrix of their windows and that of their outputs, whose elements are the worker's.
  private func products(
    _ part: Range<Int>, _ worker: Int,
    _ body: (_ group: Int, _ rows: Range<Int>, _ windows: Matrix, _ block: Matrix) -> Void
  ) {
    for first in stride(from: part.lowerBound, to: part.upperBound, by: together) {
      let rows = first..<min(first + together, part.upperBound)
      let width = rows.count * positions
      for group in 0..<geometry.groups {
        body(
          group, rows,
          Matrix(columns[worker].row, rows: depth, columns: width, rowStride: width),
          Matrix(blocks[worker].row, rows: geometry.outPerGroup, columns: width, rowStride: width))
      }
    }
  }

  /// The windows of some rows of the input.
  private func spread(_ rows: Range<Int>, _ group: Int, into windows: Matrix) {
    for (k, r) in rows.enumerated() {
      let at = k * positions
      Windows.spread(
        input.row(beside(r, input)), geometry, group: group,
        into: windows.elements.part(at, windows.elements.count - at), stride: windows.rowStride)
    }
  }

  /// Every channel of a group at some rows, in the signal and in the block.
  private func channels(
    _ rows: Range<Int>, _ group: Int, _ block: Matrix, _ values: Row<Float>,
    _ body: (_ channel: Int, _ row: Int, _ inSignal: Row<Float>, _ inBlock: Row<Float>) -> Void
  ) {
    for (k, r) in rows.enumerated() {
      for c in 0..<geometry.outPerGroup {
        let channel = group * geometry.outPerGroup + c
        body(
          channel, r, values.part(r * output.stride + channel * positions, positions),
          block.elements.part(c * block.rowStride + k * positions, positions))
      }
    }
  }

  override func forward(_ steps: Range<Int>, _ pass: Pass) {
    pass.pool.split(rows(steps)) { part, worker in
      products(part, worker) { group, rows, windows, block in
        spread(rows, group, into: windows)
        pass.products[worker].multiply(
          matrix(weight.values, group), windows, into: block, adds: false)
        channels(rows, group, block, output.values.row) { channel, r, values, sums in
          let hasBias = !biasOnce || r < output.batch
          LearningLoops.put(sums, plus: hasBias ? bias?.values[channel] ?? 0 : 0, into: values)
        }
      }
    }
  }

  override func backward(_ steps: Range<Int>, _ pass: Pass) throws {
    try output.settle(steps)
    guard input.needsGradient else { return }
    try input.settle(steps)
    let (from, to) = (try output.gradient, try input.gradient)
    pass.pool.split(rows(steps)) { part, worker in
      products(part, worker) { group, rows, windows, block in
        channels(rows, group, block, from.row) { _, _, gradient, copy in copy.copy(from: gradient) }
        pass.products[worker].multiply(
          matrix(weight.values, group).transposed, block, into: windows, adds: false)
        for (k, r) in rows.enumerated() {
          let at = k * positions
          Windows.gather(
            windows.elements.part(at, windows.elements.count - at), stride: windows.rowStride,
            geometry, group: group, into: to.row.part(r * input.stride, input.stride))
        }
      }
    }
  }

  override func accumulate(_ pass: Pass) throws {
    let gradient = try output.gradient
    if let bias, bias.isTrained {
      pass.pool.split(0..<geometry.outChannels) { part, _ in
        for r in 0..<output.rows {
          for c in part {
            bias.gradient[c] += LearningLoops.sum(
              gradient.row.part(r * output.stride + c * positions, positions))
          }
        }
      }
    }
    guard weight.isTrained else { return }
    let count = ConvolutionNode.shardCount
    pass.pool.split(0..<count) { part, worker in
      for shard in part {
        shards[shard].row.fill(0)
        let rows = output.rows * shard / count..<output.rows * (shard + 1) / count
        products(rows, worker) { group, rows, windows, block in
          spread(rows, group, into: windows)
          channels(rows, group, block, gradient.row) { _, _, gradient, copy in
            copy.copy(from: gradient)
          }
          pass.products[worker].multiply(
            block, windows.transposed, into: matrix(shards[shard], group), adds: true)
        }
      }
    }
    for shard in shards { LearningLoops.add(shard.row, to: weight.gradient.row) }
  }

  override func learned() -> Operator? {
    var copy = convolution
    copy.weight = weight.tensor()
    copy.bias = bias?.tensor()
    return .convolution(copy)
  }
}

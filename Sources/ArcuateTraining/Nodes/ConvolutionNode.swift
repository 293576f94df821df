import ArcuateCore
import ArcuateKernels
import ArcuateModel
import ArcuateRuntime

/// A convolution, as a product of its weights with the windows of the input.
///
/// Where outputs are small, one product covers the windows of several rows: otherwise it would
/// spend its time on copying weights.
final class ConvolutionNode: NodeTraining {
  let ports: NodePorts
  var outputIsTransient: Bool { true }
  var overwritesInput: Bool { false }
  var makesSpikes: Bool { false }
  private let convolution: Convolution
  private let geometry: ConvolutionGeometry
  private let weight: Parameter
  private let bias: Parameter?
  private let biasOnce: Bool
  /// For each worker the windows of some rows, [depth][rows][positions], and their outputs,
  /// [outputs per group][rows][positions].
  private let columns: [View<Float>]
  private let blocks: [View<Float>]
  /// Sums of gradients for each shard of the rows.
  private let shards: [View<Float>]
  /// Rows in a product.
  private let together: Int
  /// The number of partial sums of weight gradients, which does not depend on the threads.
  private static let shardCount = 4
  /// The least number of columns of a product; rows with fewer are put together.
  private static let width = 256

  var parameters: [Parameter] { [weight] + (bias.map { [$0] } ?? []) }

  static func make(from convolution: Convolution, at site: NodeSite) throws(ArcuateError)
    -> ConvolutionNode
  {
    let input = try site.input()
    let weight = try site.parameter("weight", convolution.weight)
    let bias = try site.bias(convolution.bias, count: site.shape[0])
    return try ConvolutionNode(
      site, input, try site.output(), convolution: convolution, weight: weight, bias: bias)
  }

  private init(
    _ site: NodeSite, _ input: Signal, _ output: Signal, convolution: Convolution,
    weight: Parameter, bias: Parameter?
  ) throws(ArcuateError) {
    biasOnce = site.options.biasOnce
    self.convolution = convolution
    let geometry = convolution.geometry(input: input.shape, output: output.shape)
    self.geometry = geometry
    self.weight = weight
    self.bias = bias
    let threads = max(site.options.threads, 1)
    let positions = geometry.outHeight * geometry.outWidth
    let depth = geometry.inPerGroup * geometry.kernelHeight * geometry.kernelWidth
    together = max(1, min(output.rows, ConvolutionNode.width / max(1, positions)))
    let row = together * positions
    columns = try Signal.storages(threads, 1, depth * row)
    blocks = try Signal.storages(threads, 1, geometry.outPerGroup * row)
    shards = try Signal.storages(ConvolutionNode.shardCount, 1, weight.stride)
    ports = NodePorts(site.name, [input], output)
  }

  /// The number of weights that each element of the input meets, channel-first.
  private lazy var fanOut: [UInt32] =
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

  /// Calls `body` for the rows of each product and each group, with the matrix of their windows and
  /// that of their outputs, both in scratch of the worker.
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

  func forward(_ steps: Range<Int>, _ pass: Pass) throws(ArcuateError) {
    try pass.pool.split(rows(steps)) { part, worker in
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

  func backward(_ steps: Range<Int>, _ pass: Pass) throws(ArcuateError) {
    try output.settle(steps)
    guard input.needsGradient else { return }
    try input.settle(steps)
    let (from, to) = (try output.gradient, try input.gradient)
    try pass.pool.split(rows(steps)) { part, worker in
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

  func accumulate(_ pass: Pass) throws(ArcuateError) {
    let gradient = try output.gradient
    if let bias, bias.isTrained {
      try pass.pool.split(0..<geometry.outChannels) { part, _ in
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
    try pass.pool.split(0..<count) { part, worker in
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

  func operations(_ samples: Int, _ pass: Pass) -> Int {
    guard fanOut.count == input.width else { return 0 }
    var total = 0
    for t in 0..<input.steps {
      for b in 0..<samples {
        let x = input.row(t, b)
        for i in 0..<input.width where x[i] != 0 { total += Int(fanOut[i]) }
      }
    }
    return total
  }

  func trained() -> Operator? {
    var copy = convolution
    copy.weight = weight.tensor()
    copy.bias = bias?.tensor()
    return .convolution(copy)
  }

  func begin(_ pass: Pass) {}
}

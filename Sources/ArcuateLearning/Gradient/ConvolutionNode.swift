import ArcuateCore
import ArcuateKernels
import ArcuateModel

/// A convolution, as a product of its weights with the windows that they look through.
final class ConvolutionNode: GradientNode {
  private let convolution: Convolution
  private let geometry: ConvolutionGeometry
  private let weight: Parameter
  private let bias: Parameter?
  private let biasOnce: Bool
  /// Windows for each worker, and sums of gradients for each shard of the rows.
  private let columns: [View<Float>]
  private let shards: [View<Float>]
  /// Gradients of weights are summed in so many parts, whatever the number of threads.
  private static let shardCount = 4

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
    let room =
      geometry.inPerGroup * geometry.kernelHeight * geometry.kernelWidth
      * geometry.outHeight * geometry.outWidth
    columns = try (0..<max(threads, 1)).map { _ in try Signal.room(1, room) }
    shards = try (0..<ConvolutionNode.shardCount).map { _ in try Signal.room(1, weight.stride) }
    super.init(name, [input], output)
  }

  /// How many weights each element of the input meets, channel-first as the input lies.
  private(set) lazy var fanOut: [UInt32] = {
    let fan = convolution.fanOut(input: input.shape, output: output.shape).perInput
    let channels = input.shape[0]
    guard channels > 0, fan.count == input.width else { return [] }
    let size = fan.count / channels
    return (0..<fan.count).map { fan[$0 % size * channels + $0 / size] }
  }()

  private var positions: Int { geometry.outHeight * geometry.outWidth }
  private var depth: Int { geometry.inPerGroup * geometry.kernelHeight * geometry.kernelWidth }

  /// The weights of a group, [outputs per group][depth].
  private func matrix(_ values: View<Float>, _ group: Int) -> Matrix {
    let size = geometry.outPerGroup * depth
    return Matrix(
      values.row.part(group * size, size), rows: geometry.outPerGroup, columns: depth,
      rowStride: depth)
  }

  /// The channels of a group in a row of outputs, [outputs per group][positions].
  private func channels(_ row: Row<Float>, _ group: Int) -> Matrix {
    let size = geometry.outPerGroup * positions
    return Matrix(
      row.part(group * size, size), rows: geometry.outPerGroup, columns: positions,
      rowStride: positions)
  }

  private func windows(_ worker: Int) -> Matrix {
    Matrix(columns[worker].row, rows: depth, columns: positions, rowStride: positions)
  }

  override func forward(_ steps: Range<Int>, _ pass: Pass) {
    pass.crew.split(rows(steps)) { part, worker in
      for r in part {
        let row = output.row(r)
        let hasBias = !biasOnce || r < output.batch
        for c in 0..<geometry.outChannels {
          row.part(c * positions, positions).fill(hasBias ? bias?.values[c] ?? 0 : 0)
        }
        for group in 0..<geometry.groups {
          Windows.spread(
            input.row(beside(r, input)), geometry, group: group, into: columns[worker].row)
          pass.crew.products[worker].multiply(
            matrix(weight.values, group), windows(worker), into: channels(row, group), adds: true)
        }
      }
    }
  }

  override func backward(_ steps: Range<Int>, _ pass: Pass) throws {
    try output.settle(steps)
    guard input.needsGradient else { return }
    try input.settle(steps)
    let (from, to) = (try output.gradient, try input.gradient)
    pass.crew.split(rows(steps)) { part, worker in
      for r in part {
        for group in 0..<geometry.groups {
          pass.crew.products[worker].multiply(
            matrix(weight.values, group).transposed,
            channels(from.row.part(r * output.stride, output.stride), group),
            into: windows(worker), adds: false)
          Windows.gather(
            columns[worker].row, geometry, group: group,
            into: to.row.part(r * input.stride, input.stride))
        }
      }
    }
  }

  override func accumulate(_ pass: Pass) throws {
    let gradient = try output.gradient
    if let bias, bias.isTrained {
      for r in 0..<output.rows {
        let row = gradient.row.part(r * output.stride, output.stride)
        for c in 0..<geometry.outChannels {
          var sum: Float = 0
          for i in 0..<positions { sum += row[c * positions + i] }
          bias.gradient[c] += sum
        }
      }
    }
    guard weight.isTrained else { return }
    let count = ConvolutionNode.shardCount
    pass.crew.split(0..<count) { part, worker in
      for shard in part {
        shards[shard].row.fill(0)
        for r in output.rows * shard / count..<output.rows * (shard + 1) / count {
          for group in 0..<geometry.groups {
            Windows.spread(
              input.row(beside(r, input)), geometry, group: group, into: columns[worker].row)
            pass.crew.products[worker].multiply(
              channels(gradient.row.part(r * output.stride, output.stride), group),
              windows(worker).transposed, into: matrix(shards[shard], group), adds: true)
          }
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

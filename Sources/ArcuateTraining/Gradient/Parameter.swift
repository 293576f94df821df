import ArcuateCore
import ArcuateKernels

/// A parameter of a network, with its gradient.
///
/// Matrices are stored as the kernels read them; `read` and `write` use the model's order.
public final class Parameter: @unchecked Sendable {
  // SAFETY: one owner, the network, uses it at a time.
  /// "node.field".
  public let name: String
  /// The shape in the model.
  public let shape: Shape
  /// Whether the optimizer may change it.
  public let isTrained: Bool
  /// Whether training updates it without a gradient, as running statistics.
  var isStatistic = false
  /// A hash of the values in the model; 0 for a trained parameter.
  let origin: UInt64
  /// The lower bound of the values: positive time constants stay positive.
  public let least: Float?
  /// Rows in memory and their distance; a matrix [post, pre] is stored as [pre][post].
  let rows, width, stride: Int
  let isTransposed: Bool
  let values: View<Float>
  let gradient: View<Float>
  /// How often the values were replaced from outside of training.
  private(set) var writes = 0

  init(
    _ name: String, _ tensor: Tensor, isTrained: Bool, isMatrix: Bool = false, least: Float? = nil
  ) throws(ArcuateError) {
    self.name = name
    shape = tensor.shape
    self.isTrained = isTrained
    self.least = least
    isTransposed = isMatrix
    rows = isMatrix ? tensor.shape[1] : 1
    width = isMatrix ? tensor.shape[0] : tensor.count
    stride = Parameter.distance(width)
    values = try AlignedBuffer(byteCount: rows * stride * 4).view(start: 0, count: rows * stride)
    gradient = try AlignedBuffer(byteCount: rows * stride * 4).view(start: 0, count: rows * stride)
    let numbers = tensor.floats
    var sum = FNV()
    if !isTrained { sum.add(numbers) }
    origin = isTrained ? 0 : sum.hash
    write(numbers)
  }

  /// Floats from one row to the next: whole cache lines, but no large power of two, since such rows
  /// would all map to the same few sets of a cache.
  static func distance(_ width: Int) -> Int {
    let padded = max(16, (width + 15) & ~15)
    return padded % 128 == 0 ? padded + 16 : padded
  }

  /// Rows that are transposed together.
  private static let block = 16

  public var count: Int { shape.count }

  public func read() -> [Float] { read(values) }
  public func readGradient() -> [Float] { read(gradient) }

  /// Numbers stored like the values, in the model's order.
  func read(_ view: View<Float>) -> [Float] {
    guard isTransposed else { return view.row.part(0, width).array }
    var out = [Float](repeating: 0, count: rows * width)
    // Some rows at a time, which fill whole lines of the other order.
    for first in Swift.stride(from: 0, to: rows, by: Parameter.block) {
      let last = min(first + Parameter.block, rows)
      for j in 0..<width { for i in first..<last { out[j * rows + i] = view[i * stride + j] } }
    }
    return out
  }

  /// Needs. `count` numbers; checked.
  public func write(_ numbers: [Float]) {
    writes += 1
    write(numbers, to: values)
  }

  /// Writes numbers in the model's order to memory laid out like the values.
  func write(_ numbers: [Float], to view: View<Float>) {
    precondition(numbers.count == count, "a number for each element")
    if isTransposed {
      for first in Swift.stride(from: 0, to: rows, by: Parameter.block) {
        let last = min(first + Parameter.block, rows)
        for j in 0..<width {
          for i in first..<last { view[i * stride + j] = numbers[j * rows + i] }
        }
      }
    } else {
      for (i, number) in numbers.enumerated() { view[i] = number }
    }
  }

  /// The largest magnitude of numbers stored like the values: NaN if one is NaN.
  func largest(_ view: View<Float>) -> Float {
    (0..<rows).reduce(0) { most, r in
      let own = LearningLoops.largestMagnitude(view.row.part(r * stride, width))
      return own.bitPattern > most.bitPattern ? own : most
    }
  }

  /// The name of the node, without that of the field.
  var node: Substring { name.prefix(upTo: name.lastIndex(of: ".") ?? name.endIndex) }
  var field: Substring { name.suffix(from: name.lastIndex(of: ".") ?? name.startIndex).dropFirst() }

  func tensor() -> Tensor { Tensor(copying: read(), shape: shape) }

  /// Clamps values to the lower bound.
  func keepInRange() {
    guard let least else { return }
    for i in 0..<width where values[i] < least { values[i] = least }
  }
}

extension FNV {
  mutating func add(_ numbers: [Float]) {
    for number in numbers { add(UInt64(number.bitPattern)) }
  }
}

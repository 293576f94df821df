import ArcuateCore

/// Numbers of a network that learn, with their gradient.
///
/// Matrices lie as the kernels read them; `read` and `write` are in the model's order.
public final class Parameter: @unchecked Sendable {
  // SAFETY: one owner, the network, uses it at a time.
  /// "node.field".
  public let name: String
  /// The shape in the model.
  public let shape: Shape
  /// Whether an optimiser may change it.
  public let isTrained: Bool
  /// Whether it is found while learning, by no gradient, as running statistics are.
  var isStatistic = false
  /// A number that differs between models that state other values; 0 of what is trained.
  let origin: UInt64
  /// Numbers below which none may fall: positive time constants stay so.
  public let least: Float?
  /// Rows in memory and their distance; a matrix [post, pre] lies as [pre][post].
  let rows, width, stride: Int
  let isTransposed: Bool
  let values: View<Float>
  let gradient: View<Float>

  init(
    _ name: String, _ tensor: Tensor, isTrained: Bool, isMatrix: Bool = false, least: Float? = nil
  ) throws {
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

  /// Floats from one row to the next: whole cache lines, and no large power of two, whose rows would
  /// all fall into the same few places of a cache.
  static func distance(_ width: Int) -> Int {
    let padded = max(16, (width + 15) & ~15)
    return padded % 128 == 0 ? padded + 16 : padded
  }

  public var count: Int { shape.count }

  public func read() -> [Float] { read(values) }
  public func readGradient() -> [Float] { read(gradient) }

  /// What lies as the values do, in the model's order.
  func read(_ view: View<Float>) -> [Float] {
    guard isTransposed else { return view.row.part(0, width).array }
    var out = [Float](repeating: 0, count: rows * width)
    for i in 0..<rows { for j in 0..<width { out[j * rows + i] = view[i * stride + j] } }
    return out
  }

  /// Needs. `count` numbers; checked.
  public func write(_ numbers: [Float]) { write(numbers, to: values) }

  /// Puts numbers in the model's order where they lie as the values do.
  func write(_ numbers: [Float], to view: View<Float>) {
    precondition(numbers.count == count, "a number for each element")
    if isTransposed {
      for i in 0..<rows { for j in 0..<width { view[i * stride + j] = numbers[j * rows + i] } }
    } else {
      for (i, number) in numbers.enumerated() { view[i] = number }
    }
  }

  func tensor() -> Tensor { try! Tensor(read(), shape: shape) }

  /// Brings numbers back that left their range.
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
